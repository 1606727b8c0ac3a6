"""Telling the owners of apps what was used, for calls that nobody asked the authorization server about.

Calls are counted in memory by app and scopes. A thread of its own tells the introspection endpoint, which an
API may ask about any token meant for it: one question for each app and set of scopes, with `needed_scope` and
`needed_count`. The rest waits for half a minute; an app's first call is told at once where no question told
it yet. What cannot be told is lost.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from grantline.resource_server.token import Token

LOG = logging.getLogger(__name__)
REPORT_SECONDS: Final = 30.0
MOST_WAITING: Final = 1_000
MOST_COUNTED: Final = 10_000
_MOST_KNOWN: Final = 10_000
_END_SECONDS: Final = 5

Tell = Callable[[Mapping[str, str]], bool]
"""Sends the fields to the introspection endpoint; False if nobody answered."""


@dataclass(slots=True)
class _Count:
    count: int
    text: str
    expires_at: int


class Usage:
    """The counts that are not told yet. `tell` runs in the thread that this starts with the first call."""

    def __init__(self, tell: Tell, every: float = REPORT_SECONDS, *, first_at_once: bool) -> None:
        self._tell = tell
        self._every = every
        self._first_at_once = first_at_once
        self._waiting: dict[tuple[str, tuple[str, ...]], _Count] = {}
        self._known: set[str] = set()
        self._turn = threading.Lock()
        self._soon = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, token: Token, text: str, needed: Sequence[str]) -> None:
        """Count one call; of several tokens of an app the one that lives longest is asked about."""
        key = (token.client_id, tuple(needed))
        with self._turn:
            found = self._waiting.get(key)
            if found is not None:
                found.count += 1
                if token.expires_at > found.expires_at:
                    found.text, found.expires_at = text, token.expires_at
            elif len(self._waiting) < MOST_WAITING:
                self._waiting[key] = _Count(1, text, token.expires_at)
            if token.client_id not in self._known:
                self._meet(token.client_id)

    def _meet(self, client_id: str) -> None:
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known.add(client_id)
        if self._first_at_once:
            self._soon.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="grantline usage", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._soon.wait(self._every)
            self._soon.clear()
            self.flush()

    def flush(self) -> None:
        """Tell what was counted since the last time."""
        with self._turn:
            waiting, self._waiting = self._waiting, {}
        for (_, needed), found in waiting.items():
            fields = {
                "token": found.text,
                "token_type_hint": "access_token",
                "needed_scope": " ".join(needed),
                "needed_count": str(min(found.count, MOST_COUNTED)),
            }
            if not self._tell({name: value for name, value in fields.items() if value}):
                LOG.info("the use of scopes could not be reported")
                return

    def close(self) -> None:
        """Tell the rest and end the thread; another call would begin anew."""
        with self._turn:
            thread, self._thread = self._thread, None
            self._known.clear()
        if thread is not None:
            self._ended.set()
            self._soon.set()
            thread.join(timeout=_END_SECONDS)
            self._ended.clear()
        self.flush()
