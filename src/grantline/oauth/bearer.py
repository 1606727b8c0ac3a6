"""The access token in the Authorization header, and the challenge when it will not do (RFC 6750 §2.1)."""

import re
from dataclasses import dataclass
from typing import Final

from grantline.oauth.errors import InvalidRequest, OAuthError

BEARER = "Bearer"
VENDOR_SCHEME = "Zoho-oauthtoken"
"""What the described system's own SDKs send in place of Bearer; they cannot be configured otherwise."""

_SCHEMES: Final = {scheme.lower(): scheme for scheme in (BEARER, VENDOR_SCHEME)}
_HEADER = re.compile(r"([A-Za-z-]{1,32}) +([A-Za-z0-9._~+/-]{1,8192}=*)")
_QUOTABLE = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]*")


@dataclass(frozen=True, slots=True)
class Authorization:
    """A token and the scheme it came under, spelled as in BEARER or VENDOR_SCHEME."""

    scheme: str
    token: str


def parse_authorization(value: str) -> Authorization:
    """Read an Authorization header that should hold an access token.

    Scheme names are case-insensitive. Another scheme, or no single token, is
    InvalidRequest("authorization_header_malformed"). A request without the header is not for here: it gets a
    bare challenge (RFC 6750 §3.1).
    """
    header = _HEADER.fullmatch(value)
    scheme = _SCHEMES.get(header[1].lower()) if header else None
    if header is None or scheme is None:
        raise InvalidRequest("authorization_header_malformed")
    return Authorization(scheme, header[2])


def render_challenge(
    realm: str,
    error: OAuthError | None = None,
    *,
    scope: str | None = None,
    resource_metadata: str | None = None,
    expected_issuer: str | None = None,
    scheme: str = BEARER,
) -> str:
    """Return a WWW-Authenticate value, with the error only if a token was presented (RFC 6750 §3).

    `scope` names what the call needs, `expected_issuer` the data center whose tokens the caller should ask
    for. With scheme "Basic" it is the challenge of RFC 6749 §5.2, and holds the realm alone. A value that a
    quoted string cannot hold is a bug further up: ValueError.
    """
    attributes = {"realm": realm}
    if scheme == BEARER:
        if error is not None:
            attributes |= {"error": error.error, "error_description": error.description}
        if scope is not None:
            attributes["scope"] = scope
        if resource_metadata is not None:
            attributes["resource_metadata"] = resource_metadata
        if expected_issuer is not None:
            attributes["expected_issuer"] = expected_issuer
    for name, text in attributes.items():
        if not _QUOTABLE.fullmatch(text):
            raise ValueError(f"{name} cannot stand in a challenge")
    return f"{scheme} " + ", ".join(f'{name}="{text}"' for name, text in attributes.items())
