"""The implicit grant, for browser apps that chose it, and client credentials (RFC 6749 §4.2 and §4.4)."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.protocol.wire import basic, code_of, refusal
from tests.site import ISSUER, SCOPE, SPA, App, Site, answer_of

IMPLICIT: dict[str, Any] = {
    "response_type": "token",
    "code_challenge": None,
    "code_challenge_method": None,
}
MISMATCHES = [
    f"{SPA}/callback/",
    f"{SPA}/",
    "https://evil.example/callback",
    f"{SPA}/callback?x=1",
    "/callback",
]


async def test_6749_4_2_1_a_a_token_goes_to_a_registered_redirect_uri_alone(site: Site) -> None:
    """Any other address gets a page of ours (RFC 6749 §4.2.1)."""
    app = await site.app("client-based")
    browser = await site.signed_in()
    for uri in MISMATCHES:
        page = await browser.get("/oauth/v2/auth", params=site.request(app, redirect_uri=uri, **IMPLICIT))
        assert page.status_code == 400
        assert "location" not in page.headers
    page = await site.authorize(app, browser=browser, **IMPLICIT)
    assert page.headers["location"].startswith(f"{SPA}/callback#")


async def test_6749_4_2_1_a_only_a_browser_app_that_chose_it_gets_a_token_straight(site: Site) -> None:
    """Every other app is told so (RFC 6749 §4.2.1)."""
    unchosen = await site.app("client-based", implicit=False)
    for app in (unchosen, await site.app("server-based"), await site.app("mobile")):
        answer = answer_of(await site.authorize(app, **IMPLICIT))
        assert answer["error"] == "unauthorized_client"
        assert "access_token" not in answer


@pytest.mark.parametrize("response_type", ["token", "id_token token"])
async def test_6749_4_2_2_a_the_answer_is_a_form_in_the_fragment(site: Site, response_type: str) -> None:
    """Token, type and life, and nothing of it in the query (RFC 6749 §4.2.2)."""
    app = await site.app("client-based", redirect_uris=(f"{SPA}/callback?keep=1",))
    changes = {"scope": f"openid {SCOPE}", "nonce": "n-1", "response_type": response_type}
    page = await site.authorize(app, **{**IMPLICIT, **changes})
    parts = urlsplit(page.headers["location"])
    assert parse_qs(parts.query) == {"keep": ["1"]}
    assert re.fullmatch(r"[A-Za-z0-9_.~%=&-]+", parts.fragment)
    members = {name: values[0] for name, values in parse_qs(parts.fragment, strict_parsing=True).items()}
    assert (members["token_type"], members["expires_in"]) == ("Bearer", "3600")
    assert (members["state"], members["iss"], members["location"]) == ("st-123", ISSUER, "us")
    assert await site.works(members["access_token"])
    assert "code" not in members


async def test_6749_4_2_2_b_a_browser_never_gets_a_refresh_token_in_the_redirect(site: Site) -> None:
    """However it is asked for (RFC 6749 §4.2.2)."""
    app = await site.app("client-based")
    asked: list[dict[str, Any]] = [
        {"access_type": "offline"},
        {"scope": f"{SCOPE} offline_access"},
        {
            "scope": f"openid {SCOPE} offline_access",
            "nonce": "n",
            "prompt": "consent",
            "access_type": "offline",
        },
        {"scope": "openid offline_access", "nonce": "n", "response_type": "id_token token"},
    ]
    for changes in asked:
        answer = answer_of(await site.authorize(app, **{**IMPLICIT, **changes}))
        assert "access_token" in answer
        assert "refresh_token" not in answer
    again = {**IMPLICIT, "access_type": "offline", "prompt": "consent"}
    page = await (await site.signed_in()).get("/oauth/v2/auth", params=site.request(app, **again))
    assert "while you are away" not in page.text, "and the person is not told otherwise"
    rows = await site.db.all("SELECT 1 FROM authorizations WHERE refresh_hash IS NOT NULL")
    assert not rows, "and none was made"
    assert "refresh_token" in await site.tokens(app, access_type="offline"), "with a code it gets one"


async def test_6749_4_2_2_1_a_errors_of_an_implicit_request_come_in_the_fragment(site: Site) -> None:
    """With the state (RFC 6749 §4.2.2.1)."""
    app = await site.app("client-based")
    browser = await site.signed_in()
    page = await browser.get("/oauth/v2/auth", params=site.request(app, **IMPLICIT))
    declined = await browser.submit(page, {"decision": "deny"}, path="/oauth/v2/auth/decision")
    wrong: list[dict[str, Any]] = [
        {"scope": "bogus"},
        {"scope": "openid", "nonce": None},
        {"prompt": "none login"},
        {"response_mode": "query"},
        {"response_type": "token code"},
    ]
    answers = [declined]
    for changes in wrong:
        query = site.request(app, **{**IMPLICIT, **changes})
        answers.append(await browser.get("/oauth/v2/auth", params=query))
    for response in answers:
        parts = urlsplit(response.headers["location"])
        assert not parts.query
        members = parse_qs(parts.fragment)
        assert (members["state"], members["iss"]) == (["st-123"], [ISSUER])
        assert "access_token" not in members
    assert answer_of(declined)["error"] == "access_denied"
    by_code = await browser.get("/oauth/v2/auth", params=site.request(app, scope="bogus"))
    assert urlsplit(by_code.headers["location"]).query, "the code flow's errors come in the query"


async def ask(site: Site, app: App, **changes: Any) -> Any:
    return await site.token(app, **{"grant_type": "client_credentials", "scope": SCOPE, **changes})


@pytest.mark.parametrize("type_name", ["server-based", "self-client"])
async def test_6749_4_4_a_client_credentials_are_for_confidential_clients_that_authenticate(
    site: Site, type_name: str
) -> None:
    """A good secret gets a token, a bad one does not (RFC 6749 §4.4)."""
    app = await site.app(type_name)
    for secret in ("", "wrong", app.id):
        assert refusal(await ask(site, app, client_secret=secret)) == (401, "invalid_client")
    assert app.secret is not None
    by_header = await site.post(
        "/oauth/v2/token",
        {"grant_type": "client_credentials", "scope": SCOPE},
        headers=basic(app.id, app.secret),
    )
    token = (await ask(site, app)).json()["access_token"]
    assert await site.works(token)
    assert await site.works(by_header.json()["access_token"])
    told = await site.introspect(app, token)
    assert told["sub"] == (str(site.account.id) if type_name == "self-client" else app.id)


@pytest.mark.parametrize("type_name", ["client-based", "non-browser", "mobile"])
async def test_6749_4_4_a_public_clients_may_not_use_client_credentials(site: Site, type_name: str) -> None:
    """Not even with a secret that they own (RFC 6749 §4.4)."""
    app = await site.app(type_name)
    secrets = [{}] if app.secret is None else [{}, {"client_secret": app.secret}]
    for sent in secrets:
        assert refusal(await ask(site, app, **sent)) == (400, "unauthorized_client")
    shipped = await site.app("mobile", legacy_secret=True)
    refused = await ask(site, shipped, client_secret=shipped.secret)
    assert (refusal(refused), code_of(refused)) == ((400, "unauthorized_client"), "grant_type_not_allowed")


@pytest.mark.parametrize("type_name", ["server-based", "self-client"])
async def test_6749_4_4_3_a_client_credentials_yield_no_refresh_token(site: Site, type_name: str) -> None:
    """However it is asked for (RFC 6749 §4.4.3)."""
    app = await site.app(type_name)
    plain, offline = await ask(site, app), await ask(site, app, access_type="offline")
    for answer in (plain, offline):
        assert answer.status_code == 200
        assert "refresh_token" not in answer.json()
        assert "id_token" not in answer.json()
    refused = await ask(site, app, scope=f"{SCOPE} offline_access")
    assert refusal(refused) == (400, "invalid_scope")
