"""Every page in a browser: accessible, without sideways scroll, without a complaint of its policy."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page

from grantline.web.templating import HERE
from tests.browser.audit import check_page, complaints_during
from tests.browser.gallery import samples, served

NAMES = [sample.name for sample in samples()]
TOKENS = Path(HERE / "static" / "styles" / "tokens.css").read_text()
# design: text needs 4.5, edges of controls and the focus ring 3.
PAIRS = [
    *((text, ground, 4.5) for text in ("ink", "ink-2", "ink-3") for ground in ("paper", "ground", "sunk")),
    *(("line", ground, 4.5) for ground in ("paper", "ground", "sunk", "line-wash")),
    *(("wait", ground, 4.5) for ground in ("paper", "ground", "wait-wash")),
    *(("stop", ground, 4.5) for ground in ("paper", "ground", "stop-wash")),
    *(("on-line", ground, 4.5) for ground in ("line", "line-hover")),
    *(("ink", ground, 4.5) for ground in ("wait-wash", "stop-wash", "line-wash", "mark")),
    *((mark, ground, 3.0) for mark in ("edge", "focus") for ground in ("paper", "ground", "sunk")),
    ("ink-3", "line-wash", 4.5),
    ("on-stop", "stop", 4.5),
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served() as base:
        yield base


@pytest.fixture(scope="module")
def german() -> Iterator[str]:
    with served("de") as base:
        yield base


@pytest.fixture(scope="module")
def still(chromium: Browser) -> Iterator[Page]:
    """A page without transitions, so that a change of scheme is there at once."""
    context = chromium.new_context(reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_no_accessibility_fault_and_fits_its_window(name: str, still: Page, address: str) -> None:
    """In light and dark, at 320 and 1280 pixels; and its policy has nothing to complain about."""
    assert complaints_during(still, lambda: still.goto(f"{address}/{name}")) == []
    check_page(still)


@pytest.mark.parametrize(
    "name", ["consent", "code-ready", "client", "activity", "stopped-owner", "add-type", "data-centers-own"]
)
def test_a_page_fits_every_width_and_both_directions(name: str, page: Page, address: str) -> None:
    """640 is what a window of 1280 becomes at 200 %."""
    page.goto(f"{address}/{name}")
    for width in (320, 390, 640, 800, 1024):
        page.set_viewport_size({"width": width, "height": 800})
        for direction in ("rtl", "ltr"):
            page.evaluate(f"document.documentElement.dir = '{direction}'")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (width, direction)


@pytest.mark.parametrize(
    "name", ["consent", "signin", "overview", "activity", "credentials", "code-ready", "troubleshoot-address"]
)
def test_long_german_words_fit_every_width_in_both_directions(name: str, page: Page, german: str) -> None:
    page.goto(f"{german}/{name}")
    assert page.locator("html").get_attribute("lang") == "de"
    for width in (320, 390, 640, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        for direction in ("rtl", "ltr"):
            page.evaluate(f"document.documentElement.dir = '{direction}'")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (width, direction)


def test_the_way_to_other_consoles_is_sound_when_it_is_open(still: Page, address: str) -> None:
    still.goto(f"{address}/data-centers")
    still.locator(".centers > summary").click()
    still.get_by_role("link", name="Console of India").wait_for()
    check_page(still)


def test_what_a_script_says_is_in_the_language_of_the_page(page: Page, german: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{german}/code-ready")
    page.get_by_role("button", name="Grant-Token kopieren").click()
    page.locator("#said", has_text="Kopiert: Grant-Token").wait_for(state="attached")
    page.goto(f"{german}/code-last-seconds")
    page.locator(".countdown.over").wait_for()
    assert page.locator("#said").text_content() == "Der Code ist abgelaufen."


HELD = """(answers) => {
  // Begun anew and stopped by hand, so that a slow machine shows the same as a quick one.
  answers.replaceChildren(...answers.children);
  const held = [...answers.children].flatMap((one) => one.getAnimations());
  held.forEach((one) => one.pause());
  return (at) => { held.forEach((one) => { one.currentTime = at; }); };
}"""


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
@pytest.mark.parametrize("name", ["consent", "device-confirm"])
def test_T84_the_answers_take_no_pointer_for_700_ms(name: str, motion: Any, page: Page, address: str) -> None:
    """Afterwards both can be pressed; also where people asked for less motion."""
    page.emulate_media(reduced_motion=motion)
    page.goto(f"{address}/{name}")
    set_time = page.locator(".answers").evaluate_handle(HELD)
    taken = (
        "[...document.querySelectorAll('.answers button')].map((one) => getComputedStyle(one).pointerEvents)"
    )
    for at, expected in ((0, "none"), (699, "none"), (701, "auto")):
        set_time.evaluate("(set, at) => set(at)", at)
        assert page.evaluate(taken) == [expected, expected], at


def test_T84_a_double_click_that_ends_on_an_answer_gives_none(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 800, "height": 1500})
    page.goto(f"{address}/consent")
    set_time = page.locator(".answers").evaluate_handle(HELD)
    set_time.evaluate("(set) => set(650)")
    box = page.get_by_role("button", name="Allow", exact=True).bounding_box()
    assert box
    page.mouse.dblclick(box["x"] + 5, box["y"] + 5)
    page.wait_for_timeout(200)
    assert page.url == f"{address}/consent"
    set_time.evaluate("(set) => set(701)")
    page.mouse.click(box["x"] + 5, box["y"] + 5)
    page.wait_for_url("**/oauth/v2/auth/decision")


def test_T84_no_answer_is_focused_or_set_off_from_the_other(page: Page, address: str) -> None:
    for name in ("consent", "device-confirm"):
        page.goto(f"{address}/{name}")
        assert page.evaluate("document.activeElement === document.body")
        look = (
            "(one) => { const style = getComputedStyle(one);"
            " return [style.backgroundColor, style.color, style.fontWeight, one.offsetWidth] }"
        )
        first, second = page.locator(".answers button").all()
        assert first.evaluate(look) == second.evaluate(look)


def test_the_countdown_runs_and_ends_with_the_settings_kept(page: Page, address: str) -> None:
    page.goto(f"{address}/code-last-seconds")
    assert page.locator("[data-digits]").inner_text() in ("0:03", "0:02", "0:01", "0:00")
    page.locator(".countdown.over").wait_for()
    assert page.locator("#said").text_content() == "The code has expired."
    assert page.get_by_role("button", name="Generate a new one").is_visible()
    assert page.input_value("#scope").startswith("CRM.modules.leads.READ")


def test_scope_boxes_and_scope_text_keep_in_step(page: Page, address: str) -> None:
    page.goto(f"{address}/code-form")
    assert page.get_by_label("Leads, Read").is_checked()
    implied = page.get_by_label("Products, Delete")
    assert implied.is_checked()
    assert implied.is_disabled()
    page.get_by_label("Leads, Update").check()
    page.get_by_label("Leads, Read").uncheck()
    assert page.input_value("#scope") == "CRM.modules.products.ALL, CRM.modules.leads.UPDATE"
    page.fill("#scope", "crm.modules.write")
    assert page.get_by_label("Products, Create").is_checked()
    assert not page.get_by_label("Products, Read").is_checked()


def test_what_can_be_copied_has_a_named_button_and_the_json_becomes_a_file(page: Page, address: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{address}/code-ready")
    page.get_by_role("button", name="Copy grant token").click()
    page.locator("#said", has_text="Copied: grant token").wait_for(state="attached")
    assert page.evaluate("navigator.clipboard.readText()").startswith("glg_")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download JSON").click()
    assert download.value.suggested_filename == "grantline-code.json"
    assert Path(download.value.path()).read_text() == page.locator("#document").text_content()


def test_pages_for_people_ship_no_script_and_the_console_works_without(
    chromium: Browser, address: str
) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    plain = httpx2.Client(verify=False)
    for sample in samples():
        text = plain.get(f"{address}/{sample.name}").text
        assert sample.scripts or "<script" not in text, sample.name
        assert not re.search(r"<[^>]*\s(style|on[a-z]+)=", text), sample.name
        if "data-download" in text:
            page.goto(f"{address}/{sample.name}")
            assert page.locator("button[data-download]:visible").count() == 0
    plain.close()
    context.close()


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("over", "under", "needed"), PAIRS)
def test_colours_keep_their_contrast(over: str, under: str, needed: float, scheme: int) -> None:
    assert contrast(token(over, scheme), token(under, scheme)) >= needed


def token(name: str, scheme: int) -> str:
    found = re.search(rf"--{name}: light-dark\((#\w{{6}}), (#\w{{6}})\);", TOKENS)
    assert found
    return found.group(scheme + 1)


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
