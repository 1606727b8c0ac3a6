"""What every page must pass, wherever it is served from: axe, no sideways scroll, a content policy obeyed."""

from collections.abc import Callable, Sequence
from typing import Final, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, Response

RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
View = tuple[int, Literal["light", "dark"]]
VIEWS: Final[list[View]] = [(320, "light"), (320, "dark"), (1280, "dark")]
OTHER_VIEWS: Final[list[View]] = [(320, "dark"), (1280, "light")]
"""For another state of a page that passes in all of `VIEWS`."""

COLOURS: Final = ["color-contrast", "link-in-text-block"]
"""The rules that look at colours: what the other scheme may break."""

# Only violations are worked out in full and brought over, and only their words: a third of the time. What is
# loaded beforehand serves rules for media, which no page has.
_FAULTS: Final = """async (rules) => {
    const found = await axe.run({runOnly: rules, resultTypes: ["violations"], preload: false});
    return found.violations.flatMap((fault) =>
        fault.nodes.map((node) => `${fault.id}: ${node.html} ${node.failureSummary}`));
}"""


def complaints_during(page: Page, act: Callable[[], Response | None]) -> list[str]:
    """Do something and give what the browser's console complained of meanwhile.

    That the page itself came with a status over 399 is no complaint: an error page is meant to.
    """
    complaints: list[ConsoleMessage] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message)

    page.on("console", listen)
    try:
        act()
    finally:
        page.remove_listener("console", listen)
    return [
        one.text
        for one in complaints
        if not (one.text.startswith("Failed to load resource") and one.location["url"] == page.url)
    ]


def check_page(page: Page, views: Sequence[View] = VIEWS) -> None:
    """In light and dark, at 320 and 1280 pixels, the page that is open has no fault and fits its window.
    Colours are the same at both widths."""
    page.evaluate(Axe().axe_script)
    widths: set[int] = set()
    for width, scheme in views:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"
        rules = {"type": "rule", "values": COLOURS} if width in widths else {"type": "tag", "values": RULES}
        assert page.evaluate(_FAULTS, rules) == [], (page.url, width, scheme)
        widths.add(width)
