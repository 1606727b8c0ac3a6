"""Who learns what about a token, and which API it opens (T97–T103)."""

from typing import Any, Final

import pytest

from grantline.accounts import disable_account
from grantline.clients import reset_secrets
from grantline.oauth.scope import covers
from tests.faults.raw import ask
from tests.site import API, Site

BOOKS: Final = "https://books.example"
INACTIVE: Final = {"active": False}


async def as_api(site: Site, api: tuple[Any, str], token: str) -> dict[str, Any]:
    """What an API is told about a token."""
    found, secret = api
    body = {"client_id": found.client_id, "client_secret": secret, "token": token}
    answer = await site.post("/oauth/v2/introspect", body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_T97_an_api_learns_of_tokens_meant_for_it_and_of_no_other(site: Site) -> None:
    """RFC 7662 §4: else a rogue API would learn about everybody's tokens by asking."""
    crm, books = await site.api(), await site.api(BOOKS, "Books")
    app = await site.app("server-based")
    for_crm = (await site.tokens(app, scope="CRM.modules.READ"))["access_token"]
    for_books = (await site.tokens(app, scope="Books.READ"))["access_token"]
    for_both = (await site.tokens(app, scope="CRM.modules.READ,Books.READ"))["access_token"]
    for_nobody = (await site.tokens(app, scope="openid", nonce="n"))["access_token"]
    told = {
        name: [
            (await as_api(site, api, token))["active"] for token in (for_crm, for_books, for_both, for_nobody)
        ]
        for name, api in (("crm", crm), ("books", books))
    }
    assert told == {"crm": [True, False, True, False], "books": [False, True, True, False]}
    assert (await as_api(site, crm, for_both))["aud"] == [API, BOOKS]


@pytest.mark.parametrize("asker", ["server-based", "self-client"])
async def test_T97_an_app_learns_of_its_own_tokens_alone(site: Site, asker: str) -> None:
    await site.api()
    own = await site.app(asker)
    tokens = await site.tokens(own)
    assert (await site.introspect(own, tokens["access_token"]))["active"]
    for other in ("server-based", "self-client", "mobile", "client-based", "non-browser"):
        if other != asker:
            foreign = await site.tokens(await site.app(other))
            for token in (foreign["access_token"], foreign.get("refresh_token", "x")):
                assert await site.introspect(own, token) == INACTIVE


@pytest.mark.parametrize("type_name", ["mobile", "client-based", "non-browser"])
async def test_T97_a_public_app_asks_about_nothing(site: Site, type_name: str) -> None:
    """Anyone can send its ID."""
    app = await site.app(type_name)
    token = (await site.tokens(app))["access_token"]
    for body in ({"client_id": app.id}, {"client_id": app.id, "client_secret": ""}, {}):
        answer = await site.post("/oauth/v2/introspect", {**body, "token": token})
        assert answer.status_code in (400, 401)
        assert "active" not in answer.json()


async def test_T97_dead_foreign_and_malformed_are_one_answer(site: Site) -> None:
    """The same status, body and headers: nothing tells a thief which it was."""
    crm = await site.api()
    app = await site.app("server-based")
    foreign = (await site.tokens(app, scope="openid", nonce="n"))["access_token"]
    dead = (await site.tokens(app))["access_token"]
    await site.post("/oauth/v2/token/revoke", {**app.credentials, "token": dead})
    live = (await site.tokens(app))["access_token"]
    found, secret = crm
    answers = set()
    for token in (
        foreign,
        dead,
        live[:-1],
        live + "x",
        "x",
        "\u00e9",
        live.replace("us", "eu", 1),
        "gla_us_x",
    ):
        body = {"client_id": found.client_id, "client_secret": secret, "token": token}
        answer = await site.post("/oauth/v2/introspect", body)
        if token == "\u00e9":
            assert answer.status_code == 400
            continue
        headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
        answers.add((answer.status_code, answer.text, str(sorted(headers.items()))))
    assert len(answers) == 1
    assert answers.pop()[:2] == (200, '{"active":false}')


async def test_T97_an_api_with_a_reset_secret_learns_nothing_with_the_old_one(site: Site) -> None:
    app = await site.app("server-based")
    assert app.secret is not None
    token = (await site.tokens(app))["access_token"]
    await reset_secrets(site.db, app.client, "us", site.clock())
    answer = await site.post("/oauth/v2/introspect", {**app.credentials, "token": token})
    assert answer.status_code == 401


async def test_T98_an_answer_is_never_kept_and_follows_the_revocation(site: Site) -> None:
    """The kit that may keep it for seconds comes later; the server itself always looks."""
    crm, app = await site.api(), await site.app("server-based")
    token = (await site.tokens(app))["access_token"]
    found, secret = crm
    body = {"client_id": found.client_id, "client_secret": secret, "token": token}
    answer = await site.post("/oauth/v2/introspect", body)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["active"]
    await disable_account(site.db, site.account.id, site.clock())
    assert (await site.post("/oauth/v2/introspect", body)).json() == INACTIVE


async def test_T99_a_narrowed_token_is_for_the_api_that_it_names(site: Site) -> None:
    """RFC 8707 §2: the audience stands in the token, not in what the app was once allowed."""
    crm, books = await site.api(), await site.api(BOOKS, "Books")
    app = await site.app("server-based")
    tokens = await site.tokens(app, scope="CRM.modules.READ,Books.READ")
    narrow = (await site.refresh(app, tokens["refresh_token"], resource=BOOKS)).json()["access_token"]
    assert await as_api(site, crm, narrow) == INACTIVE
    told = await as_api(site, books, narrow)
    assert (told["aud"], told["scope"]) == (BOOKS, "Books.READ")
    refused = await site.refresh(app, tokens["refresh_token"], resource="https://evil.example")
    assert refused.json()["error"] == "invalid_target"


@pytest.mark.parametrize(
    ("granted", "needed", "enough"),
    [
        ("CRM.modules.leads.READ", "CRM.modules.leads.READ", True),
        ("crm.MODULES.leads.read", "CRM.modules.leads.READ", True),
        ("CRM.modules.READ", "CRM.modules.leads.READ", True),
        ("CRM.modules.ALL", "CRM.modules.leads.DELETE", True),
        ("CRM.modules.leads.WRITE", "CRM.modules.leads.DELETE", True),
        ("CRM.modules.leads.READ", "CRM.modules.leadsarchive.READ", False),
        ("CRM.modules.lead.READ", "CRM.modules.leads.READ", False),
        ("CRM.modules.leads.READ", "CRM.modules.READ", False),
        ("CRM.modules.leads.READ", "CRM.modules.leads.WRITE", False),
        ("CRM.modules.leads.WRITE", "CRM.modules.leads.READ", False),
        ("CRM.modules.leads.UPDATE", "CRM.modules.leads.DELETE", False),
        ("CRM.modules.READ", "CRM.settings.READ", False),
        ("CRM.ALL", "CRMX.modules.READ", False),
        ("CRM.modules.leads", "CRM.modules.leads.READ", False),
        ("CRM", "CRM.modules.READ", False),
        ("ALL.modules.READ", "CRM.modules.READ", False),
        ("openid", "OPENID", False),
        ("", "", True),
    ],
)
def test_T100_hierarchy_is_whole_segments_of_one_table(granted: str, needed: str, enough: bool) -> None:
    assert covers(granted, needed) == enough


async def userinfo(site: Site, headers: list[tuple[bytes, bytes]], **options: Any) -> int:
    return (await ask(site, "GET", "/oauth/v2/userinfo", headers=headers, **options)).status


async def test_T101_a_token_travels_in_one_header_and_nowhere_else(site: Site) -> None:
    """RFC 6750 §2.2 and RFC 6750 §2.3 are not taken; identity headers that a caller sets are nothing."""
    app = await site.app("server-based")
    token = (await site.tokens(app, scope="openid", nonce="n"))["access_token"].encode()
    own = (b"authorization", b"Bearer " + token)
    assert await userinfo(site, [own]) == 200
    assert await userinfo(site, [own, own]) == 400
    assert await userinfo(site, [own, (b"authorization", b"Bearer x")]) == 400
    assert await userinfo(site, [], query=b"access_token=" + token) == 401
    assert await userinfo(site, [own], query=b"access_token=" + token) == 400
    assert await userinfo(site, [(b"cookie", b"access_token=" + token)]) == 401
    for name in (b"x-access-token", b"x-user", b"x-remote-user", b"proxy-authorization", b"x-authorization"):
        assert await userinfo(site, [(name, b"Bearer " + token)]) == 401
    form = [(b"content-type", b"application/x-www-form-urlencoded")]
    posted = await ask(site, "POST", "/oauth/v2/userinfo", headers=form, body=b"access_token=" + token)
    assert posted.status == 401
    for value in (
        b"Bearer",
        b"Bearer ",
        b"Bearer  " + token + b" x",
        token,
        b"Basic " + token,
        b"Bearer\t" + token,
    ):
        assert await userinfo(site, [(b"authorization", value)]) in (400, 401)


async def test_T102_the_organization_comes_from_the_token(site: Site) -> None:
    """Whatever headers the caller adds."""
    crm, app = await site.api(), await site.app("server-based")
    token = (await site.tokens(app))["access_token"]
    found, secret = crm
    body = {"client_id": found.client_id, "client_secret": secret, "token": token}
    plain = await as_api(site, crm, token)
    forged = await site.post(
        "/oauth/v2/introspect", body, headers={"X-CRM-ORG": "1", "X-Org-Id": "1", "X-User": "1"}
    )
    assert forged.json() == plain
    row = await site.db.one("SELECT organization_id FROM memberships WHERE account_id = $1", site.account.id)
    assert str(row[0]) in str(plain)


@pytest.mark.parametrize(
    "grant_type",
    [
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:saml2-bearer",
        "password",
        "implicit",
    ],
)
async def test_T103_grants_that_are_not_built_are_refused_and_not_announced(
    site: Site, grant_type: str
) -> None:
    app = await site.app("server-based")
    token = (await site.tokens(app))["access_token"]
    answer = await site.token(
        app,
        grant_type=grant_type,
        subject_token=token,
        assertion="x",
        username="mara@example.com",
        password="x",
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
    metadata = (await site.call("GET", "/.well-known/oauth-authorization-server")).json()
    assert grant_type == "implicit" or grant_type not in metadata["grant_types_supported"]
