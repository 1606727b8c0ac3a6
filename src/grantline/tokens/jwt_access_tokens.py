"""Access tokens as JWTs (RFC 9068), for APIs that verify offline. Whatever else an access token is, they are
too: of an authorization, by sequence, revocable, good at introspection.

Their `jti` names authorization, sequence and scopes; the signature protects it.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from grantline.clients import Client
from grantline.oauth import jwt
from grantline.opaque import decode, encode
from grantline.tokens.access_tokens import AccessToken, read_opaque_token
from grantline.tokens.mint import Mint
from grantline.tokens.scope_sets import ScopeSet

TYPE: Final = "at+jwt"
ALGORITHMS: Final = ("ES256", "RS256")
_PACKED_BYTES: Final = 16
_ID_LENGTH: Final = 22


class Holder(NamedTuple):
    """Whose token it is: a person's, or the app's own (account 0)."""

    client: Client
    account_id: int
    organization_id: int
    auth_time: int


def mint_jwt_access_token(
    mint: Mint, token: AccessToken, holder: Holder, scope_set: ScopeSet, algorithm: str, now: int
) -> str:
    """The token as its holder gets it (RFC 9068 §2)."""
    client = holder.client
    claims: dict[str, object] = {
        "iss": mint.home.issuer,
        "sub": str(holder.account_id) if holder.account_id else client.id,
        "aud": scope_set.audience[0] if len(scope_set.audience) == 1 else list(scope_set.audience),
        "exp": token.expires_at,
        "iat": now,
        "jti": _id_of(token),
        "client_id": client.id,
        "scope": " ".join(scope_set.scope),
    }
    if holder.organization_id:
        claims["organization"] = str(holder.organization_id)
    if holder.auth_time:
        claims["auth_time"] = holder.auth_time
    origins = origins_for(mint, scope_set.audience, client.origins if client.type.origins else None)
    if origins is not None:
        claims["origins"] = list(origins)
    return mint.keyring.sign(claims, alg=algorithm, typ=TYPE, now=now)


def origins_for(
    mint: Mint, audience: tuple[str, ...], registered: Sequence[str] | None
) -> Sequence[str] | None:
    """The origins of the web pages that may use a token, as its API is told; None: it is of no browser app.
    `*` stands for any."""
    policy = mint.catalog.form_for(audience).origins_policy
    if policy == "registered":
        return registered
    return ("*",) if policy == "any" else ()


def looks_like_jwt(text: str) -> bool:
    """Whether it may be one; costs nothing."""
    return text.startswith("ey") and text.count(".") == 2


async def read_access_token(mint: Mint, text: str, now: int) -> AccessToken | None:
    """What an access token of ours says, of either form; None for anything else. Expiry and authorization are
    the caller's to check."""
    if looks_like_jwt(text):
        return await read_jwt_access_token(mint, text, now)
    return await read_opaque_token(mint, text, now)


async def read_jwt_access_token(mint: Mint, text: str, now: int) -> AccessToken | None:
    """What a JWT access token of ours says, if its signature holds; expiry and authorization are the caller's
    to check."""
    try:
        return _token_of(_verify(mint, text, now))
    except jwt.KeyUnknown:  # another node may have made the key a moment ago
        if not await mint.catch_up():
            return None
    except jwt.JwtRefused:
        return None
    try:
        return _token_of(_verify(mint, text, now))
    except jwt.JwtRefused:
        return None


def _verify(mint: Mint, text: str, now: int) -> Mapping[str, object]:
    """The claims. Raises JwtRefused."""
    return jwt.verify(
        text,
        mint.keyring.verification_keys(now),
        algs=ALGORITHMS,
        typ=TYPE,
        issuer=mint.home.issuer,
        audience=None,
        now=now,
        accept_expired=True,
    )


def _id_of(token: AccessToken) -> str:
    packed = token.authorization_id.to_bytes(6) + token.sequence.to_bytes(5) + token.scope_set_id.to_bytes(5)
    return encode(int.from_bytes(packed), _ID_LENGTH)


def _token_of(claims: Mapping[str, object]) -> AccessToken | None:
    id, expires_at = str(claims["jti"]), claims["exp"]
    if len(id) != _ID_LENGTH or not id.isalnum() or not id.isascii() or not isinstance(expires_at, int):
        return None
    value = decode(id)
    if value.bit_length() > 8 * _PACKED_BYTES:
        return None
    packed = value.to_bytes(_PACKED_BYTES)
    return AccessToken(
        authorization_id=int.from_bytes(packed[:6]),
        sequence=int.from_bytes(packed[6:11]),
        scope_set_id=int.from_bytes(packed[11:]),
        expires_at=expires_at,
    )
