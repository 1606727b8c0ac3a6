"""What other programs, a double click, the back button and a planted link can't do on the running demo."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from playwright.sync_api import Error as PlaywrightError

from tests.browsing import PATIENCE_MS, decide, sign_in
from tests.foreign.arrivals import Arrivals, answer_in, listening
from tests.running import Demo

SECRET: Final = re.compile(r"gl[sgard]_[a-z]{2,4}_\w{20,}")
MEMORY: Final = "() => JSON.stringify([localStorage, sessionStorage, document.cookie, history.state])"


@pytest.fixture(scope="module")
def context(chromium: Browser, demo: Demo) -> Iterator[BrowserContext]:
    """A browser in which the developer is signed in."""
    opened = chromium.new_context()
    opened.set_default_timeout(PATIENCE_MS)
    page = opened.new_page()
    person = demo.user("developer")
    page.goto(f"{demo.issuer}/signin")
    sign_in(page, person["email"], person["password"])
    page.close()
    yield opened
    opened.close()


@pytest.fixture
def tab(context: BrowserContext) -> Iterator[Page]:
    """A page of that browser."""
    page = context.new_page()
    yield page
    page.close()


@pytest.fixture
def app(demo: Demo) -> Iterator[Arrivals]:
    """The web app's redirect address, open."""
    with listening(demo.client("server_based")["redirect_uris"][0]) as arrivals:
        yield arrivals


def asked(demo: Demo, **changes: str) -> str:
    """The address of an authorization request of the web app, with something to recognise in a referrer."""
    client = demo.client("server_based")
    fields = {
        "response_type": "code",
        "client_id": client["client_id"],
        "redirect_uri": client["redirect_uris"][0],
        "scope": "CRM.modules.leads.READ",
        "state": "a-state-of-the-app",
        "prompt": "consent",
        **changes,
    }
    return f"{demo.issuer}/oauth/v2/auth?{urlencode(fields)}"


@contextmanager
def elsewhere(page: Page, html: str) -> Iterator[str]:
    """Open a page of another program on this machine: the same site, another origin, which it gives."""
    with listening("http://127.0.0.1/page", f"<!doctype html><title>other</title>{html}") as program:
        page.goto(program.address)
        yield program.address.removesuffix("/page")


def place_of_allow(page: Page) -> tuple[float, float]:
    box = page.locator("button[name=decision][value=allow]").bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_T84_a_double_click_on_what_was_there_before_does_not_allow(
    tab: Page, demo: Demo, app: Arrivals
) -> None:
    """The first click follows a link, the next land where Allow has appeared; a late one counts."""
    tab.set_viewport_size({"width": 900, "height": 1200})
    tab.goto(asked(demo))
    x, y = place_of_allow(tab)
    with elsewhere(tab, f'<a href="{escape(asked(demo))}" style="position:fixed;inset:0">A prize</a>'):
        tab.mouse.click(x, y)
        tab.wait_for_selector("button[name=decision][value=allow]")
        for _ in range(3):
            tab.mouse.click(x, y)
        tab.wait_for_timeout(300)
    assert tab.locator("button[name=decision]").count() > 0
    assert app.seen == []
    tab.wait_for_timeout(900)
    tab.mouse.click(x, y)
    tab.wait_for_url(f"{app.address}?*")
    assert "code" in answer_in(app.the_only_one().target)


def test_T84_enter_pressed_twice_at_sign_in_does_not_allow(
    chromium: Browser, demo: Demo, app: Arrivals
) -> None:
    """No answer has the focus, so a key that was held down says nothing."""
    page, person = chromium.new_page(), demo.user()
    page.goto(asked(demo))
    sign_in(page, person["email"], person["password"])
    assert page.evaluate("document.activeElement === document.body")
    for _ in range(3):
        page.keyboard.press("Enter")
    page.wait_for_timeout(200)
    assert page.locator("button[name=decision]").count() > 0
    assert app.seen == []
    page.context.close()


FRAMED: Final = [
    "/",
    "/signin",
    "/account",
    "/account/apps",
    "/signout",
    "/device",
    "/console/clients",
    "/console/clients/new",
    "/scopes",
    "/errors",
    "/nothing/here",
    "/oauth/v2/auth/decision",
    "/oauth/v2/auth?client_id=nobody",
    "/oauth/v2/userinfo",
    "consent",
]


def test_T84_no_page_of_ours_is_shown_in_a_frame(tab: Page, demo: Demo, app: Arrivals) -> None:
    """Whatever its status; a page of another program in the same place is shown, so frames do work here."""
    addresses = [asked(demo) if path == "consent" else demo.issuer + path for path in FRAMED]
    frames = [f'<iframe src="{escape(address)}"></iframe>' for address in [app.address, *addresses]]
    with elsewhere(tab, "".join(frames)):
        control, *ours = tab.frames[1:]
        assert control.title() == "back at the app"
        assert len(ours) == len(FRAMED)
        for path, frame in zip(FRAMED, ours, strict=True):
            assert frame.url.startswith("chrome-error:"), path


FORMS: Final[dict[str, dict[str, str]]] = {
    "/signin": {"email": "mara@example.com", "password": "whatever it is"},
    "/signout": {},
    "/oauth/v2/auth/decision": {"decision": "allow"},
    "/oauth/v3/device": {"user_code": "BBBB-BBBB"},
    "/oauth/v3/device/decision": {"decision": "allow"},
    "/account/apps/remove": {"client_id": "SERVER"},
    "/account/sessions/end": {"session": "x"},
    "/console/clients/new/self-client": {"name": "Evil"},
    "/console/clients/SERVER/delete": {"name": "Lead Desk"},
    "/console/clients/SERVER/secrets/reset": {},
    "/console/clients/SELF/code": {"scope": "CRM.modules.ALL", "minutes": "10"},
}


@pytest.mark.parametrize("path", FORMS)
def test_T74_a_form_on_another_programs_page_does_nothing(path: str, tab: Page, demo: Demo) -> None:
    """The cookies go along, since it is the same site; the Origin header tells the two apart."""
    ids = {
        "SERVER": demo.client("server_based")["client_id"],
        "SELF": demo.client("self_client")["client_id"],
    }
    text = {name: ids.get(value, value) for name, value in FORMS[path].items()}
    for name, value in ids.items():
        path = path.replace(name, value)
    fields = "".join(f'<input name="{name}" value="{value}">' for name, value in text.items())
    form = f'<form method="post" action="{demo.issuer}{path}">{fields}<button>Win</button></form>'
    with elsewhere(tab, form) as origin:
        with tab.expect_navigation() as going:
            tab.click("button")
        answer = going.value
        assert answer.request.all_headers()["origin"] == origin
    assert answer.status == 403
    assert answer.header_value("set-cookie") is None
    assert SECRET.search(tab.content()) is None
    tab.goto(f"{demo.issuer}/account")
    assert demo.user("developer")["email"] in tab.locator("main").inner_text()


def test_another_programs_script_reads_nothing_of_ours(tab: Page, demo: Demo) -> None:
    """No page and no answer with a cookie allows a foreign origin to read it."""
    read = "(url) => fetch(url, {credentials: 'include'}).then((a) => a.text(), () => 'refused')"
    with elsewhere(tab, "") as origin:
        assert tab.evaluate(read, f"{origin}/page").startswith("<!doctype")
        for path in ("/account", "/console/clients", "/signin", "/oauth/v2/userinfo", "/oauth/v2/token"):
            assert tab.evaluate(read, demo.issuer + path) == "refused", path


@pytest.mark.parametrize("way", ["allow", "deny", "error", "logout"])
def test_T21_the_app_is_sent_no_referrer(way: str, tab: Page, demo: Demo, app: Arrivals) -> None:
    client = demo.client("server_based")
    if way == "error":
        url = asked(demo, prompt="none", scope="nonsense")
        with elsewhere(tab, f'<a href="{escape(url)}">go</a>'):
            tab.click("a")
            tab.wait_for_url(f"{app.address}?*")
        assert "error" in answer_in(tab.url)
    elif way == "logout":
        context = tab.context.browser.new_context()  # type: ignore[union-attr]
        page = context.new_page()
        person = demo.user()
        page.goto(f"{demo.issuer}/signin")
        sign_in(page, person["email"], person["password"])
        target = app.address.replace("/callback", "/signed-out")
        query = urlencode({"client_id": client["client_id"], "post_logout_redirect_uri": target})
        page.goto(f"{demo.issuer}/oauth/v2/logout?{query}")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(target)
        context.close()
    else:
        tab.goto(asked(demo))
        decide(tab, way)
    arrived = app.the_only_one()
    assert "referer" not in arrived.headers
    assert (arrived.method, arrived.body) == ("GET", b"")


def test_T21_the_link_to_the_apps_own_page_tells_it_nothing(tab: Page, demo: Demo, app: Arrivals) -> None:
    tab.goto(asked(demo))
    with tab.context.expect_page() if opens_a_tab(tab) else tab.expect_navigation():
        tab.locator(f'main a[href^="http://{urlsplit(app.address).netloc}"]').first.click()
    tab.wait_for_timeout(200)
    arrived = app.the_only_one()
    assert "referer" not in arrived.headers
    assert "a-state" not in arrived.target


def opens_a_tab(page: Page) -> bool:
    return page.locator('main a[target="_blank"]').count() > 0


def test_T6_no_grant_token_comes_back_by_the_back_button(tab: Page, demo: Demo) -> None:
    client_id = demo.client("self_client")["client_id"]
    tab.goto(f"{demo.console}/clients/{client_id}/code")
    tab.fill("#scope", "CRM.modules.leads.READ")
    tab.get_by_role("button", name="Generate code").click()
    tab.get_by_text("glg_us_").first.wait_for()
    assert SECRET.search(tab.evaluate(MEMORY)) is None
    assert SECRET.search(tab.url) is None
    tab.goto(f"{demo.issuer}/account")
    with pytest.raises(PlaywrightError, match="ERR_CACHE_MISS"):
        tab.go_back()  # the page was not kept, and the form is not sent again by itself
    fresh = tab.context.new_page()
    fresh.goto(f"{demo.console}/clients/{client_id}/code")
    assert SECRET.search(fresh.content()) is None
    fresh.close()


def test_T6_after_signing_out_the_back_button_shows_nothing_of_the_account(
    chromium: Browser, demo: Demo
) -> None:
    context = chromium.new_context()
    page, person = context.new_page(), demo.user()
    page.goto(f"{demo.issuer}/signin")
    sign_in(page, person["email"], person["password"])
    page.goto(f"{demo.issuer}/account")
    assert person["email"] in page.locator("main").inner_text()
    page.goto(f"{demo.issuer}/account/sessions")
    page.get_by_role("link", name="Sign out").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_load_state()
    for _ in range(3):
        page.go_back()
        page.wait_for_load_state()
        assert person["email"] not in page.locator("body").inner_text(), page.url
    context.close()


def test_T6_scripts_of_our_own_pages_see_no_cookie_and_keep_nothing(tab: Page, demo: Demo) -> None:
    for path in ("/account", "/console/clients", "/scopes"):
        tab.goto(demo.issuer + path)
        assert tab.evaluate("() => [document.cookie, localStorage.length, sessionStorage.length]") == [
            "",
            0,
            0,
        ]
    cookies: list[dict[str, Any]] = [dict(one) for one in tab.context.cookies(demo.issuer)]
    assert {one["name"] for one in cookies} >= {"gl_us_session", "gl_us_browser"}
    for one in cookies:
        assert one["httpOnly"] is True
        assert one["sameSite"] in ("Lax", "Strict")
        assert one["path"] == "/"


def test_T73_a_flow_begun_in_one_browser_is_nothing_in_another(
    chromium: Browser, tab: Page, demo: Demo, app: Arrivals
) -> None:
    """An attacker parks a request and sends its link; the victim is signed in."""
    attacker = chromium.new_context()
    page = attacker.new_page()
    page.goto(asked(demo))
    handle = page.input_value("input[name=flow]")
    for path in ("/oauth/v2/auth/continue", "/signin", "/oauth/v3/device/confirm"):
        tab.goto(f"{demo.issuer}{path}?{urlencode({'flow': handle})}")
        assert tab.locator("button[name=decision]").count() == 0, path
    assert app.seen == []
    attacker.close()


def test_T88_what_others_wrote_is_text_in_our_pages(tab: Page, demo: Demo) -> None:
    """Markup in every place that a stranger can fill from an address or a form."""
    marker = f'"><img src=x alt={secrets.token_hex(2)}>\u2028'
    encoded = urlencode({"x": marker})[2:]
    addresses = [
        asked(demo, redirect_uri=f"http://127.0.0.1:1/{marker}"),
        asked(demo, redirect_uri=f"http://127.0.0.1:1/{encoded}"),
        asked(demo, client_id=marker),
        asked(demo, scope=marker),
        asked(demo, prompt="login", login_hint=marker),
        f"{demo.issuer}/device?user_code={encoded}",
        f"{demo.issuer}/signin?flow={encoded}",
        f"{demo.issuer}/errors/{encoded}",
        f"{demo.console}/activity?request={encoded}",
        f"{demo.console}/clients/{encoded}",
    ]
    for address in addresses:
        tab.goto(address)
        assert tab.locator("img[src=x]").count() == 0, address
    tab.goto(f"{demo.issuer}/device")
    tab.fill("input[name=user_code]", marker)
    tab.click("main button[type=submit]")
    tab.wait_for_load_state()
    assert tab.input_value("input[name=user_code]").startswith('"><img')
    assert tab.locator("img[src=x]").count() == 0
