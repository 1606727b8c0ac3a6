"""The kinds of secrets and identifiers, how each is made and how any string is recognised as one."""

import hashlib
import re
import secrets
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from grantline.opaque.base62 import ALPHABET, encode, encode_crc

CLIENT_ID: Final = "glc"
CLIENT_SECRET: Final = "gls"
AUTHORIZATION_CODE: Final = "glg"
ACCESS_TOKEN: Final = "gla"
REFRESH_TOKEN: Final = "glr"
DEVICE_CODE: Final = "gld"
PERSONAL_TOKEN: Final = "glp"

CHECKSUM_LENGTH: Final = 6

KINDS: Final = MappingProxyType(
    {
        # Length of the body before its checksum. 43 characters carry 256 random bits, 27 carry 160.
        CLIENT_ID: 27,
        CLIENT_SECRET: 43,
        AUTHORIZATION_CODE: 43,
        ACCESS_TOKEN: 58,  # packed and MACed by `tokens.access_tokens`
        REFRESH_TOKEN: 76,  # authorization number, random part and MAC, by `tokens.refresh_tokens`
        DEVICE_CODE: 43,
        PERSONAL_TOKEN: 43,
    }
)

_BYTES: Final = 7442
"""Random bytes that ten thousand base62 characters have room for."""
_AT_ONCE: Final = 256
_LETTERS: Final = bytes(ord(ALPHABET[byte % 62]) for byte in range(256))

_FORM: Final = re.compile(r"(gl[a-z])_([a-z]{2,4})_([0-9A-Za-z]+)")


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a string says it is. Says nothing about whether it was ever handed out."""

    kind: str
    data_center: str
    body: str
    """Body without its checksum."""


def random_base62(length: int) -> str:
    """`length` base62 characters with as many random bytes as fit: 256 bits in 43 characters, 160 in 27."""
    return encode(int.from_bytes(secrets.token_bytes(length * _BYTES // 10_000)), length)


def random_texts(length: int) -> Iterator[str]:
    """Random base62 texts without an end, for names that must be unlike but keep nothing: a fifth of the cost
    of `random_base62`, since the operating system is asked once for many."""
    while True:
        pool = secrets.token_bytes(_AT_ONCE * length).translate(_LETTERS).decode()
        for start in range(0, len(pool), length):
            yield pool[start : start + length]


def render(kind: str, data_center: str, body: str) -> str:
    """The whole string for a body, checksum appended."""
    text = f"{kind}_{data_center}_{body}"
    return text + encode_crc(zlib.crc32(text.encode()))


def mint(kind: str, data_center: str) -> str:
    """A new random string of a kind whose body is random alone (client ids and secrets, codes, device
    codes)."""
    return render(kind, data_center, random_base62(KINDS[kind]))


def recognise(text: str) -> Recognised | None:
    """What a string is, or None when its form, length or checksum is not one of ours."""
    if len(text) > 200:
        return None
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    kind, data_center, body = match.groups()
    if len(body) != KINDS.get(kind, -1) + CHECKSUM_LENGTH:
        return None
    if encode_crc(zlib.crc32(text[:-CHECKSUM_LENGTH].encode())) != text[-CHECKSUM_LENGTH:]:
        return None
    return Recognised(kind, data_center, body[:-CHECKSUM_LENGTH])


def body_of(text: str, kind: str, data_center: str) -> str | None:
    """What `recognise` gives as the body, where the string is of this kind and data center; else None."""
    prefix, checksum = f"{kind}_{data_center}_", text[-CHECKSUM_LENGTH:]
    if len(text) != len(prefix) + KINDS[kind] + CHECKSUM_LENGTH or not text.startswith(prefix):
        return None
    if not text.isascii() or encode_crc(zlib.crc32(text[:-CHECKSUM_LENGTH].encode())) != checksum:
        return None
    body = text[len(prefix) : -CHECKSUM_LENGTH]
    return body if body.isalnum() else None


def digest(text: str) -> bytes:
    """SHA-256 of a high-entropy secret: what is stored instead of it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
