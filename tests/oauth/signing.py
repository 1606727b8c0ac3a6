"""Keys and tokens for the tests of JWTs: made once, with every part in the test's hand."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from grantline.oauth import jwk, jwt

NOW = 1_800_000_000
ISSUER = "https://accounts.us.example"
CLIENT = "glc_us_client"


@cache
def rsa_key(name: str = "ours") -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def ec_key(name: str = "ours") -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def claims(**changes: object) -> dict[str, Any]:
    whole = {"iss": ISSUER, "sub": "42", "aud": CLIENT, "exp": NOW + 300, "iat": NOW, **changes}
    return {name: value for name, value in whole.items() if value is not ...}


def encode(data: bytes | object) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def jwks() -> list[dict[str, str]]:
    return [jwk.public_jwk(rsa_key()), jwk.public_jwk(ec_key())]


def signed(header: bytes | object, payload: bytes | object) -> str:
    """Any header and payload, with a signature of ours that holds."""
    message = f"{encode(header)}.{encode(payload)}"
    return f"{message}.{es256(message, ec_key())}"


def es256(message: str, key: ec.EllipticCurvePrivateKey) -> str:
    """The encoded signature of a message, made without the library that we test."""
    r, s = decode_dss_signature(key.sign(message.encode(), ec.ECDSA(hashes.SHA256())))
    return encode(r.to_bytes(32) + s.to_bytes(32))


def hmac_signed(header: object, payload: object, secret: bytes) -> str:
    message = f"{encode(header)}.{encode(payload)}"
    return f"{message}.{encode(hmac.digest(secret, message.encode(), hashlib.sha256))}"


def verify(token: str, keys: list[dict[str, str]] | None = None, **changes: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "algs": {"RS256", "ES256"},
        "typ": "JWT",
        "issuer": ISSUER,
        "audience": CLIENT,
        "now": NOW,
    }
    return jwt.verify(token, jwks() if keys is None else keys, **(arguments | changes))
