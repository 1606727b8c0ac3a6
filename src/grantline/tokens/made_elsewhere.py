"""What another data center made says so itself: nothing is looked up, so nothing tells whether it exists
there (R84)."""

from grantline.oauth import jwt
from grantline.opaque import ACCESS_TOKEN, recognise
from grantline.tokens.jwt_access_tokens import TYPE, looks_like_jwt
from grantline.tokens.mint import Mint


def issuer_elsewhere(mint: Mint, text: str, *kinds: str) -> str | None:
    """The issuer of the other data center whose identifier this is (of one of these kinds, if any are named).

    None for ours, for those of data centers that are not in the registry, and for all that is no identifier.
    """
    if looks_like_jwt(text):
        return _issuer_of_jwt(mint, text) if ACCESS_TOKEN in kinds else None
    recognised = recognise(text)
    if recognised is None or (kinds and recognised.kind not in kinds):
        return None
    return mint.data_centers.issuers.get(recognised.data_center)


def _issuer_of_jwt(mint: Mint, text: str) -> str | None:
    """What an access token of this form says of itself. Nobody is asked for the key that would prove it:
    whoever makes one up is sent to an address that is in the registry."""
    try:
        said = jwt.unverified_issuer(text) if jwt.unverified_type(text) == TYPE else ""
    except jwt.JwtRefused:
        return None
    return said if said in mint.data_centers.issuers.values() else None
