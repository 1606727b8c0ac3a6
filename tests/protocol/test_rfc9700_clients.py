"""Best current practice on clients, redirects and grants (RFC 9700 §2)."""

from typing import Any

import pytest

from grantline.clients import RegistrationRefused
from grantline.opaque import recognise
from tests.site import API, CHALLENGE, SCOPE, SPA, VERIFIER, Site, answer_of

TYPES_WITH_REDIRECT = ["server-based", "client-based", "mobile"]


@pytest.mark.parametrize("type_name", TYPES_WITH_REDIRECT)
async def test_9700_2_1_a_redirect_uris_match_byte_for_byte(site: Site, type_name: str) -> None:
    """RFC 9700 §2.1: whatever differs ends on our page; only a native app's loopback port is free."""
    app = await site.app(type_name)
    browser = await site.signed_in()
    uri = app.redirect_uri
    for other in (
        uri + "/",
        uri + "?a=1",
        uri.upper(),
        uri + "%20",
        uri[:-1],
        uri + ".evil.example",
        f" {uri}",
    ):
        page = await browser.get("/oauth/v2/auth", params=site.request(app, redirect_uri=other))
        assert (page.status_code, "location" in page.headers) == (400, False), other
    assert "code" in answer_of(await site.authorize(app, browser=browser))


async def test_9700_2_1_a_a_web_apps_loopback_port_is_not_free(site: Site) -> None:
    """RFC 9700 §2.1."""
    app = await site.app("server-based", redirect_uris=("http://127.0.0.1:8080/cb",))
    browser = await site.signed_in()
    moved = site.request(app, redirect_uri="http://127.0.0.1:8081/cb")
    assert (await browser.get("/oauth/v2/auth", params=moved)).status_code == 400
    assert "code" in answer_of(await site.authorize(app, browser=browser))


@pytest.mark.parametrize(
    ("type_name", "required"), [("server-based", False), ("client-based", True), ("mobile", True)]
)
async def test_9700_2_1_1_a_public_clients_need_pkce(site: Site, type_name: str, required: bool) -> None:
    """RFC 9700 §2.1.1: the type decides, not the request."""
    app = await site.app(type_name)
    browser = await site.signed_in()
    bare: dict[str, Any] = {"code_challenge": None, "code_challenge_method": None, "nonce": "n"}
    answer = answer_of(await site.authorize(app, browser=browser, scope="openid", **bare))
    assert (answer.get("error") == "invalid_request") is required
    assert ("code" in answer) is not required
    with_challenge = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    assert "code" in answer_of(await site.authorize(app, browser=browser, **with_challenge))


@pytest.mark.parametrize("type_name", TYPES_WITH_REDIRECT)
async def test_9700_2_1_1_c_a_challenge_that_was_sent_is_enforced(site: Site, type_name: str) -> None:
    """RFC 9700 §2.1.1: for confidential clients too."""
    app = await site.app(type_name)
    browser = await site.signed_in()
    sent = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    code = await site.code(app, browser=browser, **sent)
    for verifier in (None, VERIFIER[:-1] + "x"):
        refused = await site.exchange(app, code, code_verifier=verifier)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert (await site.exchange(app, code, code_verifier=VERIFIER)).status_code == 200


async def test_9700_2_1_1_d_a_verifier_without_a_challenge_is_refused(site: Site) -> None:
    """RFC 9700 §2.1.1: somebody took the challenge out on the way."""
    app = await site.app("server-based")
    code = await site.code(app)
    refused = await site.exchange(app, code, code_verifier=VERIFIER)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert (await site.exchange(app, await site.code(app))).status_code == 200


async def test_9700_2_1_1_e_pkce_is_announced_and_plain_is_not(site: Site) -> None:
    """RFC 9700 §2.1.1: in both documents."""
    for name in ("oauth-authorization-server", "openid-configuration"):
        document = (await site.call("GET", f"/.well-known/{name}")).json()
        assert document["code_challenge_methods_supported"] == ["S256"]
    app = await site.app("server-based")
    browser = await site.signed_in()
    plain = {"code_challenge": VERIFIER, "code_challenge_method": "plain"}
    assert answer_of(await site.authorize(app, browser=browser, **plain))["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("type_name", "rotates"),
    [
        ("server-based", False),
        ("self-client", False),
        ("client-based", True),
        ("non-browser", True),
        ("mobile", True),
    ],
)
async def test_9700_2_2_2_a_public_clients_tokens_rotate(site: Site, type_name: str, rotates: bool) -> None:
    """RFC 9700 §2.2.2: and a used one that comes back after its successor ends them all."""
    app = await site.app(type_name)
    first = (await site.tokens(app))["refresh_token"]
    answer = (await site.refresh(app, first)).json()
    assert ("refresh_token" in answer) is rotates
    if not rotates:
        assert (await site.refresh(app, first)).status_code == 200
        return
    second = answer["refresh_token"]
    assert second != first
    third = (await site.refresh(app, second)).json()
    assert (await site.refresh(app, first)).json()["error"] == "invalid_grant"
    assert (await site.refresh(app, third["refresh_token"])).json()["error"] == "invalid_grant"
    assert not await site.works(third["access_token"])


async def test_9700_2_3_a_a_token_is_for_what_was_asked_and_no_more(site: Site) -> None:
    """RFC 9700 §2.3: scope and audience, by introspection."""
    app = await site.app("server-based")
    await site.api()
    await site.api("https://books.example", "Books")
    told = await site.introspect(app, (await site.tokens(app))["access_token"])
    assert (told["scope"], told["aud"]) == (SCOPE, API)
    wide = await site.tokens(app, scope=f"{SCOPE} Books.READ")
    narrow = (await site.refresh(app, wide["refresh_token"], scope="Books.READ")).json()
    told = await site.introspect(app, narrow["access_token"])
    assert (told["scope"], told["aud"]) == ("Books.READ", "https://books.example")


@pytest.mark.parametrize("type_name", ["server-based", "self-client", "mobile", "non-browser"])
async def test_9700_2_4_a_there_is_no_password_grant(site: Site, type_name: str) -> None:
    """RFC 9700 §2.4: refused before the password is looked at, and not announced."""
    app = await site.app(type_name)
    document = (await site.call("GET", "/.well-known/oauth-authorization-server")).json()
    assert "password" not in document["grant_types_supported"]
    refused = await site.token(
        app, grant_type="password", username="mara@example.com", password="correct horse battery", scope=SCOPE
    )
    assert (refused.status_code, refused.json()["error"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize("type_name", TYPES_WITH_REDIRECT)
async def test_9700_2_6_a_plain_http_is_for_loopback(site: Site, type_name: str) -> None:
    """RFC 9700 §2.6: at registration, for every type (K6)."""
    for base in ("http://app.example", "http://127.0.0.1.evil.example", "http://192.168.1.2"):
        changes: dict[str, Any] = {"redirect_uris": (f"{base}/cb",)}
        if type_name == "client-based":
            changes["origins"] = (base,)
        with pytest.raises(RegistrationRefused):
            await site.app(type_name, **changes)
    right: dict[str, Any] = {"redirect_uris": ("http://127.0.0.1:8080/cb",)}
    if type_name == "client-based":
        right["origins"] = ("http://127.0.0.1:8080",)
    assert (await site.app(type_name, **right)).id


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_9700_2_6_b_no_script_reads_the_authorization_endpoint(site: Site, method: str) -> None:
    """RFC 9700 §2.6: neither by pre-flight nor in an answer; the token endpoint answers the same origin."""
    app = await site.app("client-based")
    fields = site.request(app)
    headers = {"Origin": SPA, "Access-Control-Request-Method": "GET"}
    options = {"data": fields} if method == "POST" else {"params": fields}
    answer = await site.call(method, "/oauth/v2/auth", headers=headers, **options)
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    token = await site.call("OPTIONS", "/oauth/v2/token", headers=headers)
    assert token.headers["access-control-allow-origin"] == SPA


async def test_9700_2_6_c_clients_and_people_cannot_be_mistaken_for_each_other(site: Site) -> None:
    """RFC 9700 §2.6: a client's id is made here, with a prefix that no subject has."""
    app = await site.app("server-based")
    with pytest.raises(TypeError):
        await site.app("server-based", client_id=site.account.sub)
    recognised = recognise(app.id)
    assert recognised is not None
    assert recognised.kind == "glc"
    assert site.account.sub.isdecimal()
    assert recognise(site.account.sub) is None
    own = await site.token(app, grant_type="client_credentials", scope=SCOPE)
    assert (await site.introspect(app, own.json()["access_token"]))["sub"] == app.id
