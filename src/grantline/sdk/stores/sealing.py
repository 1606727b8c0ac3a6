"""How a record becomes bytes that say nothing without the key (AES-256-GCM).

The record's own key is authenticated with it: a record that is copied to another place there does not open.
The store's key comes from the argument, from `GRANTLINE_STORE_KEY`, or from the keyring of the system, where
it is made when there is none. It may be several keys with commas between them: the first one seals, all open.
So a key is changed without an end of service: put the new one before the old one everywhere, `reseal` the
store, take the old one away.
"""

import asyncio
import base64
import binascii
import json
import os
import secrets
import threading
import warnings
from typing import Final

from grantline.sdk.errors import StoreRefused
from grantline.sdk.frames import frameless
from grantline.sdk.record import Record, Secret, dump, load
from grantline.sdk.stores.keyrings import MAKE_KEY, VARIABLE, key_of_keyring
from grantline.sdk.stores.protocol import Store

SEALED: Final = b"grantline sealed 1\n"
PLAIN: Final = b"grantline plain 1\n"
NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32


class PlainTextWarning(UserWarning):
    """Tokens are stored in plain text."""


class Seal:
    """Seals and opens records. The key is looked for when it is needed first."""

    def __init__(self, key: Secret | None, *, insecure_plain_text: bool, place: object) -> None:
        self._given = key
        self._turn = threading.Lock()
        self._keys: tuple[bytes, ...] = ()
        self._plain = insecure_plain_text
        if insecure_plain_text:
            warnings.warn(
                f"{place} keeps tokens in plain text: whoever reads it can use them.",
                PlainTextWarning,
                stacklevel=3,
            )

    @frameless
    def close(self, name: str, record: Record) -> bytes:
        """The record as bytes, for the place `name`. Raises StoreRefused without a key."""
        content = json.dumps(dump(record), separators=(",", ":")).encode()
        if self._plain:
            return PLAIN + content
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(NONCE_BYTES)
        return SEALED + nonce + AESGCM(self._found()[0]).encrypt(nonce, content, SEALED + name.encode())

    @frameless
    def open(self, name: str, data: bytes, *, version: int | None = None) -> Record:
        """The record that these bytes of the place `name` are. `version` is what the place says beside them,
        if it does. Raises StoreRefused."""
        if data.startswith(PLAIN) and self._plain:
            content = data[len(PLAIN) :]
        elif data.startswith(SEALED) and not self._plain:
            content = self._unsealed(name, data[len(SEALED) :])
        else:
            raise StoreRefused(
                f"A stored grant is {'not in plain text' if self._plain else 'not sealed, or damaged'}.",
                fix="Delete it and connect again; plain and sealed grants are not kept in one place.",
            )
        try:
            record = load(json.loads(content))
        except (ValueError, KeyError, TypeError):
            raise StoreRefused(
                "A stored grant can't be read.", fix="Delete it and connect again; or update this library."
            ) from None
        if version is not None and record.version != version:  # an older one was put in its place
            raise _changed()
        return record

    @frameless
    def check(self) -> None:
        """Raise StoreRefused without a key: before a code is used whose tokens could not be kept."""
        if not self._plain:
            self._found()

    async def ready(self) -> None:
        """Find the key in a thread, once: a keyring may ask the person first."""
        if not (self._keys or self._plain):
            await asyncio.to_thread(self._found)

    def _unsealed(self, name: str, data: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce, rest = data[:NONCE_BYTES], data[NONCE_BYTES:]
        for key in self._found():
            try:
                return AESGCM(key).decrypt(nonce, rest, SEALED + name.encode())
            except (InvalidTag, ValueError):
                continue
        raise _changed()

    def _found(self) -> tuple[bytes, ...]:
        with self._turn:
            if not self._keys:
                self._keys = _decoded(find_key(self._given))
            return self._keys


def _changed() -> StoreRefused:
    return StoreRefused(
        "A stored grant was sealed with another key, or was changed.",
        fix=f"Use the key that it was sealed with ({VARIABLE}), or delete it and connect again.",
    )


def reseal(store: Store) -> int:
    """Write every grant anew, so that it is sealed with the first of the store's keys; how many there are.
    Raises StoreRefused."""
    count = 0
    for key in store.keys():  # noqa: SIM118 -- a store is no mapping
        while (record := store.get(key)) is not None:
            if store.put(key, record, record.version):
                count += 1
                break
    return count


def find_key(given: Secret | None = None) -> Secret:
    """The store's key, or several. Raises StoreRefused when there is none, or it is no key."""
    text = os.environ.get(VARIABLE, "")
    key = given or (Secret(text) if text else key_of_keyring())
    _decoded(key)
    return key


def _decoded(key: Secret) -> tuple[bytes, ...]:
    """32 bytes each, of base64url or of hexadecimal digits."""
    found = tuple(_bytes(text.strip()) for text in key.reveal().split(","))
    if any(len(one) != KEY_BYTES for one in found):
        raise StoreRefused("The store's key is not 32 bytes in base64url.", fix=f"Make one: {MAKE_KEY}")
    return found


def _bytes(text: str) -> bytes:
    try:
        if len(text) == 2 * KEY_BYTES:
            return bytes.fromhex(text)
        bare = text.rstrip("=").replace("+", "-").replace("/", "_")
        return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return b""
