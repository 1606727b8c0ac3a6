"""The keyring: the keys of one data center, opened and ready."""

import hmac
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from grantline.db import Database
from grantline.keys.envelope import Envelope
from grantline.keys.mac import PreparedMac
from grantline.keys.rotation import MAC, MESSAGES
from grantline.oauth import jwt


@dataclass(frozen=True, slots=True)
class _Key:
    id: str
    purpose: str
    number: int
    public: Mapping[str, Any]
    private: Any
    active_at: int
    retired_at: int | None

    def signs(self, now: int) -> bool:
        return self.active_at <= now and (self.retired_at is None or now < self.retired_at)


class Keyring:
    """Signs id_tokens, gives MAC keys by number and the public set (JWKS). Immutable: a rotation loads a new
    one."""

    def __init__(self, keys: tuple[_Key, ...], envelope: Envelope) -> None:
        self._keys = keys
        self.envelope = envelope
        self._macs = {key.number: key for key in keys if key.purpose == MAC}
        self._newest: tuple[int, _Key] | None = None
        self.refresh_mac = envelope.derive("refresh-token")
        self.form_mac = envelope.derive("form-token")
        self.user_code_mac = envelope.derive("user-code")
        self.browser_mac = envelope.derive("known-browser")
        self._prepared = {key: PreparedMac(key) for key in (self.refresh_mac, *self._mac_keys())}

    def _mac_keys(self) -> list[bytes]:
        return [key.private for key in self._macs.values()]

    def mac(self, key: bytes, message: bytes) -> bytes:
        """HMAC-SHA256 under the refresh-token key or one of the access-token keys, which are prepared."""
        return self._prepared[key].digest(message)

    def mac_key(self, number: int, now: int) -> bytes | None:
        """The access-token MAC key of this number, while tokens made with it may live."""
        key = self._macs.get(number)
        if key is None or (key.retired_at is not None and now >= key.retired_at):
            return None
        private: bytes = key.private
        return private

    def is_newer(self, number: int) -> bool:
        """Whether a MAC key of this number is newer than all of these: another node may have made it."""
        return number > max(self._macs, default=0)

    def newest_mac(self, now: int) -> tuple[int, bytes]:
        """The number and the key for new access tokens."""
        if self._newest is None or self._newest[0] != now:  # it can change once a second
            usable = (key for key in self._macs.values() if key.signs(now))
            self._newest = now, max(usable, key=lambda key: (key.active_at, key.number))
        key = self._newest[1]
        return key.number, key.private

    def sign(self, claims: Mapping[str, Any], *, alg: str, typ: str, now: int) -> str:
        """A JWT signed with the newest active key for the algorithm."""
        key = max(
            (key for key in self._keys if key.purpose == alg and key.signs(now)),
            key=lambda key: key.active_at,
        )
        return jwt.sign(claims, key.private, alg=alg, kid=key.id, typ=typ)

    @property
    def message_keys(self) -> tuple[str, ...]:
        """Public halves of the keys for messages to other data centers, newest first, as the registry lists
        them."""
        found = sorted((k for k in self._keys if k.purpose == MESSAGES), key=lambda k: -k.number)
        return tuple(str(key.public["x"]) for key in found)

    def sign_message(self, claims: Mapping[str, Any], *, listed: Collection[str], typ: str) -> str:
        """A message, signed with the newest key that the registry lists. Raises LookupError when it lists
        none."""
        found = [k for k in self._keys if k.purpose == MESSAGES and k.public["x"] in listed]
        if not found:
            raise LookupError("The registry lists no key of this data center.")
        key = max(found, key=lambda k: k.number)
        return jwt.sign(claims, key.private, alg="EdDSA", kid=key.id, typ=typ)

    def jwks(self, now: int) -> Mapping[str, Any]:
        """The public keys (RFC 7517): those that sign, those that will, and those whose signatures may
        live."""
        public = [key.public for key in self._published(now)]
        return MappingProxyType({"keys": public})

    def verification_keys(self, now: int) -> list[Mapping[str, Any]]:
        """Public keys to verify our own id_tokens with, as in `id_token_hint`."""
        return [key.public for key in self._published(now)]

    def _published(self, now: int) -> list[_Key]:
        # Longest in use first: several libraries take the first key that fits.
        public = (k for k in self._keys if k.purpose not in (MAC, MESSAGES))
        live = [k for k in public if k.retired_at is None or now < k.retired_at]
        return sorted(live, key=lambda k: (k.purpose != "RS256", k.active_at))

    def form_token(self, *parts: str) -> str:
        """A token that ties a form to a browser or session and an action (T5)."""
        return hmac.digest(self.form_mac, "\x00".join(parts).encode(), "sha256").hex()


def _open(purpose: str, private: bytes) -> Any:
    if purpose == MAC:
        return private
    # The envelope proved that nobody but us wrote it. Testing the primes once more would hold up every
    # request for 40 ms whenever the command line changes something.
    key = serialization.load_der_private_key(private, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey)
    return key


async def load_keyring(db: Database, envelope: Envelope) -> Keyring:
    """Every key in the database, opened. Raises EnvelopeBroken when the master key is another."""
    rows = await db.all("SELECT id, purpose, number, public_jwk, sealed, active_at, retired_at FROM keys")
    keys = tuple(
        _Key(
            row["id"],
            row["purpose"],
            row["number"],
            MappingProxyType(json.loads(row["public_jwk"])),
            _open(row["purpose"], envelope.open(row["sealed"], f"keys|{row['id']}|sealed")),
            row["active_at"],
            row["retired_at"],
        )
        for row in rows
    )
    return Keyring(keys, envelope)
