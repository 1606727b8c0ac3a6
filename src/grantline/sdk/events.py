"""What a session tells whoever watches it: that a token was renewed, that the person must consent again, that
it waited. No event holds a token or a secret."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from grantline.sdk.record import Key

LOGGER: Final = logging.getLogger("grantline.sdk")
LOGGER.addHandler(logging.NullHandler())

Name = Literal["renewed", "reconnect", "throttled", "waited", "postponed", "not repeated"]
_QUIET: Final = frozenset({"renewed", "waited"})


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a grant.

    renewed: a new access token that lives for `seconds`. reconnect: the grant is over. throttled: the server
    or an API asks to wait for `seconds`. waited: another program renewed meanwhile. postponed: a renewal
    ahead of time failed, and the token that still lives was given out. not repeated: an API did not take a
    token, and the call can't be sent again by itself.
    """

    name: Name
    key: Key
    seconds: float = 0.0


Hook = Callable[[Event], None]


class Events:
    """Says what happens to the log `grantline.sdk`, and to the app's hook, which must not wait."""

    def __init__(self, hook: Hook | None = None) -> None:
        self._hook = hook

    def tell(self, name: Name, key: Key, seconds: float = 0.0) -> None:
        """Say it. A hook that fails harms nobody."""
        level = logging.INFO if name in _QUIET else logging.WARNING
        LOGGER.log(level, "%s: %s at %s, %.1f s", name, key.client_id, key.issuer, seconds)
        if self._hook is None:
            return
        try:
            self._hook(Event(name, key, seconds))
        except Exception as problem:
            LOGGER.warning("on_event failed with %s", type(problem).__name__)
