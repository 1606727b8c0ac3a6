"""When an access token is renewed: early by one caller while the others go on, and at the latest by all."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final, Literal

from grantline.sdk.record import AccessToken

EARLY_SECONDS: Final = 900
MUST_SECONDS: Final = 60
State = Literal["fresh", "early", "must"]


@dataclass(frozen=True, slots=True)
class Windows:
    """`early`: the last quarter of an hour, or the last quarter of a life that is shorter; `must`: the last
    minute, or the last tenth. `jitter` spreads many processes over the early window."""

    jitter: float = 0.2

    def state(self, token: AccessToken, now: float, min_seconds: float = 0) -> State:
        """Where a token stands. `min_seconds`: how long it must be good for, as for a long upload."""
        life = max(1, token.expires_at - token.issued_at)
        if token.expires_at - now <= max(min(MUST_SECONDS, life / 10), min_seconds):
            return "must"
        return "fresh" if now < self.fresh_until(token) else "early"

    def fresh_until(self, token: AccessToken) -> float:
        """When the early window of a token begins."""
        life = max(1, token.expires_at - token.issued_at)
        early = min(EARLY_SECONDS, life / 4)
        spread = early * self.jitter * _share(token)
        return token.expires_at - max(early - spread, min(MUST_SECONDS, life / 10))


def _share(token: AccessToken) -> float:
    """A number from 0 to 1, the same for one token in one process, and another in each process."""
    return hashlib.blake2b(_PROCESS + token.value.encode(), digest_size=1).digest()[0] / 255


_PROCESS: Final = secrets.token_bytes(8)
