"""The documents are true: settings, specification rows, links."""

import re
from pathlib import Path

import pytest

from grantline.settings import Settings
from tests import specs_index
from tests.specs_index import ROOT, NamedTest, Row

OPERATORS = ROOT / "docs" / "operators.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_every_setting_is_documented() -> None:
    rows = set(re.findall(r"^\| `(GRANTLINE_[A-Z_]+)` \|", OPERATORS.read_text(), re.MULTILINE))
    assert rows == {f"GRANTLINE_{name.upper()}" for name in Settings.model_fields}


def test_every_specification_row_occurs_once_and_is_well_formed() -> None:
    rows = specs_index.read_rows()
    ids = [row.id for row in rows]
    assert len(ids) == len(set(ids)) > 300
    assert not [
        row.id for row in rows if not re.fullmatch(r"[a-z0-9]+-(\d+(\.\d+)*|App-[A-Z])-[a-z]", row.id)
    ]
    assert {row.level for row in rows} <= {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT"}
    assert not [row.id for row in rows if not row.requirement or "|" in row.requirement]


def test_no_test_is_named_for_a_requirement_that_is_not_listed() -> None:
    found = specs_index.strays(specs_index.read_rows(), specs_index.find_tests())
    assert not [f"{test.file}::{test.name}" for test in found]


def test_a_test_named_for_a_requirement_cites_its_section() -> None:
    tests = specs_index.find_tests()
    silent = []
    for row in specs_index.read_rows():
        for test in tests:
            if row.is_shown_by(test.name) and not re.search(row.citation, test.docstring):
                silent.append(f"{test.file}::{test.name} does not cite {row.section}")
    assert not silent


def test_every_requirement_is_shown_or_says_why_not() -> None:
    known = specs_index.states(
        specs_index.read_rows(), specs_index.find_tests(), specs_index.read_divergences()
    )
    assert not [id for id, found in known.items() if found == "missing"]


def test_the_index_of_specifications_is_up_to_date() -> None:
    made = specs_index.render(
        specs_index.read_rows(), specs_index.find_tests(), specs_index.read_divergences()
    )
    assert specs_index.INDEX.read_text() == made, "run `make specs`"


def test_the_index_tells_apart_what_is_shown_not_built_departed_from_and_missing() -> None:
    rows = [Row(f"6749-4.1.2-{letter}", "MUST", "…", "PAR" if letter == "b" else "") for letter in "abcd"]
    tests = [NamedTest("tests/t.py", "test_6749_4_1_2_a_codes_expire", "RFC 6749 §4.1.2")]
    assert list(specs_index.states(rows, tests, "- 6749-4.1.2-c: because").values()) == [
        "shown",
        "not built: PAR",
        "departs",
        "missing",
    ]
    assert specs_index.strays(rows, [NamedTest("tests/t.py", "test_6749_9_9_z_unknown", "")])


def _anchors(path: Path) -> set[str]:
    heads = re.findall(r"^#+ +(.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    dead = []
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", document.read_text()):
        place, _, anchor = target.partition("#")
        file = (document.parent / place).resolve() if place else document
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in _anchors(file)):
            dead.append(target)
    assert not dead
