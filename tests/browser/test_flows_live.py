"""People's ways through the running demo: without JavaScript, back to every kind of app, in several tabs."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.audit import complaints_during
from tests.browsing import PATIENCE_MS, decide, sign_in
from tests.foreign.arrivals import Arrivals, answer_in, listening
from tests.running import Demo

VERIFIER: Final = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE: Final = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
SCOPE: Final = "openid CRM.modules.leads.READ"


def asked(demo: Demo, key: str = "server_based", **changes: str) -> str:
    """The address of an authorization request; an empty value takes a parameter out."""
    client = demo.client(key)
    fields = {
        "response_type": "code",
        "client_id": client["client_id"],
        "redirect_uri": client["redirect_uris"][0],
        "scope": SCOPE,
        "state": f"state-{key}",
        "prompt": "consent",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return f"{demo.issuer}/oauth/v2/auth?{urlencode({k: v for k, v in fields.items() if v})}"


def works(demo: Demo, key: str, code: str, redirect_uri: str) -> bool:
    """Whether the app gets tokens for a code."""
    client = demo.client(key)
    form = {name: client[name] for name in ("client_id", "client_secret") if name in client}
    form |= {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    answer = httpx2.post(f"{demo.issuer}/oauth/v2/token", data=form | {"code_verifier": VERIFIER})
    return answer.status_code == 200


@pytest.fixture
def web_app(demo: Demo) -> Iterator[Arrivals]:
    """The web app's redirect address, open."""
    with listening(demo.client("server_based")["redirect_uris"][0]) as arrivals:
        yield arrivals


@pytest.fixture
def browser_app(demo: Demo) -> Iterator[Arrivals]:
    """The browser app's redirect address, open."""
    with listening(demo.client("client_based")["redirect_uris"][0]) as arrivals:
        yield arrivals


@pytest.fixture
def plain(chromium: Browser) -> Iterator[Page]:
    """A page of a browser that runs no JavaScript."""
    context = chromium.new_context(java_script_enabled=False)
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def signed_in(chromium: Browser, demo: Demo) -> Iterator[BrowserContext]:
    """A browser in which the demo's person is signed in."""
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    person = demo.user()
    page.goto(f"{demo.issuer}/signin")
    sign_in(page, person["email"], person["password"])
    page.close()
    yield context
    context.close()


@pytest.fixture
def tab(signed_in: BrowserContext) -> Iterator[Page]:
    """A page of that browser."""
    page = signed_in.new_page()
    yield page
    page.close()


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_sign_in_and_consent_work_without_javascript(
    decision: str, plain: Page, demo: Demo, web_app: Arrivals
) -> None:
    person = demo.user()
    plain.goto(asked(demo))
    sign_in(plain, person["email"], person["password"])
    decide(plain, decision)
    told = answer_in(web_app.the_only_one().target)
    assert told["state"] == "state-server_based"
    if decision == "allow":
        assert works(demo, "server_based", told["code"], web_app.address)
    else:
        assert (told["error"], "code" in told) == ("access_denied", False)


def test_device_removal_and_sign_out_work_without_javascript(plain: Page, demo: Demo) -> None:
    client, person = demo.client("non_browser"), demo.user()
    form = {name: client[name] for name in ("client_id", "client_secret")}
    told = httpx2.post(f"{demo.issuer}/oauth/v3/device/code", data=form | {"scope": SCOPE}).json()
    plain.goto(told["verification_uri"])
    plain.fill("input[name=user_code]", told["user_code"])
    plain.click("main button[type=submit]")
    sign_in(plain, person["email"], person["password"])
    decide(plain)
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    poll = form | {"grant_type": grant, "device_code": told["device_code"]}
    token = httpx2.post(f"{demo.issuer}/oauth/v2/token", data=poll).json()["access_token"]
    call = {
        "url": f"{demo.api_domain}/crm/v8/Leads?fields=Last_Name",
        "headers": {"Authorization": f"Bearer {token}"},
    }
    assert httpx2.get(**call).status_code == 200

    plain.get_by_role("link", name="Connected apps").click()
    entry = plain.locator("li", has=plain.get_by_role("heading", name=client["name"]))
    entry.get_by_role("button").click()
    expect(plain.get_by_text(f"{client['name']} no longer has access")).to_be_visible()
    refused = httpx2.get(f"{demo.issuer}/oauth/v2/userinfo", headers=call["headers"])
    assert refused.status_code == 401

    plain.get_by_role("link", name="Sign out").click()
    plain.get_by_role("button", name="Sign out").click()
    expect(plain.get_by_role("heading", name="You are signed out")).to_be_visible()
    plain.goto(f"{demo.issuer}/account")
    assert plain.locator("input[name=password]").count() == 1


def test_the_answer_reaches_an_installed_app_on_any_port_of_loopback(tab: Page, demo: Demo) -> None:
    """RFC 8252 §7.3; nothing in our own policy holds the browser back on its way."""
    with listening("http://127.0.0.1/callback") as app:
        tab.goto(asked(demo, "mobile", redirect_uri=app.address))
        assert complaints_during(tab, lambda: decide(tab)) == []
        told = answer_in(app.the_only_one().target)
    assert works(demo, "mobile", told["code"], app.address)


def test_the_answer_leaves_for_the_other_loopback_too(tab: Page, demo: Demo) -> None:
    """Nothing listens there; that Chromium goes there is what is asked (a machine may have no IPv6)."""
    options = ("--type", "mobile", "--name", "Lead Six", "--homepage", "https://six.example")
    owner = ("--owner", demo.user("developer")["email"])
    uris = ("--redirect-uri", "http://[::1]/callback")
    client = json.loads(demo.grantline("client", "create", *options, *owner, *uris, "--json"))
    left: list[str] = []
    tab.on("requestfailed", lambda request: left.append(f"{request.url} {request.failure}"))
    target = "http://[::1]:1024/callback"
    tab.goto(asked(demo, "mobile", client_id=client["client_id"], redirect_uri=target))

    def allow() -> None:
        tab.click("button[name=decision][value=allow]")
        tab.wait_for_timeout(500)

    # The one complaint is Chromium's own page, which says that nobody answers there.
    assert [text for text in complaints_during(tab, allow) if "Policy" in text] == []
    (address,) = left
    assert address.startswith(f"{target}?")


def test_the_answer_leaves_for_a_custom_scheme(tab: Page, demo: Demo) -> None:
    """No program has the scheme here; that Chromium looks for one shows that nothing of ours held it back."""
    target = demo.client("mobile")["redirect_uris"][0]
    left: list[str] = []
    tab.on("requestfailed", lambda request: left.append(f"{request.url} {request.failure}"))
    tab.goto(asked(demo, "mobile"))

    def allow() -> None:
        tab.click("button[name=decision][value=allow]")
        tab.wait_for_timeout(500)

    assert complaints_during(tab, allow) == []
    (address,) = left
    assert address.startswith(f"{target}?")
    assert address.endswith("net::ERR_ABORTED")
    assert works(demo, "mobile", answer_in(address.split()[0])["code"], target)


def test_the_answer_to_a_browser_app_comes_in_the_fragment(
    tab: Page, demo: Demo, browser_app: Arrivals
) -> None:
    without = {"code_challenge": "", "code_challenge_method": ""}
    tab.goto(asked(demo, "client_based", response_type="token", scope="CRM.modules.leads.READ", **without))
    assert complaints_during(tab, lambda: decide(tab)) == []
    assert "access_token" in answer_in(tab.url)
    assert browser_app.the_only_one().target == urlsplit(browser_app.address).path


def test_a_browser_app_may_ask_in_a_popup_and_keeps_its_hold_on_it(
    tab: Page, demo: Demo, browser_app: Arrivals
) -> None:
    """As the vendor's browser SDK does: the popup must still know its opener when it is back."""
    tab.goto(browser_app.address)
    with tab.expect_popup() as opening:
        tab.evaluate("(url) => { window.popup = open(url) }", asked(demo, "client_based"))
    decide(opening.value)
    opening.value.wait_for_url(f"{browser_app.address}?*")
    assert opening.value.evaluate("opener !== null && opener.location.href") == browser_app.address
    assert "code=" in tab.evaluate("popup.location.search")


@pytest.mark.parametrize("known", [True, False], ids=["signed in", "signed out"])
def test_a_silent_request_in_a_frame_is_answered_to_the_app(
    known: bool, chromium: Browser, signed_in: BrowserContext, demo: Demo, browser_app: Arrivals
) -> None:
    """Never a page of ours in the frame: a code, or `login_required` (OpenID Connect Core §3.1.2.1)."""
    context = signed_in if known else chromium.new_context()
    page = context.new_page()
    if known:
        page.goto(asked(demo, "client_based"))
        decide(page)
    page.goto(browser_app.address)
    silent = asked(demo, "client_based", prompt="none")
    page.evaluate(
        "(url) => new Promise((done) => { const frame = document.createElement('iframe');"
        " frame.onload = done; frame.src = url; document.body.append(frame) })",
        silent,
    )
    told = answer_in(page.frames[-1].url)
    assert page.frames[-1].url.startswith(browser_app.address)
    assert ("code" in told) is known
    assert told.get("error") == (None if known else "login_required")
    page.close()
    if not known:
        context.close()


def test_two_tabs_go_through_two_flows_at_once(
    chromium: Browser, demo: Demo, web_app: Arrivals, browser_app: Arrivals
) -> None:
    """Both stand at the sign-in page; the second has been overtaken when its form is sent."""
    person, context = demo.user(), chromium.new_context()
    one, two = context.new_page(), context.new_page()
    one.goto(asked(demo))
    two.goto(asked(demo, "client_based"))
    sign_in(one, person["email"], person["password"])
    sign_in(two, person["email"], person["password"])
    assert "Lead Board" in two.title()
    decide(two)
    decide(one)
    first, second = answer_in(one.url), answer_in(two.url)
    assert (first["state"], second["state"]) == ("state-server_based", "state-client_based")
    assert works(demo, "server_based", first["code"], web_app.address)
    assert works(demo, "client_based", second["code"], browser_app.address)
    context.close()


def test_a_sign_in_in_one_tab_lets_the_other_go_on(chromium: Browser, demo: Demo, web_app: Arrivals) -> None:
    person, context = demo.user(), chromium.new_context()
    waiting, other = context.new_page(), context.new_page()
    waiting.goto(asked(demo))
    other.goto(f"{demo.issuer}/signin")
    sign_in(other, person["email"], person["password"])
    waiting.reload()
    assert "Lead Desk" in waiting.title()
    decide(waiting)
    assert "code" in answer_in(web_app.the_only_one().target)
    context.close()


def test_a_form_overtaken_by_another_person_signs_nobody_in(
    chromium: Browser, demo: Demo, web_app: Arrivals
) -> None:
    """What the second tab typed is not taken for the person of the first, nor the other way round."""
    developer, person, context = demo.user("developer"), demo.user(), chromium.new_context()
    one, two = context.new_page(), context.new_page()
    one.goto(asked(demo))
    two.goto(f"{demo.issuer}/signin")
    sign_in(two, developer["email"], developer["password"])
    sign_in(one, person["email"], person["password"])
    assert one.title().startswith("Problem:")
    assert one.input_value("input[name=email]") == person["email"]
    two.goto(f"{demo.issuer}/account")
    assert developer["email"] in two.locator("main").inner_text()
    sign_in(one, person["email"], person["password"])
    assert person["name"] in one.locator("main").inner_text()
    context.close()


def test_another_account_can_be_used_at_consent(chromium: Browser, demo: Demo, web_app: Arrivals) -> None:
    developer, person, context = demo.user("developer"), demo.user(), chromium.new_context()
    page = context.new_page()
    page.goto(asked(demo))
    sign_in(page, developer["email"], developer["password"])
    page.get_by_role("button", name="Use another account").click()
    sign_in(page, person["email"], person["password"])
    assert person["name"] in page.locator("main").inner_text()
    decide(page)
    told = answer_in(web_app.the_only_one().target)
    assert works(demo, "server_based", told["code"], web_app.address)
    context.close()


def test_the_way_back_after_an_answer_gives_no_second_one(tab: Page, demo: Demo, web_app: Arrivals) -> None:
    tab.goto(asked(demo))
    decide(tab)
    tab.go_back()
    assert tab.locator("button[name=decision]").count() == 0 or again_harmless(tab, web_app)
    assert "glg_" not in tab.content()


def again_harmless(tab: Page, web_app: Arrivals) -> bool:
    """The question may stand there again, as a new one that must be answered anew."""
    return len(web_app.seen) == 1 and re.search(r"/oauth/v2/auth\?", tab.url) is not None


def test_an_app_that_signs_the_person_out_gets_them_back(
    chromium: Browser, demo: Demo, web_app: Arrivals
) -> None:
    """OpenID Connect RP-Initiated Logout §2: with a question where no hint came."""
    person, context = demo.user(), chromium.new_context()
    page = context.new_page()
    page.goto(f"{demo.issuer}/signin")
    sign_in(page, person["email"], person["password"])
    client = demo.client("server_based")
    target = web_app.address.replace("/callback", "/signed-out")
    query: dict[str, Any] = {
        "client_id": client["client_id"],
        "post_logout_redirect_uri": target,
        "state": "bye",
    }
    page.goto(f"{demo.issuer}/oauth/v2/logout?{urlencode(query)}")

    def sign_out() -> None:
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{target}?*")

    assert complaints_during(page, sign_out) == []
    assert web_app.the_only_one().target == "/signed-out?state=bye"
    page.goto(f"{demo.issuer}/account")
    assert page.locator("input[name=password]").count() == 1
    context.close()
