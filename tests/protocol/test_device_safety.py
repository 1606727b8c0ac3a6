"""What keeps the device flow from being used on people (RFC 10027)."""

import re

import httpx2

from grantline.tokens import DEVICE_CODE_SECONDS
from grantline.tokens.device_codes import USER_CODE_LENGTH, USER_CODE_LETTERS
from tests.conftest import SiteFactory
from tests.running import ROOT
from tests.site import SCOPE, Browser, Site

ASSESSMENT = ROOT / "docs" / "device-flow-risks.md"


async def question(site: Site, browser: Browser, user_code: str) -> httpx2.Response:
    page = await browser.submit(
        await browser.get("/device"), {"user_code": user_code}, path="/oauth/v3/device"
    )
    return await browser.get(page.headers["location"])


def test_10027_2_a_the_risks_of_the_flow_are_written_down() -> None:
    """RFC 10027 §2: with the figures that the code has."""
    text = ASSESSMENT.read_text()
    assert f"A user code lives {DEVICE_CODE_SECONDS // 60} minutes." in text
    assert f"{USER_CODE_LENGTH} letters out of {len(USER_CODE_LETTERS)}" in text
    rows = re.findall(r"^\| §(6\.1\.\d+) \|", text, re.MULTILINE)
    assert {f"6.1.{number}" for number in (2, 3, 4, 9, 10, 11, 12, 14, 16)} <= set(rows)


async def test_10027_5_a_the_flow_is_for_devices_without_a_browser(site: Site) -> None:
    """RFC 10027 §5: only Non-browser apps have it, and who chooses a type is told so."""
    app = await site.app("mobile")
    refused = await site.post("/oauth/v3/device/code", {"client_id": app.id, "scope": SCOPE})
    assert refused.json()["error"] == "unauthorized_client"
    page = await (await site.signed_in()).get("/console/clients/new")
    assert "without a browser" in page.text


async def test_10027_6_1_2_a_a_user_code_is_over_after_ten_minutes(site: Site) -> None:
    """RFC 10027 §6.1.2: on the page where it is entered, and on the one where it was."""
    app = await site.app("non-browser")
    browser = await site.signed_in()
    started, other = await site.device_start(app), await site.device_start(app)
    page = await question(site, browser, started["user_code"])
    assert 'name="decision"' in page.text
    site.clock.advance(600)
    late = await browser.submit(page, {"decision": "allow"}, path="/oauth/v3/device/decision")
    assert late.status_code == 400
    assert "No device waits with this code" in late.text
    form = await browser.get("/device")
    refused = await browser.submit(form, {"user_code": other["user_code"]}, path="/oauth/v3/device")
    assert refused.status_code == 400
    for code in (started, other):
        assert (await site.device_poll(app, code["device_code"])).json()["error"] == "expired_token"


async def test_10027_6_1_3_a_a_user_code_is_used_once(site: Site) -> None:
    """RFC 10027 §6.1.3: decided either way, it is unknown to the next person; each has its own."""
    app = await site.app("non-browser")
    started = [await site.device_start(app) for _ in range(20)]
    assert len({one["user_code"] for one in started}) == 20
    for one, decision in zip(started[:2], ("allow", "deny"), strict=True):
        await site.device_decide(one["user_code"], decision)
        browser = await site.signed_in()
        again = await browser.submit(
            await browser.get("/device"), {"user_code": one["user_code"]}, path="/oauth/v3/device"
        )
        assert again.status_code == 400
    assert 'name="decision"' in (await question(site, browser, started[2]["user_code"])).text


async def test_10027_6_1_9_a_a_device_gets_little_for_a_short_time(open_a_site: SiteFactory) -> None:
    """RFC 10027 §6.1.9: the scopes shown and no more, an hour, a rotated token that idles out, few starts."""
    async with open_a_site(limits="1") as site:
        app = await site.app("non-browser")
        no_scope = await site.post("/oauth/v3/device/code", {"client_id": app.id})
        assert no_scope.json()["error"] == "invalid_scope"
        started = await site.device_start(app)
        await site.device_decide(started["user_code"], "allow")
        polled = await site.device_poll(app, started["device_code"], scope="CRM.modules.ALL")
        tokens = polled.json()
        assert (tokens["scope"], tokens["expires_in"]) == (SCOPE, 3600)
        rotated = (await site.refresh(app, tokens["refresh_token"])).json()
        assert rotated["refresh_token"] != tokens["refresh_token"]
        site.clock.advance(30 * 24 * 3600)
        assert (await site.refresh(app, rotated["refresh_token"])).json()["error"] == "invalid_grant"
        site.peer = "203.0.113.9"
        fields = {"client_id": app.id, "scope": SCOPE}
        statuses = [(await site.post("/oauth/v3/device/code", fields)).status_code for _ in range(11)]
        assert statuses == [200] * 10 + [429]


async def test_10027_6_1_14_a_the_page_tells_what_where_from_and_when(site: Site) -> None:
    """RFC 10027 §6.1.14: it warns when the places differ, and both answers weigh the same."""
    app = await site.app("non-browser")
    site.peer = "203.0.113.9"
    answer = await site.post(
        "/oauth/v3/device/code",
        {"client_id": app.id, "scope": SCOPE},
        headers={"User-Agent": "Kitchen TV/2"},
    )
    started = answer.json()
    here = await question(site, await site.signed_in(), (await site.device_start(app))["user_code"])
    assert "from another network" not in here.text
    site.peer = "198.51.100.7"
    site.clock.advance(120)
    browser = await site.signed_in()
    page = await question(site, browser, started["user_code"])
    for shown in (app.client.name, "Kitchen TV/2", "203.0.113.9", "198.51.100.7", "2 minutes ago", SCOPE):
        assert shown in page.text.replace("<wbr>", ""), shown
    assert "from another network" in page.text
    assert "People who send codes to others" in page.text
    buttons = re.findall(r'<button class="([^"]*)" name="decision" value="(allow|deny)">', page.text)
    assert [value for _, value in buttons] == ["deny", "allow"]
    assert len({style for style, _ in buttons}) == 1


async def test_10027_6_1_16_a_the_person_confirms_that_the_device_is_theirs(site: Site) -> None:
    """RFC 10027 §6.1.16: by comparing the code; “someone sent it to me” ends it and is written down."""
    app = await site.app("non-browser")
    started = await site.device_start(app)
    browser = await site.signed_in()
    page = await question(site, browser, started["user_code"])
    assert f"Can you see {started['user_code']} on a screen in front of you, right now?" in page.text
    assert "No, someone sent it to me" in page.text
    done = await browser.submit(page, {"decision": "deny"}, path="/oauth/v3/device/decision")
    assert "was not connected" in done.text
    assert (await site.device_poll(app, started["device_code"])).json()["error"] == "access_denied"
    row = await site.db.one("SELECT COUNT(*) FROM audit WHERE kind = 'device.refused'")
    assert row[0] == 1
