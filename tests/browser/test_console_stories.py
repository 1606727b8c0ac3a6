"""Whole stories at the console of the running demo, as people live them: by pointer, by keyboard, without
JavaScript."""

import json
import re
import secrets
import threading
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlencode

import httpx2
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browsing import PATIENCE_MS, decide, sign_in
from tests.foreign.arrivals import answer_in, listening
from tests.running import Demo

PASSWORD: Final = "a long enough password"
MOST_CLICKS: Final = 6
INSIDE: Final = tuple(
    f"/{page}"
    for page in (
        "quickstart",
        "credentials",
        "redirects",
        "scopes",
        "try",
        "activity",
        "users",
        "usage",
        "settings",
    )
)


class Hand:
    """A person who counts how often they click."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0

    def link(self, name: str) -> None:
        self._click(self.page.get_by_role("main").get_by_role("link", name=name, exact=True).first)

    def button(self, name: str) -> None:
        self._click(self.page.get_by_role("main").get_by_role("button", name=name, exact=True).first)

    def choice(self, name: str) -> None:
        self._click(self.page.get_by_role("radio", name=name).first)

    def _click(self, what: Locator) -> None:
        what.click()
        self.clicks += 1


class Keys:
    """A person without a pointer: Tab to what they want, and press it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def link(self, name: str) -> None:
        self._go_to(self.page.get_by_role("main").get_by_role("link", name=name, exact=True).first)
        self.page.keyboard.press("Enter")

    def button(self, name: str) -> None:
        self._go_to(self.page.get_by_role("main").get_by_role("button", name=name, exact=True).first)
        self.page.keyboard.press("Enter")

    def choice(self, name: str) -> None:
        wanted = self.page.get_by_role("radio", name=name).first
        group = f"input[name={wanted.get_attribute('name')}]"
        self._go_to(self.page.locator(group).first)
        for _ in range(self.page.locator(group).count()):
            if wanted.is_checked():
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"the arrows do not reach {name}")

    def _go_to(self, wanted: Locator) -> None:
        wanted.wait_for()
        for _ in range(120):
            if wanted.evaluate("(one) => one === document.activeElement"):
                assert wanted.evaluate("(one) => one.matches(':focus-visible')")
                return
            self.page.keyboard.press("Tab")
        raise AssertionError("Tab does not reach it")


@pytest.fixture
def newcomer(demo: Demo) -> str:
    """The address of somebody who has no client yet."""
    email = f"story-{secrets.token_hex(4)}@example.com"
    demo.grantline("user", "create", email, "--password-stdin", input=f"{PASSWORD}\n")
    return email


@pytest.fixture
def plain(chromium: Browser) -> Iterator[Page]:
    """A page of a browser that runs no JavaScript."""
    context = chromium.new_context(java_script_enabled=False)
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def enter(page: Page, demo: Demo, email: str, password: str = PASSWORD) -> None:
    """Sign in to the console."""
    page.goto(demo.console)
    sign_in(page, email, password)
    page.wait_for_url("**/console*")


def get_first_answer(who: Hand | Keys) -> None:
    """From the console's first page to the first answer of the API."""
    who.link("Add client")
    who.choice("Self client")
    who.button("Go on")
    who.button("Switch it on")
    who.button("Generate code")
    who.button("Exchange now")
    who.page.get_by_role("heading", name="The API answered").wait_for()


def check_answer(page: Page, demo: Demo, email: str) -> None:
    """What the page shows is the person's own, and the tokens work outside of it."""
    expect(page.get_by_role("main")).to_contain_text(f'"Email": "{email}"')
    command = page.locator('[data-copy="command that calls the API"] pre').inner_text()
    found = re.search(r"curl -sS (\S+).*Bearer (gla_\w+)", command, re.DOTALL)
    assert found, command
    answer = httpx2.get(found[1], headers={"Authorization": f"Bearer {found[2]}"})
    assert answer.json()["Email"] == email


def test_a_self_client_gets_its_first_answer_in_six_clicks(page: Page, demo: Demo, newcomer: str) -> None:
    enter(page, demo, newcomer)
    hand = Hand(page)
    get_first_answer(hand)
    check_answer(page, demo, newcomer)
    assert hand.clicks <= MOST_CLICKS
    page.get_by_role("link", name="Go to quickstart").click()
    expect(page.locator("#arrival")).to_contain_text("First token")


def test_a_self_client_gets_its_first_answer_without_javascript(
    plain: Page, demo: Demo, newcomer: str
) -> None:
    enter(plain, demo, newcomer)
    hand = Hand(plain)
    get_first_answer(hand)
    check_answer(plain, demo, newcomer)
    assert hand.clicks <= MOST_CLICKS


def test_a_self_client_gets_its_first_answer_by_keyboard(page: Page, demo: Demo, newcomer: str) -> None:
    enter(page, demo, newcomer)
    get_first_answer(Keys(page))
    check_answer(page, demo, newcomer)


def call_once(demo: Demo, app: dict[str, str]) -> None:
    form = {name: app[name] for name in ("client_id", "client_secret")}
    form |= {"grant_type": "client_credentials", "scope": "CRM.org.READ"}
    assert httpx2.post(f"{demo.issuer}/oauth/v2/token", data=form).status_code == 200


def test_quickstart_tells_by_itself_when_the_first_request_came(
    page: Page, demo: Demo, newcomer: str
) -> None:
    app = create_app(demo, newcomer, "https://story.example/callback")
    enter(page, demo, newcomer)
    page.goto(f"{demo.console}/clients/{app['client_id']}/quickstart")
    expect(page.locator("#arrival")).to_contain_text("Waiting for your first request")
    call_once(demo, app)
    expect(page.locator("#arrival")).to_contain_text("First token")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(3_500)
    assert asked == [], "it asks no more"


def test_quickstart_is_looked_at_again_without_javascript(plain: Page, demo: Demo, newcomer: str) -> None:
    app = create_app(demo, newcomer, "https://story.example/callback")
    enter(plain, demo, newcomer)
    plain.goto(f"{demo.console}/clients/{app['client_id']}/quickstart?language=python")
    call_once(demo, app)
    for _ in range(100):
        again = plain.get_by_role("link", name="Look again")
        if not again.count():
            break
        again.click()
        plain.wait_for_timeout(200)
    expect(plain.locator("#arrival")).to_contain_text("First token")
    expect(plain.locator('[data-copy="program"]')).to_contain_text("quickstart.py")


class Caller:
    """An app that calls all the time, with the secret that it has at the moment."""

    def __init__(self, demo: Demo, client_id: str, secret: str) -> None:
        self.secret = secret
        self.refused: list[str] = []
        self.calls = 0
        self._address, self._client_id = f"{demo.issuer}/oauth/v2/token", client_id
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with httpx2.Client() as http:
            while not self._over.is_set():
                form = {
                    "grant_type": "client_credentials",
                    "client_id": self._client_id,
                    "client_secret": self.secret,
                    "scope": "CRM.org.READ",
                }
                answer = http.post(self._address, data=form)
                self.calls += 1
                if answer.status_code != 200:
                    self.refused.append(answer.text)
                self._over.wait(0.1)

    def __enter__(self) -> "Caller":
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._over.set()
        self._thread.join()


def create_app(demo: Demo, email: str, redirect_uri: str) -> dict[str, str]:
    """A server-based app of this person."""
    options = ("--type", "server-based", "--name", "Story Desk", "--homepage", "https://story.example")
    made: dict[str, str] = json.loads(
        demo.grantline(
            "client", "create", *options, "--owner", email, "--redirect-uri", redirect_uri, "--json"
        )
    )
    return made


def used_today(page: Page, secret_id: str) -> int:
    """How often the list says that this secret was used today."""
    row = page.get_by_role("row", name=secret_id)
    found = re.search(r"(\d+) times? today", row.inner_text())
    return int(found[1]) if found else 0


def wait_for_uses(page: Page, secret_id: str, least: int) -> int:
    """Reload until the list shows so many uses; what is counted is written once a second."""
    for _ in range(100):
        page.reload()
        if (count := used_today(page, secret_id)) >= least:
            return count
        page.wait_for_timeout(200)
    raise AssertionError(f"{secret_id} was not used {least} times")


def test_a_secret_is_exchanged_while_the_app_keeps_calling(page: Page, demo: Demo, newcomer: str) -> None:
    app = create_app(demo, newcomer, "https://story.example/callback")
    enter(page, demo, newcomer)
    path = f"{demo.console}/clients/{app['client_id']}/credentials"
    page.goto(path)
    old_id = page.locator("tbody th code").first.inner_text()
    with Caller(demo, app["client_id"], app["client_secret"]) as caller:
        wait_for_uses(page, old_id, 1)
        page.get_by_role("button", name="Add a secret").click()
        caller.secret = page.locator('[data-copy="client secret"] code').inner_text()
        page.goto(path)
        [new_id] = set(page.locator("tbody th code").all_inner_texts()) - {old_id}
        wait_for_uses(page, new_id, 1)
        settled = wait_for_uses(page, old_id, 1)
        newer = wait_for_uses(page, new_id, used_today(page, new_id) + 5)
        assert used_today(page, old_id) == settled, "nothing uses the old one any more"
        expect(page.get_by_role("main")).to_contain_text(f"The old secret, {old_id}, was still used")
        page.get_by_role("button", name=f"Revoke {old_id}").click()
        expect(page.get_by_role("main")).to_contain_text("It stopped working.")
        wait_for_uses(page, new_id, newer + 5)
    assert caller.refused == []
    assert caller.calls >= settled + newer
    form = {"grant_type": "client_credentials", "client_id": app["client_id"], "scope": "CRM.org.READ"}
    dead = httpx2.post(f"{demo.issuer}/oauth/v2/token", data=form | {"client_secret": app["client_secret"]})
    assert dead.status_code == 401


def ask(demo: Demo, client_id: str, redirect_uri: str) -> str:
    """The address that the app sends its people to."""
    question = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": "openid email",
        "state": "story",
    }
    return f"{demo.issuer}/oauth/v2/auth?{urlencode(question)}"


def get_tokens(demo: Demo, app: dict[str, str], code: str, redirect_uri: str) -> httpx2.Response:
    form = {name: app[name] for name in ("client_id", "client_secret")}
    form |= {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    return httpx2.post(f"{demo.issuer}/oauth/v2/token", data=form)


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_R85_a_slash_too_many_is_found_and_added_from_the_error_page(
    script: bool, chromium: Browser, demo: Demo, newcomer: str
) -> None:
    context = chromium.new_context(java_script_enabled=script)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    with listening("http://127.0.0.1:0/callback/") as arrivals:
        app = create_app(demo, newcomer, arrivals.address.removesuffix("/"))
        enter(page, demo, newcomer)
        page.goto(ask(demo, app["client_id"], arrivals.address))
        expect(page.get_by_role("main")).to_contain_text("Your app sent an extra / at the end.")
        page.get_by_role("link", name="Fix it in the console").click()
        page.get_by_role("link", name="Add this redirect URI").first.click()
        expect(page.get_by_role("main")).to_contain_text(arrivals.address)
        page.get_by_role("button", name="Add this redirect URI").click()
        page.wait_for_url(f"{demo.console}/clients/**")
        page.goto(ask(demo, app["client_id"], arrivals.address))
        decide(page)
        code = answer_in(arrivals.the_only_one().target)["code"]
    assert get_tokens(demo, app, code, arrivals.address).status_code == 200
    context.close()


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_R85_a_slash_too_many_is_mended_by_editing_the_list(
    script: bool, chromium: Browser, demo: Demo, newcomer: str
) -> None:
    context = chromium.new_context(java_script_enabled=script)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    with listening("http://127.0.0.1:0/callback/") as arrivals:
        app = create_app(demo, newcomer, arrivals.address.removesuffix("/"))
        enter(page, demo, newcomer)
        page.goto(ask(demo, app["client_id"], arrivals.address))
        page.get_by_role("link", name="Fix it in the console").click()
        page.goto(f"{demo.console}/clients/{app['client_id']}/redirects")
        page.get_by_label("Redirect URIs").fill(arrivals.address)
        page.get_by_role("button", name="Save", exact=False).first.click()
        page.wait_for_url("**/redirects?*")
        page.goto(ask(demo, app["client_id"], arrivals.address))
        decide(page)
        code = answer_in(arrivals.the_only_one().target)["code"]
        assert get_tokens(demo, app, code, arrivals.address).status_code == 200
        page.goto(ask(demo, app["client_id"], arrivals.address.removesuffix("/")))
        expect(page.get_by_role("main")).to_contain_text("What you can do")
    context.close()


def invite(page: Page, demo: Demo, email: str, role: str) -> str:
    """Invite somebody to the workspace that the page is in; the link that they get."""
    page.goto(f"{demo.console}/team")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("radio", name=re.compile(role, re.IGNORECASE)).check()
    page.get_by_role("button", name=re.compile("(Send|Make) invitation")).click()
    page.wait_for_load_state()
    pattern = rf"{demo.console}/invitations/[\w-]+"
    if not re.search(pattern, page.get_by_role("main").inner_text()):
        page.goto(f"{demo.console}/mail")
    found = re.search(pattern, page.get_by_role("main").inner_text())
    assert found, page.get_by_role("main").inner_text()
    return found[0]


def test_a_viewer_sees_a_client_and_may_not_change_anything(
    chromium: Browser, page: Page, demo: Demo, newcomer: str
) -> None:
    enter(page, demo, newcomer)
    page.goto(f"{demo.console}/workspaces/new")
    page.get_by_label("Name").fill("Story Tools")
    page.get_by_role("button", name="Make workspace").click()
    page.wait_for_load_state()
    page.goto(f"{demo.console}/clients/new/server-based")
    page.get_by_label("Name", exact=True).fill("Story Desk")
    page.get_by_label("Redirect URIs").fill("https://story.example/callback")
    page.get_by_role("button", name="Create client").click()
    client_id = page.locator('[data-copy="client ID"] code').inner_text()
    secret = page.locator('[data-copy="client secret"] code').inner_text()
    viewer = demo.user()
    link = invite(page, demo, viewer["email"], "viewer")

    context = chromium.new_context()
    context.set_default_timeout(PATIENCE_MS)
    guest = context.new_page()
    guest.goto(link)
    sign_in(guest, viewer["email"], viewer["password"])
    guest.get_by_role("button", name="Join the workspace").click()
    guest.wait_for_load_state()
    path = f"{demo.console}/clients/{client_id}"
    seen = 0
    for inside in (
        "",
        "/quickstart",
        "/credentials",
        "/redirects",
        "/scopes",
        "/activity",
        "/usage",
        "/users",
    ):
        answer = guest.goto(f"{path}{inside}")
        assert answer is not None
        assert answer.status in (200, 403), inside
        if answer.status == 403:
            expect(guest.get_by_role("heading", name="Your role does not allow this")).to_be_visible()
            continue
        seen += 1
        assert guest.locator("main form[method=post] button:not([type=button])").count() == 0, inside
    assert seen >= 4
    for inside in ("/secrets/reset", "/secrets/add", "/delete", "/redirects"):
        forced = context.request.post(
            f"{path}{inside}", form={"token": "x"}, headers={"Origin": demo.issuer}, max_redirects=0
        )
        assert forced.status == 403, inside
        assert "Your role does not allow this" in forced.text()
    context.close()
    form = {"grant_type": "client_credentials", "client_id": client_id, "scope": "CRM.org.READ"}
    answered = httpx2.post(f"{demo.issuer}/oauth/v2/token", data=form | {"client_secret": secret})
    assert answered.status_code == 200, answered.text
