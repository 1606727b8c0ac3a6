"""The claims of an id_token (OpenID Connect Core §2)."""

import hashlib
from collections.abc import Mapping
from typing import Any

from grantline.oauth.jwk import encode_base64url

PROTOCOL_CLAIMS = frozenset(
    {
        "acr",
        "amr",
        "at_hash",
        "aud",
        "auth_time",
        "azp",
        "c_hash",
        "exp",
        "iat",
        "iss",
        "jti",
        "nbf",
        "nonce",
        "sid",
        "sub",
    }
)
"""What the protocol decides; claims about the person may not use these names."""


def id_token_claims(
    *,
    issuer: str,
    sub: str,
    aud: str,
    now: int,
    lifetime_seconds: int,
    auth_time: int | None = None,
    nonce: str | None = None,
    access_token: str | None = None,
    code: str | None = None,
    alg: str = "RS256",
    sid: str | None = None,
    extra: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """Return the claims of an id_token for any flow; what is None is left out.

    `aud` is the client ID. `access_token` and `code` are those that travel beside the id_token: they become
    `at_hash` and `c_hash` (OpenID Connect Core §3.1.3.6, §3.3.2.11). `extra` is about the person (OpenID
    Connect Core §5.1). A `sub` that is not 1 to 255 ASCII characters, or an `extra` that takes a name of the
    protocol, is a ValueError.
    """
    if not sub.isascii() or not 0 < len(sub) <= 255:
        raise ValueError("a subject is 1 to 255 ASCII characters")
    about_person = {name: value for name, value in (extra or {}).items() if value is not None}
    if not PROTOCOL_CLAIMS.isdisjoint(about_person):
        raise ValueError("a claim about the person takes a name of the protocol")
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": sub,
        "aud": aud,
        "exp": now + lifetime_seconds,
        "iat": now,
    }
    optional = {
        "auth_time": auth_time,
        "nonce": nonce,
        "at_hash": None if access_token is None else left_half_hash(access_token, alg),
        "c_hash": None if code is None else left_half_hash(code, alg),
        "sid": sid,
    }
    claims |= {name: value for name, value in optional.items() if value is not None}
    return claims | about_person


def left_half_hash(value: str, alg: str) -> str:
    """Return the left half of the value's hash in base64url, as `at_hash` and `c_hash` are made.

    The hash is the one of the id_token's algorithm (OpenID Connect Core §3.1.3.6): SHA-256 for RS256 and
    ES256, the only ones we sign with; another is a ValueError.
    """
    if alg not in ("RS256", "ES256"):
        raise ValueError("no id_token of ours is signed with this algorithm")
    digest = hashlib.sha256(value.encode("ascii")).digest()
    return encode_base64url(digest[: len(digest) // 2])
