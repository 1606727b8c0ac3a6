"""Every act of the console can be done by a program and by a command, or the reason why not is written."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import typer

from grantline.cli.commands import app
from grantline.web.console.routes import PAGES
from grantline.web.console_api.table import OPERATIONS

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "console-api.md"
LINES: Final = [
    [cell.strip() for cell in line.strip("|\n ").split("|")]
    for line in DOCUMENT.read_text().splitlines()
    if line.startswith("|") and not line.startswith(("|---", "| on the page"))
]
ACTS: Final = {line[0].strip("`"): line[1:] for line in LINES if line[0].startswith("`/console")}


def commands() -> set[str]:
    """Every command that does something, by its words."""

    def leaves(command: Any, path: str) -> set[str]:
        children = getattr(command, "commands", None)
        if children is None:
            return {path}
        return {leaf for name, child in children.items() for leaf in leaves(child, f"{path} {name}".strip())}

    return leaves(typer.main.get_command(app), "")


def test_every_form_of_the_console_stands_in_the_table_and_nothing_else_does() -> None:
    assert set(ACTS) == {page.path for page in PAGES if page.method == "POST"}


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_line_names_calls_and_commands_that_exist(line: list[str]) -> None:
    assert len(line) == 3
    _, by_api, by_command = line
    calls = re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) [^`]+)`", by_api)
    assert set(calls) <= {f"{operation.method} {operation.path}" for operation in OPERATIONS}
    assert calls or re.search(r"page alone|endpoint", by_api), "or it says why not"
    words = re.findall(r"`([^`]+)`", by_command)
    known = commands()
    for word in words:
        assert re.split(r" (?=--|[A-Z])", word)[0] in known, word
    assert words or re.search(r"page alone|page and API alone|endpoint", by_command)


def test_every_call_that_changes_something_stands_in_the_table() -> None:
    named = {call for line in ACTS.values() for call in re.findall(r"`([A-Z]+ /[^`]+)`", line[0])}
    assert {f"{one.method} {one.path}" for one in OPERATIONS if one.writes} <= named
