"""Asking the authorization server at every call what a token is worth (RFC 7662 §2)."""

import json
import logging
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote_plus, urlencode

from grantline.oauth.metadata import check_issuer
from grantline.resource_server.memory import Known, Memory
from grantline.resource_server.refusals import RETRY_SECONDS, Wording
from grantline.resource_server.steps import Ask, Reply, Share, Steps
from grantline.resource_server.token import Token, UnreadableClaims, read_token
from grantline.resource_server.usage import Usage

LOG = logging.getLogger(__name__)
PATH: Final = "/oauth/v2/introspect"
MOST_CACHE_SECONDS: Final = 30
LONGEST_TOKEN: Final = 4096
_REFUSED_SECONDS: Final = 5
_LEEWAY_SECONDS: Final = 60
_LONGEST_WAIT: Final = 600


@dataclass(frozen=True, slots=True)
class Introspection:
    """Ask about every token. The guarantee: a token that was revoked stops working with the next call, or,
    with `cache_seconds` from 1 to 30, within so many seconds.

    `client_id`, `client_secret`: as printed by `grantline api create`.
    """

    client_id: str
    client_secret: str = field(repr=False)
    cache_seconds: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot work, or would break the guarantee."""
        if not self.client_id or not self.client_secret:
            raise ValueError("introspection needs the client_id and client_secret of this API")
        if not 0 <= self.cache_seconds <= MOST_CACHE_SECONDS:
            raise ValueError(f"cache_seconds is from 0 to {MOST_CACHE_SECONDS}")

    @property
    def guarantee(self) -> str:
        """What holds for a token that is revoked."""
        if not self.cache_seconds:
            return "A revoked token stops working with the next call."
        return f"A revoked token stops working within {self.cache_seconds} seconds."


@dataclass(frozen=True, slots=True)
class Trouble:
    """The authorization server gave no answer that a decision could rest on."""

    retry_after: int = RETRY_SECONDS


class Introspecting:
    """Judges tokens by asking. Identical questions of one moment are asked once."""

    longest_token: Final = LONGEST_TOKEN

    def __init__(
        self,
        settings: Introspection,
        *,
        issuer: str,
        resource: str,
        wording: Wording,
        usage: Usage | None,
        clock: Callable[[], float],
    ) -> None:
        self._cache_seconds = settings.cache_seconds
        self._url = issuer + PATH
        self._headers = {"Authorization": basic(settings.client_id, settings.client_secret)}
        self._issuer = issuer
        self._wording = wording
        self._usage = usage
        self._clock = clock
        self._memory = Memory(resource)

    def find(self, text: str, needed: Sequence[str]) -> Steps[Token]:
        """The token, if it is good; whom it is meant for is compared with every call. Raises Refusal."""
        key = self._memory.key(text)
        known = self._memory.find(key, self._clock()) if self._cache_seconds else None
        if known is None:
            told: Known | Trouble = yield Share(
                (key, *needed), lambda: self._ask(key, text, needed), sent_before=self._cache_seconds > 0
            )
            if isinstance(told, Trouble):
                raise self._wording.unavailable(told.retry_after)
            known = told
        elif known.token is not None and self._usage is not None:
            self._usage.note(known.token, text, needed)
        if known.token is None:
            raise self._wording.invalid_token(expected_issuer=known.expected_issuer)
        return known.token

    def _ask(self, key: bytes, text: str, needed: Sequence[str]) -> Steps[Known | Trouble]:
        now = self._clock()
        fields = {"token": text, "token_type_hint": "access_token"}
        if needed:
            fields["needed_scope"] = " ".join(needed)
        reply: Reply = yield Ask(self._url, urlencode(fields), self._headers)
        try:
            known = self._read(reply, now)
        except UnreadableClaims as problem:
            LOG.warning("introspection at %s: %s", self._issuer, problem)
            return Trouble(_wait_of(reply))
        if self._cache_seconds:
            self._memory.keep(key, known)
        return known

    def _read(self, reply: Reply, now: float) -> Known:
        """What the answer says, and until when it may be told: never past the token's own end."""
        if reply.status != 200:
            # 401 here is about this API's own credentials, so it is our trouble and not the caller's.
            raise UnreadableClaims(reply.problem or f"answered {reply.status}")
        try:
            claims = json.loads(reply.body)
        except (ValueError, RecursionError):
            raise UnreadableClaims("answered something that is not JSON") from None
        if not isinstance(claims, dict) or not isinstance(claims.get("active"), bool):
            raise UnreadableClaims("answered without `active`")
        if claims["active"] and self._is_access_token(claims, now):
            token = read_token(claims)
            if token.expires_at > now:
                return Known(token, min(now + self._cache_seconds, token.expires_at))
        refused_until = now + min(self._cache_seconds, _REFUSED_SECONDS)
        return Known(None, refused_until, _read_issuer(claims, self._issuer))

    def _is_access_token(self, claims: Mapping[str, object], now: float) -> bool:
        starts_at = claims.get("nbf", 0)
        return (
            claims.get("iss", self._issuer) == self._issuer
            and str(claims.get("token_type", "")).lower() == "bearer"
            and type(claims.get("exp")) is int
            and type(starts_at) is int
            and starts_at <= now + _LEEWAY_SECONDS
        )


def basic(client_id: str, client_secret: str) -> str:
    """Client id and secret as HTTP Basic, form-encoded first (RFC 6749 §2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return "Basic " + b64encode(pair.encode()).decode()


def _wait_of(reply: Reply) -> int:
    told = reply.retry_after
    return (
        min(int(told), _LONGEST_WAIT)
        if told.isascii() and told.isdigit() and len(told) <= 6
        else RETRY_SECONDS
    )


def _read_issuer(claims: Mapping[str, object], own: str) -> str | None:
    """The data center that made the token, if the server says so and it is another one."""
    told = claims.get("expected_issuer")
    if not isinstance(told, str) or told == own:
        return None
    try:
        check_issuer(told)
    except ValueError:
        return None
    return told
