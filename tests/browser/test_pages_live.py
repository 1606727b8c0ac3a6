"""Every page of the running demo, signed out and signed in: accessible, in its window, its policy obeyed."""

import secrets
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import urlencode

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from starlette.routing import Route

from grantline.oauth.errors import CATALOGUE
from grantline.web.app import PEOPLE
from grantline.web.console.routes import ROUTES as CONSOLE
from tests.browser.audit import OTHER_VIEWS, check_page, complaints_during
from tests.browsing import PATIENCE_MS, decide, sign_in
from tests.foreign.arrivals import listening
from tests.running import Demo

SCOPE: Final = "openid email CRM.modules.leads.READ CRM.modules.products.ALL"
NEEDS_A_FORM: Final = {"/oauth/v2/auth/continue", "/oauth/v3/device/confirm"}
"""Reached from a page before them alone; the tests by step visit them."""
INSIDE: Final = {"/refused"}
"""The edge's own way to show a refusal; from outside there is nothing at this address."""
FILES: Final = {
    "/logos/{digest}",
    "/language/{code}",
    "/console/clients/{client_id}/manifest.yaml",
    "/console/clients/{client_id}/quickstart/env",
    "/console/clients/{client_id}/quickstart/postman",
}
"""No pages: a picture, a choice that leads back, and files to keep."""
VALUES: Final = {
    "code": "redirect_uri_mismatch",
    "type": "server-based",
    "member": "1",
    "api_id": "glc_us_x",
    "sample": "data_sync",
    "invitation": "inv_000000000000",
}


def reached_by_get() -> list[str]:
    """The paths of all pages that an address alone opens."""
    routes: list[Route] = [*PEOPLE, *CONSOLE]
    paths = {route.path for route in routes if "GET" in (route.methods or set())}
    return sorted(paths - NEEDS_A_FORM - INSIDE - FILES)


PATHS: Final = reached_by_get()


def address_of(demo: Demo, path: str) -> str:
    """A page's address, with the values that its path needs."""
    key = "self_client" if path.endswith("/code") else "server_based"
    for name, value in (VALUES | {"client_id": demo.client(key)["client_id"]}).items():
        path = path.replace(f"{{{name}}}", value)
    return demo.issuer + path


def asked(demo: Demo, key: str = "server_based", **changes: str) -> str:
    """The address of an authorization request."""
    client = demo.client(key)
    fields = {
        "response_type": "code",
        "client_id": client["client_id"],
        "redirect_uri": client["redirect_uris"][0],
        "scope": SCOPE,
        "access_type": "offline",
        "prompt": "consent",
        **changes,
    }
    return f"{demo.issuer}/oauth/v2/auth?{urlencode(fields)}"


@pytest.fixture(scope="module")
def nobody(chromium: Browser) -> Iterator[Page]:
    """A browser in which nobody is signed in."""
    context = chromium.new_context(reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def developer_context(chromium: Browser, demo: Demo) -> Iterator[BrowserContext]:
    """A browser in which the developer is signed in, who has allowed an app and was refused something."""
    context = chromium.new_context(reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    person = demo.user("developer")
    with listening(demo.client("server_based")["redirect_uris"][0]):
        page.goto(asked(demo))
        sign_in(page, person["email"], person["password"])
        decide(page)
    page.goto(asked(demo, redirect_uri="http://127.0.0.1:1/elsewhere"))
    page.close()
    yield context
    context.close()


@pytest.fixture
def developer(developer_context: BrowserContext) -> Iterator[Page]:
    """A page of that browser."""
    page = developer_context.new_page()
    yield page
    page.close()


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_sound_for_who_is_signed_in(path: str, developer: Page, demo: Demo) -> None:
    assert complaints_during(developer, lambda: developer.goto(address_of(demo, path))) == []
    assert developer.locator("h1").count() == 1
    # In every view the gallery shows each template of the console.
    check_page(developer, OTHER_VIEWS[:1] if path.startswith("/console") else OTHER_VIEWS)


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_sound_for_a_stranger(path: str, nobody: Page, demo: Demo) -> None:
    if path.startswith("/console/"):  # the same page for all of them, which the others show
        answer = httpx2.get(address_of(demo, path))
        assert answer.status_code in (302, 303)
        assert "/signin?flow=" in answer.headers["location"]
        return
    assert complaints_during(nobody, lambda: nobody.goto(address_of(demo, path))) == []
    assert nobody.locator("h1").count() == 1
    private = path.startswith(("/account", "/console"))
    assert ("/signin?flow=" in nobody.url) is private
    if not private:
        check_page(nobody, OTHER_VIEWS)


def test_sign_in_is_sound_for_an_app_and_after_a_wrong_password(nobody: Page, demo: Demo) -> None:
    assert complaints_during(nobody, lambda: nobody.goto(asked(demo))) == []
    check_page(nobody)

    def fail() -> None:
        sign_in(nobody, f"{secrets.token_hex(4)}@example.com", "not the password")

    assert complaints_during(nobody, fail) == []
    assert nobody.title().startswith("Problem:")
    check_page(nobody)


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("server_based", {"scope": "openid", "access_type": "online"}),
        (
            "server_based",
            {"scope": "CRM.modules.ALL CRM.settings.ALL CRM.org.ALL CRM.users.ALL CRM.bulk.ALL"},
        ),
        ("client_based", {"response_type": "token", "scope": "CRM.modules.leads.READ"}),
        (
            "mobile",
            {
                "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
                "code_challenge_method": "S256",
            },
        ),
    ],
    ids=["little", "much", "browser app", "mobile app"],
)
def test_consent_is_sound(key: str, changes: dict[str, str], developer: Page, demo: Demo) -> None:
    url = asked(demo, key, **changes)
    assert complaints_during(developer, lambda: developer.goto(url)) == []
    assert developer.locator("button[name=decision][value=allow]").count() == 1
    check_page(developer)


STOPPED: Final[dict[str, Callable[[Demo], str]]] = {
    "unknown client": lambda demo: asked(demo, client_id="glc_us_nobody"),
    "other address": lambda demo: asked(demo, redirect_uri="http://127.0.0.1:1/elsewhere"),
    "nothing asked": lambda demo: f"{demo.issuer}/oauth/v2/auth",
    "sign-out to elsewhere": lambda demo: (
        f"{demo.issuer}/oauth/v2/logout?post_logout_redirect_uri=https://elsewhere.example"
    ),
    "nothing there": lambda demo: f"{demo.issuer}/nothing/here",
    "odd path": lambda demo: f"{demo.issuer}/%2e%2e/x",
    "a form's address": lambda demo: f"{demo.issuer}/oauth/v2/auth/decision",
    "too long": lambda demo: f"{demo.issuer}/scopes?{'x' * 9000}",
    "unknown error": lambda demo: f"{demo.issuer}/errors/nothing",
    "somebody's client": lambda demo: f"{demo.console}/clients/glc_us_nobody",
}


@pytest.mark.parametrize(
    ("case", "who"),
    [
        *((case, "nobody") for case in STOPPED),
        ("other address", "developer"),
        ("nothing there", "developer"),
        ("somebody's client", "developer"),
    ],
)
def test_what_is_refused_is_told_on_a_sound_page(
    case: str, who: str, request: pytest.FixtureRequest, demo: Demo
) -> None:
    page: Page = request.getfixturevalue(who)
    statuses: list[int] = []

    def visit() -> None:
        answer = page.goto(STOPPED[case](demo))
        assert answer is not None
        statuses.append(answer.status)

    assert complaints_during(page, visit) == []
    assert statuses[0] >= 400 or "/signin?flow=" in page.url
    assert page.locator("h1").count() == 1
    check_page(page, OTHER_VIEWS)


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_every_step_of_a_device_is_sound(decision: str, developer: Page, demo: Demo) -> None:
    client = demo.client("non_browser")
    told = httpx2.post(
        f"{demo.issuer}/oauth/v3/device/code",
        data={"client_id": client["client_id"], "scope": "CRM.modules.leads.READ"},
    ).json()
    developer.goto(told["verification_uri"])
    developer.fill("input[name=user_code]", "BBBB-BBBB")

    def go_on() -> None:
        developer.click("main button[type=submit]")
        developer.wait_for_load_state()

    assert complaints_during(developer, go_on) == []
    assert developer.title().startswith("Problem:")
    check_page(developer)
    developer.goto(told["verification_uri_complete"])
    assert complaints_during(developer, go_on) == []
    check_page(developer)
    assert complaints_during(developer, lambda: decide(developer, decision)) == []
    check_page(developer)


def test_the_pages_of_a_new_client_are_sound(developer: Page, demo: Demo) -> None:
    """Its secret shown once, its details, a second secret, and what must be confirmed."""
    page = developer
    page.goto(f"{demo.console}/clients/new/server-based")
    page.get_by_role("button", name="Create client").click()
    page.wait_for_load_state()
    check_page(page)
    page.get_by_label("Name", exact=True).fill("Sound Desk")
    page.get_by_label("Redirect URIs").fill("https://sound.example/cb")

    def create() -> None:
        page.get_by_role("button", name="Create client").click()
        page.get_by_text("gls_us_").first.wait_for()

    assert complaints_during(page, create) == []
    check_page(page)
    page.get_by_label("Main").get_by_role("link", name="Credentials").click()
    page.get_by_role("button", name="Add a secret").click()
    page.get_by_text("gls_us_").first.wait_for()
    check_page(page)


def test_a_generated_code_and_an_explained_request_are_sound(developer: Page, demo: Demo) -> None:
    page = developer
    client = demo.client("self_client")
    page.goto(f"{demo.console}/clients/{client['client_id']}/code")
    page.fill("#scope", "CRM.modules.leads.READ")

    def generate() -> None:
        page.get_by_role("button", name="Generate code").click()
        page.get_by_text("glg_us_").first.wait_for()

    assert complaints_during(page, generate) == []
    check_page(page)
    form = {"grant_type": "refresh_token", "client_id": client["client_id"], "client_secret": "wrong"}
    refused = httpx2.post(f"{demo.issuer}/oauth/v2/token", data=form | {"refresh_token": "x"}).json()
    page.goto(f"{demo.console}/activity")
    page.get_by_label("Request ID").fill(refused["request_id"])

    def find() -> None:
        page.get_by_role("button", name="Find").click()
        page.wait_for_load_state()

    assert complaints_during(page, find) == []
    assert refused["request_id"] in page.locator("main").inner_text()
    check_page(page)


def test_each_error_of_the_catalogue_has_its_page(demo: Demo) -> None:
    """R88: `error_uri` leads somewhere for every word that a program can get."""
    with httpx2.Client() as http:
        for code, explanation in CATALOGUE.items():
            answer = http.get(f"{demo.issuer}/errors/{code}")
            assert (answer.status_code, code in answer.text) == (200, True)
            assert explanation.error in answer.text
