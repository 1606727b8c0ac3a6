"""Try it and Troubleshoot in a real browser, against the running demo."""

import re
from collections.abc import Iterator

import httpx2
import pytest
from playwright.sync_api import Browser, Page, Request

from tests.browsing import decide, sign_in
from tests.running import Demo


def sign_in_to(page: Page, demo: Demo, path: str) -> None:
    developer = demo.user("developer")
    page.goto(f"{demo.issuer}{path}")
    sign_in(page, developer["email"], developer["password"])
    page.wait_for_url(f"**{path}")


@pytest.fixture
def without_script(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_a_run_works_from_sign_in_to_the_dead_token_without_javascript(
    without_script: Page, demo: Demo
) -> None:
    """Through the demo's sample CRM too, each step a button."""
    page, client = without_script, demo.client("server_based")
    sign_in_to(page, demo, f"/console/clients/{client['client_id']}/try")
    page.get_by_label("Scopes").fill("openid email CRM.modules.leads.READ")
    page.get_by_role("button", name="Start a run").click()
    page.get_by_role("link", name="Open the sign-in page").click()
    decide(page)
    page.get_by_role("heading", name="Exchange the code for tokens").wait_for()
    assert "code=" not in page.url
    page.get_by_role("button", name="Do this step").click()
    page.get_by_role("heading", name="Ask what the token is").wait_for()
    page.get_by_role("button", name="Do all that are left").click()
    page.get_by_text("That is the whole flow").wait_for()
    steps = page.locator(".run-steps summary").all_inner_texts()
    assert len(steps) == 8
    assert all("Done" in step for step in steps), steps
    page.get_by_text("two leads of the CRM").click()
    assert '"Last_Name"' in page.content()
    assert not re.search(r"gl[sgard]_us_\w{20,}|eyJ[\w-]{20,}", page.content())
    page.get_by_role("button", name="End and clear up").click()
    page.get_by_text("The run is over.").wait_for()


def test_T6_a_secret_in_the_search_of_the_bar_gets_into_no_address(page: Page, demo: Demo) -> None:
    sign_in_to(page, demo, "/console")
    secret = demo.client("server_based")["client_secret"]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("searchbox", name="Find, or paste an error").fill(secret)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="A client secret").wait_for()
    assert secret not in page.content()
    assert not any(secret in url for url in asked)
    page.reload()
    assert secret not in page.url


def test_the_jwt_reader_checks_a_token_and_sends_it_nowhere(page: Page, demo: Demo) -> None:
    client = demo.client("self_client")
    fields = {"client_id": client["client_id"], "client_secret": client["client_secret"]}
    exchange = {**fields, "grant_type": "authorization_code", "code": demo.code("openid,email")}
    token = httpx2.post(f"{demo.issuer}/oauth/v2/token", data=exchange).json()["id_token"]
    sign_in_to(page, demo, "/console/troubleshoot/jwt")
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request))
    field = page.get_by_label("Token", exact=True)
    field.fill(token)
    page.get_by_text("Signature right").wait_for()
    assert '"iss"' in page.locator("[data-claims]").inner_text()
    header, claims, signature = token.split(".")
    field.fill(f"{header}.{claims[:-6]}{'A' if claims[-6] != 'A' else 'B'}{claims[-5:]}.{signature}")
    page.locator('[data-say="invalid"], [data-say="malformed"]').locator("visible=true").wait_for()
    field.fill("eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.")
    page.get_by_text("Key not known").wait_for()
    page.get_by_text("Another issuer").wait_for()
    field.fill('{"alg":"none"}')
    page.get_by_text("Not a JWT").wait_for()
    assert {request.url for request in sent} == {f"{demo.issuer}/oauth/v2/keys"}
    for request in sent:
        assert signature not in f"{request.url} {request.post_data} {request.headers}"


def test_the_clock_of_the_browser_is_compared(page: Page, demo: Demo) -> None:
    sign_in_to(page, demo, "/console/troubleshoot/clock")
    page.get_by_text("The same, within a few seconds.").wait_for()
