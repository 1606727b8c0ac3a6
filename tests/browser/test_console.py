"""A developer at the console of the running demo: clients of every type, secrets, grant tokens, addresses."""

import re
import secrets
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page
from playwright.sync_api import Error as PlaywrightError

from tests.browsing import sign_in
from tests.running import Demo

DETAILS: dict[str, dict[str, str]] = {
    "Server-based": {"Redirect URIs": "https://dock.example/cb"},
    "Client-based": {"Web origins": "https://dock.example", "Redirect URIs": "https://dock.example/cb"},
    "Non-browser": {},
    "Mobile": {"Redirect URIs": "com.example.dock:/cb"},
}
EVERYWHERE = "Object.values(localStorage).concat(Object.values(sessionStorage), document.cookie).join(' ')"


@pytest.fixture
def console(page: Page, demo: Demo) -> Page:
    """The console, with the demo's developer signed in."""
    developer = demo.user("developer")
    page.goto(demo.console)
    sign_in(page, developer["email"], developer["password"])
    page.wait_for_url("**/console*")
    return page


@pytest.fixture
def newcomer(page: Page, demo: Demo) -> Page:
    """The console of somebody who has no client yet."""
    email = f"newcomer-{secrets.token_hex(4)}@example.com"
    demo.grantline("user", "create", email, "--password-stdin", input="a long enough password\n")
    page.goto(demo.console)
    sign_in(page, email, "a long enough password")
    page.wait_for_url("**/console*")
    return page


def add_client(page: Page, demo: Demo, kind: str, name: str) -> str:
    """Through the three steps; the new client's ID. The page shows its credentials."""
    page.goto(f"{demo.console}/clients/new")
    page.get_by_role("radio", name=kind).check()
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Name", exact=True).fill(name)
    for label, text in DETAILS[kind].items():
        page.get_by_label(label).fill(text)
    page.get_by_role("button", name="Create client").click()
    page.get_by_role("heading", name=f"{name} is registered").wait_for()
    return page.locator('[data-copy="client ID"] code').inner_text()


def exchange(demo: Demo, **fields: str) -> httpx2.Response:
    """A token request."""
    return httpx2.post(f"{demo.issuer}/oauth/v2/token", data=fields)


@pytest.mark.parametrize("kind", list(DETAILS))
def test_R26_a_client_of_each_type_is_added_shown_and_deleted(kind: str, console: Page, demo: Demo) -> None:
    name = f"Dock {kind}"
    client_id = add_client(console, demo, kind, name)
    assert re.fullmatch(r"glc_us_\w+", client_id)
    has_secret = kind in ("Server-based", "Non-browser")
    assert console.locator('[data-copy="client secret"]').count() == int(has_secret)
    assert console.get_by_text("This type has no secret").count() == int(not has_secret)
    console.goto(f"{demo.console}/clients/{client_id}")
    assert console.get_by_role("heading", level=1).inner_text() == name
    console.goto(f"{demo.console}/clients/{client_id}/settings")
    console.get_by_label(f"Type its name: {name}").fill(name)
    console.get_by_role("button", name="Delete client").click()
    console.get_by_text("The client was deleted.").wait_for()
    assert console.get_by_role("link", name=name).count() == 0
    assert console.goto(f"{demo.console}/clients/{client_id}").status == 404  # type: ignore[union-attr]


def test_R40_a_newcomer_switches_on_a_self_client_and_gets_tokens_with_it(newcomer: Page, demo: Demo) -> None:
    """From an empty console to a token, by what the pages show and nothing else."""
    page = newcomer
    page.goto(f"{demo.console}/clients")
    page.get_by_role("heading", name="There are no clients yet").wait_for()
    page.get_by_role("link", name="Add client").click()
    page.get_by_role("radio", name="Self client").check()
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Switch it on").click()
    client_id = page.locator('[data-copy="client ID"] code').inner_text()
    secret = page.locator('[data-copy="client secret"] code').inner_text()
    page.get_by_role("link", name="Choose other scopes").click()
    page.get_by_label("Scopes").fill("")
    page.get_by_label("Leads, Read").check()
    page.get_by_role("button", name="Generate code").click()
    code = page.locator('[data-copy="grant token"] code').inner_text()
    command = page.locator('[data-copy="command"] pre').inner_text()
    sent = dict(re.findall(r'-d (\w+)="?([^"\s]+)"?', command))
    assert sent == {
        "grant_type": "authorization_code",
        "client_id": client_id,
        "client_secret": "$GRANTLINE_CLIENT_SECRET",
        "code": code,
    }
    answer = exchange(demo, **(sent | {"client_secret": secret}))
    assert answer.status_code == 200, answer.text
    refreshed = exchange(
        demo,
        grant_type="refresh_token",
        client_id=client_id,
        client_secret=secret,
        refresh_token=answer.json()["refresh_token"],
    )
    assert refreshed.status_code == 200, refreshed.text
    page.goto(page.url)
    assert page.get_by_text("Exchanged after").count() == 1


def test_T6_no_secret_survives_reload_back_or_storage(console: Page, demo: Demo) -> None:
    client_id = add_client(console, demo, "Server-based", "Dock once")
    secret = console.locator('[data-copy="client secret"] code').inner_text()
    assert secret.startswith("gls_")
    assert "gls_" not in str(console.evaluate(EVERYWHERE))
    console.reload()  # sends the form again, and makes no second client
    console.get_by_text("Its secret was shown before").wait_for()
    assert "gls_" not in console.content()
    console.get_by_role("link", name="Go to quickstart").click()
    assert secret not in console.content()
    with pytest.raises(PlaywrightError, match="ERR_CACHE_MISS"):
        console.go_back()  # the page was not kept, and the form is not sent again by itself
    elsewhere = console.context.new_page()
    elsewhere.goto(f"{demo.console}/clients/{client_id}")
    assert secret not in elsewhere.content()
    cookies: list[Any] = console.context.cookies()
    assert not any("gls_" in cookie["value"] for cookie in cookies)


def test_R42_a_generated_code_works_and_is_gone_when_the_page_is_left(console: Page, demo: Demo) -> None:
    client = demo.client("self_client")
    console.goto(f"{demo.console}/clients/{client['client_id']}/code")
    console.get_by_label("Scopes").fill("CRM.org.READ")
    console.get_by_label("Users, Read").check()
    assert console.get_by_label("Scopes").input_value() == "CRM.org.READ, CRM.users.READ"
    console.get_by_role("radio", name="7 min").check()
    console.get_by_label("What it’s for").fill("A try in the console")
    console.get_by_role("button", name="Generate code").click()
    assert re.fullmatch(r"(7:00|6:5\d)", console.locator("[data-digits]").inner_text())
    code = console.locator('[data-copy="grant token"] code').inner_text()
    with console.expect_download() as download:
        console.get_by_role("button", name="Download JSON").click()
    assert code in download.value.path().read_text()
    answer = exchange(
        demo,
        grant_type="authorization_code",
        client_id=client["client_id"],
        client_secret=client["client_secret"],
        code=code,
    )
    assert answer.json()["scope"] == "CRM.org.READ CRM.users.READ", answer.text
    console.goto(f"{demo.console}/clients/{client['client_id']}/code")
    assert code not in console.content()
    row = console.get_by_role("row", name=re.compile("A try in the console")).first
    assert "Exchanged after" in row.inner_text()


def test_R33_redirect_uris_are_mended_where_the_problem_stands(console: Page, demo: Demo) -> None:
    client_id = add_client(console, demo, "Server-based", "Dock addresses")
    path = f"{demo.console}/clients/{client_id}/redirects"
    console.goto(path)
    field = console.get_by_label("Redirect URIs")
    field.fill("https://dock.example/cb\nhttp://dock.example/cb")
    console.get_by_role("button", name="Save").click()
    assert console.title().startswith("Problem: ")
    assert field.evaluate("(one) => one === document.activeElement")
    assert field.get_attribute("aria-invalid") == "true"
    assert "Line 2" in console.locator("#redirect_uris-notes .problem").first.inner_text()
    assert field.input_value() == "https://dock.example/cb\nhttp://dock.example/cb"
    field.fill("https://dock.example/cb\nhttps://dock.example/other")
    console.get_by_role("button", name="Save").click()
    console.get_by_text("Saved.").wait_for()
    shown = demo.grantline("client", "show", client_id, "--json")
    assert "https://dock.example/other" in shown


def test_R39_a_second_secret_is_added_and_the_first_revoked(console: Page, demo: Demo) -> None:
    client_id = add_client(console, demo, "Server-based", "Dock secrets")
    path = f"{demo.console}/clients/{client_id}/credentials"
    console.goto(path)
    only = console.get_by_role("button", name=re.compile("^Revoke sec_"))
    assert only.get_attribute("aria-disabled") == "true"
    console.get_by_role("button", name="Add a secret").click()
    console.get_by_label("I have stored it somewhere safe").check()
    assert console.get_by_text("Stored", exact=True).is_visible()
    console.goto(path)
    assert console.get_by_role("button", name="Add a secret").get_attribute("aria-disabled") == "true"
    console.get_by_role("button", name=re.compile("^Revoke sec_")).first.click()
    console.get_by_text("The secret was revoked.").wait_for()


def test_R88_a_refused_request_is_found_by_its_id(console: Page, demo: Demo) -> None:
    client = demo.client("server_based")
    answer = exchange(
        demo,
        grant_type="authorization_code",
        client_id=client["client_id"],
        client_secret=client["client_secret"],
        code="glg_us_nothing",
    )
    request_id = answer.json()["request_id"]
    console.goto(f"{demo.console}/activity")
    console.get_by_label("Request ID").fill(request_id)
    console.get_by_role("button", name="Find").click()
    for words in ("What happened", "Why", "Do this"):
        assert console.get_by_text(words, exact=True).is_visible()
    assert console.get_by_role("link", name=client["name"]).count() == 1
    console.get_by_role("link", name="What this code means").click()
    assert console.get_by_role("heading", level=1).count() == 1


def test_the_console_works_without_a_script(chromium: Browser, demo: Demo) -> None:
    """Boxes count, the code can be selected, and the end of its life is printed."""
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    developer, client = demo.user("developer"), demo.client("self_client")
    page.goto(f"{demo.console}/clients/{client['client_id']}/code")
    sign_in(page, developer["email"], developer["password"])
    page.get_by_label("Contacts, Read").check()
    page.get_by_role("button", name="Generate code").click()
    assert page.locator('[data-copy="grant token"] code').inner_text().startswith("glg_us_")
    assert re.search(r"until \d\d:\d\d:\d\d UTC", page.locator(".countdown").inner_text())
    assert page.get_by_label("Scopes").input_value() == "AaaServer.profile.READ, CRM.modules.contacts.READ"
    assert page.get_by_role("button", name=re.compile("^Copy")).count() == 0
    context.close()


def test_the_menu_of_a_phone_leads_everywhere(console: Page, demo: Demo) -> None:
    console.set_viewport_size({"width": 360, "height": 740})
    console.goto(f"{demo.console}/clients/{demo.client('self_client')['client_id']}")
    console.get_by_text("Menu", exact=True).click()
    console.get_by_role("navigation", name="Menu").get_by_role("link", name="Generate code").click()
    console.wait_for_url("**/code")
    assert console.evaluate("document.documentElement.scrollWidth") <= 360
