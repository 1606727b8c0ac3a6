"""A device whose person lives in another data center: the wish crosses by a signed message or not at all,
once, and without anything of the person or the device's place (B7, T60–T64)."""

import json
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from grantline.crossing import NotTaken
from grantline.crossing.devices import KIND
from grantline.datacenters import ADDRESS
from grantline.tokens import (
    DeviceCode,
    find_by_user_code,
    find_device_code,
    give_back_device_code,
    hand_over_device_code,
    hash_user_code,
    keep_device_code_for,
    read_user_code,
    take_over_device_code,
)
from tests.centers import Sites
from tests.site import CHALLENGE, DEVICE_GRANT, SCOPE, VERIFIER, App, Browser, Site, hidden_fields
from tests.threats.test_data_centers_people import ELSEWHERE, EU, go_to, offered, shared, words

ENTER, DECIDE = "/oauth/v3/device", "/oauth/v3/device/decision"
MEMBERS = {
    "client_id",
    "device_code_hash",
    "user_code",
    "scope",
    "asked_scope",
    "resources",
    "refresh_token",
    "code_challenge",
    "created_at",
    "expires_at",
    "interval",
}


async def device_app(sites: Sites, *, vendor: bool = True, **changes: Any) -> App:
    """A device's app of us that works in eu, too; by the vendor's wire or not."""
    return await shared(sites, "non-browser", vendor_compatible=vendor, **changes)


async def entered(browser: Browser, user_code: str) -> httpx2.Response:
    """The sign-in page after the code was entered."""
    return await browser.submit(await browser.get("/device"), {"user_code": user_code}, path=ENTER)


async def handed_over(sites: Sites, started: dict[str, Any]) -> httpx2.Response:
    """The person enters the code at us, and says that they live in eu."""
    browser = sites["us"].browser()
    return await go_to(browser, await entered(browser, started["user_code"]))


async def question(site: Site, user_code: str, browser: Browser) -> httpx2.Response:
    """Enter the code, sign in if asked; the question."""
    page = await entered(browser, user_code)
    if 'name="password"' in page.text:
        page = await browser.sign_in(page)
    return await browser.get(page.headers["location"])


async def decided(site: Site, user_code: str, decision: str = "allow") -> httpx2.Response:
    """A person of this data center enters the code, signs in and decides."""
    browser = site.browser()
    page = await question(site, user_code, browser)
    return await browser.submit(page, {"decision": decision}, path=DECIDE)


async def poll(site: Site, app: App, started: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A device's poll, by the vendor's address where the app has its switch on."""
    code = started["device_code"]
    if app.client.vendor_compatible:
        fields = {"grant_type": "device_token", "code": code, "client_id": app.id, **changes}
        answer = await site.post("/oauth/v3/device/token", fields)
    else:
        answer = await site.post(
            "/oauth/v2/token",
            {"grant_type": DEVICE_GRANT, "device_code": code, "client_id": app.id, **changes},
        )
    members: dict[str, Any] = answer.json()
    return members


def wishes(sites: Sites) -> list[dict[str, Any]]:
    """The devices' wishes that crossed."""
    bodies = [json.loads(body) for _, body in sites.wires.passed]
    return [body for body in bodies if "device_code_hash" in body]


async def status_at(site: Site) -> list[tuple[str, str, str]]:
    rows = await site.db.all("SELECT status, user_location, started_in FROM device_codes")
    return [(row[0], row[1], row[2]) for row in rows]


async def test_the_device_goes_on_polling_where_its_person_lives(sites: Sites) -> None:
    """B7: `other_dc` with `user_location`, then the same code works there."""
    app = await device_app(sites)
    us, eu = sites["us"], sites["eu"]
    started = await us.device_start(app, access_type="offline")
    assert (await poll(us, app, started))["error"] == "authorization_pending"
    there = await handed_over(sites, started)
    assert there.status_code == 303, there.text[:500]
    assert there.headers["location"] == f"{EU}/device?user_code={started['user_code']}"
    told = await poll(us, app, started)
    assert told == {"error": "other_dc", "user_location": "eu", "expected_issuer": EU}
    assert (await poll(eu, app, started))["error"] == "authorization_pending"
    filled = await eu.browser().get(there.headers["location"].removeprefix(EU))
    assert f'value="{started["user_code"]}"' in filled.text
    assert (await decided(eu, started["user_code"])).status_code == 200
    sites.clock.advance(40)
    tokens = await poll(eu, app, started)
    assert tokens["access_token"].startswith("gla_eu_")
    assert tokens["refresh_token"].startswith("glr_eu_")
    assert tokens["api_domain"] == eu.mint.home.api_domain
    assert await eu.works(tokens["access_token"])
    assert (await poll(us, app, started))["error"] == "other_dc"
    assert (await poll(eu, app, started))["error"] == "invalid_code", "once"


async def test_other_apps_are_refused_and_told_where_to_start_again(sites: Sites) -> None:
    """Nothing crosses; the page says what happens next."""
    app = await device_app(sites, vendor=False)
    us, eu = sites["us"], sites["eu"]
    started = await us.device_start(app)
    crossed = len(sites.wires.passed)
    page = await handed_over(sites, started)
    assert page.status_code == 200
    for said in ("Start again on the device", f"{EU}/device", "Europe", app.client.name):
        assert said in words(page)
    assert len(sites.wires.passed) == crossed
    refused = await poll(us, app, started)
    assert (refused["error"], refused["grantline_code"]) == ("access_denied", "device_elsewhere")
    assert refused["expected_issuer"] == EU
    assert "the Europe data center" in refused["error_description"]
    assert "user_location" not in refused
    assert await status_at(eu) == []
    again = await eu.device_start(app)
    assert (await decided(eu, again["user_code"])).status_code == 200
    assert "access_token" in await poll(eu, app, again)


async def test_nothing_of_person_or_place_crosses_with_the_wish(sites: Sites) -> None:
    app = await device_app(sites)
    us = sites["us"]
    us.peer = "203.0.113.9"
    headers = {"user-agent": "Unmistakable TV 1.0"}
    answer = await us.post("/oauth/v3/device/code", {"client_id": app.id, "scope": SCOPE}, headers=headers)
    started = answer.json()
    us.peer = "198.51.100.77"
    await handed_over(sites, started)
    (wish,) = wishes(sites)
    assert wish.keys() == MEMBERS
    crossed = b"".join(body for _, body in sites.wires.passed).decode()
    for secret in ("203.0.113.9", "198.51.100.77", "Unmistakable", started["device_code"], "mara@"):
        assert secret not in crossed
    row = await sites["eu"].db.one("SELECT network, user_agent FROM device_codes")
    assert tuple(row) == ("", "")


async def test_T60_the_question_says_that_the_device_asked_elsewhere(sites: Sites) -> None:
    app = await device_app(sites)
    started = await sites["us"].device_start(app)
    await handed_over(sites, started)
    page = await question(sites["eu"], started["user_code"], sites["eu"].browser())
    assert "The device asked in United States, and where it is was not passed on." in words(page)
    assert app.client.name in page.text
    assert SCOPE in page.text.replace("<wbr>", "")


async def test_T61_the_link_there_only_fills_the_form(sites: Sites) -> None:
    app = await device_app(sites)
    started = await sites["us"].device_start(app)
    link = (await handed_over(sites, started)).headers["location"].removeprefix(EU)
    page = await (await sites["eu"].signed_in()).get(link)
    assert 'name="decision"' not in page.text
    assert await status_at(sites["eu"]) == [("pending", "", "us")]


async def test_T62_nobody_decides_here_any_more_once_it_is_handed_over(sites: Sites) -> None:
    app = await device_app(sites)
    us, eu = sites["us"], sites["eu"]
    started = await us.device_start(app)
    waiting = us.browser()
    late = await entered(waiting, started["user_code"])
    await handed_over(sites, started)
    assert "No device waits with this code" in words(await entered(us.browser(), started["user_code"]))
    late = await waiting.get((await waiting.sign_in(late)).headers["location"])
    assert "No device waits with this code" in words(late)
    assert await status_at(us) == [("elsewhere", "eu", "")]
    await decided(eu, started["user_code"], "deny")
    assert (await poll(eu, app, started))["error"] == "access_denied"


async def test_T62_who_claimed_the_code_decides_where_it_goes_on(sites: Sites) -> None:
    app = await device_app(sites)
    us = sites["us"]
    started = await us.device_start(app)
    theirs, other = await us.signed_in(), us.browser()
    page = await question(us, started["user_code"], theirs)
    assert 'name="decision"' in page.text
    stolen = await go_to(other, await entered(other, started["user_code"]))
    assert stolen.status_code == 404
    assert not wishes(sites)
    assert (await theirs.submit(page, {"decision": "allow"}, path=DECIDE)).status_code == 200
    assert (await entered(us.browser(), started["user_code"])).status_code == 400


async def test_T62_the_claimer_asks_for_another_account_and_goes_on_in_eu(sites: Sites) -> None:
    app = await device_app(sites)
    us = sites["us"]
    started = await us.device_start(app)
    browser = await us.signed_in()
    page = await question(us, started["user_code"], browser)
    page = await browser.submit(page, {"decision": "switch"}, path=DECIDE)
    assert offered(page) == ["eu"]
    assert (await go_to(browser, page)).status_code == 303
    assert await status_at(us) == [("elsewhere", "eu", "")]


async def test_T64_the_challenge_holds_over_there(sites: Sites) -> None:
    app = await device_app(sites)
    us, eu = sites["us"], sites["eu"]
    started = await us.device_start(app, code_challenge=CHALLENGE, code_challenge_method="S256")
    await handed_over(sites, started)
    await decided(eu, started["user_code"])
    assert (await poll(eu, app, started))["error"] == "invalid_code"
    assert (await poll(eu, app, started, code_verifier="x" * 43))["error"] == "invalid_code"
    assert "access_token" in await poll(eu, app, started, code_verifier=VERIFIER)


async def test_T64_another_client_gets_nothing_for_a_code_that_was_handed_over(sites: Sites) -> None:
    app = await device_app(sites)
    other = await device_app(sites, name="Other TV")
    started = await sites["us"].device_start(app)
    await handed_over(sites, started)
    await decided(sites["eu"], started["user_code"])
    assert (await poll(sites["eu"], other, started))["error"] == "invalid_code"
    assert "access_token" in await poll(sites["eu"], app, started)


async def test_the_code_lives_there_no_longer_than_here(sites: Sites) -> None:
    app = await device_app(sites)
    started = await sites["us"].device_start(app)
    sites.clock.advance(200)
    await handed_over(sites, started)
    sites.clock.advance(101)
    assert "No device waits" in words(await entered(sites["eu"].browser(), started["user_code"]))
    assert (await poll(sites["eu"], app, started))["error"] == "expired"


async def test_an_app_that_does_not_work_there_keeps_its_device_here(sites: Sites) -> None:
    us = sites["us"]
    app = await us.app("non-browser", data_centers=("us",), vendor_compatible=True)
    started = await us.device_start(app)
    browser = us.browser()
    page = await entered(browser, started["user_code"])
    assert offered(page) == []
    assert f"{app.client.name} is not available in Europe." in words(page)
    assert (await go_to(browser, page)).status_code == 400
    assert await status_at(us) == [("pending", "", "")]


async def test_while_the_other_data_center_does_not_answer_nothing_is_lost(sites: Sites) -> None:
    app = await device_app(sites)
    us, eu = sites["us"], sites["eu"]
    started = await us.device_start(app)
    sites.wires.cut = {"eu"}
    browser = us.browser()
    page = await go_to(browser, await entered(browser, started["user_code"]))
    assert (page.status_code, page.headers["retry-after"]) == (503, "10")
    assert "Europe does not answer" in words(page)
    assert await status_at(us) == [("pending", "", "")]
    assert (await poll(us, app, started))["error"] == "authorization_pending"
    sites.wires.cut = set()
    assert (await go_to(browser, page)).status_code == 303, "the page's own button tries again"
    assert await status_at(eu) == [("pending", "", "us")]


async def test_after_a_try_that_nobody_answered_the_code_can_be_used_here(sites: Sites) -> None:
    app = await device_app(sites)
    started = await sites["us"].device_start(app)
    sites.wires.cut = {"eu"}
    assert (await handed_over(sites, started)).status_code == 503
    assert (await decided(sites["us"], started["user_code"])).status_code == 200
    assert "access_token" in await poll(sites["us"], app, started)


async def test_a_lost_answer_lets_nobody_decide_twice_and_the_next_try_succeeds(sites: Sites) -> None:
    """The wish arrived, its answer was lost: until it is known the code is nobody's here (T64)."""
    app = await device_app(sites)
    us, eu = sites["us"], sites["eu"]
    started = await us.device_start(app)
    sites.wires.lose_answers_of = KIND
    browser = us.browser()
    page = await go_to(browser, await entered(browser, started["user_code"]))
    assert page.status_code == 503
    sites.wires.lose_answers_of = ""
    assert (await status_at(us), await status_at(eu)) == ([("pending", "eu", "")], [("pending", "", "us")])
    mine = await us.signed_in()
    sent = await entered(mine, started["user_code"])
    assert (await mine.get(sent.headers["location"])).status_code == 404
    assert (await go_to(browser, page)).status_code == 303
    assert len(await status_at(eu)) == 1
    assert (await poll(us, app, started))["error"] == "other_dc"


async def test_T64_a_question_that_is_still_open_decides_nothing_once_the_code_is_on_its_way(
    sites: Sites,
) -> None:
    """The claimer's own other tab sent it to eu, and nobody knows whether it arrived."""
    app = await device_app(sites)
    us = sites["us"]
    started = await us.device_start(app)
    browser = await us.signed_in()
    open_question = await question(us, started["user_code"], browser)
    flow = hidden_fields(open_question)["flow"]
    sites.wires.lose_answers_of = KIND
    other_tab = await browser.get("/signin", params={"flow": flow})
    assert (await go_to(browser, other_tab)).status_code == 503
    late = await browser.submit(open_question, {"decision": "allow"}, path=DECIDE)
    assert late.status_code == 404
    assert await status_at(us) == [("pending", "eu", "")]


async def test_T64_a_refusal_after_a_lost_answer_gives_nothing_back(sites: Sites) -> None:
    """The first wish arrived, so the code may live there: it stays kept here until its time is over."""
    app = await device_app(sites)
    us, eu = sites["us"], sites["eu"]
    started = await us.device_start(app)
    sites.wires.lose_answers_of = KIND
    browser = us.browser()
    page = await go_to(browser, await entered(browser, started["user_code"]))
    sites.wires.lose_answers_of = ""
    await eu.db.run("UPDATE clients SET disabled_at = 1 WHERE id = $1", app.id)
    assert (await go_to(browser, page)).status_code == 503
    assert await status_at(us) == [("pending", "eu", "")]


async def test_what_the_other_data_center_refuses_stays_here(sites: Sites) -> None:
    app = await device_app(sites)
    us, eu = sites["us"], sites["eu"]
    started = await us.device_start(app)
    await eu.db.run("UPDATE clients SET disabled_at = 1 WHERE id = $1", app.id)
    page = await handed_over(sites, started)
    assert page.status_code == 503
    assert "Europe did not take" in words(page)
    assert await status_at(us) == [("pending", "", "")]
    assert await status_at(eu) == []
    assert (await decided(us, started["user_code"])).status_code == 200


async def sent(sites: Sites, body: dict[str, Any], by: str = "us", to: str = "eu") -> str:
    """Send a wish as this data center; the reason why it is refused, or nothing."""
    sender = sites.sender(by)
    center = sites[by].mint.data_centers.find(to)
    try:
        await sender.send(center, KIND, body)
    except NotTaken as refused:
        return refused.reason
    return ""


async def a_wish(sites: Sites, app: App) -> dict[str, Any]:
    """A wish that is in order and has not been sent."""
    return {
        "client_id": app.id,
        "device_code_hash": "ab" * 32,
        "user_code": "BCDFGHJK",
        "scope": [SCOPE],
        "asked_scope": [SCOPE],
        "resources": [],
        "refresh_token": True,
        "code_challenge": "",
        "created_at": sites.clock(),
        "expires_at": sites.clock() + 300,
        "interval": 30,
    }


async def test_a_wish_is_taken_once_and_the_same_again_changes_nothing(sites: Sites) -> None:
    app = await device_app(sites)
    wish = await a_wish(sites, app)
    assert await sent(sites, wish) == ""
    assert await sent(sites, wish) == ""
    assert await status_at(sites["eu"]) == [("pending", "", "us")]
    await decided(sites["eu"], wish["user_code"])
    assert await sent(sites, wish) == "", "and does not wake what was decided"
    assert await status_at(sites["eu"]) == [("approved", "", "us")]
    taken = {**wish, "device_code_hash": "cd" * 32}
    assert await sent(sites, taken) == "a code of another device"
    assert await sent(sites, {**wish, "user_code": "ZXWVTSRQ"}) == "a code of another device"


async def test_T109_a_replayed_wish_is_refused(sites: Sites) -> None:
    app = await device_app(sites)
    await handed_over(sites, await sites["us"].device_start(app))
    address, body = next(one for one in sites.wires.passed if b"device_code_hash" in one[1])
    assert address == EU + ADDRESS
    token = sites.wires.tokens[body]
    answer = await sites["eu"].call("POST", ADDRESS, content=body, headers={"grantline-message": token})
    assert (answer.status_code, answer.json()["reason"]) == (403, "a replay")


async def test_T109_a_wish_for_an_app_that_does_not_work_on_both_sides_is_refused(sites: Sites) -> None:
    us, eu = sites["us"], sites["eu"]
    app = await device_app(sites)
    wish = await a_wish(sites, app)
    theirs = await eu.app("non-browser", data_centers=("eu",))
    assert await sent(sites, {**wish, "client_id": theirs.id}) == "an app that does not work at the sender"
    here = await us.app("non-browser", name="Here alone", data_centers=("us",))
    assert await sent(sites, {**wish, "client_id": here.id}) == "an app that does not work here"
    web = await shared(sites, "server-based")
    assert await sent(sites, {**wish, "client_id": web.id}) == "an app that does not work here"
    assert await sent(sites, {**wish, "client_id": "x"}) == "an app that does not work here"
    await eu.db.run("UPDATE clients SET disabled_at = 1 WHERE id = $1", app.id)
    assert await sent(sites, wish) == "an app that does not work here"
    assert await status_at(eu) == []
    refused = await eu.db.all("SELECT detail FROM audit WHERE kind = 'message.refused'")
    assert len(refused) == 5


async def test_T109_the_app_of_the_receiver_may_have_begun_at_the_sender(sites: Sites) -> None:
    """Somebody of us enters a code that the device got in eu."""
    app = await device_app(sites)
    started = await sites["eu"].device_start(app)
    browser = sites["eu"].browser()
    there = await go_to(browser, await entered(browser, started["user_code"]), "us")
    assert there.headers["location"].startswith(f"{sites['us'].issuer}/device?")
    assert (await poll(sites["eu"], app, started))["user_location"] == "us"
    await decided(sites["us"], started["user_code"])
    assert (await poll(sites["us"], app, started))["access_token"].startswith("gla_us_")


@pytest.mark.parametrize("without", sorted(MEMBERS))
async def test_T109_a_wish_without_one_of_its_members_is_refused(sites: Sites, without: str) -> None:
    app = await device_app(sites)
    wish = await a_wish(sites, app)
    del wish[without]
    assert await sent(sites, wish) == "a device that is not well-formed"


async def test_T109_a_wish_that_cannot_be_meant_is_refused(sites: Sites) -> None:
    app = await device_app(sites)
    wish, now = await a_wish(sites, app), sites.clock()
    wrong: list[dict[str, Any]] = [
        {"more": 1},
        {"client_id": 7},
        {"device_code_hash": "AB" * 32},
        {"device_code_hash": "ab"},
        {"user_code": "bcdf-ghjk"},
        {"user_code": "AEIOUAEI"},
        {"scope": []},
        {"scope": [SCOPE, "openid"]},
        {"scope": ["a b"], "asked_scope": ["a b"]},
        {"scope": [1], "asked_scope": [1]},
        {"scope": SCOPE},
        {"resources": [None]},
        {"refresh_token": 1},
        {"code_challenge": "short"},
        {"code_challenge": None},
        {"created_at": True},
        {"created_at": now + 61, "expires_at": now + 361},
        {"expires_at": now},
        {"expires_at": now + 901},
        {"expires_at": 10**30},
        {"interval": 0},
        {"interval": 301},
        {"interval": 1.5},
    ]
    for change in wrong:
        assert await sent(sites, {**wish, **change}) == "a device that is not well-formed", change
    unknown = {"scope": ["NOPE.ALL"], "asked_scope": ["NOPE.ALL"]}
    assert await sent(sites, {**wish, **unknown}) == "a scope that is not known here"
    foreign = {"resources": ["https://api.example/"]}
    assert await sent(sites, {**wish, **foreign}) == "a resource that is not known here"
    assert await status_at(sites["eu"]) == []


async def test_a_data_center_cannot_fill_another_with_wishes(
    sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grantline.tokens.device_codes.MOST_OUTSTANDING", 2)
    app = await device_app(sites)
    wish = await a_wish(sites, app)
    for number in range(2):
        code = {"device_code_hash": f"{number}a" * 32, "user_code": f"BCDFGHJ{'KLM'[number]}"}
        assert await sent(sites, {**wish, **code}) == ""
    more = {"device_code_hash": "ff" * 32, "user_code": "BCDFGHJM"}
    assert await sent(sites, {**wish, **more}) == "too many devices wait"


async def found(site: Site, user_code: str) -> DeviceCode:
    """The row behind a user code."""
    letters = read_user_code(user_code) or ""
    code = await find_by_user_code(site.db, hash_user_code(site.mint.keyring, letters), site.clock())
    assert code is not None
    return code


@pytest.mark.both_engines
async def test_T64_a_code_is_kept_for_one_data_center_and_goes_there_once(site: Site) -> None:
    """The statements of the side where the device asked, with no other data center about."""
    started = await site.device_start(await site.app("non-browser"))
    code, now = await found(site, started["user_code"]), site.clock()
    mine, theirs = b"m" * 32, b"t" * 32
    async with site.db.transaction() as tx:
        assert await keep_device_code_for(tx, code, "eu", browser_hash=mine, now=now)
        assert await keep_device_code_for(tx, code, "eu", browser_hash=theirs, now=now)
        assert not await keep_device_code_for(tx, code, "in", browser_hash=mine, now=now)
        assert not await hand_over_device_code(tx, code, "in", now)
        await give_back_device_code(tx, code, "in")
    assert (await found(site, started["user_code"])).user_location == "eu"
    async with site.db.transaction() as tx:
        await give_back_device_code(tx, code, "eu")
        assert await keep_device_code_for(tx, code, "in", browser_hash=mine, now=now)
        assert await hand_over_device_code(tx, code, "in", now)
        assert not await hand_over_device_code(tx, code, "in", now)
        assert not await keep_device_code_for(tx, code, "in", browser_hash=mine, now=now)
    row = await find_device_code(site.db, started["device_code"])
    assert row is not None
    assert (row.status, row.user_location) == ("elsewhere", "in")


@pytest.mark.both_engines
async def test_T64_a_code_of_elsewhere_is_taken_over_once(site: Site) -> None:
    """The statements of the other side."""
    app = await site.app("non-browser")
    started = await site.device_start(app)
    here = await found(site, started["user_code"])
    code = replace(here, device_code_hash=b"x" * 32, started_in="eu", network="", user_agent="")
    keyring, now = site.mint.keyring, site.clock()
    mine = read_user_code(started["user_code"]) or ""
    free = "BCDFGHJK" if mine != "BCDFGHJK" else "KJHGFDCB"
    async with site.db.transaction() as tx:
        assert not await take_over_device_code(tx, keyring, code, mine, now), "another device shows it"
        assert await take_over_device_code(tx, keyring, code, free, now)
        assert await take_over_device_code(tx, keyring, code, free, now)
        other = replace(code, started_in="in")
        assert not await take_over_device_code(tx, keyring, other, free, now)
    taken = await found(site, free)
    assert (taken.started_in, taken.scope, taken.expires_at) == ("eu", here.scope, here.expires_at)


async def test_both_sides_write_it_down(sites: Sites) -> None:
    app = await device_app(sites)
    await handed_over(sites, await sites["us"].device_start(app))
    for code, kind, detail in (("us", "device.handed_over", "to"), ("eu", "device.taken_over", "from")):
        row = await sites[code].db.one("SELECT client_id, detail FROM audit WHERE kind = $1", kind)
        assert row[0] == app.id
        assert json.loads(row[1]) == {detail: "eu" if code == "us" else "us"}


async def test_the_page_and_its_button_are_ours_alone(sites: Sites) -> None:
    """A forged post hands nothing over (T61)."""
    app = await device_app(sites)
    us = sites["us"]
    started = await us.device_start(app)
    browser, other = us.browser(), us.browser()
    page = await entered(browser, started["user_code"])
    flow = page.text.partition('name="flow" value="')[2].partition('"')[0]
    for origin in ("https://evil.example", EU, None):
        forged = {"flow": flow, "token": "", "data_center": "eu"}
        assert (await browser.post(ELSEWHERE, forged, origin=origin)).status_code == 403
    theirs = await go_to(other, await other.get("/signin"), flow=flow)
    assert (theirs.status_code, theirs.headers.get("location")) == (400, None)
    assert await status_at(us) == [("pending", "", "")]
    assert not wishes(sites)
