"""How two redirect URIs differ, told in a sentence and part by part for the eye (R85, T9)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

Part = Literal["scheme", "host", "port", "path", "query", "fragment", "slash"]

_PARTS = re.compile(
    r"(?:([^:/?#]*):)?(?://)?"
    r"((?:[^/?#@]*@)?(?:\[[^\]/?#]*\]|[^:/?#]*))(?::([^/?#]*))?"
    r"([^?#]*)(?:\?([^#]*))?(?:#(.*))?",
    re.DOTALL,
)
_NAMES: tuple[Part, ...] = ("scheme", "host", "port", "path", "query", "fragment")
_BOUNDARY = re.compile(r"[/?#&:]")

_SENTENCES: Final[Mapping[Part, str]] = {
    "scheme": "Your app sent another scheme, the part before ://. Addresses must match exactly.",
    "host": "Your app sent another host. Addresses must match exactly.",
    "port": "Your app sent another port. Addresses must match exactly.",
    "path": "Your app sent another path. Addresses must match exactly.",
    "query": "Your app sent another query, the part from ? on. Addresses must match exactly.",
    "fragment": "Your app sent a fragment, the part from # on. Addresses must match exactly.",
}
_CAPITALS: Final[Mapping[Part, str]] = {
    "scheme": "Your app sent capital letters in other places, in the scheme. Addresses must match exactly.",
    "host": "Your app sent capital letters in other places, in the host. Addresses must match exactly.",
    "path": "Your app sent capital letters in other places, in the path. Addresses must match exactly.",
    "query": "Your app sent capital letters in other places, in the query. Addresses must match exactly.",
    "fragment": (
        "Your app sent capital letters in other places, in the fragment. Addresses must match exactly."
    ),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a sent address departs from a registered one.

    `common` is what both begin with, cut back to where the differing part starts; then come `sent_rest` and
    `registered_rest`. For marking, each rest is `shared_start` + its own mark + `shared_end`; an empty mark
    means that something is missing there. `part` and `sentence` hold nothing of the registered address, so
    they may be shown to a stranger; the other fields are for the app's own team (T9).
    """

    part: Part
    sentence: str
    common: str
    shared_start: str
    sent_mark: str
    registered_mark: str
    shared_end: str

    @property
    def sent_rest(self) -> str:
        """The sent address from the differing part on."""
        return self.shared_start + self.sent_mark + self.shared_end

    @property
    def registered_rest(self) -> str:
        """The registered address from the differing part on."""
        return self.shared_start + self.registered_mark + self.shared_end


def difference(sent: str, registered: str) -> Difference:
    """Compare two addresses that are not equal; equal ones are a ValueError. Any text will do for either."""
    if sent == registered:
        raise ValueError("the addresses are equal")
    start = _common_length(sent, registered)
    end = _common_length(sent[start:][::-1], registered[start:][::-1])
    part, sentence = _explain(sent, registered)
    if part == "port":
        # Digits that happen to agree mean nothing: the whole port is marked.
        while start > 0 and sent[start - 1].isdigit():
            start -= 1
        while end > 0 and (sent[-end].isdigit()):
            end -= 1
    boundaries = [match.start() for match in _BOUNDARY.finditer(sent, 0, start)]
    cut = boundaries[-1] if boundaries else 0
    if part in ("scheme", "host"):
        cut = 0 if part == "scheme" else _host_start(sent, start)
    return Difference(
        part=part,
        sentence=sentence,
        common=sent[:cut],
        shared_start=sent[cut:start],
        sent_mark=sent[start : len(sent) - end],
        registered_mark=registered[start : len(registered) - end],
        shared_end=sent[len(sent) - end :],
    )


def closest(sent: str, registered: Iterable[str]) -> str | None:
    """Return the registered address that differs least from the one sent, or None if there is none."""
    return max(registered, key=lambda uri: _likeness(sent, uri), default=None)


def _likeness(sent: str, uri: str) -> tuple[int, float]:
    equal = sum(mine == theirs for mine, theirs in zip(_split(sent), _split(uri), strict=True))
    start = _common_length(sent, uri)
    end = _common_length(sent[start:][::-1], uri[start:][::-1])
    return equal, (start + end) / (max(len(sent), len(uri)) or 1)


def _explain(sent: str, registered: str) -> tuple[Part, str]:
    if sent == registered + "/":
        return "slash", "Your app sent an extra / at the end. Addresses must match exactly."
    if sent + "/" == registered:
        return "slash", "Your app left out the / at the end. Addresses must match exactly."
    differing = [
        name
        for name, mine, theirs in zip(_NAMES, _split(sent), _split(registered), strict=True)
        if mine != theirs
    ]
    # Two texts may differ only in an empty port, query or fragment, or in how much of :// is there.
    part: Part = differing[0] if differing else "path"
    same_letters = sent.lower() == registered.lower()
    return part, _CAPITALS.get(part, _SENTENCES[part]) if same_letters else _SENTENCES[part]


def _split(uri: str) -> tuple[str | None, ...]:
    parts = _PARTS.fullmatch(uri)
    return parts.groups() if parts else (None,) * len(_NAMES)


def _host_start(sent: str, start: int) -> int:
    after = sent.find("://") + 3
    return after if 3 <= after <= start else 0


def _common_length(one: str, other: str) -> int:
    length = min(len(one), len(other))
    if one[:length] == other[:length]:
        return length
    return next(index for index in range(length) if one[index] != other[index])
