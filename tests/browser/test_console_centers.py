"""Stories about data centers at the console of the running demo: what is switched on in Europe works there,
and a secret that ends at home ends there."""

import secrets
from collections.abc import Iterator
from urllib.parse import urlencode

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_console_stories import PASSWORD, create_app, enter
from tests.browsing import PATIENCE_MS, sign_in_and_allow
from tests.foreign.arrivals import answer_in, listening
from tests.running import Demo

"""Milliseconds; only a test that fails waits so long."""


@pytest.fixture
def newcomer(demo: Demo) -> str:
    """The address of somebody who has no client yet."""
    email = f"centers-{secrets.token_hex(4)}@example.com"
    demo.grantline("user", "create", email, "--password-stdin", input=f"{PASSWORD}\n")
    return email


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def visitor(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    """A page of a browser of its own, with or without JavaScript."""
    context = chromium.new_context(java_script_enabled=request.param)
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def europe(demo: Demo) -> str:
    return str(demo.data_center("eu")["issuer"])


def wait_until_confirmed(page: Page) -> None:
    """The page says so by itself; without JavaScript one looks again."""
    for _ in range(PATIENCE_MS // 200):
        again = page.get_by_role("link", name="Check again")
        if "Waiting" not in page.locator("#reach").inner_text() or not again.is_visible():
            break
        again.click()
        page.wait_for_timeout(200)
    expect(page.locator("#reach")).to_contain_text("Confirmed")
    expect(page.locator("#reach")).not_to_contain_text("Waiting")


def exchange_in_europe(
    page: Page, demo: Demo, app: dict[str, str], secret: str, address: str
) -> httpx2.Response:
    """A person of Europe signs in to the app there, and it exchanges the code there."""
    question = {
        "response_type": "code",
        "client_id": app["client_id"],
        "redirect_uri": address,
        "scope": "openid email",
        "state": "story",
    }
    person = demo.user("user", "eu")
    end = sign_in_and_allow(
        page, f"{europe(demo)}/oauth/v2/auth?{urlencode(question)}", person["email"], person["password"]
    )
    form = {
        "grant_type": "authorization_code",
        "client_id": app["client_id"],
        "client_secret": secret,
        "redirect_uri": address,
        "code": answer_in(end)["code"],
    }
    return httpx2.post(f"{europe(demo)}/oauth/v2/token", data=form)


def test_R70_switched_on_in_europe_it_works_there_and_a_reset_secret_ends_there(
    visitor: Page, demo: Demo, newcomer: str
) -> None:
    with listening("http://127.0.0.1:0/callback") as arrivals:
        app = create_app(demo, newcomer, arrivals.address)
        enter(visitor, demo, newcomer)
        visitor.goto(f"{demo.console}/clients/{app['client_id']}")
        visitor.get_by_role("navigation", name="Main").get_by_role("link", name="Data centers").click()
        row = visitor.get_by_role("row").filter(has=visitor.locator(".tag", has_text="eu"))
        row.get_by_role("button").click()
        expect(visitor.get_by_role("main")).to_contain_text("It is switched on.")
        wait_until_confirmed(visitor)
        old = app["client_secret"]
        assert exchange_in_europe(visitor, demo, app, old, arrivals.address).status_code == 200
        visitor.goto(f"{demo.console}/clients/{app['client_id']}/credentials")
        visitor.get_by_role("button", name="Reset now").click()
        new = visitor.locator('[data-copy="client secret"] code').inner_text()
        wait_until_confirmed(visitor)
        refused = exchange_in_europe(visitor, demo, app, old, arrivals.address)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
        assert exchange_in_europe(visitor, demo, app, new, arrivals.address).status_code == 200


def test_a_secret_of_its_own_in_europe_and_then_switched_off(
    visitor: Page, demo: Demo, newcomer: str
) -> None:
    with listening("http://127.0.0.1:0/callback") as arrivals:
        app = create_app(demo, newcomer, arrivals.address)
        demo.grantline("client", "data-centers", app["client_id"], "--on", "eu")
        enter(visitor, demo, newcomer)
        visitor.goto(f"{demo.console}/clients/{app['client_id']}/data-centers?center=eu")
        visitor.get_by_role("button", name="Give it a secret of its own").click()
        own = visitor.locator('[data-copy="client secret"] code').inner_text()
        assert own.startswith("gls_eu_")
        wait_until_confirmed(visitor)
        shared = exchange_in_europe(visitor, demo, app, app["client_secret"], arrivals.address)
        assert shared.status_code == 401
        answer = exchange_in_europe(visitor, demo, app, own, arrivals.address)
        assert answer.status_code == 200
        visitor.goto(f"{demo.console}/clients/{app['client_id']}/data-centers?center=eu")
        row = visitor.get_by_role("row").filter(has=visitor.locator(".tag", has_text="eu"))
        row.get_by_role("link", name="Switch off").click()
        expect(visitor.get_by_role("main")).to_contain_text("the tokens that it holds for them stop working")
        visitor.get_by_role("button", name="Switch it off in").click()
        wait_until_confirmed(visitor)
        told = httpx2.get(
            f"{europe(demo)}/oauth/v2/userinfo",
            headers={"Authorization": f"Bearer {answer.json()['access_token']}"},
        )
        assert told.status_code == 401


def test_R24_from_the_wrong_console_one_click_leads_to_the_right_one(
    page: Page, demo: Demo, newcomer: str
) -> None:
    app = create_app(demo, newcomer, "https://story.example/callback")
    enter(page, demo, newcomer)
    page.goto(f"{europe(demo)}/console/clients/{app['client_id']}/settings")
    page.get_by_role("main").get_by_role("link").first.click()
    page.wait_for_url(f"{demo.console}/clients/{app['client_id']}/settings")
    expect(page.get_by_role("heading", level=1)).to_have_text("Settings")
    page.locator(".centers > summary").click()
    page.locator(".centers").get_by_role("link").first.click()
    page.wait_for_url(f"{europe(demo)}/**")
