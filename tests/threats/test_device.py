"""The device flow: links, forged approvals, two people, brute force, polls (T60–T66)."""

import asyncio
from collections import Counter
from typing import Any

import httpx2
import pytest

from grantline.tokens.device_codes import USER_CODE_LENGTH, USER_CODE_LETTERS, WRONG_USER_CODES
from grantline.web.pages.device import PER_BROWSER, PER_NETWORK
from tests.conftest import SiteFactory
from tests.site import CHALLENGE, SCOPE, VERIFIER, App, Browser, Site, hidden_fields

pytestmark = pytest.mark.both_engines

ENTER, DECIDE = "/oauth/v3/device", "/oauth/v3/device/decision"


async def enter(browser: Browser, user_code: str) -> httpx2.Response:
    return await browser.submit(await browser.get("/device"), {"user_code": user_code}, path=ENTER)


async def question(browser: Browser, user_code: str) -> httpx2.Response:
    sent = await enter(browser, user_code)
    assert sent.status_code == 303, sent.text[:300]
    return await browser.get(sent.headers["location"])


async def status_of(site: Site, app: App) -> list[str]:
    rows = await site.db.all("SELECT status FROM device_codes WHERE client_id = $1", app.id)
    return [row[0] for row in rows]


async def test_T60_the_question_names_app_scopes_and_where_the_device_started(site: Site) -> None:
    """RFC 8628 §5.4: what a person needs to tell their own device from a stranger's."""
    app = await site.app("non-browser")
    site.peer = "203.0.113.9"
    started = await site.device_start(app)
    site.peer = "198.51.100.7"
    browser = await site.signed_in()
    page = await question(browser, started["user_code"])
    for shown in (app.client.name, SCOPE, "203.0.113.9", "198.51.100.7", started["user_code"]):
        assert shown in page.text.replace("<wbr>", "")
    assert "from another network" in page.text
    assert page.text.count('name="decision"') >= 2
    assert "autofocus" not in page.text
    denied = await browser.submit(page, {"decision": "deny"}, path=DECIDE)
    assert denied.status_code == 200
    assert (await site.device_poll(app, started["device_code"])).json()["error"] == "access_denied"
    events = await site.db.all("SELECT kind, detail FROM audit WHERE kind = 'device.refused'")
    assert "203.0.113.9" in events[0][1]


async def test_T60_an_old_sign_in_is_asked_for_the_password_first(site: Site) -> None:
    app, browser = await site.app("non-browser"), await site.signed_in()
    site.clock.advance(901)
    started = await site.device_start(app)
    page = await enter(browser, started["user_code"])
    assert 'name="password"' in page.text
    flow = hidden_fields(page)["flow"]
    assert 'name="password"' in (await browser.get(f"{ENTER}/confirm", params={"flow": flow})).text
    assert await status_of(site, app) == ["pending"]


async def test_T61_a_link_with_the_code_fills_a_form_and_does_nothing(site: Site) -> None:
    """RFC 8628 §3.3.1: neither for who is signed in nor for who once allowed the same app."""
    app, browser = await site.app("non-browser"), await site.signed_in()
    await site.device_tokens(app)
    started = await site.device_start(app)
    before = await site.db.all("SELECT * FROM device_codes")
    link = started["verification_uri_complete"].partition("8700")[2]
    for path in (link, f"{ENTER}?user_code={started['user_code']}", f"{link}&decision=allow"):
        page = await browser.get(path)
        assert page.status_code == 200
        assert 'name="decision"' not in page.text
    assert [tuple(row) for row in await site.db.all("SELECT * FROM device_codes")] == [
        tuple(one) for one in before
    ]
    assert (await site.device_poll(app, started["device_code"])).json()["error"] == "authorization_pending"


async def test_T61_no_approval_without_a_question_that_was_shown(site: Site) -> None:
    """RFC 8628 §5.4: the first POST, a made-up one, one with another form's token."""
    app, browser = await site.app("non-browser"), await site.signed_in()
    started = await site.device_start(app)
    enter_token = hidden_fields(await browser.get("/device"))["token"]
    sent = await enter(browser, started["user_code"])
    flow = sent.headers["location"].partition("flow=")[2]
    for token in ("", enter_token, "x"):
        forged = await browser.post(DECIDE, {"flow": flow, "decision": "allow", "token": token})
        assert forged.status_code == 403
    consent = await browser.get("/oauth/v2/auth", params=site.request(await site.app("server-based")))
    swapped = await browser.post(DECIDE, {**hidden_fields(consent), "decision": "allow"})
    assert swapped.status_code == 403
    assert await status_of(site, app) == ["pending"]
    page = await browser.get(sent.headers["location"])
    for origin in ("https://evil.example", "http://127.0.0.1:8704", None):
        answer = await browser.post(DECIDE, {**hidden_fields(page), "decision": "allow"}, origin=origin)
        assert answer.status_code == 403
    assert (await browser.submit(page, {"decision": "allow"}, path=DECIDE)).status_code == 200
    assert await status_of(site, app) == ["approved"]


async def test_T62_only_who_opened_a_code_decides_it(site: Site) -> None:
    app = await site.app("non-browser")
    await site.person("tom@example.com")
    mara, same, tom = await site.signed_in(), await site.signed_in(), await site.signed_in("tom@example.com")
    started = await site.device_start(app)
    page = await question(mara, started["user_code"])
    for other in (tom, same):
        sent = await enter(other, started["user_code"])
        late = await other.get(sent.headers["location"])
        assert late.status_code == 404
        assert 'name="decision"' not in late.text
        stolen = await other.post(DECIDE, {**hidden_fields(page), "decision": "allow"})
        assert stolen.status_code == 403
    assert await status_of(site, app) == ["pending"]
    await mara.submit(page, {"decision": "allow"}, path=DECIDE)
    tokens = (await site.device_poll(app, started["device_code"])).json()
    row = await site.db.one("SELECT account_id FROM authorizations WHERE client_id = $1", app.id)
    assert row[0] == site.account.id
    assert await site.works(tokens["access_token"])


async def test_T62_of_many_who_open_a_code_at_once_one_is_asked(site: Site) -> None:
    app = await site.app("non-browser")
    started = await site.device_start(app)
    browsers = [await site.signed_in() for _ in range(6)]
    asked = await asyncio.gather(*(question(one, started["user_code"]) for one in browsers))
    assert Counter(page.status_code for page in asked) == {200: 1, 404: 5}


async def test_T62_a_decision_is_made_once(site: Site) -> None:
    app, browser = await site.app("non-browser"), await site.signed_in()
    started = await site.device_start(app)
    page = await question(browser, started["user_code"])
    await browser.submit(page, {"decision": "deny"}, path=DECIDE)
    again = await browser.submit(page, {"decision": "allow"}, path=DECIDE)
    assert again.status_code in (400, 403)
    assert await status_of(site, app) == ["denied"]


async def test_T62_an_account_that_was_disabled_after_allowing_yields_nothing(site: Site) -> None:
    from grantline.accounts import disable_account

    app = await site.app("non-browser")
    started = await site.device_start(app)
    await site.device_decide(started["user_code"], "allow")
    await disable_account(site.db, site.account.id, site.clock())
    assert (await site.device_poll(app, started["device_code"])).json()["error"] == "access_denied"


def wrong_codes(count: int) -> list[str]:
    """Codes of the right form that nobody waits with."""
    letters = USER_CODE_LETTERS
    return [letters[0] * 6 + letters[n // 20 % 20] + letters[n % 20] for n in range(count)]


async def test_T63_the_sixth_wrong_code_of_a_browser_and_the_eleventh_of_a_network_wait(
    open_a_site: SiteFactory,
) -> None:
    """RFC 8628 §5.1."""
    async with open_a_site(limits="1") as site:
        site.peer = "203.0.113.9"
        first = site.browser()
        statuses = [(await enter(first, code)).status_code for code in wrong_codes(6)]
        assert statuses == [400] * 5 + [429]
        others = [(await enter(site.browser(), code)).status_code for code in wrong_codes(6)]
        assert others.count(400) in (4, 5)
        assert others[-1] == 429
        site.peer = "203.0.113.10"
        assert (await enter(site.browser(), wrong_codes(1)[0])).status_code == 400
        site.clock.advance(600)
        site.peer = "203.0.113.9"
        assert (await enter(first, wrong_codes(1)[0])).status_code == 400


async def test_T63_guessing_from_everywhere_lengthens_new_codes_and_shuts_nobody_out(
    open_a_site: SiteFactory,
) -> None:
    async with open_a_site(limits="1") as site:
        app = await site.app("non-browser")
        site.clock.advance(1)
        await site.db.run(
            "INSERT INTO attempts (subject, started_at, count, last_at) VALUES ($1, $2, $3, $2)",
            f"{WRONG_USER_CODES.name}:all",
            site.clock(),
            WRONG_USER_CODES.count - 1,
        )
        assert len((await site.device_start(app))["user_code"]) == USER_CODE_LENGTH + 1
        assert (await enter(site.browser(), wrong_codes(1)[0])).status_code == 400
        longer = await site.device_start(app)
        assert len(longer["user_code"]) == USER_CODE_LENGTH + 3
        await site.device_decide(longer["user_code"], "allow")
        assert (await site.device_poll(app, longer["device_code"])).status_code == 200


def test_T63_at_full_legal_speed_nobody_is_likely_to_hit_a_code() -> None:
    """Ten live codes, and all the wrong ones that come before new codes grow: below 2^-20 an hour."""
    space = len(USER_CODE_LETTERS) ** USER_CODE_LENGTH
    assert WRONG_USER_CODES.count * 10 / space < 2**-20
    assert space > 2**34
    assert (PER_BROWSER.count, PER_NETWORK.count) == (5, 10)


async def test_T63_unknown_used_and_expired_codes_look_alike(site: Site) -> None:
    app, browser = await site.app("non-browser"), await site.signed_in()
    used, old = await site.device_start(app), await site.device_start(app)
    await site.device_decide(used["user_code"], "deny", browser=browser)
    site.clock.advance(600)
    fresh = await site.signed_in()
    pages = [
        await enter(fresh, code)
        for code in (used["user_code"], old["user_code"], "BBBB-BBBB", "nonsense", "")
    ]
    assert {page.status_code for page in pages} == {400}
    assert all("No device waits with this code" in page.text for page in pages)


async def test_T64_polls_are_slowed_bound_to_their_client_and_end_with_the_decision(site: Site) -> None:
    """RFC 8628 §3.5, at both addresses alike."""
    app = await site.app("non-browser")
    started = await site.device_start(app)

    async def vendor_poll() -> httpx2.Response:
        form = {**app.credentials, "grant_type": "device_token", "code": started["device_code"]}
        return await site.post("/oauth/v3/device/token", form)

    assert (await vendor_poll()).json()["error"] == "authorization_pending", "the first is never too early"
    assert (await site.device_poll(app, started["device_code"])).json()["error"] == "slow_down"
    site.clock.advance(5)
    assert (await vendor_poll()).json()["error"] == "slow_down"
    site.clock.advance(15)
    assert (await vendor_poll()).json()["error"] == "authorization_pending"
    await site.device_decide(started["user_code"], "allow")
    both = await asyncio.gather(vendor_poll(), site.device_poll(app, started["device_code"]))
    assert Counter(one.status_code for one in both) == {200: 1, 400: 1}
    assert (await vendor_poll()).json()["error"] == "invalid_grant"


async def test_T64_a_challenge_that_came_with_the_start_is_due_at_the_poll(site: Site) -> None:
    """RFC 7636 §4.6."""
    app = await site.app("non-browser")
    started = await site.device_start(app, code_challenge=CHALLENGE, code_challenge_method="S256")
    plain = await site.device_start(app)
    for code in (started, plain):
        await site.device_decide(code["user_code"], "allow")
    for verifier in (None, "x" * 43, CHALLENGE):
        more: dict[str, Any] = {"code_verifier": verifier} if verifier else {}
        assert (await site.device_poll(app, started["device_code"], **more)).json()[
            "error"
        ] == "invalid_grant"
    unasked = await site.device_poll(app, plain["device_code"], code_verifier=VERIFIER)
    assert unasked.json()["error"] == "invalid_grant"
    right = await site.device_poll(app, started["device_code"], code_verifier=VERIFIER)
    assert right.status_code == 200


async def test_T65_a_poll_yields_what_was_shown_and_nothing_that_it_names(site: Site) -> None:
    app = await site.app("non-browser")
    started = await site.device_start(app)
    await site.device_decide(started["user_code"], "allow")
    more = {"scope": "CRM.modules.ALL", "access_type": "offline", "account_id": "1", "user_code": "x"}
    tokens = (await site.device_poll(app, started["device_code"], **more)).json()
    assert tokens["scope"] == SCOPE
    told = await site.refresh(app, tokens["refresh_token"], scope="CRM.modules.ALL")
    assert told.json()["error"] == "invalid_scope"


async def test_T65_a_person_who_removes_the_app_before_the_poll_is_heard(site: Site) -> None:
    from grantline.consent import remove_access

    app = await site.app("non-browser")
    started = await site.device_start(app)
    await site.device_decide(started["user_code"], "allow")
    await remove_access(site.db, site.account.id, app.id, "test", site.clock())
    assert (await site.device_poll(app, started["device_code"])).json()["error"] == "access_denied"


@pytest.mark.parametrize(
    "agent",
    [
        "<b>Grantline Support</b>",
        '"><script>alert(1)</script>',
        "Grantline security desk, " * 20,
        "\u202eevil",
    ],
)
async def test_T66_what_the_device_calls_itself_is_quoted_short_and_inert(site: Site, agent: str) -> None:
    """RFC 8628 §5.4: the app's name comes first, and the device's own words are marked as such."""
    app, browser = await site.app("non-browser"), await site.signed_in()
    headers = {b"User-Agent": agent.encode()}
    form = {"client_id": app.id, "scope": SCOPE}
    started = (await site.post("/oauth/v3/device/code", form, headers=headers)).json()
    page = await question(browser, started["user_code"])
    assert "<b>Grantline" not in page.text
    assert "<script>" not in page.text
    assert "\u202e" not in page.text
    assert page.text.count("Grantline security desk") <= 2
    assert page.text.index(app.client.name) < page.text.index("calls itself")
