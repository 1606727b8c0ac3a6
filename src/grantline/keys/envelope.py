"""The envelope: AES-256-GCM under a key derived from the master key, each ciphertext bound to the row it
belongs to (T54, T121)."""

import contextlib
import os
import re
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE: Final = 12
_FORMAT: Final = b"\x01"
_MASTER_KEY: Final = re.compile(r"[0-9A-Fa-f]{64}")


class EnvelopeBroken(Exception):
    """A sealed value does not open: another master key, or somebody altered the row."""


def load_master_key(path: Path, *, create: bool) -> bytes:
    """The 32-byte master key in a file of mode 0600; made if `create` and missing.

    Raises FileNotFoundError, ValueError when the file is no such key.
    """
    if path.is_symlink():
        raise ValueError(f"{path} is a link. Put the master key itself there.")
    if create and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_once(path, secrets.token_hex(32) + "\n")
    text = path.read_text().strip()
    if not _MASTER_KEY.fullmatch(text):
        raise ValueError(f"{path} does not hold a master key: 64 hexadecimal digits are needed.")
    return bytes.fromhex(text)


def _write_once(path: Path, text: str) -> None:
    """A file that is there whole or not at all; one that another process made at the same moment stays."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


class Envelope:
    """Seals and opens small values, and derives one key per purpose and data center."""

    def __init__(self, master_key: bytes, data_center: str) -> None:
        self._master_key = master_key
        self._data_center = data_center
        self._cipher = AESGCM(self.derive("envelope"))

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose in this data center alone (HKDF-SHA256)."""
        info = f"grantline {purpose} {self._data_center}".encode()
        return HKDF(hashes.SHA256(), 32, salt=None, info=info).derive(self._master_key)

    def seal(self, value: bytes, place: str) -> bytes:
        """The value sealed for one place (`table|row|column`); it opens nowhere else."""
        nonce = secrets.token_bytes(_NONCE)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, value, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """The value back. Raises EnvelopeBroken."""
        if sealed[:1] != _FORMAT or len(sealed) <= _NONCE:
            raise EnvelopeBroken(place)
        try:
            return self._cipher.decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], place.encode())
        except InvalidTag:
            raise EnvelopeBroken(place) from None
