"""The store: `results.json`, which keeps the figures of each section's last run, so that a long section stays
when the others are measured anew."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

RESULTS: Final = Path(__file__).with_name("results.json")

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Section:
    """Figures of one kind, with how they were taken: date, commit, runs."""

    rows: list[dict[str, Any]]
    taken: str

    def of(self, kind: type[R]) -> list[R]:
        """The rows as records."""
        return [kind(**row) for row in self.rows]


class Results:
    """All sections by name."""

    def __init__(self, path: Path | None = RESULTS) -> None:
        self._path = path
        self.sections: dict[str, Section] = {}
        self.settings: dict[str, list[str]] = {}
        """What stands under "Where and how": lines by subject."""
        if path is not None and path.exists():
            stored = json.loads(path.read_text())
            self.sections = {name: Section(**one) for name, one in stored["sections"].items()}
            self.settings = stored["settings"]

    def put(self, name: str, rows: Sequence[Any], taken: str) -> None:
        """Replace a section."""
        self.sections[name] = Section([dataclasses.asdict(row) for row in rows], taken)

    def of(self, name: str, kind: type[R]) -> list[R]:
        """The records of a section; none when it was never measured."""
        return self.sections[name].of(kind) if name in self.sections else []

    def taken(self, name: str) -> str:
        """How a section was taken, or nothing."""
        return self.sections[name].taken if name in self.sections else ""

    def save(self) -> None:
        """Write everything."""
        assert self._path is not None
        stored = {
            "settings": self.settings,
            "sections": {name: dataclasses.asdict(one) for name, one in self.sections.items()},
        }
        self._path.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n")
