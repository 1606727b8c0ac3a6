"""Access tokens: no row, all in the string. Valid = MAC right, not expired, authorization live, sequence
live.

The body packs key number, authorization number, sequence, the number of an immutable row that holds exact
scopes and audience,
and expiry, with 160 bits of HMAC-SHA256 over all that and the prefix (T42–T44, RFC 6749 §10.3).
"""

import hmac
import struct
from typing import Final, NamedTuple

from grantline.keys import Keyring
from grantline.opaque import ACCESS_TOKEN, KINDS, body_of, decode, encode, render
from grantline.tokens.mint import Mint

_MAC_BYTES: Final = 20
_PACKED_BYTES: Final = 23
_LENGTH: Final = KINDS[ACCESS_TOKEN]


class AccessToken(NamedTuple):
    """What an access token of ours says."""

    authorization_id: int
    sequence: int
    scope_set_id: int
    expires_at: int


def _pack(number: int, token: AccessToken) -> bytes:
    # Wide fields, cut to size: 2 bytes key, 6 authorization, 5 sequence, 5 scope set, 5 expiry.
    return (
        number.to_bytes(2)
        + token.authorization_id.to_bytes(6)
        + token.sequence.to_bytes(5)
        + token.scope_set_id.to_bytes(5)
        + token.expires_at.to_bytes(5)
    )


def _mac(keyring: Keyring, key: bytes, data_center: str, packed: bytes) -> bytes:
    return keyring.mac(key, f"{ACCESS_TOKEN}_{data_center}_".encode() + packed)[:_MAC_BYTES]


def mint_access_token(keyring: Keyring, data_center: str, token: AccessToken, now: int) -> str:
    """The token as its holder gets it."""
    number, key = keyring.newest_mac(now)
    packed = _pack(number, token)
    body = encode(int.from_bytes(packed + _mac(keyring, key, data_center, packed)), _LENGTH)
    return render(ACCESS_TOKEN, data_center, body)


def parse_access_token(keyring: Keyring, data_center: str, text: str, now: int) -> AccessToken | None:
    """What the token says, if its MAC is right; None for anything else. Expiry and authorization are the
    caller's to check."""
    body = body_of(text, ACCESS_TOKEN, data_center)
    if body is None:
        return None
    value = decode(body)
    if value.bit_length() > 8 * (_PACKED_BYTES + _MAC_BYTES):
        return None
    raw = value.to_bytes(_PACKED_BYTES + _MAC_BYTES)
    packed, mac = raw[:_PACKED_BYTES], raw[_PACKED_BYTES:]
    key = keyring.mac_key(struct.unpack(">H", packed[:2])[0], now)
    if key is None or not hmac.compare_digest(_mac(keyring, key, data_center, packed), mac):
        return None
    return AccessToken(
        authorization_id=int.from_bytes(packed[2:8]),
        sequence=int.from_bytes(packed[8:13]),
        scope_set_id=int.from_bytes(packed[13:18]),
        expires_at=int.from_bytes(packed[18:23]),
    )


async def read_opaque_token(mint: Mint, text: str, now: int) -> AccessToken | None:
    """`parse_access_token` with the keys of now: one that another node made a moment ago is loaded first."""
    token = parse_access_token(mint.keyring, mint.home.code, text, now)
    if token is None and _names_newer_key(mint.keyring, mint.home.code, text) and await mint.catch_up():
        return parse_access_token(mint.keyring, mint.home.code, text, now)
    return token


def _names_newer_key(keyring: Keyring, data_center: str, text: str) -> bool:
    body = body_of(text, ACCESS_TOKEN, data_center)
    if body is None:
        return False
    return keyring.is_newer(decode(body) >> 8 * (_PACKED_BYTES + _MAC_BYTES - 2))
