"""Public keys as JSON (RFC 7517), for the algorithms that we sign with."""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_THUMBPRINT_MEMBERS: Final = {
    "RSA": ("e", "kty", "n"),
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
}
_MIN_RSA_BITS = 2048


def algorithm_of(key: PublicKey | PrivateKey) -> str:
    """Return the one algorithm that a key is for: RS256, ES256 or EdDSA (RFC 8725 §3.1); else ValueError."""
    if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        if key.key_size < _MIN_RSA_BITS:
            raise ValueError("an RSA key needs 2048 bits or more")
        return "RS256"
    if isinstance(key, ed25519.Ed25519PublicKey | ed25519.Ed25519PrivateKey):
        return "EdDSA"
    if isinstance(key.curve, ec.SECP256R1):
        return "ES256"
    raise ValueError("no algorithm of ours fits this key")


def public_jwk(
    key: PublicKey | PrivateKey, *, kid: str | None = None, alg: str | None = None
) -> dict[str, str]:
    """Return the public half of a key as a JWK with `kid`, `use` and `alg` (RFC 7517 §4).

    `kid` is the thumbprint unless given. An `alg` that does not fit the key is a ValueError.
    """
    fitting = algorithm_of(key)
    if alg not in (None, fitting):
        raise ValueError(f"the key is for {fitting}")
    public = key if isinstance(key, PublicKey) else key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        rsa_numbers = public.public_numbers()
        members = {"kty": "RSA", "n": _encode_integer(rsa_numbers.n), "e": _encode_integer(rsa_numbers.e)}
    elif isinstance(public, ed25519.Ed25519PublicKey):
        members = {"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(public.public_bytes_raw())}
    else:
        point = public.public_numbers()
        # Coordinates have a fixed length, leading zeros included (RFC 7518 §6.2.1.2).
        members = {
            "kty": "EC",
            "crv": "P-256",
            "x": encode_base64url(point.x.to_bytes(32)),
            "y": encode_base64url(point.y.to_bytes(32)),
        }
    return {**members, "kid": kid or thumbprint(members), "use": "sig", "alg": fitting}


def thumbprint(jwk: Mapping[str, object]) -> str:
    """Return the SHA-256 thumbprint of a JWK in base64url (RFC 7638 §3); ValueError for an odd key."""
    members = _THUMBPRINT_MEMBERS.get(str(jwk.get("kty")))
    if members is None or not all(isinstance(jwk.get(name), str) for name in members):
        raise ValueError("a thumbprint needs an RSA, EC or OKP key")
    canonical = json.dumps({name: jwk[name] for name in members}, separators=(",", ":"), sort_keys=True)
    return encode_base64url(hashlib.sha256(canonical.encode("utf-8")).digest())


def encode_base64url(data: bytes) -> str:
    """Return base64url without padding (RFC 7515 §2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _encode_integer(number: int) -> str:
    return encode_base64url(number.to_bytes((number.bit_length() + 7) // 8))
