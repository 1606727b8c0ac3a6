"""What is told about a pasted text, as the page shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from grantline.web.languages import mark

LEAKED: Final = mark(
    "It is a secret: whoever has it can use it. If it got to where it does not belong, end it. It is neither"
    " kept nor logged here, and this page does not show it again."
)


@dataclass(slots=True)
class Finding:
    """What is told about a pasted text."""

    what: str
    state: str = "open"
    word: str = ""
    sentences: list[str] = field(default_factory=list)
    facts: list[Mapping[str, str]] = field(default_factory=list)
    checks: Sequence[Mapping[str, Any]] = ()
    fix: str = ""
    links: list[Mapping[str, str]] = field(default_factory=list)
    entry: Mapping[str, object] | None = None
    revoke: Mapping[str, str] | None = None
    """`authorization` and the form's `token`, where the person may end it."""

    def link(self, words: str, href: str) -> None:
        """Add a way on."""
        self.links.append({"words": words, "href": href})

    def fact(self, label: str, value: str) -> None:
        """Add a fact, if it is one."""
        if value:
            self.facts.append({"label": label, "value": value})
