"""Refresh tokens: the authorization's number, 256 random bits, and a MAC that proves we made it.

The number finds the row by primary key; only the hash is compared. The MAC lets an old, rotated token be told
from a made-up one,
so that reuse is detected however old it is and nobody can end an authorization by guessing (T46).
"""

import hmac
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from grantline.keys import Keyring
from grantline.opaque import (
    REFRESH_TOKEN,
    body_of,
    decode,
    encode,
    random_base62,
    render,
)

_NUMBER: Final = 11
_RANDOM: Final = 43
_MAC: Final = 22


class RefreshToken(NamedTuple):
    """What a refresh token of ours says."""

    authorization_id: int
    made_here: bool
    """Its MAC is right: it was handed out once, whether or not it still works."""


def _mac(keyring: Keyring, data_center: str, body: str) -> str:
    value = keyring.mac(keyring.refresh_mac, f"{data_center}_{body}".encode())[:16]
    return encode(int.from_bytes(value), _MAC)


def mint_refresh_token(keyring: Keyring, data_center: str, authorization_id: int) -> str:
    """A new refresh token for the authorization."""
    body = encode(authorization_id, _NUMBER) + random_base62(_RANDOM)
    return render(REFRESH_TOKEN, data_center, body + _mac(keyring, data_center, body))


def parse_refresh_token(keyring: Keyring, data_center: str, text: str) -> RefreshToken | None:
    """What the token says; None when it is no refresh token of this data center."""
    whole = body_of(text, REFRESH_TOKEN, data_center)
    if whole is None:
        return None
    body, mac = whole[:-_MAC], whole[-_MAC:]
    made_here = hmac.compare_digest(_mac(keyring, data_center, body).encode(), mac.encode())
    return RefreshToken(decode(body[:_NUMBER]), made_here)


def seal_answer(token: str, answer: bytes) -> bytes:
    """The answer to a rotation, readable only with the token that was presented."""
    # One message per key, since every token is presented for one successor: a fixed nonce is safe.
    return AESGCM(_replay_key(token)).encrypt(bytes(12), answer, None)


def open_answer(token: str, sealed: bytes) -> bytes | None:
    """The sealed answer, or None with any other token."""
    try:
        return AESGCM(_replay_key(token)).decrypt(bytes(12), sealed, None)
    except InvalidTag:
        return None


def _replay_key(token: str) -> bytes:
    return hmac.digest(token.encode(), b"grantline lost answer", "sha256")
