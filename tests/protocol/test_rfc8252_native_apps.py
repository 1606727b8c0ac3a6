"""Apps on phones and desktops (RFC 8252)."""

import pytest

from grantline.clients import RegistrationRefused
from tests.site import VERIFIER, Site, answer_of


@pytest.mark.parametrize(
    "uri",
    [
        *("com.example.pocket:/cb", "com.example.pocket://cb/done", "https://app.example/claimed"),
        *("http://127.0.0.1/cb", "http://127.0.0.1:4711/cb", "http://[::1]/cb"),
    ],
)
async def test_8252_7_a_a_mobile_app_may_have_each_kind_of_redirect_uri(site: Site, uri: str) -> None:
    """RFC 8252 §7: a scheme of its own, an https link that opens it, loopback; and the flow ends there."""
    app = await site.app("mobile", redirect_uris=(uri,))
    page = await site.authorize(app)
    assert page.headers["location"].startswith(uri + "?")
    assert (await site.exchange(app, answer_of(page)["code"])).status_code == 200


@pytest.mark.parametrize(
    "uri", ["myapp:/cb", "pocket://cb", "http://app.example/cb", "javascript:/x", "com.example.pocket"]
)
async def test_8252_7_1_a_an_own_scheme_is_a_domain_backwards(site: Site, uri: str) -> None:
    """RFC 8252 §7.1: a word without a dot anyone could claim."""
    with pytest.raises(RegistrationRefused):
        await site.app("mobile", redirect_uris=(uri,))
    assert (await site.app("mobile", redirect_uris=("com.example.app:/cb",))).id


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_8252_7_3_a_the_port_on_loopback_is_free_and_nothing_else(site: Site, host: str) -> None:
    """RFC 8252 §7.3: the code comes to the port that was asked for and is bound to it."""
    app = await site.app("mobile", redirect_uris=(f"http://{host}/cb",))
    browser = await site.signed_in()
    asked = f"http://{host}:51004/cb"
    page = await site.authorize(app, browser=browser, redirect_uri=asked)
    assert page.headers["location"].startswith(asked + "?")
    code = answer_of(page)["code"]
    assert (await site.exchange(app, code, redirect_uri=f"http://{host}:51005/cb")).status_code == 400
    assert (await site.exchange(app, code, redirect_uri=asked)).status_code == 200
    for other in (
        *(f"http://{host}:51004/other", f"http://{host}:51004/cb/", f"https://{host}:51004/cb"),
        *(f"http://{host}:51004/cb?x=1", f"http://{host}:99999/cb", f"http://{host}:0/cb"),
        *("http://127.0.0.2:51004/cb", "http://localhost:51004/cb", f"http://me@{host}:51004/cb"),
    ):
        refused = await browser.get("/oauth/v2/auth", params=site.request(app, redirect_uri=other))
        assert (refused.status_code, "location" in refused.headers) == (400, False), other


async def test_8252_8_3_a_localhost_is_taken_with_a_note(site: Site) -> None:
    """RFC 8252 §8.3: it works, at any port, and the console says that the literal is safer."""
    app = await site.app("mobile", redirect_uris=("http://localhost/cb",))
    page = await site.authorize(app, redirect_uri="http://localhost:51004/cb")
    assert page.headers["location"].startswith("http://localhost:51004/cb?")
    developer = await site.signed_in()
    details = await developer.get(f"/console/clients/{app.id}/redirects")
    assert "http://127.0.0.1/cb is the safer spelling" in details.text
    literal = await site.app("mobile", redirect_uris=("http://127.0.0.1/cb",))
    details = await developer.get(f"/console/clients/{literal.id}/redirects")
    assert "safer spelling" not in details.text


async def test_8252_8_4_a_type_and_whole_address_are_on_record(site: Site) -> None:
    """RFC 8252 §8.4: an app without redirect URI, or one without a path of its own, is not registered."""
    app = await site.app("mobile")
    row = await site.db.one("SELECT type, redirect_uris FROM clients WHERE id = $1", app.id)
    assert row[0] == "mobile"
    assert "com.example.pocket:/cb" in row[1]
    for uris in ((), ("com.example.pocket:",)):
        with pytest.raises(RegistrationRefused):
            await site.app("mobile", redirect_uris=uris)


async def test_8252_8_5_a_a_shipped_secret_makes_no_native_app_confidential(site: Site) -> None:
    """RFC 8252 §8.5: PKCE, rotation and consent stay those of a public client, and it cannot introspect."""
    app = await site.app("mobile", legacy_secret=True)
    assert app.secret is not None
    browser = await site.signed_in()
    secret = {"client_secret": app.secret}
    plain = await browser.get(
        "/oauth/v2/auth", params=site.request(app, code_challenge=None, code_challenge_method=None)
    )
    assert answer_of(plain)["error"] == "invalid_request"
    code = await site.code(app, browser=browser, access_type="offline")
    assert (await site.exchange(app, code, code_verifier=None, **secret)).json()["error"] == "invalid_grant"
    tokens = (await site.exchange(app, code, code_verifier=VERIFIER, **secret)).json()
    rotated = (await site.refresh(app, tokens["refresh_token"], **secret)).json()
    assert rotated["refresh_token"] != tokens["refresh_token"]
    again = await browser.get("/oauth/v2/auth", params=site.request(app))
    assert 'name="decision"' in again.text
    introspected = await site.post(
        "/oauth/v2/introspect", {"client_id": app.id, **secret, "token": rotated["access_token"]}
    )
    assert introspected.status_code == 401
    own = await site.token(app, grant_type="client_credentials", scope="CRM.modules.ALL", **secret)
    assert own.json()["error"] == "unauthorized_client"


@pytest.mark.parametrize(
    ("uri", "asks"),
    [("com.example.pocket:/cb", True), ("http://127.0.0.1/cb", True), ("https://app.example/claimed", False)],
)
async def test_8252_8_6_a_an_app_that_cannot_be_told_apart_is_asked_about_each_time(
    site: Site, uri: str, asks: bool
) -> None:
    """RFC 8252 §8.6: consent is remembered on a claimed https address alone."""
    app = await site.app("mobile", redirect_uris=(uri,))
    browser = await site.signed_in()
    assert "code" in answer_of(await site.authorize(app, browser=browser))
    again = await browser.get("/oauth/v2/auth", params=site.request(app))
    assert ('name="decision"' in again.text) is asks
    silent = answer_of(await browser.get("/oauth/v2/auth", params=site.request(app, prompt="none")))
    assert ("error" in silent) is asks
