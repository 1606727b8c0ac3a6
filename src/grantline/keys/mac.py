"""HMAC-SHA256 under keys that are used again and again."""

import hashlib
from typing import Final

_BLOCK: Final = 64
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))


class PreparedMac:
    """HMAC-SHA256 (RFC 2104) under one key of at most 64 bytes: half the cost of `hmac.digest`, which
    prepares the key each time."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = key.ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(block.translate(_INNER))
        self._outer = hashlib.sha256(block.translate(_OUTER))

    def digest(self, message: bytes) -> bytes:
        """The MAC of the message."""
        first, second = self._inner.copy(), self._outer.copy()
        first.update(message)
        second.update(first.digest())
        return second.digest()
