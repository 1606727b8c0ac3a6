"""What was said about tokens lately: claims by digest, never decisions (T98)."""

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Final

from grantline.resource_server.token import Token

MOST_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Known:
    """What was found about one token, and until when it may be told: a token, or None for one that is
    none."""

    token: Token | None
    until: float
    expected_issuer: str | None = None


class Memory:
    """Bounded, and safe between threads; the oldest entries go first. A key holds token and audience."""

    def __init__(self, audience: str, most: int = MOST_KEPT) -> None:
        self._prefix = sha256(audience.encode() + b"\0")
        self._most = most
        self._known: OrderedDict[bytes, Known] = OrderedDict()
        self._turn = Lock()

    def key(self, token: str) -> bytes:
        """The digest under which a token is known here; the token itself is never kept."""
        started = self._prefix.copy()
        started.update(token.encode())
        return started.digest()

    def find(self, key: bytes, now: float) -> Known | None:
        """What is known at this moment."""
        known = self._known.get(key)
        return known if known is not None and now < known.until else None

    def keep(self, key: bytes, known: Known) -> None:
        """Remember until its time, unless there is more than can be kept."""
        with self._turn:
            self._known.pop(key, None)
            self._known[key] = known
            while len(self._known) > self._most:
                self._known.popitem(last=False)

    def forget(self) -> None:
        """Drop everything."""
        with self._turn:
            self._known.clear()

    def __len__(self) -> int:
        return len(self._known)
