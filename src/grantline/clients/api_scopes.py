"""The scopes that an API declares: what each says to people, and since when."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class ApiScope:
    """A scope that an API declares."""

    name: str
    sentence: str
    sensitivity: int = 3
    """5 (everything) to 1."""
    for_apps: bool = True
    shows_person: bool = False
    shown_since: int = field(default=0, compare=False)
    """Since when it shows the person; 0: it does not."""
    said_since: int = field(default=0, compare=False)
    """Since when it says to people what it says now."""


_USUAL: Final = MappingProxyType({"ALL": 5, "WRITE": 4, "DELETE": 4, "UPDATE": 3, "CREATE": 2, "READ": 1})


def usual_sensitivity(name: str) -> int:
    """How sensitive a scope of this name is where nobody says it: by its operation."""
    return _USUAL.get(name.rpartition(".")[2], 3)


def date_scopes(scopes: Sequence[ApiScope], before: Sequence[ApiScope], now: int) -> Sequence[ApiScope]:
    """The scopes with the instants since when each says what it says: whoever allowed it earlier allowed
    something else (T22)."""
    known = {one.name.lower(): one for one in before}
    dated = []
    for scope in scopes:
        old = known.get(scope.name.lower(), ApiScope("", ""))
        shown = (old.shown_since or now) if scope.shows_person else 0
        said = old.said_since if old.sentence == scope.sentence else now
        dated.append(replace(scope, shown_since=shown, said_since=said))
    return dated


def render_scopes(scopes: Sequence[ApiScope]) -> str:
    """The scopes as they are stored."""
    return json.dumps(
        [[s.name, s.sentence, s.sensitivity, int(s.for_apps), s.shown_since, s.said_since] for s in scopes],
        separators=(",", ":"),
    )


def read_scopes(text: str) -> tuple[ApiScope, ...]:
    """The scopes out of what was stored."""
    listed: list[list[Any]] = json.loads(text)
    return tuple(ApiScope(s[0], s[1], s[2], bool(s[3]), bool(s[4]), s[4], (*s, 0)[5]) for s in listed)
