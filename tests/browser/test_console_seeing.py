"""The pages that follow what happens: the checklist turns green by itself, and new activity waits while a row
is open."""

import re
import time
from collections.abc import Callable, Iterator

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsing import PATIENCE_MS, sign_in
from tests.running import Demo


@pytest.fixture
def developer(chromium: Browser, demo: Demo) -> Iterator[Page]:
    context = chromium.new_context(reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    person = demo.user("developer")
    page.goto(f"{demo.issuer}/signin")
    sign_in(page, person["email"], person["password"])
    yield page
    context.close()


def refuse(demo: Demo) -> None:
    """A token request of the self client that is refused."""
    client = demo.client("self_client")
    fields = {
        "grant_type": "refresh_token",
        "refresh_token": "wrong",
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
    }
    assert httpx2.post(f"{demo.issuer}/oauth/v2/token", data=fields).status_code == 400


def until(seen: Callable[[], bool]) -> None:
    """Wait for something that the page does by itself."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_step_turns_green_by_itself_and_is_announced(developer: Page, demo: Demo) -> None:
    client = demo.client("server_based")
    developer.goto(f"{demo.issuer}/console/clients/{client['client_id']}")
    step = developer.locator(".checklist li", has_text="First token")
    before = step.get_attribute("class")
    fields = {
        "grant_type": "client_credentials",
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
        "scope": "CRM.modules.leads.READ",
    }
    httpx2.post(f"{demo.issuer}/oauth/v2/token", data=fields)
    expect(step).to_have_class("done")
    if before != "done":
        expect(developer.locator("#said")).to_contain_text("First token seen")


def test_new_activity_waits_while_a_row_is_open_and_comes_by_itself_when_none_is(
    developer: Page, demo: Demo
) -> None:
    refuse(demo)
    path = f"{demo.issuer}/console/clients/{demo.client('self_client')['client_id']}/activity"
    developer.goto(path)
    rows = developer.locator(".log > li")
    until(lambda: rows.count() > 0 or developer.reload() is None)
    first, count = rows.first.get_attribute("id"), rows.count()
    rows.first.locator("summary").click()
    until(lambda: f"open={first}" in developer.url)
    refuse(demo)
    waiting = developer.locator(".new-rows")
    expect(waiting).to_be_visible()
    expect(waiting).to_contain_text(re.compile("[1-9]"))
    assert rows.count() == count
    rows.first.locator("summary").click()
    developer.locator("h1").click()
    developer.evaluate("document.activeElement.blur()")
    until(lambda: rows.count() > count)  # two of one second are in no order
