"""Where in a TOML text something stands: the parser gives values without their lines."""

import re
from collections.abc import Sequence
from typing import Final

_PART: Final = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_PATH: Final = rf"({_PART}(?:[ \t]*\.[ \t]*{_PART})*)"
_HEADING: Final = re.compile(rf"[ \t]*\[\[?[ \t]*{_PATH}[ \t]*\]")
_MEMBER: Final = re.compile(rf"[ \t]*{_PATH}[ \t]*=")
_PARTS: Final = re.compile(_PART)


def _split(path: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PARTS.findall(path))


class Lines:
    """The lines of a TOML text, with the path of what each begins."""

    def __init__(self, text: str) -> None:
        lines = text.split("\n")  # as the parser counts, which knows no other end of a line
        self.last: Final = max(1, len(lines) - (lines[-1].strip() == ""))
        self.longest: Final = 1 + max(range(len(lines)), key=lambda index: len(lines[index]))
        self._paths: list[tuple[int, Sequence[str]]] = []
        table: tuple[str, ...] = ()
        for number, line in enumerate(lines, 1):
            if found := _HEADING.match(line, 0):
                table = _split(found[1])
                self._paths.append((number, table))
            elif found := _MEMBER.match(line, 0):
                self._paths.append((number, (*table, *_split(found[1]))))

    def find(self, table: str, member: str) -> int:
        """The line of a table's member; that of its heading when the member has none of its own."""
        wanted = (table, member) if member else (table,)
        for looked in (wanted, (table,)):
            for number, path in self._paths:
                if tuple(path[: len(looked)]) == looked:
                    return number
        return 1
