"""The public keys of one issuer, found through its metadata and looked up again when they change (T93)."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from grantline.oauth.jwt import ImportedJwk, JwtRefused
from grantline.oauth.metadata import authorization_server_metadata_url
from grantline.resource_server.steps import Ask, Reply, Share, Steps

LOG = logging.getLogger(__name__)
FRESH_SECONDS: Final = 300
KEPT_SECONDS: Final = 3600
UNKNOWN_KID_SECONDS: Final = 60
RETRY_SECONDS: Final = 5
_MOST_KEYS: Final = 50


class KeysUnreachable(Exception):
    """The keys cannot be had, so nothing can be verified."""


@dataclass(frozen=True, slots=True)
class _Unusable(Exception):
    problem: str


class Keys:
    """Keys are looked up every five minutes. While the issuer can't be reached they are kept for an hour."""

    def __init__(self, issuer: str, clock: Callable[[], float], changed: Callable[[], None]) -> None:
        self._issuer = issuer
        self._clock = clock
        self._changed = changed
        self._keys: tuple[ImportedJwk, ...] = ()
        self._loaded_at = float("-inf")
        self._tried_at = float("-inf")
        self._looked_at = float("-inf")
        self._loads = 0
        self._failed = False
        self._jwks_uri: str | None = None

    def current(self) -> Steps[tuple[ImportedJwk, ...]]:
        """The keys, at most five minutes old if the issuer answers. Raises KeysUnreachable."""
        now = self._clock()
        if now >= self._loaded_at + FRESH_SECONDS and now >= self._tried_at + RETRY_SECONDS:
            yield Share("keys", self._load, sent_before=True)
        if now >= self._loaded_at + KEPT_SECONDS:
            raise KeysUnreachable
        return self._keys

    def look_again(self) -> Steps[bool]:
        """Look once a minute for a key that is not there yet; True if the keys may be others now.

        Raises KeysUnreachable when the last look brought nothing: then nobody knows.
        """
        before = self._loads
        if self._clock() >= self._looked_at + UNKNOWN_KID_SECONDS:
            yield Share("unknown key", self._look, sent_before=True)
        if self._failed:
            raise KeysUnreachable
        return self._loads > before

    def _look(self) -> Steps[None]:
        yield from self._load()
        self._looked_at = self._clock()

    def _load(self) -> Steps[None]:
        now = self._clock()
        try:
            if self._jwks_uri is None:
                reply: Reply = yield Ask(authorization_server_metadata_url(self._issuer))
                self._jwks_uri = _read_jwks_uri(reply, self._issuer)
            answer: Reply = yield Ask(self._jwks_uri)
            keys = _read_keys(answer)
        except _Unusable as unusable:
            LOG.warning("keys of %s: %s", self._issuer, unusable.problem)
            self._jwks_uri = None
            self._tried_at = now
            self._failed = True
            return
        changed = keys != self._keys
        self._keys = keys
        self._loaded_at = self._tried_at = now
        self._loads += 1
        self._failed = False
        if changed:
            self._changed()


def _read_jwks_uri(reply: Reply, issuer: str) -> str:
    metadata = _read_object(reply)
    if metadata.get("issuer") != issuer:
        raise _Unusable("the metadata names another issuer")
    address = metadata.get("jwks_uri")
    secure = isinstance(address, str) and address.startswith(("https://", issuer + "/"))
    if not isinstance(address, str) or not secure:
        raise _Unusable("the metadata names no address of keys")
    return address


def _read_keys(reply: Reply) -> tuple[ImportedJwk, ...]:
    listed = _read_object(reply).get("keys")
    if not isinstance(listed, list):
        raise _Unusable("no list of keys")
    keys = tuple(key for one in listed[:_MOST_KEYS] if (key := _import(one)) is not None)
    if not keys:
        raise _Unusable("no key at all")
    return keys


def _import(jwk: object) -> ImportedJwk | None:
    """A key that is for signatures of a kind that we verify; others may stand in the list and are passed
    over."""
    if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
        return None
    try:
        return ImportedJwk(jwk)
    except JwtRefused:
        return None


def _read_object(reply: Reply) -> dict[str, Any]:
    if reply.status != 200:
        raise _Unusable(reply.problem or f"answered {reply.status}")
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):
        raise _Unusable("answered something that is not JSON") from None
    if not isinstance(found, dict):
        raise _Unusable("answered something that is no JSON object")
    return found
