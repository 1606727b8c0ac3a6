"""Verifying JWT access tokens here, with the issuer's public keys (RFC 9068 §4)."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from grantline.oauth.jwt import ALGORITHMS, MAX_LENGTH, ImportedJwk, JwtRefused, KeyUnknown, verify
from grantline.resource_server.keys import Keys, KeysUnreachable
from grantline.resource_server.memory import Known, Memory
from grantline.resource_server.refusals import Wording
from grantline.resource_server.steps import Steps
from grantline.resource_server.token import Token, UnreadableClaims, read_token
from grantline.resource_server.usage import Usage

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Offline:
    """Verify tokens without asking anybody. The guarantee: a token that was revoked works until it expires,
    an hour at most; a signing key that was withdrawn stops working within five minutes.

    `algs`: the algorithms that this API's tokens are signed with. With `client_id` and `client_secret`, as
    printed by `grantline api create`, the API reports every half minute which scopes were used, for the
    consoles of the apps' owners.
    """

    algs: tuple[str, ...] = ("ES256",)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Refuse algorithms that are never right."""
        if not self.algs or not ALGORITHMS.issuperset(self.algs):
            raise ValueError(f"algs are some of {', '.join(sorted(ALGORITHMS))}")
        if bool(self.client_id) != bool(self.client_secret):
            raise ValueError("client_id and client_secret come together")

    @property
    def guarantee(self) -> str:
        """What holds for a token that is revoked."""
        return "A revoked token works until it expires."


class Verifying:
    """Judges tokens by their signature. What was verified once is remembered until the token expires."""

    longest_token: Final = MAX_LENGTH

    def __init__(
        self,
        settings: Offline,
        *,
        issuer: str,
        resource: str,
        wording: Wording,
        usage: Usage | None,
        clock: Callable[[], float],
    ) -> None:
        self._algs = settings.algs
        self._issuer = issuer
        self._resource = resource
        self._wording = wording
        self._usage = usage
        self._clock = clock
        self._memory = Memory(resource)
        self._keys = Keys(issuer, clock, self._memory.forget)

    def find(self, text: str, needed: Sequence[str]) -> Steps[Token]:
        """The token, if its signature and its claims hold for this API. Raises Refusal."""
        try:
            keys = yield from self._keys.current()
            key = self._memory.key(text)
            known = self._memory.find(key, self._clock())
            token = known.token if known is not None else None
            if token is None:
                token = yield from self._find_new(text, keys)
                self._memory.keep(key, Known(token, token.expires_at))
        except KeysUnreachable:
            raise self._wording.unavailable() from None
        except JwtRefused as refused:
            LOG.info("access token refused: %s", refused.reason)
            raise self._wording.invalid_token() from None
        except UnreadableClaims:
            raise self._wording.invalid_token() from None
        if self._usage is not None:
            self._usage.note(token, text, needed)
        return token

    def _find_new(self, text: str, keys: Sequence[ImportedJwk]) -> Steps[Token]:
        try:
            return self._verify(text, keys)
        except KeyUnknown:
            if not (yield from self._keys.look_again()):
                raise
        return self._verify(text, (yield from self._keys.current()))

    def _verify(self, text: str, keys: Sequence[ImportedJwk]) -> Token:
        claims = verify(
            text,
            keys,
            algs=self._algs,
            typ="at+jwt",
            issuer=self._issuer,
            audience=self._resource,
            now=int(self._clock()),
        )
        return read_token(claims)
