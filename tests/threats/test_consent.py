"""Consent: forged, replayed or swapped it is worth nothing, and the page says exactly what is given."""

import asyncio
import html
import re
from dataclasses import replace

import httpx2
import pytest

from grantline.clients import registration_of, set_disabled, update_client
from tests.conftest import SiteFactory
from tests.site import CALLBACK, PASSWORD, SCOPE, App, Browser, Site, answer_of, hidden_fields

pytestmark = pytest.mark.both_engines

DECISION = "/oauth/v2/auth/decision"


async def asked(site: Site, app: App, browser: Browser, **changes: str | None) -> httpx2.Response:
    """The consent page."""
    page = await browser.get("/oauth/v2/auth", params=site.request(app, **changes))
    assert 'name="decision"' in page.text, page.text[:300]
    return page


async def decide(browser: Browser, fields: dict[str, str], **options: str | None) -> httpx2.Response:
    return await browser.post(DECISION, fields, **options)  # type: ignore[arg-type]


def has_code(answer: httpx2.Response) -> bool:
    return "code=" in answer.headers.get("location", "")


async def test_T83_the_form_holds_a_handle_a_token_and_the_answer(site: Site) -> None:
    """Nothing that could be swapped: scopes, client and redirect stay on our side."""
    app = await site.app("server-based")
    page = await asked(site, app, await site.signed_in())
    form = page.text[page.text.index(f'action="{DECISION}"') :].partition("</form>")[0]
    assert set(re.findall(r'name="([^"]+)"', form)) == {"flow", "token", "decision"}
    assert app.id not in form
    assert CALLBACK not in form


async def test_T83_what_is_added_or_altered_yields_no_code(site: Site) -> None:
    """RFC 6819 §4.4.1.10."""
    app = await site.app("server-based")
    browser = await site.signed_in()
    good = {**hidden_fields(await asked(site, app, browser)), "decision": "allow"}
    other = {**hidden_fields(await asked(site, app, browser)), "decision": "allow"}
    for fields in (
        {**good, "scope": "CRM.modules.ALL"},
        {**good, "redirect_uri": "https://evil.example"},
        {**good, "account": "1"},
        {**good, "flow": other["flow"]},
        {**good, "token": other["token"]},
        {**good, "flow": "x"},
        {**good, "token": ""},
        {name: value for name, value in good.items() if name != "token"},
        {name: value for name, value in good.items() if name != "flow"},
    ):
        assert not has_code(await decide(browser, fields))
    for origin in ("https://evil.example", "null", "http://127.0.0.1:8704", None):
        assert (await decide(browser, good, origin=origin)).status_code == 403
    answer = await decide(browser, good)
    code = answer_of(answer)["code"]
    assert (await site.exchange(app, code)).json()["scope"] == SCOPE


async def test_T83_an_answer_counts_once(site: Site) -> None:
    app = await site.app("server-based")
    browser = await site.signed_in()
    fields = {**hidden_fields(await asked(site, app, browser)), "decision": "allow"}
    answers = await asyncio.gather(*(decide(browser, fields) for _ in range(10)))
    assert sum(map(has_code, answers)) == 1
    assert not has_code(await decide(browser, fields))
    refused = {**hidden_fields(await asked(site, app, browser, prompt="consent")), "decision": "deny"}
    assert answer_of(await decide(browser, refused))["error"] == "access_denied"
    assert not has_code(await decide(browser, {**refused, "decision": "allow"}))


async def test_T83_another_person_or_browser_answers_nothing(site: Site) -> None:
    """FastMCP and Dex: an approval link that worked in another browser."""
    app = await site.app("server-based")
    await site.person("tom@example.com")
    mara = await site.signed_in()
    fields = {**hidden_fields(await asked(site, app, mara)), "decision": "allow"}
    for other in (await site.signed_in("tom@example.com"), await site.signed_in(), site.browser()):
        assert (await decide(other, fields)).status_code == 403
    await mara.submit(await mara.get("/signout"), {}, path="/signout")
    assert not has_code(await decide(mara, fields))


async def test_T83_a_flow_ends_with_its_half_hour_and_with_its_app(site: Site) -> None:
    app = await site.app("server-based")
    browser = await site.signed_in()
    late = {**hidden_fields(await asked(site, app, browser)), "decision": "allow"}
    site.clock.advance(1800)
    assert (await decide(browser, late)).status_code == 403
    gone = {**hidden_fields(await asked(site, app, browser)), "decision": "allow"}
    await set_disabled(site.db, app.id, site.clock())
    assert not has_code(await decide(browser, gone))


@pytest.mark.parametrize("decision", ["", "Allow", "allow ", "yes", "true", "1"])
async def test_T83_anything_but_allow_is_no(site: Site, decision: str) -> None:
    app = await site.app("server-based")
    browser = await site.signed_in()
    fields = {**hidden_fields(await asked(site, app, browser)), "decision": decision}
    assert answer_of(await decide(browser, fields))["error"] == "access_denied"


async def comes_silently(site: Site, app: App, browser: Browser, **changes: str | None) -> bool:
    """Whether the app gets a code without a page."""
    answer = await browser.get("/oauth/v2/auth", params=site.request(app, **changes))
    return has_code(answer)


@pytest.mark.parametrize(
    ("type_name", "changes", "remembered"),
    [
        ("server-based", {}, True),
        ("server-based", {"access_type": "offline"}, False),
        ("server-based", {"scope": f"{SCOPE},CRM.modules.leads.CREATE"}, False),
        ("server-based", {"scope": "CRM.modules.ALL"}, False),
        ("client-based", {}, True),
        ("mobile", {}, False),
        ("mobile", {"redirect_uri": "http://127.0.0.1:49152/cb"}, False),
    ],
)
async def test_T85_consent_is_remembered_for_what_was_said_and_for_apps_that_can_be_told_apart(
    site: Site, type_name: str, changes: dict[str, str], remembered: bool
) -> None:
    """RFC 8252 §8.6: a private scheme or a loopback port may be anybody's."""
    app = await site.app(type_name)
    browser = await site.signed_in()
    assert has_code(await site.authorize(app, browser=browser))
    assert await comes_silently(site, app, browser, **changes) == remembered


async def test_T85_another_person_or_app_remembers_nothing(site: Site) -> None:
    app = await site.app("server-based")
    await site.authorize(app)
    await site.person("tom@example.com")
    assert not await comes_silently(site, app, await site.signed_in("tom@example.com"))
    twin = await site.app("server-based", name="Lead Desk Two")
    assert not await comes_silently(site, twin, await site.signed_in())
    assert await comes_silently(site, app, await site.signed_in())


@pytest.mark.parametrize(
    "change", [{"name": "Other Desk"}, {"redirect_uris": (CALLBACK, "https://other.example/cb")}]
)
async def test_T85_an_app_that_changed_its_name_or_host_asks_again(
    site: Site, change: dict[str, str]
) -> None:
    app = await site.app("server-based")
    browser = await site.signed_in()
    await site.authorize(app, browser=browser)
    changed = await update_client(
        site.db,
        app.client,
        replace(registration_of(app.client), **change),
        site.clock(),  # type: ignore[arg-type]
    )
    target = changed.redirect_uris[-1]
    assert not await comes_silently(site, App(changed, app.secret), browser, redirect_uri=target)


@pytest.mark.parametrize(
    ("scope", "names"),
    [
        ("crm.modules.all", {"CRM.modules.ALL"}),
        ("CRM.modules.leads.READ,CRM.MODULES.LEADS.read", {"CRM.modules.leads.READ"}),
        ("CRM.modules.leads.READ CRM.org.READ", {"CRM.modules.leads.READ", "CRM.org.READ"}),
        ("openid nonsense CRM.org.READ", {"openid", "CRM.org.READ"}),
    ],
)
async def test_T86_the_page_lists_what_the_token_gets_and_nothing_else(
    site: Site, scope: str, names: set[str]
) -> None:
    app = await site.app("server-based")
    browser = await site.signed_in()
    page = await asked(site, app, browser, scope=scope)
    words = html.unescape(re.sub(r"<[^>]+>", " ", page.text))
    for known in site.mint.catalog.scopes:
        if "." in known.name:
            assert bool(re.search(rf"(?<![\w.]){re.escape(known.name)}(?![\w.])", words)) == (
                known.name in names
            )
    answer = await decide(browser, {**hidden_fields(page), "decision": "allow"})
    told = await site.introspect(
        app, (await site.exchange(app, answer_of(answer)["code"])).json()["access_token"]
    )
    assert set(told["scope"].split()) == names


@pytest.mark.parametrize(
    "scope",
    [
        "CRM.modules.leads",
        "CRM.modules.lead\u0455.READ",
        "CRM.Modules.leadz.READ",
        "CRM.modules.leads.READ\u200b",
    ],
)
async def test_T86_look_alike_scopes_reach_no_page(site: Site, scope: str) -> None:
    app = await site.app("server-based")
    answer = await (await site.signed_in()).get("/oauth/v2/auth", params=site.request(app, scope=scope))
    assert answer.status_code in (303, 400)
    assert 'name="decision"' not in answer.text


async def test_T87_no_app_has_a_logo_and_no_page_loads_from_elsewhere(site: Site) -> None:
    """No fetch at all, so nothing reaches inside hosts; what is built later is guarded then."""
    app = await site.app("server-based", homepage_url="https://evil.example/logo.png")
    page = await asked(site, app, await site.signed_in())
    for name in ("src", "srcset", "poster", "data", "action", "formaction"):
        for target in re.findall(rf'\s{name}="([^"]+)"', page.text):
            assert target.startswith("/")
            assert not target.startswith("//")
    assert re.findall(r'<link [^>]*href="([^"]+)"', page.text)
    assert all(
        target.startswith("/static/") for target in re.findall(r'<link [^>]*href="([^"]+)"', page.text)
    )


MARK = "zz<script>\u2028\"'&#60;zz"


async def test_T88_what_a_stranger_sends_comes_back_as_text(site: Site) -> None:
    """Every field that a page shows again."""
    app = await site.app("server-based")
    browser = await site.signed_in()
    fresh = site.browser()
    signin = await fresh.get("/signin")
    pages = [
        await fresh.submit(signin, {"email": MARK, "password": "x"}, path="/signin"),
        await fresh.get("/oauth/v2/auth", params=site.request(app, login_hint=MARK)),
        await fresh.get("/oauth/v2/auth", params=site.request(app, redirect_uri="https://evil.example/<x>'")),
        await fresh.get("/oauth/v2/auth", params={"client_id": "<script>'"}),
        await fresh.get("/device", params={"user_code": MARK}),
        await fresh.submit(await fresh.get("/device"), {"user_code": MARK}, path="/oauth/v3/device"),
        await browser.get("/console/activity", params={"request_id": MARK}),
        await browser.get("/console/clients/new", params={"type": MARK}),
        await fresh.get("/errors/zz<x>"),
        await fresh.get("/oauth/v2/logout", params={"post_logout_redirect_uri": "https://evil.example/<x>"}),
    ]
    for page in pages:
        assert page.status_code < 500
        assert "<script>" not in page.text
        assert "zz<" not in page.text
        assert "<x>" not in page.text
        assert "on" + "error=" not in page.text
    assert "zz&lt;script&gt;" in pages[0].text


async def test_T88_user_agents_are_told_in_our_own_words(site: Site) -> None:
    browser = site.browser()
    browser.http.headers["User-Agent"] = "Chrome/1 <script>alert(1)</script> Linux"
    await browser.sign_in()
    page = await browser.get("/account/sessions")
    assert "Chrome on Linux" in page.text
    assert "script" not in page.text


async def test_T84_a_refused_page_shares_nothing(site: Site) -> None:
    """The error page for what must not be redirected offers no answer buttons and no way on."""
    app = await site.app("server-based")
    browser = await site.signed_in()
    page = await browser.get("/oauth/v2/auth", params=site.request(app, redirect_uri="https://evil.example"))
    assert page.status_code == 400
    assert "decision" not in page.text
    assert 'href="https://evil.example' not in page.text


@pytest.mark.parametrize("flow", ["", "x", "0" * 32])
async def test_T80_there_is_no_address_to_go_on_to(site: Site, flow: str) -> None:
    """Where to go after sign-in is a row of ours, never a parameter."""
    evil = (
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/%09/evil.example",
        "\\\\evil.example",
    )
    names = ("next", "return_to", "returnTo", "redirect", "callbackURL", "continue", "url", "rd", "ReturnUrl")
    browser = site.browser()
    for target in evil:
        query = dict.fromkeys(names, target) | {"flow": flow}
        page = await browser.get("/signin", params=query)
        assert "evil" not in page.text
        fields = {**hidden_fields(page), "email": "mara@example.com", "password": PASSWORD}
        for name in names[:3]:
            assert (await browser.post("/signin", {**fields, name: target})).status_code == 400
    done = await browser.post("/signin", {**fields, "flow": "//evil.example"})
    assert done.headers["location"] == "/account"
    signed = await site.signed_in()
    for path in (
        "/signin",
        "/signout",
        "/account",
        "/console",
        "/oauth/v2/auth/continue",
        "/oauth/v3/device/confirm",
    ):
        answer = await signed.get(path, params=dict.fromkeys((*names, "flow"), "//evil.example"))
        assert "evil" not in answer.headers.get("location", "")


async def test_T85_the_own_self_client_needs_no_page_and_nobody_elses_gets_one(site: Site) -> None:
    app = await site.app("self-client")
    page = await (await site.signed_in()).get(
        "/oauth/v2/auth", params={"client_id": app.id, "response_type": "code", "scope": SCOPE}
    )
    assert page.status_code == 400


async def test_T136_a_browser_keeps_twenty_flows_and_the_oldest_goes(site: Site) -> None:
    app = await site.app("server-based")
    browser = await site.signed_in()
    first = await asked(site, app, browser)
    for _ in range(30):
        site.clock.advance(1)
        await asked(site, app, browser)
    row = await site.db.one("SELECT COUNT(*) FROM pending_flows")
    assert row[0] <= 20
    assert (await decide(browser, {**hidden_fields(first), "decision": "allow"})).status_code == 403


async def test_T136_a_stranger_without_cookies_makes_no_more_rows_than_the_limit(
    open_a_site: SiteFactory,
) -> None:
    async with open_a_site(limits="1", trusted_proxies="127.0.0.0/8") as site:
        app = await site.app("server-based")
        statuses = []
        for number in range(200):
            headers = {"X-Forwarded-For": f"2001:db8:7:1::{number:x}"}
            statuses.append(
                (
                    await site.call("GET", "/oauth/v2/auth", params=site.request(app), headers=headers)
                ).status_code
            )
        assert statuses == [200] * 120 + [429] * 80
        row = await site.db.one("SELECT COUNT(*) FROM pending_flows")
        assert row[0] == 120
