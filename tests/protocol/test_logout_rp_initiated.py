"""Signing out on an app's wish (OpenID Connect RP-Initiated Logout)."""

from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.protocol.relying_party import claims_of, header_of
from tests.site import ISSUER, App, Browser, Site

LOGOUT = "/oauth/v2/logout"
BYE = "https://app.example/bye"


async def signed_in_app(site: Site) -> tuple[App, Browser, str]:
    """An app, a browser signed in to it, and the id_token it has of that."""
    app, browser = await site.app("server-based"), await site.signed_in()
    tokens = await site.tokens(app, browser=browser, scope="openid")
    return app, browser, tokens["id_token"]


async def is_signed_in(browser: Browser) -> bool:
    return (await browser.get("/account")).status_code == 200


def asks(page: httpx2.Response) -> bool:
    return page.status_code == 200 and "Sign out of" in page.text


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_rpl_2_a_get_and_post_both_sign_out(site: Site, method: str) -> None:
    """OpenID Connect RP-Initiated Logout §2: with the id_token of this very session at once."""
    _, browser, token = await signed_in_app(site)
    fields = {"id_token_hint": token, "post_logout_redirect_uri": BYE, "state": "s/1 &x"}
    if method == "GET":
        answer = await browser.get(LOGOUT, params=fields)
    else:
        answer = await browser.post(LOGOUT, fields, origin="https://app.example")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{BYE}?state=s%2F1%20%26x"
    assert not await is_signed_in(browser)


async def test_rpl_2_a_a_form_that_came_without_cookies_finds_the_session_again(site: Site) -> None:
    """OpenID Connect RP-Initiated Logout §2: browsers hold Lax cookies back when another site posts."""
    _, browser, token = await signed_in_app(site)
    fields = {"id_token_hint": token, "post_logout_redirect_uri": BYE, "state": "s/1 &x"}
    posted = await site.browser().post(LOGOUT, fields, origin="https://app.example")
    assert posted.status_code == 303
    assert posted.headers["location"].startswith(f"{LOGOUT}?")
    answer = await browser.get(posted.headers["location"])
    assert answer.headers["location"] == f"{BYE}?state=s%2F1%20%26x"
    assert not await is_signed_in(browser)


async def test_rpl_2_b_the_hint_is_ours_and_of_the_client_that_is_named(site: Site) -> None:
    """OpenID Connect RP-Initiated Logout §2: expired it still serves; foreign it ends on a page of ours."""
    app, browser, token = await signed_in_app(site)
    other = await site.app("server-based", name="Other")
    foreign = jwt.encode(
        claims_of(token),
        rsa.generate_private_key(65537, 2048),
        algorithm="RS256",
        headers={"kid": header_of(token)["kid"]},
    )
    unsigned = jwt.encode(claims_of(token), None, algorithm="none")
    for fields in (
        {"id_token_hint": foreign},
        {"id_token_hint": unsigned},
        {"id_token_hint": "x"},
        {"id_token_hint": token, "client_id": other.id},
    ):
        page = await browser.get(LOGOUT, params={**fields, "post_logout_redirect_uri": BYE})
        assert page.status_code == 400
        assert "location" not in page.headers
        assert await is_signed_in(browser)
    site.clock.advance(2 * 3600)
    right = {"id_token_hint": token, "client_id": app.id, "post_logout_redirect_uri": BYE}
    assert (await browser.get(LOGOUT, params=right)).headers["location"] == BYE
    assert not await is_signed_in(browser)


async def test_rpl_2_c_without_a_fitting_hint_the_person_is_asked(site: Site) -> None:
    """OpenID Connect RP-Initiated Logout §2: no link and no form of a stranger signs anybody out."""
    app, browser, _ = await signed_in_app(site)
    another_session = (await site.tokens(app, scope="openid"))["id_token"]
    await site.person("tom@example.com")
    toms = await site.tokens(app, browser=await site.signed_in("tom@example.com"), scope="openid")
    for fields in (
        {},
        {"client_id": app.id},
        {"id_token_hint": another_session},
        {"id_token_hint": toms["id_token"]},
    ):
        assert asks(await browser.get(LOGOUT, params=fields)), fields
        assert await is_signed_in(browser)
    assert asks(await browser.post(LOGOUT, {}, origin="https://evil.example"))
    forged = await browser.post("/signout", {"token": "x", "flow": ""}, origin="https://evil.example")
    assert forged.status_code == 403
    assert await is_signed_in(browser)


async def test_rpl_2_d_yes_signs_out_and_leads_back(site: Site) -> None:
    """OpenID Connect RP-Initiated Logout §2: the session's cookie opens nothing any more, nor does a copy."""
    app, browser, token = await signed_in_app(site)
    cookie = browser.http.cookies.get("gl_us_session")
    assert cookie
    fields = {"client_id": app.id, "post_logout_redirect_uri": BYE, "state": "s-1"}
    page = await browser.get(LOGOUT, params=fields)
    assert app.client.name in page.text
    assert await is_signed_in(browser)
    answer = await browser.submit(page, {}, path="/signout")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{BYE}?state=s-1"
    assert not await is_signed_in(browser)
    thief = site.browser()
    thief.http.cookies.set("gl_us_session", cookie)
    assert not await is_signed_in(thief)
    # Signed out already, the app's link still leads back to it.
    again = await browser.get(LOGOUT, params={**fields, "id_token_hint": token})
    assert again.headers["location"] == f"{BYE}?state=s-1"


async def test_rpl_2_1_a_discovery_names_the_endpoint(site: Site) -> None:
    """OpenID Connect RP-Initiated Logout §2.1."""
    document = (await site.call("GET", "/.well-known/openid-configuration")).json()
    assert document["end_session_endpoint"] == ISSUER + LOGOUT
    assert (await site.browser().get(LOGOUT)).status_code == 200


@pytest.mark.parametrize("signed_in", [True, False])
async def test_rpl_3_a_the_way_back_is_a_registered_address_to_the_letter(
    site: Site, signed_in: bool
) -> None:
    """OpenID Connect RP-Initiated Logout §3: anything else stays here, and nobody is signed out by it."""
    app, browser, token = await signed_in_app(site)
    if not signed_in:
        browser = site.browser()
    for target in (
        *(BYE + "/", BYE + "?x=1", BYE.upper(), "https://app.example/", "http://app.example/bye"),
        *(app.redirect_uri, "//app.example/bye", "javascript:alert(1)", "https://app.example/bye#x"),
    ):
        fields: dict[str, Any] = {"post_logout_redirect_uri": target, "id_token_hint": token}
        page = await browser.get(LOGOUT, params=fields)
        assert (page.status_code, "location" in page.headers) == (400, False), target
    assert await is_signed_in(browser) is signed_in
    # Without a hint, and without the client, there is nobody whose address it could be.
    assert (await browser.get(LOGOUT, params={"post_logout_redirect_uri": BYE})).status_code == 400
    unconfirmed = await browser.get(LOGOUT, params={"post_logout_redirect_uri": BYE, "client_id": app.id})
    assert "location" not in unconfirmed.headers
    right = await browser.get(LOGOUT, params={"post_logout_redirect_uri": BYE, "id_token_hint": token})
    assert right.headers["location"] == BYE


@pytest.mark.parametrize(
    "broken",
    [
        {"id_token_hint": "x.y.z"},
        {"client_id": "nobody"},
        {"post_logout_redirect_uri": "https://evil.example/"},
        {"state": "line\r\nSet-Cookie: x"},
    ],
)
async def test_rpl_4_a_after_any_error_nobody_is_sent_anywhere(site: Site, broken: dict[str, str]) -> None:
    """OpenID Connect RP-Initiated Logout §4."""
    app, browser, token = await signed_in_app(site)
    right = {"id_token_hint": token, "client_id": app.id, "post_logout_redirect_uri": BYE}
    page = await browser.get(LOGOUT, params={**right, **broken})
    assert page.status_code == 400
    assert "location" not in page.headers
    assert await is_signed_in(browser)
    assert (await browser.get(LOGOUT, params=right)).headers["location"] == BYE
