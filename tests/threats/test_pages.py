"""Forms that others send, and objects of others: every page for people (T5, T27, T73–T75, T83, T143)."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest

from grantline.web.app import PEOPLE
from grantline.web.routes import PROGRAMS
from tests.site import ISSUER, PASSWORD, App, Browser, Site, form_action, hidden_fields

FOREIGN_ORIGINS = (
    "https://evil.example",
    "http://127.0.0.1:8704",
    "http://localhost:8700",
    ISSUER + "/",
    "null",
    "",
)
TABLES = (
    "accounts",
    "sessions",
    "clients",
    "consents",
    "authorizations",
    "authorization_codes",
    "device_codes",
    "pending_flows",
    "attempts",
)
FOR_APPS = {"/oauth/v2/auth", "/oauth/v2/logout"}
"""Posts that apps send: neither acts on a cookie before a page of ours, unless a hint fits (T27)."""
BETWEEN_DATA_CENTERS = {"/signin/elsewhere"}
"""Changes nothing where there is one data center: tests/threats/test_data_centers_people.py forges it."""


async def rows(site: Site) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that a page could change."""
    return {table: [tuple(row) for row in await site.db.all(f"SELECT * FROM {table}")] for table in TABLES}


Form = tuple[httpx2.Response, dict[str, str]]


async def at_sign_in(site: Site, browser: Browser) -> Form:
    return await browser.get("/signin"), {"email": "mara@example.com", "password": PASSWORD}


async def at_sign_out(site: Site, browser: Browser) -> Form:
    return await browser.get("/signout"), {}


async def at_consent(site: Site, browser: Browser) -> Form:
    app = await site.app("server-based")
    return await browser.get("/oauth/v2/auth", params=site.request(app, prompt="consent")), {
        "decision": "allow"
    }


async def at_user_code(site: Site, browser: Browser) -> Form:
    started = await site.device_start(await site.app("non-browser"))
    return await browser.get("/device"), {"user_code": started["user_code"]}


async def at_device(site: Site, browser: Browser) -> Form:
    page, fields = await at_user_code(site, browser)
    sent = await browser.submit(page, fields, path="/oauth/v3/device")
    return await browser.get(sent.headers["location"]), {"decision": "allow"}


async def at_apps(site: Site, browser: Browser) -> Form:
    app = await site.app("server-based")
    await site.tokens(app, browser=browser)
    return await browser.get("/account/apps"), {"client_id": app.id}


async def at_sessions(site: Site, browser: Browser) -> Form:
    row = await site.db.one("SELECT sid FROM sessions ORDER BY created_at LIMIT 1")
    return await browser.get("/account/sessions"), {"session": row[0]}


POSTS: dict[str, Callable[[Site, Browser], Awaitable[Form]]] = {
    "/signin": at_sign_in,
    "/signout": at_sign_out,
    "/oauth/v2/auth/decision": at_consent,
    "/oauth/v3/device": at_user_code,
    "/oauth/v3/device/decision": at_device,
    "/account/apps/remove": at_apps,
    "/account/sessions/end": at_sessions,
}


def test_T5_every_post_of_a_page_for_people_stands_in_the_table() -> None:
    """A new route without an entry fails here; those of the console stand in tests/web/test_console.py."""
    declared = {route.path for route in PEOPLE if (route.methods or set()) - {"GET", "HEAD"}}
    assert declared == {*POSTS, *FOR_APPS, *BETWEEN_DATA_CENTERS}
    assert {method for route in PEOPLE for method in route.methods or ()} <= {"GET", "HEAD", "POST"}


@pytest.mark.parametrize("path", POSTS)
async def test_T5_no_form_counts_without_our_token_our_origin_and_this_browser(site: Site, path: str) -> None:
    """RFC 6819 §4.4.1.8."""
    await site.signed_in()
    browser = site.browser() if path == "/signin" else await site.signed_in()
    stranger = site.browser() if path == "/signin" else await site.signed_in()
    page, fields = await POSTS[path](site, browser)
    hidden = hidden_fields(page)
    theirs = hidden_fields((await POSTS[path](site, stranger))[0])
    before = await rows(site)
    good = {**hidden, **fields}
    attempts = [await browser.post(path, good, origin=origin) for origin in (*FOREIGN_ORIGINS, None)]
    for token in ("", "x", hidden["token"][:-1], hidden["token"].upper(), theirs["token"]):
        attempts.append(await browser.post(path, {**good, "token": token}))
    attempts.append(await browser.post(path, fields))
    attempts.append(await site.browser().post(path, good))
    attempts.append(await browser.http.post(path, json=good, headers={"Origin": ISSUER}))
    attempts.append(await browser.http.get(path, params=good))
    cross = {"Sec-Fetch-Site": "cross-site"}
    attempts.append(await browser.http.post(path, data=good, headers=cross))
    attempts.append(
        await browser.http.post(path, data=good, headers={**cross, "Sec-Fetch-Site": "same-site"})
    )
    for number, answer in enumerate(attempts):
        assert answer.status_code in (400, 403, 405, 200), number
        assert answer.status_code != 200 or number == len(attempts) - 3, "only a GET may show a page"
        assert "_session=" not in answer.headers.get("set-cookie", "")
    assert await rows(site) == before
    done = await browser.post(path, good)
    assert done.status_code in (200, 303)
    assert await rows(site) != before


async def test_T5_an_apps_post_to_the_authorization_endpoint_gets_a_page_of_ours_first(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    page = await browser.post("/oauth/v2/auth", site.request(app), origin="https://evil.example")
    assert page.status_code == 200
    assert not await site.db.all("SELECT 1 FROM authorization_codes")
    assert not await site.db.all("SELECT 1 FROM consents")


async def test_T27_nobody_is_signed_out_by_a_request_without_a_fitting_hint(site: Site) -> None:
    """OpenID Connect RP-Initiated Logout §2."""
    app = await site.app("server-based")
    browser, elsewhere = await site.signed_in(), await site.signed_in()
    tokens = await site.tokens(app, browser=elsewhere, scope="openid")
    target = app.client.post_logout_redirect_uris[0]
    forged = tokens["id_token"][:-4] + "AAAA"
    hints = [None, tokens["id_token"], forged, "e30.e30.", "x"]
    for hint in hints:
        fields = {"client_id": app.id, "post_logout_redirect_uri": target}
        fields |= {"id_token_hint": hint} if hint else {}
        for answer in (
            await browser.get("/oauth/v2/logout", params=fields),
            await browser.post("/oauth/v2/logout", fields, origin="https://evil.example"),
            await browser.get("/oauth/v2/logout", params={"logout": "true"}),
            await browser.get("/signout"),
        ):
            assert answer.status_code in (200, 400)
            assert "location" not in answer.headers
        assert (await browser.get("/account")).status_code == 200
    fits = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": target}
    gone = await elsewhere.get("/oauth/v2/logout", params=fits)
    assert (gone.status_code, gone.headers["location"]) == (303, target)
    assert (await elsewhere.get("/account")).status_code == 303


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "https://app.example/bye/", "https://app.example/bye?x", "javascript:x", "//e"],
)
async def test_T27_after_signing_out_only_a_registered_address_follows(site: Site, target: str) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    hint = (await site.tokens(app, browser=browser, scope="openid"))["id_token"]
    for more in ({"client_id": app.id}, {"id_token_hint": hint}, {}):
        answer = await browser.get("/oauth/v2/logout", params={"post_logout_redirect_uri": target, **more})
        assert answer.status_code == 400
        assert "location" not in answer.headers
    assert (await browser.get("/account")).status_code == 200


async def test_T1_a_bad_sign_out_address_in_the_database_leads_nowhere(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    await site.db.run("UPDATE clients SET post_logout_redirect_uris = '[\"javascript:alert(1)\"]'")
    fields = {"client_id": app.id, "post_logout_redirect_uri": "javascript:alert(1)"}
    answer = await browser.get("/oauth/v2/logout", params=fields)
    assert answer.status_code == 400
    assert "javascript:alert(1)" not in answer.headers.get("content-security-policy", "")


async def test_T73_a_flow_planted_in_another_browser_yields_the_planter_nothing(site: Site) -> None:
    """RFC 6819 §4.4.1.7: a planted browser id and handle are worth nothing once the victim signs in."""
    app, attacker, victim = await site.app("server-based"), site.browser(), site.browser()
    page = await attacker.get("/oauth/v2/auth", params=site.request(app))
    flow = hidden_fields(page)["flow"]
    opened = await victim.get("/oauth/v2/auth/continue", params={"flow": flow})
    assert (opened.status_code, opened.headers["location"]) == (303, "/")
    victim.http.cookies.set("gl_us_browser", attacker.http.cookies["gl_us_browser"], domain="127.0.0.1")
    planted = await victim.get("/signin", params={"flow": flow})
    assert (await victim.sign_in(planted)).status_code == 303
    assert victim.http.cookies["gl_us_browser"] != attacker.http.cookies["gl_us_browser"]
    for path in ("/oauth/v2/auth/continue", "/signin"):
        left = await attacker.get(path, params={"flow": flow})
        assert "code=" not in left.headers.get("location", "")
    assert (await attacker.get("/account")).status_code == 303, "the attacker is nobody still"
    assert not await site.db.all("SELECT 1 FROM authorization_codes")


async def test_T75_a_second_cookie_of_the_same_name_counts_as_none(site: Site) -> None:
    mara = await site.signed_in()
    session, browser = mara.http.cookies["gl_us_session"], mara.http.cookies["gl_us_browser"]
    right = f"gl_us_session={session}; gl_us_browser={browser}"
    assert (await site.call("GET", "/account", headers={"Cookie": right})).status_code == 200
    for extra in ("gl_us_session=x", f"gl_us_session={session}", "gl_us_session="):
        for line in (f"{right}; {extra}", f"{extra}; {right}"):
            answer = await site.call("GET", "/account", headers={"Cookie": line})
            assert answer.status_code == 303
            assert "gl_us_session=; " in answer.headers["set-cookie"]
    for name in ("gl_eu_session", "__Host-gl_us_session", "session", "GL_US_SESSION"):
        assert (
            await site.call("GET", "/account", headers={"Cookie": f"{name}={session}"})
        ).status_code == 303


async def test_T83_a_consent_is_given_once_by_the_person_and_browser_that_were_asked(site: Site) -> None:
    """RFC 6819 §4.4.1.10."""
    await site.person("tom@example.com")
    mara, tom = await site.signed_in(), await site.signed_in("tom@example.com")
    page, fields = await at_consent(site, mara)
    good = {**hidden_fields(page), **fields}
    own = hidden_fields((await at_consent(site, tom))[0])
    path = "/oauth/v2/auth/decision"
    assert (await tom.post(path, good)).status_code == 403
    assert (await tom.post(path, {**good, "token": own["token"]})).status_code == 403
    assert (await mara.post(path, {**good, "flow": own["flow"]})).status_code == 403
    before = await rows(site)
    switched = await mara.submit(page, {"decision": "switch"}, path=path)
    assert (await mara.sign_in(switched, email="tom@example.com")).status_code == 303
    assert (await mara.post(path, good)).status_code == 403, "another account signed in meanwhile"
    assert (await rows(site))["authorization_codes"] == before["authorization_codes"]
    fresh, fields = await at_consent(site, tom)
    good = {**hidden_fields(fresh), **fields}
    assert "code=" in (await tom.post(path, good)).headers["location"]
    assert (await tom.post(path, good)).status_code == 403
    assert len(await site.db.all("SELECT 1 FROM authorization_codes")) == 1
    assert form_action(fresh) == path


WITHOUT_IDS = {
    *("/guides/{type}", "/language/{code}", "/logos/{digest}"),  # the same for everybody
    *(
        "/",
        "/scopes",
        "/errors",
        "/errors/{code}",
        "/account",
        "/account/apps",
        "/account/sessions",
        "/device",
    ),
    *("/oauth/v2/auth", "/oauth/v2/auth/refresh", "/oauth/v2/logout", "/oauth/v3/device", "/refused"),
}
"""Pages that take no id of a row that belongs to a person (an app's id names nobody's secret)."""
WITH_IDS = {
    *("/signin", "/signin/elsewhere", "/signout", "/oauth/v2/auth/continue", "/oauth/v2/auth/decision"),
    "/account/apps/remove",
    *("/account/sessions/end", "/oauth/v3/device/confirm", "/oauth/v3/device/decision"),
}
PROGRAMS_WITHOUT_IDS = {
    *("/oauth/v2/keys", "/oauth/serverinfo", "/health/live", "/health/ready", "/metrics"),
    *("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"),
    *("/sdk/grantline.js", "/sdk/login-button.css"),
}
PROGRAMS_BY_SECRET = {
    *("/oauth/v2/token", "/oauth/v2/token/revoke", "/oauth/v2/revoke/token", "/oauth/v2/introspect"),
    *("/oauth/v2/userinfo", "/oauth/user/info", "/oauth/v3/device/code", "/oauth/v3/device/token"),
}
"""What these name is a secret of a client; test_token.py and test_revocation.py hold their tables."""
PROGRAMS_OF_DATA_CENTERS = {"/oauth/data-centers/messages"}
"""What these name is the sender's own, whose signature is asked for first (tests/crossing)."""


def test_T143_every_route_says_whether_it_takes_an_id() -> None:
    assert {route.path for route in PEOPLE} == WITHOUT_IDS | WITH_IDS
    assert {*PROGRAMS} == PROGRAMS_WITHOUT_IDS | PROGRAMS_BY_SECRET | PROGRAMS_OF_DATA_CENTERS


async def test_T143_what_belongs_to_another_person_is_as_good_as_missing(site: Site) -> None:
    """Two accounts; each id of the one, brought by the other: nothing is shown, nothing changes."""
    app: App = await site.app("server-based")
    await site.person("tom@example.com")
    mara, tom = await site.signed_in(), await site.signed_in("tom@example.com")
    await site.tokens(app, browser=mara)
    consent, device = (
        hidden_fields((await at_consent(site, mara))[0]),
        hidden_fields((await at_device(site, mara))[0]),
    )
    signout = hidden_fields(await mara.get("/oauth/v2/logout", params={"client_id": app.id}))
    sid = await site.db.one("SELECT sid FROM sessions WHERE account_id = $1", site.account.id)
    await site.signed_in("tom@example.com")
    await site.tokens(await site.app("mobile"), browser=tom)
    apps, sessions = await tom.get("/account/apps"), await tom.get("/account/sessions")
    before = await rows(site)
    assert app.client.name not in apps.text
    assert sid[0] not in sessions.text
    remove = {**hidden_fields(apps), "client_id": app.id}
    token = hidden_fields(sessions)["token"]
    for flow in (consent["flow"], device["flow"], signout["flow"]):
        assert (await tom.get("/oauth/v2/auth/continue", params={"flow": flow})).headers["location"] == "/"
        assert (await tom.get("/oauth/v3/device/confirm", params={"flow": flow})).headers[
            "location"
        ] == "/device"
        assert (await tom.get("/signin", params={"flow": flow})).headers["location"] == "/account"
        for path in ("/oauth/v2/auth/decision", "/oauth/v3/device/decision"):
            for form in (consent, device):
                answer = await tom.post(path, {**form, "flow": flow, "decision": "allow"})
                assert answer.status_code == 403
    missing = await tom.post("/account/apps/remove", {**remove, "client_id": "glc_us_none"})
    foreign = await tom.post("/account/apps/remove", remove)
    assert (missing.status_code, foreign.status_code) == (404, 404)
    for named in (sid[0], "none"):
        ended = await tom.post("/account/sessions/end", {"token": token, "session": named})
        assert ended.status_code == 404
    assert await rows(site) == before
