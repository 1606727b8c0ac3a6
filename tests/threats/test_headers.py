"""Response headers by the kind of page, and cookies (threats, tables a and b; T21, T57, T84)."""

import re
from collections.abc import Mapping
from typing import Final

import httpx2
import pytest

from grantline.web.app import CONSOLE, PEOPLE
from grantline.web.routes import PROGRAMS
from tests.conftest import SiteFactory
from tests.faults.raw import ask
from tests.site import PASSWORD, SPA, Browser, Site

BASE: Final = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self'",
    "font-src": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
PROGRAM_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"


def policy_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The content security policy, directive by directive; each may be there once."""
    parts = [part.strip().partition(" ") for part in headers["content-security-policy"].split(";")]
    found = {name: value for name, _, value in parts}
    assert len(found) == len(parts)
    return found


def check_page(headers: Mapping[str, str], *, form_action: str = "'self'", opener: bool = False) -> None:
    """What every page has, whatever its status."""
    policy = policy_of(headers)
    script = policy.pop("script-src", None)
    connect = policy.pop("connect-src", None)
    assert (script, connect) in ((None, None), ("'self'", "'self'"))
    assert policy == {**BASE, "form-action": form_action}
    if headers.get("content-disposition", "").startswith("attachment; "):
        assert headers["content-type"].split(";")[0] in ("text/plain", "application/json", "application/yaml")
    else:
        assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-opener-policy"] == ("unsafe-none" if opener else "same-origin")
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert not [name for name in headers if name.startswith("access-control-")]
    assert "server" not in headers


def check_leaving(response: httpx2.Response) -> None:
    """An answer that sends the browser on to an app (T21)."""
    headers = response.headers
    assert response.status_code == 303
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"] == PROGRAM_POLICY
    assert headers["x-frame-options"] == "DENY"
    assert not response.content
    assert "access-control-allow-origin" not in headers


PATHS: Final = sorted({route.path for route in (*PEOPLE, *CONSOLE)})
FILLED: Final = {"{code}": "code_unknown", "{type}": "mobile", "{sample}": "data_sync"}


@pytest.mark.parametrize("path", PATHS)
async def test_T84_every_page_in_every_state_refuses_to_be_framed(site: Site, path: str) -> None:
    """Table a: signed in or not, found or not, GET or a POST that is refused."""
    app = await site.app("self-client")
    for place, value in {**FILLED, "{client_id}": app.id}.items():
        path = path.replace(place, value)
    signed = await site.signed_in()
    for browser in (site.browser(), signed):
        for origin in (None, "https://evil.example"):
            answers = [
                await browser.get(path),
                await browser.get(path + ("-nothing" if path == "/console/api" else "/nothing")),
                await browser.get(path, params={"flow": "x", "user_code": "BCDF-GHJK"}),
                await browser.post(path, {"token": "x"}, origin=origin),
                await browser.http.put(path),
            ]
            for answer in answers:
                assert answer.status_code < 500
                if answer.status_code in (301, 302, 303, 307, 308):
                    assert answer.status_code == 303
                    assert answer.headers["location"].startswith("/")
                    assert not answer.headers["location"].startswith("//")
                    assert answer.headers["cache-control"] == "no-store"
                    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
                    assert answer.headers["x-frame-options"] == "DENY"
                else:
                    check_page(answer.headers)


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/nothing", [], 404),
        ("GET", "/signin;x", [], 404),
        ("GET", "//signin", [], 404),
        ("PATCH", "/signin", [], 405),
        ("GET", "/signin", [(b"x-a", b"a" * 17_000)], 431),
        ("GET", "/signin", [(b"host", b"evil.example")], 400),
        ("POST", "/signin", [], 403),
    ],
)
async def test_T84_what_the_edge_refuses_has_the_headers_of_a_page(
    site: Site, method: str, path: str, headers: list[tuple[bytes, bytes]], status: int
) -> None:
    answer = await ask(site, method, path, headers=headers)
    assert answer.status == status
    check_page(answer.headers)


@pytest.mark.parametrize("type_name", ["server-based", "client-based", "mobile"])
async def test_a_page_of_a_flow_may_lead_on_to_its_redirect_alone(site: Site, type_name: str) -> None:
    """Table a: browsers apply form-action to every hop after the POST."""
    app = await site.app(type_name)
    target = {
        "server-based": "https://app.example",
        "client-based": SPA,
        "mobile": "com.example.pocket:",
    }[type_name]
    opener = type_name == "client-based"
    browser = site.browser()
    page = await browser.get("/oauth/v2/auth", params=site.request(app))
    check_page(page.headers, form_action=f"'self' {target}", opener=opener)
    wrong = await browser.submit(page, {"email": "mara@example.com", "password": "no"}, path="/signin")
    check_page(wrong.headers, form_action=f"'self' {target}", opener=opener)
    consent = await browser.get((await browser.sign_in(page)).headers["location"])
    check_page(consent.headers, form_action=f"'self' {target}", opener=opener)
    assert "script-src" not in policy_of(consent.headers)
    check_leaving(await browser.submit(consent, {"decision": "allow"}, path="/oauth/v2/auth/decision"))


async def test_T21_every_answer_to_an_app_is_a_303_without_body_and_referrer(site: Site) -> None:
    """RFC 9700 §4.12: never 307, which would post the password again."""
    app = await site.app("server-based")
    browser = await site.signed_in()
    check_leaving(await browser.get("/oauth/v2/auth", params=site.request(app, prompt="none")))
    check_leaving(await browser.get("/oauth/v2/auth", params=site.request(app, scope="nonsense")))
    check_leaving(await browser.get("/oauth/v2/auth/refresh", params=site.request(app)))
    page = await browser.get("/oauth/v2/auth", params=site.request(app))
    check_leaving(await browser.submit(page, {"decision": "deny"}, path="/oauth/v2/auth/decision"))
    check_leaving(await site.authorize(app, browser=browser))
    check_leaving(await browser.http.post("/oauth/v2/auth", data=site.request(app)))


@pytest.mark.parametrize("path", sorted(PROGRAMS))
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
async def test_an_endpoint_for_programs_has_the_headers_of_its_kind(
    site: Site, path: str, method: str
) -> None:
    answer = await ask(site, method, path)
    assert answer.status < 500
    assert answer.headers["content-security-policy"] == PROGRAM_POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    public = PROGRAMS[path].cors == "public"
    if public and answer.status == 200:
        assert re.fullmatch(r"public, max-age=\d{1,4}", answer.headers["cache-control"])
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    else:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["pragma"] == "no-cache"
    assert "access-control-allow-credentials" not in answer.headers
    assert "server" not in answer.headers
    assert "set-cookie" not in answer.headers


async def test_what_may_be_cached_says_nothing_of_anybody(site: Site) -> None:
    """Table a: metadata, keys and the list of data centers are the same for all."""
    browser = await site.signed_in()
    for path, program in PROGRAMS.items():
        if program.cors == "public":
            assert (await browser.get(path)).content == (await site.call("GET", path)).content


async def test_static_files_are_kept_for_ever_under_the_name_of_their_content(site: Site) -> None:
    for path, (content, kind) in site.server.pages.static_files().items():
        answer = await site.call("GET", path)
        assert answer.content == content
        assert answer.headers["content-type"] == kind
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-security-policy"] == PROGRAM_POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "set-cookie" not in answer.headers
        assert re.search(r"\.[0-9a-f]{8}\.", path)
    assert (await site.call("GET", "/static/nothing.00000000.css")).status_code == 404


def cookies_of(response: httpx2.Response) -> dict[str, set[str]]:
    """Each cookie set, with its attributes in small letters; the value's length is noted as `#N`."""
    found = {}
    for line in response.headers.get_list("set-cookie"):
        pair, *attributes = (part.strip() for part in line.split(";"))
        name, _, value = pair.partition("=")
        found[name] = {attribute.lower() for attribute in attributes} | {f"#{len(value)}"}
    return found


DAY: Final = 24 * 3600
LIVES: Final = {"session": 14 * DAY, "browser": DAY, "known": 180 * DAY}


async def signing_in(browser: Browser) -> httpx2.Response:
    page = await browser.get("/signin")
    return await browser.submit(page, {"email": "mara@example.com", "password": PASSWORD}, path="/signin")


@pytest.mark.parametrize(
    ("url", "prefix"), [("http://127.0.0.1:8700", "gl_us_"), ("https://accounts.example", "__Host-gl_us_")]
)
async def test_T75_cookies_are_as_table_b_says(open_a_site: SiteFactory, url: str, prefix: str) -> None:
    """RFC 6265 §5.2 with the `__Host-` rule over https; on loopback http the data center's name keeps them
    apart."""
    async with open_a_site(public_url=url) as site:
        browser = site.browser()
        browser.http = httpx2.AsyncClient(transport=site.transport, base_url=url)
        page = await browser.get("/signin")
        fields = {"email": "mara@example.com", "password": PASSWORD}
        token = re.search(r'name="token" value="([^"]+)"', page.text)
        assert token
        answer = await browser.post("/signin", {**fields, "token": token[1]}, origin=url)
        assert answer.status_code == 303
        set_ = cookies_of(page) | cookies_of(answer)
        assert {name.removeprefix(prefix) for name in set_} == set(LIVES)
        for name, attributes in set_.items():
            kind = name.removeprefix(prefix)
            assert {"path=/", "httponly", f"max-age={LIVES[kind]}"} <= attributes
            assert ("secure" in attributes) == url.startswith("https")
            assert ("samesite=strict" if kind == "known" else "samesite=lax") in attributes
            assert not [attribute for attribute in attributes if attribute.startswith("domain")]
        assert "#43" in set_[f"{prefix}session"]
        assert "#22" in set_[f"{prefix}browser"]
        assert "mara" not in str(answer.headers)


async def test_https_asks_browsers_to_stay_with_https(open_a_site: SiteFactory) -> None:
    async with open_a_site(public_url="https://accounts.example") as site:
        for path in ("/signin", "/oauth/v2/token", "/.well-known/openid-configuration", "/nothing"):
            answer = await ask(site, "GET", path, host=b"accounts.example")
            assert answer.headers["strict-transport-security"] == "max-age=31536000"
    async with open_a_site() as site:
        assert "strict-transport-security" not in (await ask(site, "GET", "/signin")).headers


async def test_signing_out_expires_the_session_and_leaves_the_neighbours_cookies(site: Site) -> None:
    """Table a: no Clear-Site-Data of cookies, which would empty a sibling data center on the same host."""
    browser = await site.signed_in()
    page = await browser.get("/signout")
    answer = await browser.submit(page, {}, path="/signout")
    assert answer.status_code == 200
    set_ = cookies_of(answer)
    assert {"max-age=0", "#0"} <= set_["gl_us_session"]
    assert "cookies" not in answer.headers.get("clear-site-data", "")
