"""How a record becomes bytes that say nothing without the key (AES-256-GCM).

The record's own key is authenticated with it: a record that is copied to another place there does not open.
The store's key comes from the argument, from `GRANTLINE_STORE_KEY`, or from the keyring of the system, where
it is made when there is none.
"""

import base64
import binascii
import json
import os
import secrets
import threading
import warnings
from typing import Final

from grantline.sdk.errors import StoreRefused
from grantline.sdk.record import Record, Secret, dump, load
from grantline.sdk.stores.places import data_folder, private_folder
from grantline.sdk.stores.turns import Turn

VARIABLE: Final = "GRANTLINE_STORE_KEY"
SEALED: Final = b"grantline sealed 1\n"
PLAIN: Final = b"grantline plain 1\n"
NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32
_MAKE: Final = 'python -c "import secrets; print(secrets.token_urlsafe(32))"'


class PlainTextWarning(UserWarning):
    """Tokens are stored in plain text."""


class Seal:
    """Seals and opens records. The key is looked for when it is needed first."""

    def __init__(self, key: Secret | None, *, insecure_plain_text: bool, place: object) -> None:
        self._given = key
        self._turn = threading.Lock()
        self._key: Secret | None = None
        self._plain = insecure_plain_text
        if insecure_plain_text:
            warnings.warn(
                f"{place} keeps tokens in plain text: whoever reads it can use them.",
                PlainTextWarning,
                stacklevel=3,
            )

    def close(self, name: str, record: Record) -> bytes:
        """The record as bytes, for the place `name`. Raises StoreRefused without a key."""
        content = json.dumps(dump(record), separators=(",", ":")).encode()
        if self._plain:
            return PLAIN + content
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(NONCE_BYTES)
        return SEALED + nonce + AESGCM(self._bytes()).encrypt(nonce, content, SEALED + name.encode())

    def open(self, name: str, data: bytes) -> Record:
        """The record that these bytes of the place `name` are. Raises StoreRefused."""
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
            return load(json.loads(content))
        except (ValueError, KeyError, TypeError):
            raise StoreRefused(
                "A stored grant can't be read.", fix="Delete it and connect again; or update this library."
            ) from None

    def _unsealed(self, name: str, data: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            nonce, rest = data[:NONCE_BYTES], data[NONCE_BYTES:]
            return AESGCM(self._bytes()).decrypt(nonce, rest, SEALED + name.encode())
        except (InvalidTag, ValueError):
            raise StoreRefused(
                "A stored grant was sealed with another key, or was changed.",
                fix=f"Use the key that it was sealed with ({VARIABLE}), or delete it and connect again.",
            ) from None

    def _bytes(self) -> bytes:
        with self._turn:
            if self._key is None:
                self._key = find_key(self._given)
        return _decoded(self._key)


def find_key(given: Secret | None = None) -> Secret:
    """The store's key. Raises StoreRefused when there is none, or it is no key."""
    text = os.environ.get(VARIABLE, "")
    key = given or (Secret(text) if text else _from_keyring())
    _decoded(key)
    return key


def _decoded(key: Secret) -> bytes:
    """32 bytes, of base64url or of hexadecimal digits."""
    text = key.reveal().strip()
    try:
        if len(text) == 2 * KEY_BYTES:
            found = bytes.fromhex(text)
        else:
            bare = text.rstrip("=").replace("+", "-").replace("/", "_")
            found = base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        found = b""
    if len(found) != KEY_BYTES:
        raise StoreRefused("The store's key is not 32 bytes in base64url.", fix=f"Make one: {_MAKE}")
    return found


def _from_keyring() -> Secret:
    missing = f"Set {VARIABLE} (make it with: {_MAKE}), or install grantline[keyring]."
    try:
        import keyring
        import keyring.errors
    except ImportError:
        raise StoreRefused("The store has no key to seal grants with.", fix=missing) from None
    try:
        found = keyring.get_password("grantline", "store")
        if not found:
            folder = data_folder()
            private_folder(folder)
            with Turn(folder / "key.turn").hold():  # two programs that start at once make one key
                found = keyring.get_password("grantline", "store")
                if not found:
                    found = secrets.token_urlsafe(KEY_BYTES)
                    keyring.set_password("grantline", "store", found)
    except (keyring.errors.KeyringError, OSError) as problem:
        raise StoreRefused(
            f"The keyring of the system can't be used ({type(problem).__name__}).", fix=missing
        ) from None
    return Secret(found)
