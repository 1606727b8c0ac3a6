"""People of one data center who start at another, in the running demo: they end where they wanted to, with
their keyboard alone and without JavaScript too."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.audit import complaints_during
from tests.browser.test_flows_live import VERIFIER, asked
from tests.browsing import PATIENCE_MS, decide, sign_in
from tests.foreign.arrivals import answer_in, listening
from tests.running import Demo

GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
TABS: Final = 40
TRIES: Final = 200


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def visitor(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    """A page of a browser of its own, with or without JavaScript."""
    context = chromium.new_context(java_script_enabled=request.param)
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def europe(demo: Demo) -> str:
    return str(demo.data_center("eu")["issuer"])


def reach(page: Page, name: str) -> None:
    """Go to the button of this name with the Tab key."""
    wanted = page.get_by_role("button", name=name, exact=True)
    for _ in range(TABS):
        page.keyboard.press("Tab")
        if wanted.evaluate("(button) => button === document.activeElement"):
            return
    raise AssertionError(f"the Tab key never comes to {name!r}")


def press(page: Page, name: str) -> None:
    """Press a button by the keyboard."""
    reach(page, name)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def type_in(page: Page, person: Mapping[str, Any]) -> None:
    """Sign in by the keyboard."""
    page.focus("input[name=email]")
    page.keyboard.type(person["email"])
    page.keyboard.press("Tab")
    page.keyboard.type(person["password"])
    with page.expect_navigation():
        page.keyboard.press("Enter")


def exchange(issuer: str, client: Mapping[str, Any], told: Mapping[str, str], uri: str) -> httpx2.Response:
    """The app's exchange of its code at this data center."""
    form = {name: client[name] for name in ("client_id", "client_secret") if name in client}
    form |= {"grant_type": "authorization_code", "code": told["code"], "redirect_uri": uri}
    return httpx2.post(f"{issuer}/oauth/v2/token", data=form | {"code_verifier": VERIFIER})


def test_a_person_of_europe_starts_at_the_link_to_us_and_ends_at_the_app(visitor: Page, demo: Demo) -> None:
    """By keyboard: the code is Europe's, works there alone, and no policy stands in the way."""
    client, person = demo.client("server_based"), demo.user("user", "eu")
    with listening(client["redirect_uris"][0]) as app:
        visitor.goto(asked(demo, login_hint="somebody@example.com"))
        expect(visitor.get_by_text("People whose data is in United States sign in")).to_be_visible()
        assert complaints_during(visitor, lambda: press(visitor, "Go on in Europe")) == []
        assert visitor.url.startswith(f"{europe(demo)}/oauth/v2/auth?")
        assert "somebody" not in visitor.url
        assert visitor.input_value("input[name=email]") == ""
        type_in(visitor, person)
        expect(visitor.get_by_text("Your data is in Europe")).to_be_visible()
        assert complaints_during(visitor, lambda: press(visitor, "Allow")) == []
        told = answer_in(app.the_only_one().target)
    assert (told["iss"], told["location"], told["state"]) == (europe(demo), "eu", "state-server_based")
    assert exchange(demo.issuer, client, told, app.address).json()["expected_issuer"] == europe(demo)
    tokens = exchange(europe(demo), client, told, app.address)
    assert tokens.status_code == 200
    assert tokens.json()["api_domain"] == demo.data_center("eu")["api_domain"]


def test_who_allowed_the_app_before_passes_through_both_data_centers(page: Page, demo: Demo) -> None:
    """One press leads by us and Europe to the app: the form's policy names them all."""
    client, person = demo.client("server_based"), demo.user("user", "eu")
    with listening(client["redirect_uris"][0]) as app:
        page.goto(asked(demo, prompt="consent").replace(demo.issuer, europe(demo)))
        sign_in(page, person["email"], person["password"])
        decide(page)
        page.goto(asked(demo, prompt=""))

        def go_on() -> None:
            with page.expect_navigation():
                page.get_by_role("button", name="Go on in Europe").click()

        assert complaints_during(page, go_on) == []
        assert page.url.startswith(app.address)
        assert answer_in(page.url)["iss"] == europe(demo)
        assert len(app.seen) == 2


def test_a_browser_app_gets_its_token_of_europe_in_the_fragment(page: Page, demo: Demo) -> None:
    client, person = demo.client("client_based"), demo.user("user", "eu")
    implicit = {"code_challenge": "", "code_challenge_method": "", "scope": "CRM.modules.leads.READ"}
    with listening(client["redirect_uris"][0]):
        page.goto(asked(demo, "client_based", response_type="token", **implicit))
        with page.expect_navigation():
            page.get_by_role("button", name="Go on in Europe").click()
        sign_in(page, person["email"], person["password"])
        assert complaints_during(page, lambda: decide(page)) == []
        told = answer_in(page.url)
    assert (told["iss"], told["location"]) == (europe(demo), "eu")
    assert told["access_token"].startswith("gla_eu_")


def test_the_choice_is_offered_first_the_next_time_and_nothing_is_chosen_by_itself(
    page: Page, demo: Demo
) -> None:
    page.goto(f"{demo.issuer}/signin")
    expect(page.get_by_text("last time")).to_have_count(0)
    with page.expect_navigation():
        page.get_by_role("button", name="Go on in Europe").click()
    assert page.url == f"{europe(demo)}/signin"
    page.goto(f"{demo.issuer}/signin")
    assert page.url == f"{demo.issuer}/signin"
    expect(page.get_by_role("heading", name="You went on in Europe last time")).to_be_visible()
    (cookie,) = [one for one in page.context.cookies() if one.get("name", "").endswith("data_center")]
    assert (cookie.get("value"), cookie.get("httpOnly")) == ("eu", True)


def test_on_the_way_to_the_console_the_other_console_is_gone_to(page: Page, demo: Demo) -> None:
    page.goto(f"{demo.issuer}/console")
    with page.expect_navigation():
        page.get_by_role("button", name="Go on in Europe").click()
    assert page.url.startswith(f"{europe(demo)}/signin?flow=")
    person = demo.user("user", "eu")
    sign_in(page, person["email"], person["password"])
    assert urlsplit(page.url).path == "/console"


def a_device(demo: Demo, *options: str) -> dict[str, Any]:
    """A device's app that works in both data centers, and has arrived in Europe."""
    named = ("--type", "non-browser", "--name", "Wall TV", "--homepage", "https://tv.example")
    owner = ("--owner", demo.user("developer")["email"], "--data-centers", "us,eu")
    client: dict[str, Any] = json.loads(
        demo.grantline("client", "create", *named, *owner, *options, "--json")
    )
    for _ in range(TRIES):
        start = {"client_id": client["client_id"], "scope": "CRM.modules.leads.READ"}
        if httpx2.post(f"{europe(demo)}/oauth/v3/device/code", data=start).status_code == 200:
            return client
        time.sleep(0.2)
    raise AssertionError("the app never arrived in Europe")


def start_device(issuer: str, client: Mapping[str, Any]) -> dict[str, Any]:
    form = {"client_id": client["client_id"], "scope": "CRM.modules.leads.READ"}
    told: dict[str, Any] = httpx2.post(f"{issuer}/oauth/v3/device/code", data=form).json()
    return told


def poll(issuer: str, client: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    form = {"client_id": client["client_id"], "grant_type": GRANT, "device_code": told["device_code"]}
    answer: dict[str, Any] = httpx2.post(f"{issuer}/oauth/v2/token", data=form).json()
    return answer


def test_a_device_of_us_goes_on_in_europe_with_the_code_that_it_shows(visitor: Page, demo: Demo) -> None:
    client = a_device(demo, "--vendor-compatible")
    told, person = start_device(demo.issuer, client), demo.user("user", "eu")
    visitor.goto(told["verification_uri_complete"])
    press(visitor, "Go on")
    assert complaints_during(visitor, lambda: press(visitor, "Go on in Europe")) == []
    assert visitor.url == f"{europe(demo)}/device?user_code={told['user_code']}"
    assert visitor.input_value("input[name=user_code]") == told["user_code"]
    press(visitor, "Go on")
    type_in(visitor, person)
    expect(visitor.get_by_text("The device asked in United States")).to_be_visible()
    press(visitor, "Yes, allow it")
    expect(visitor.get_by_role("heading", name="Wall TV is connected")).to_be_visible()
    assert poll(demo.issuer, client, told)["user_location"] == "eu"
    assert poll(europe(demo), client, told)["access_token"].startswith("gla_eu_")


def test_another_device_is_told_to_start_again_and_its_person_where(visitor: Page, demo: Demo) -> None:
    client = a_device(demo)
    told, person = start_device(demo.issuer, client), demo.user("user", "eu")
    visitor.goto(told["verification_uri_complete"])
    press(visitor, "Go on")
    press(visitor, "Go on in Europe")
    expect(visitor.get_by_role("heading", name="Start again on the device")).to_be_visible()
    refused = poll(demo.issuer, client, told)
    assert (refused["error"], refused["expected_issuer"]) == ("access_denied", europe(demo))
    again = start_device(refused["expected_issuer"], client)
    with visitor.expect_navigation():
        visitor.get_by_role("link", name="Enter the new code in Europe").click()
    assert visitor.url == f"{europe(demo)}/device"
    visitor.fill("input[name=user_code]", again["user_code"])
    press(visitor, "Go on")
    type_in(visitor, person)
    press(visitor, "Yes, allow it")
    assert poll(europe(demo), client, again)["access_token"].startswith("gla_eu_")
