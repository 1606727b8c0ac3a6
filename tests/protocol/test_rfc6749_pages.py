"""What the framework asks of the pages for people (RFC 6749 §10.12 to §10.15, RFC 6749 Appendix B)."""

import json
import re
from typing import Any

from starlette.routing import Route

from grantline.web.app import PEOPLE
from grantline.web.console.routes import ROUTES as CONSOLE
from tests.site import ISSUER, SCOPE, Site, answer_of, hidden_fields

ROUTES = tuple(route for route in (*PEOPLE, *CONSOLE) if isinstance(route, Route))
POSTED = [r.path for r in ROUTES if "POST" in (r.methods or ()) and r.path != "/oauth/v2/auth"]
SHOWN = [r.path for r in ROUTES if "GET" in (r.methods or ())]
EVIL = "https://evil.example"


async def filled(site: Site, path: str) -> str:
    """The path with an app and type of the signed-in person in it."""
    app = await site.app("self-client")
    return (
        path.replace("{client_id}", app.id)
        .replace("{type}", "server-based")
        .replace("{code}", "code_expired")
        .replace("{member}", str(site.account.id))
        .replace("{invitation}", "inv_000000000000")
        .replace("{api_id}", "glc_us_x")
        .replace("{sample}", "data_sync")
    )


async def test_6749_10_12_b_no_form_is_taken_from_elsewhere(site: Site) -> None:
    """Every form of every page: neither without our token, nor from another origin (RFC 6749 §10.12)."""
    browser = await site.signed_in()
    assert len(POSTED) > 10
    for path in POSTED:
        if path == "/oauth/v2/logout":
            continue  # asks first, unless an id_token of this session comes along
        address = await filled(site, path)
        for origin in (ISSUER, EVIL, "null", None):
            forged = await browser.post(address, {"token": "forged", "flow": "x"}, origin=origin)
            missing = "{invitation}" in path or "{api_id}" in path  # nobody was invited, nothing declared
            refused = (400, 403, 404) if missing else (400, 403)
            assert forged.status_code in refused, (path, origin, forged.status_code)
            assert "location" not in forged.headers
    left = await site.db.one("SELECT COUNT(*) FROM clients WHERE deleted_at IS NULL AND type = 'self-client'")
    assert left[0] == 1
    assert (await browser.get("/account")).status_code == 200, "and still signed in"


async def test_6749_10_12_b_consent_needs_our_page_our_token_and_a_deliberate_act(site: Site) -> None:
    """A token of another flow or browser, another origin or a mere visit: no code (RFC 6749 §10.12)."""
    app = await site.app("server-based")
    browser, attacker = await site.signed_in(), await site.signed_in()
    page = await browser.get("/oauth/v2/auth", params=site.request(app))
    theirs = hidden_fields(await attacker.get("/oauth/v2/auth", params=site.request(app)))
    mine = hidden_fields(page)
    forged: list[tuple[dict[str, str], str | None]] = [
        ({**theirs, "decision": "allow"}, ISSUER),
        ({**mine, "token": theirs["token"], "decision": "allow"}, ISSUER),
        ({"flow": mine["flow"], "decision": "allow"}, ISSUER),
        ({**mine, "decision": "allow"}, EVIL),
        ({**mine, "decision": "allow"}, "null"),
        ({**mine, "decision": "allow"}, None),
    ]
    for fields, origin in forged:
        answer = await browser.post("/oauth/v2/auth/decision", fields, origin=origin)
        assert answer.status_code == 403, (fields, origin)
        assert "location" not in answer.headers
    assert (await browser.get("/oauth/v2/auth/decision", params=mine)).status_code == 405
    allowed = await browser.submit(page, {"decision": "allow"}, path="/oauth/v2/auth/decision")
    assert "code" in answer_of(allowed)


async def test_6749_10_13_a_no_page_can_be_framed(site: Site) -> None:
    """Both headers, on every page, stopped ones and errors included (RFC 6749 §10.13)."""
    app = await site.app("server-based")
    assert len(SHOWN) > 20
    for browser in (site.browser(), await site.signed_in()):
        pages = [await browser.get(await filled(site, path)) for path in SHOWN if "{name}" not in path]
        pages.append(await browser.get("/oauth/v2/auth", params=site.request(app)))
        pages.append(await browser.get("/oauth/v2/auth", params=site.request(app, redirect_uri=EVIL)))
        pages.append(await browser.get("/nothing-here"))
        pages.append(await browser.post("/signin", {}))
        pages.append(await browser.http.get("/account", headers={"Host": "evil.example"}))
        for page in pages:
            assert "frame-ancestors 'none'" in page.headers["content-security-policy"], page.url
            assert page.headers["x-frame-options"] == "DENY", page.url


SCRIPTS = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}}", "javascript:alert(1)//"]


async def test_6749_10_14_a_what_others_wrote_is_never_markup(site: Site) -> None:
    """State, redirect URI, scope, login hint, app names: shown as text or not at all (RFC 6749 §10.14)."""
    app = await site.app("server-based")
    for text in SCRIPTS:
        await site.db.run("UPDATE clients SET name = $2, homepage_url = $3 WHERE id = $1", app.id, text, text)
        browser, stranger = await site.signed_in(), site.browser()
        request = site.request
        pages = [
            await browser.get("/oauth/v2/auth", params=request(app, state=text, prompt="consent")),
            await browser.get("/oauth/v2/auth", params=request(app, redirect_uri=text)),
            await browser.get("/oauth/v2/auth", params=request(app, client_id=text)),
            await stranger.get("/oauth/v2/auth", params=request(app, login_hint=text)),
            await stranger.get("/signin", params={"flow": text}),
            await stranger.get("/device", params={"user_code": text}),
            await browser.get(f"/console/clients/{app.id}"),
            await browser.get("/console/clients"),
        ]
        await site.authorize(app, browser=browser)
        pages.append(await browser.get("/account/apps"))
        for page in pages:
            assert page.headers["content-type"].startswith("text/html")
            for raw in ("<script>alert", "<img src=x", 'href="javascript:'):
                assert raw not in page.text, page.url
            assert "script-src 'unsafe-inline'" not in page.headers["content-security-policy"]
        if text == "{{7*7}}":
            assert all("{{7*7}}" in page.text or "7*7" not in page.text for page in pages)
        answer = answer_of(await site.authorize(app, browser=browser, state=text))
        assert answer["state"] == text


async def test_6749_10_14_a_no_line_break_reaches_a_header(site: Site) -> None:
    """Control characters stop the request, encoded ones stay encoded (RFC 6749 §10.14)."""
    app = await site.app("server-based")
    for break_ in ("\r\n", "\n", "\r", "\x00", "\u2028", "%0d%0a"):
        page = await site.authorize(app, state=f"a{break_}Set-Cookie: evil=1")
        assert "evil=1" not in page.headers.get("set-cookie", "")
        if break_.startswith("%"):
            assert answer_of(page)["state"] == f"a{break_}Set-Cookie: evil=1"
        else:
            assert page.status_code == 400
        elsewhere = await site.authorize(app, redirect_uri=f"https://app.example/callback{break_}X: 1")
        assert elsewhere.status_code == 400


LEADS_AWAY = [
    EVIL,
    "//evil.example",
    "/\\evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    f"{ISSUER}@evil.example",
    "https://app.example@evil.example/callback",
    "https://app.example/callback@evil.example",
]


async def test_6749_10_15_a_nobody_is_led_elsewhere(site: Site) -> None:
    """Not by a redirect URI, not after signing in or out (RFC 6749 §10.15)."""
    app, browser = await site.app("server-based"), await site.signed_in()
    for address in LEADS_AWAY:
        stopped: list[Any] = [
            await browser.get("/oauth/v2/auth", params=site.request(app, redirect_uri=address)),
            await browser.get("/oauth/v2/auth", params=site.request(app, redirect_uri=address, scope="x")),
            await browser.get("/oauth/v2/logout", params={"post_logout_redirect_uri": address}),
            await browser.get(
                "/oauth/v2/logout", params={"client_id": app.id, "post_logout_redirect_uri": address}
            ),
        ]
        for page in stopped:
            assert page.status_code == 400
            assert "location" not in page.headers
        for name in ("next", "continue", "return_to", "url", "flow", "redirect_uri"):
            fresh = site.browser()
            page = await fresh.get("/signin", params={name: address})
            signed_in = await fresh.submit(
                page, {"email": "mara@example.com", "password": "correct horse battery"}
            )
            assert signed_in.headers["location"] == "/account"
    fine = {"client_id": app.id, "post_logout_redirect_uri": "https://app.example/bye"}
    asked = await browser.get("/oauth/v2/logout", params=fine)
    out = await browser.submit(asked, {}, path="/signout")
    assert out.headers["location"] == "https://app.example/bye"


async def test_6749_App_B_a_forms_are_utf_8(site: Site) -> None:
    """Names, passwords and hints in any script; other encodings are refused (RFC 6749 Appendix B)."""
    password = "pässwörd für 東京"
    hashed = await site.server.passwords.hash(password)
    await site.db.run("UPDATE accounts SET password_hash = $2 WHERE id = $1", site.account.id, hashed)
    browser = site.browser()
    page = await browser.get("/signin")
    form = {**hidden_fields(page), "email": "mara@example.com", "password": password}
    assert (await browser.post("/signin", form)).status_code == 303
    app = await site.app("server-based", name="Büro 東京")
    shown = await site.browser().get(
        "/oauth/v2/auth", params=site.request(app, login_hint="mära@example.com")
    )
    assert 'value="mära@example.com"' in shown.text
    assert "Büro 東京" in shown.text
    query = "&".join(f"{name}={value}" for name, value in site.request(app, scope=SCOPE).items())
    for wrong in ("login_hint=m%E4ra", "login_hint=%C3", "state=%ED%A0%80", "foo=%FF"):
        assert (await browser.get(f"/oauth/v2/auth?{query}&{wrong}")).status_code == 400
    assert (await browser.get(f"/oauth/v2/auth?{query}&foo=%C3%A4")).status_code == 200
    refused = await site.call(
        "POST",
        "/oauth/v2/token",
        content="grant_type=refresh_token&login_hint=ä".encode("latin-1"),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert json.loads(refused.content)["error"] == "invalid_request"
    assert re.fullmatch(r"[\x20-\x7e]+", refused.text)
