"""Which test shows which requirement of a specification: `docs/specs.md` is made here from the tests' names.

`docs/specs-rows.tsv` lists the requirements: id, level, the requirement in our words, and the name of the
feature if that is not built. Row `6749-4.1.2-b` is shown by tests whose names begin with `test_6749_4_1_2_b`.
"""

import ast
import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
ROWS: Final = ROOT / "docs" / "specs-rows.tsv"
INDEX: Final = ROOT / "docs" / "specs.md"
DIVERGENCES: Final = ROOT / "docs" / "divergences.md"
HEAD: Final = """\
# Specifications, requirement by requirement

Made by `make specs` from `docs/specs-rows.tsv` and the names of the tests. An id is the specification, its
section and a letter; the specification decides, not our wording. *Shown*: its tests fail when it breaks.
*Not built*: the feature does not exist, is refused and not advertised. *Departs*: on purpose, see
`docs/divergences.md`.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement; `not_built` names the missing feature that it belongs to, or is empty."""

    id: str
    level: str
    requirement: str
    not_built: str

    @property
    def prefix(self) -> str:
        """How the names of its tests begin."""
        return _prefix(self.id)

    @property
    def section(self) -> str:
        """The section of the specification, `4.1.2` or `App-B`."""
        return self.id.split("-", 1)[1].rsplit("-", 1)[0]

    @property
    def citation(self) -> str:
        """A pattern for the section as a docstring cites it: `§4.1.2`, `Appendix B`."""
        if self.section.startswith("App-"):
            return f"(Appendix |§|§App-){self.section[4:]}\\b"
        return rf"§{re.escape(self.section)}(?!\.?\d)"

    def is_shown_by(self, name: str) -> bool:
        return name == self.prefix or name.startswith(self.prefix + "_")


@functools.cache
def _prefix(id: str) -> str:
    return "test_" + re.sub(r"[-.]", "_", id)


@dataclass(frozen=True, slots=True)
class NamedTest:
    """A test function: its file (from the root), name and docstring."""

    file: str
    name: str
    docstring: str


def read_rows(path: Path = ROWS) -> list[Row]:
    lines = path.read_text().splitlines()[1:]
    return [Row(*[*line.split("\t"), ""][:4]) for line in lines if line]


@functools.cache
def find_tests(folder: Path = ROOT / "tests") -> list[NamedTest]:
    """Every test function in the folder; read once."""
    found = []
    for path in sorted(folder.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                docstring = ast.get_docstring(node) or ""
                found.append(NamedTest(path.relative_to(ROOT).as_posix(), node.name, docstring))
    return sorted(found, key=lambda test: (test.file, test.name))


def strays(rows: Iterable[Row], tests: Iterable[NamedTest]) -> list[NamedTest]:
    """Tests that are named for a requirement which the list does not have."""
    rows = list(rows)
    families = {row.id.split("-", 1)[0] for row in rows}
    pattern = re.compile(rf"test_({'|'.join(sorted(families))}|\d{{4,5}})_(\d|App).*")
    named = [test for test in tests if pattern.fullmatch(test.name)]
    return [test for test in named if not any(row.is_shown_by(test.name) for row in rows)]


def state(row: Row, shown: bool, divergences: str) -> str:
    departs = re.search(rf"(?<![\w.-]){re.escape(row.id)}(?![\w.-]*\w)", divergences) is not None
    if shown:
        return "shown, departs" if departs else "shown"
    if row.not_built:
        return f"not built: {row.not_built}"
    return "departs" if departs else "missing"


def states(rows: Iterable[Row], tests: Iterable[NamedTest], divergences: str) -> dict[str, str]:
    """The state of every row by its id."""
    names = [test.name for test in tests]
    return {row.id: state(row, any(row.is_shown_by(name) for name in names), divergences) for row in rows}


def read_divergences() -> str:
    return DIVERGENCES.read_text() if DIVERGENCES.exists() else ""


def render(rows: list[Row], tests: list[NamedTest], divergences: str) -> str:
    """The text of `docs/specs.md`."""
    known = states(rows, tests, divergences)
    lines = [
        HEAD,
        "| id | level | requirement | file | test | state |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        showing = [test for test in tests if row.is_shown_by(test.name)]
        files = "<br>".join(f"`{test.file}`" for test in showing)
        names = "<br>".join(f"`{test.name}`" for test in showing)
        lines.append(f"| {row.id} | {row.level} | {row.requirement} | {files} | {names} | {known[row.id]} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write `docs/specs.md` and say how much of it is shown."""
    rows, tests, divergences = read_rows(), find_tests(), read_divergences()
    INDEX.write_text(render(rows, tests, divergences))
    known = states(rows, tests, divergences)
    missing = [id for id, found in known.items() if found == "missing"]
    shown = sum(found.startswith("shown") for found in known.values())
    print(f"{INDEX.relative_to(ROOT)}: {len(rows)} requirements, {shown} shown, {len(missing)} missing")
    if missing:
        print("missing: " + " ".join(missing))


if __name__ == "__main__":
    main()
