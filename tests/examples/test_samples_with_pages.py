"""The four samples that have a face, as a reader meets them: registered in the console, started by one
command, used in Chromium, and each with something that goes wrong and is explained."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.audit import OTHER_VIEWS, check_page, complaints_during
from tests.browsing import PATIENCE_MS, decide, sign_in
from tests.running import Demo, Process, answers

pytestmark = pytest.mark.browser
SAMPLES: Final = ("lead_desk", "smart_tv", "browser_app", "mobile_app")
TOKEN: Final = re.compile(r"gl[ar]_[a-z]{2,4}_\w+|eyJ[\w-]{8,}")
"""How tokens of Grantline and JWTs begin."""
Start = Callable[..., Any]


@pytest.fixture(scope="module")
def files(demo: Demo, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The samples' files, which the console gives to the developer who has them registered."""
    folder = tmp_path_factory.mktemp("files")
    context, person = chromium.new_context(), demo.user("developer")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(demo.console)
    sign_in(page, person["email"], person["password"])
    for name in SAMPLES:
        page.goto(f"{demo.console}/samples/{name}")
        page.locator(f"form[action='/console/samples/{name}'] button[type=submit]").click()
        (folder / f"{name}.json").write_text(page.locator("#document").inner_text())
    context.close()
    return {name: folder / f"{name}.json" for name in SAMPLES}


@pytest.fixture
def start(files: Mapping[str, Path], tmp_path: Path) -> Start:
    """Starts a sample as its README says; gives the address of its page until the block ends."""

    @contextmanager
    def started(name: str, **changes: str) -> Iterator[str]:
        facts = {**json.loads(files[name].read_text()), **changes}
        config = tmp_path / f"{name}.json"
        config.write_text(json.dumps(facts))
        arguments, env = [name, "--config", str(config)], {"GRANTLINE_SAMPLES": str(tmp_path / "samples")}
        process = Process(arguments, env, tmp_path / f"{name}.log", module="examples")
        try:
            process.wait_until(lambda: answers(facts["address"]))
            yield facts["address"]
        finally:
            process.stop()
        assert "Traceback" not in process.log()
        assert not TOKEN.search(process.log())

    return started


@pytest.fixture
def person(chromium: Browser, demo: Demo) -> Iterator[BrowserContext]:
    """The browser of the demo's person, signed in at Grantline."""
    # Without motion: a colour on its way from light to dark has no contrast.
    context, who = chromium.new_context(reduced_motion="reduce"), demo.user()
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{demo.issuer}/signin")
    sign_in(page, who["email"], who["password"])
    page.close()
    yield context
    context.close()


def allow(page: Page, decision: str = "allow") -> None:
    """Decide at Grantline, as soon as it asks."""
    page.wait_for_selector("button[name=decision]")
    decide(page, decision)


def remove(person: BrowserContext, issuer: str, name: str) -> None:
    """Take the access back in Connected apps."""
    page = person.new_page()
    page.goto(f"{issuer}/account/apps")
    page.locator("li", has_text=name).get_by_role("button").click()
    expect(page.locator("main")).to_contain_text(f"{name} no longer has access")
    page.close()


def check_quiet(page: Page) -> None:
    """Nothing in the page, its storage or its cookies is a token."""
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert not TOKEN.search(stored + page.content())


def test_R90_lead_desk_serves_people_of_two_data_centers_and_explains_what_is_missing(
    start: Start, person: BrowserContext, demo: Demo
) -> None:
    page, other = person.new_page(), demo.user("user", "eu")
    with start("lead_desk") as address:
        assert complaints_during(page, lambda: page.goto(address)) == []
        check_page(page, OTHER_VIEWS)
        page.get_by_role("link", name="Login with Grantline").click()
        allow(page)
        expect(page.locator(".leads > li")).not_to_have_count(0)
        check_page(page, OTHER_VIEWS)
        check_quiet(page)

        page.fill("[name=Last_Name]", "Öztürk")
        page.get_by_role("button", name="Add lead").click()
        expect(page.get_by_role("alert")).to_contain_text("may look at your leads, and not change them")
        page.get_by_role("link", name="Allow changes").click()
        allow(page)
        expect(page.locator("[name=Last_Name]")).to_have_value("Öztürk")
        page.get_by_role("button", name="Add lead").click()
        lead = page.locator(".leads > li", has_text="Öztürk").first
        lead.get_by_role("combobox").select_option("Contacted")
        lead.get_by_role("button", name="Save").click()
        expect(lead.get_by_role("combobox")).to_have_value("Contacted")

        page.locator(".who summary").click()
        page.get_by_role("link", name="Add another account").click()
        page.get_by_role("button", name="Use another account").click()
        page.get_by_role("button", name="Go on in Europe").click()
        page.wait_for_selector("input[name=password]")
        sign_in(page, other["email"], other["password"])
        allow(page)
        expect(page.locator(".who")).to_contain_text(other["name"])
        expect(page.locator("main")).not_to_contain_text("Öztürk")
        page.locator(".who summary").click()
        page.get_by_role("button", name=demo.user()["email"]).click()
        expect(page.locator("main")).to_contain_text("Öztürk")

        remove(person, demo.issuer, "Lead Desk Sample")
        page.reload()
        expect(page.get_by_role("alert")).to_contain_text("has no access to your leads any more")
        page.get_by_role("link", name="Reconnect").click()
        allow(page)
        expect(page.locator(".leads > li", has_text="Öztürk").first).to_be_visible()
        page.locator(".who summary").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("link", name="Login with Grantline")).to_be_visible()


def test_R91_the_tv_finds_its_person_in_another_data_center_and_says_why_when_it_may_not(
    start: Start, chromium: Browser, demo: Demo
) -> None:
    context, who = chromium.new_context(reduced_motion="reduce"), demo.user("user", "eu")
    context.set_default_timeout(PATIENCE_MS)
    page, phone = context.new_page(), context.new_page()

    def enter(issuer: str) -> None:
        expect(page.locator(".address")).to_have_text(f"{issuer.partition('//')[2]}/device")
        phone.goto(f"{issuer}/device")
        phone.fill("input[name=user_code]", page.locator("#code").inner_text())
        phone.press("input[name=user_code]", "Enter")

    with start("smart_tv", client_secret="gls_us_wrong") as address:
        page.goto(address)
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Compare client ID and secret with the console")
    with start("smart_tv") as address:
        assert complaints_during(page, lambda: page.goto(address)) == []
        page.keyboard.press("Enter")
        enter(demo.issuer)
        phone.get_by_role("button", name="Go on in Europe").click()
        europe = str(demo.data_center("eu")["issuer"])
        enter(europe)
        sign_in(phone, who["email"], who["password"])
        allow(phone, "deny")
        expect(page.get_by_role("alert")).to_contain_text("This TV was not allowed")
        page.get_by_role("button", name="OK").click()
        enter(europe)
        check_page(page, OTHER_VIEWS)
        allow(phone)
        expect(page.locator(".tile")).not_to_have_count(0)
        check_page(page, OTHER_VIEWS)
        check_quiet(page)
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.className") == "tile"
        remove(context, europe, "Lead TV Sample")
        expect(page.get_by_role("alert")).to_contain_text("This TV was disconnected")
    context.close()


def test_R92_the_browser_app_works_both_ways_and_notices_that_its_access_is_gone(
    start: Start, person: BrowserContext, demo: Demo
) -> None:
    page = person.new_page()
    with start("browser_app") as address:
        assert complaints_during(page, lambda: page.goto(address)) == []
        check_page(page, OTHER_VIEWS)
        page.get_by_role("button", name="Login with Grantline").click()
        allow(page)
        expect(page.locator("#columns li")).not_to_have_count(0)
        expect(page.locator("#log")).to_contain_text("by code + PKCE")
        expect(page.get_by_role("img", name="The token is good for")).to_be_visible()
        drawn = "parseFloat(getComputedStyle(document.getElementById('left')).strokeDasharray)"
        assert page.evaluate(drawn) > 90
        check_page(page, OTHER_VIEWS)
        check_quiet(page)
        assert page.url == f"{address}/"

        assert complaints_during(page, lambda: page.reload()) == []
        expect(page.locator("#log")).to_contain_text("without a question")
        page.get_by_role("button", name="Sign out").click()
        expect(page.locator("#log")).to_contain_text("the grant is revoked")

        page.get_by_role("radio", name="Implicit").check()
        page.get_by_role("button", name="Login with Grantline").click()
        expect(page.locator("#log")).to_contain_text("by the implicit flow")
        assert page.url == f"{address}/"
        remove(person, demo.issuer, "Lead Board Sample")
        page.get_by_role("button", name="Load again").click()
        expect(page.get_by_role("alert")).to_contain_text("took the access back")
        expect(page.get_by_role("button", name="Login with Grantline")).to_be_visible()


def test_R93_the_phone_keeps_its_tokens_works_without_a_network_and_notices_that_its_access_is_gone(
    start: Start, person: BrowserContext, demo: Demo
) -> None:
    page = person.new_page()
    with start("mobile_app") as address:
        assert complaints_during(page, lambda: page.goto(address)) == []
        check_page(page, OTHER_VIEWS)
        with page.expect_popup() as opened:
            page.get_by_role("link", name="Continue in the system browser").click()
        allow(opened.value)
        expect(opened.value.get_by_role("heading")).to_have_text("You are signed in")
        opened.value.close()
        expect(page.locator(".people li")).not_to_have_count(0)
        check_page(page, OTHER_VIEWS)
        check_quiet(page)
        page.close()
    page = person.new_page()
    with start("mobile_app") as address:
        page.goto(address)
        expect(page.locator(".people li")).not_to_have_count(0)
        page.get_by_role("button", name="Airplane mode").click()
        expect(page.get_by_role("status")).to_contain_text("Airplane mode is on.")
        expect(page.locator(".people li")).not_to_have_count(0)
        remove(person, demo.issuer, "Lead Pocket Sample")
        page.get_by_role("button", name="Airplane mode").click()
        expect(page.get_by_role("alert")).to_contain_text("has no access to your contacts any more")
        expect(page.locator(".people li")).to_have_count(0)
