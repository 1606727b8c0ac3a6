"""Adding a client and changing it in a real browser: what appears while one types, and what works without."""

import struct
import zlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsing import sign_in
from tests.running import Demo


@pytest.fixture
def console(page: Page, demo: Demo) -> Page:
    """The console, with the demo's developer signed in."""
    return enter(page, demo)


@pytest.fixture
def plain_console(chromium: Browser, demo: Demo) -> Iterator[Page]:
    """The same where no script runs."""
    context = chromium.new_context(java_script_enabled=False)
    yield enter(context.new_page(), demo)
    context.close()


def enter(page: Page, demo: Demo) -> Page:
    developer = demo.user("developer")
    page.goto(demo.console)
    sign_in(page, developer["email"], developer["password"])
    page.wait_for_url("**/console*")
    return page


def picture() -> bytes:
    """A green square."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x0b\x63\x50" * 8) * 8)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", rows) + part(b"IEND", b"")


def test_R27_the_answers_tag_a_type_at_once_and_never_move_a_choice(console: Page, demo: Demo) -> None:
    console.goto(f"{demo.console}/clients/new")
    console.get_by_label("Only my own").check()
    tagged = console.locator("label.type", has_text="Fits your answers")
    expect(tagged).to_contain_text("Self client")
    expect(console.get_by_role("radio", name="Self client")).to_be_checked()
    console.get_by_role("radio", name="Mobile").check()
    console.get_by_label("Other people’s accounts").check()
    console.get_by_label("No browser at all").check()
    expect(tagged).to_contain_text("Non-browser")
    expect(console.get_by_role("radio", name="Mobile")).to_be_checked()
    expect(console.get_by_label("No browser at all")).to_be_checked()


def test_an_address_and_the_preview_follow_what_is_typed(console: Page, demo: Demo) -> None:
    console.goto(f"{demo.console}/clients/new/server-based")
    console.get_by_label("Redirect URIs").press_sequentially("http://quay.example/cb")
    notes = console.locator("#redirect_uris-notes")
    expect(notes).to_contain_text("It uses http, which anyone on the way can read.")
    expect(notes).to_contain_text("Do you mean https://quay.example/cb?")
    console.get_by_label("Redirect URIs").fill("https://quay.example/cb/")
    expect(notes).to_contain_text("https://quay.example/cb is another address")
    expect(notes).not_to_contain_text("It uses http")
    console.get_by_label("Name", exact=True).press_sequentially("Quay <i>Side</i>")
    expect(console.locator("#preview")).to_contain_text("Allow Quay <i>Side</i> to")


def test_a_client_is_added_by_questions_and_changed_without_a_script(plain_console: Page, demo: Demo) -> None:
    page = plain_console
    page.goto(f"{demo.console}/clients/new")
    page.get_by_label("Other people’s accounts").check()
    page.get_by_label("Yes, it’s a web page").check()
    page.get_by_label("Yes, on a server I control").check()
    page.get_by_role("button", name="Show what fits").click()
    expect(page.locator("label.type", has_text="Fits your answers")).to_contain_text("Server-based")
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Name", exact=True).fill("Plain Quay")
    page.get_by_label("Redirect URIs").fill("http://quay.example/cb")
    page.get_by_role("button", name="Show it with these details").click()
    expect(page.locator("#preview")).to_contain_text("Allow Plain Quay to")
    page.get_by_role("button", name="Create client").click()
    expect(page.locator("#redirect_uris-notes")).to_contain_text("Do you mean https://quay.example/cb?")
    page.get_by_label("Redirect URIs").fill("https://quay.example/cb")
    page.get_by_role("button", name="Create client").click()
    page.get_by_role("heading", name="Plain Quay is registered").wait_for()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Scopes", exact=True).click()
    page.get_by_role("checkbox", name="Leads, Read").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_label("Scopes", exact=True)).to_have_value("CRM.modules.leads.READ")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Settings").click()
    page.get_by_label("Type its name").fill("Plain Quay")
    page.get_by_role("button", name="Delete client").click()
    page.get_by_text("The client was deleted").wait_for()


def test_T87_a_logo_is_uploaded_and_drawn(console: Page, demo: Demo) -> None:
    client = demo.client("server_based")
    console.goto(f"{demo.console}/clients/{client['client_id']}/settings")
    files = {"name": "logo.png", "mimeType": "image/png", "buffer": picture()}
    console.get_by_label("Picture").set_input_files(files)  # type: ignore[arg-type]
    console.get_by_role("button", name="Save the logo").click()
    console.get_by_text("The logo is saved.").wait_for()
    drawn = console.get_by_role("img", name="The logo as people see it")
    assert drawn.evaluate("(one) => one.naturalWidth") == 8
    console.get_by_role("button", name="Remove it").click()
    console.get_by_text("The logo is gone.").wait_for()
