"""What an OpenID Connect client of somebody else's making does: read the keys, verify id_tokens."""

import base64
import hashlib
import json
from typing import Any

import jwt
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet

from tests.site import ISSUER, App, Site


async def jwks_of(site: Site) -> dict[str, Any]:
    """The keys, at the address that discovery names."""
    document = (await site.call("GET", "/.well-known/openid-configuration")).json()
    keys: dict[str, Any] = (await site.call("GET", document["jwks_uri"].removeprefix(ISSUER))).json()
    return keys


async def verified(site: Site, app: App, id_token: str) -> dict[str, Any]:
    """The claims of an id_token that two libraries accept, at the site's time. Raises what they raise."""
    jwks = await jwks_of(site)
    key = jwt.PyJWKSet.from_dict(jwks)[jwt.get_unverified_header(id_token)["kid"]]
    claims: dict[str, Any] = jwt.decode(
        id_token,
        key,
        algorithms=["RS256"],
        audience=app.id,
        issuer=ISSUER,
        options={"require": ["iss", "sub", "aud", "exp", "iat"], "verify_exp": False, "verify_iat": False},
    )
    token = joserfc_jwt.decode(id_token, KeySet.import_key_set(jwks), algorithms=["RS256"])
    rules = joserfc_jwt.JWTClaimsRegistry(
        now=site.clock(), iss={"essential": True, "value": ISSUER}, aud={"essential": True, "value": app.id}
    )
    rules.validate(token.claims)
    assert token.claims == claims
    return claims


def claims_of(token: str) -> dict[str, Any]:
    """The claims, unverified."""
    members: dict[str, Any] = json.loads(decode(token.split(".")[1]))
    return members


def header_of(token: str) -> dict[str, Any]:
    """The header, unverified."""
    members: dict[str, Any] = json.loads(decode(token.split(".")[0]))
    return members


def decode(text: str) -> bytes:
    """Base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def half_hash(value: str) -> str:
    """`at_hash` as OpenID Connect Core §3.1.3.6 words it, for SHA-256."""
    left = hashlib.sha256(value.encode("ascii")).digest()[:16]
    return base64.urlsafe_b64encode(left).rstrip(b"=").decode()
