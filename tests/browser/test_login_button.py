"""The *Log in with …* button as its guide has it, on a page that knows nothing of us."""

import re
from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, Page

from grantline.web.browser_sdk import BUTTON, FOLDER
from tests.browser.audit import check_page
from tests.foreign.arrivals import listening
from tests.running import ROOT

GUIDE: Final = (ROOT / "docs" / "guides" / "login-button.md").read_text()
LONG: Final = "Log in with the accounts server of the Northern Lights Company"
PAGE: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>An app</title>
<meta name="viewport" content="width=device-width"><style>:root { color-scheme: %s } a:hover { color: red }
body { font: 16px sans-serif } %s</style><main><h1>Lead Desk</h1><p>%s</p></main></html>"""
# Ratios of words and marks to what is behind them, by WCAG's formula, out of what the browser computed.
CONTRAST: Final = """(button) => {
  const at = (element, name) => getComputedStyle(element)[name].match(/[\\d.]+/g).slice(0, 3).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const light = ([red, green, blue]) => 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
  const paper = light(at(button, "backgroundColor"));
  const ratio = (other) => Math.max(paper, other) / Math.min(paper, other);
  return [ratio(light(at(button, "color"))), ratio(light(at(button.querySelector("svg"), "stroke")))];
}"""


def markup() -> str:
    """The guide's HTML without its link to the style sheet, and one with many words."""
    found = re.search(r"^```html\n(.*?)^```$", GUIDE, re.M | re.S)
    assert found
    linked, _, buttons = found[1].partition("\n\n")
    assert linked == '<link rel="stylesheet" href="https://accounts.example.com/sdk/login-button.css">'
    assert re.findall(r"(?:Log|Mit) [^<]+", buttons) == ["Log in with Grantline", "Mit Grantline anmelden"]
    return f"{buttons}<br>{buttons.replace('Log in with Grantline', LONG)}"


@pytest.fixture(params=["light dark", "dark"], ids=["both schemes", "dark"])
def page_of_an_app(request: pytest.FixtureRequest, page: Page) -> Iterator[Page]:
    sheet = (FOLDER / BUTTON).read_text()
    with listening("http://127.0.0.1/app", PAGE % (request.param, sheet, markup())) as app:
        page.goto(app.address)
        yield page


def test_the_button_is_accessible_in_both_schemes_and_in_a_narrow_window(page_of_an_app: Page) -> None:
    """Axe in light and dark at 320 and 1280 pixels; 44 pixels of room; words and mark can be read."""
    page = page_of_an_app
    page.emulate_media(reduced_motion="reduce")  # colours change at once
    check_page(page)
    buttons = page.locator(".gl-login")
    assert buttons.count() == 4
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for button in buttons.all():
            box = button.bounding_box()
            assert box
            assert box["height"] >= 44
            button.hover()
            words, mark = button.evaluate(CONTRAST)
            assert (words >= 4.5, mark >= 3) == (True, True), (scheme, button.inner_text())
    page.set_viewport_size({"width": 320, "height": 900})
    tall = page.get_by_text(LONG).bounding_box()
    assert tall
    assert tall["x"] + tall["width"] <= 320


def test_a_button_that_the_app_hides_is_not_seen(page_of_an_app: Page) -> None:
    button = page_of_an_app.locator("button.gl-login").first
    assert button.is_visible()
    button.evaluate("(it) => { it.hidden = true; it.classList.add('gl-login--wide'); }")
    assert not button.is_visible()


def test_the_focus_is_seen_and_forced_colours_are_those_of_the_person(chromium: Browser) -> None:
    context = chromium.new_context(forced_colors="active")
    page = context.new_page()
    page.set_content(PAGE % ("light dark", (FOLDER / BUTTON).read_text(), markup()))
    page.keyboard.press("Tab")
    focused = "getComputedStyle(document.activeElement)"
    assert page.evaluate(f"[{focused}.outlineStyle, parseInt({focused}.outlineWidth)]") == ["solid", 3]
    system = (
        "(name) => { const p = document.body.appendChild(document.createElement('p')); p.style.color = name;"
    )
    ink = page.evaluate(f"{system} return getComputedStyle(p).color }}", "ButtonText")
    button = page.locator("button.gl-login").first
    found = button.evaluate(
        "(b) => [getComputedStyle(b).color, getComputedStyle(b.firstElementChild).stroke]"
    )
    assert found == [ink, ink]
    context.close()
