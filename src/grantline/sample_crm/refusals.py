"""How the API says no: one exception, one envelope, and the challenge that belongs to it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from grantline.oauth import InsufficientScope, InvalidRequest, InvalidToken, OAuthError, render_scope
from grantline.oauth.bearer import render_challenge

REALM = "sample CRM"


@dataclass(eq=False)
class Refusal(Exception):
    """A request that is not carried out: `{"code", "details", "message", "status": "error"}` and a status.

    `code` is a word that the vendor's SDKs know, `message` a sentence of ours, `headers` what the answer must
    carry besides, such as `WWW-Authenticate` (RFC 6750 §3).
    """

    status: int
    code: str
    message: str
    details: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.status} {self.code}: {self.message}"

    def envelope(self) -> dict[str, object]:
        """The JSON body; `details` is always an object, as the vendor's SDKs want it."""
        return {
            "code": self.code,
            "details": dict(self.details),
            "message": self.message,
            "status": "error",
        }


def challenge(error: OAuthError | None = None, scope: str | None = None) -> dict[str, str]:
    """The `WWW-Authenticate` header; without an error when the call carried no token (RFC 6750 §3.1)."""
    return {"WWW-Authenticate": render_challenge(REALM, error, scope=scope)}


def no_token(*, seen_in_address: bool) -> Refusal:
    """401 for a call without an access token in its `Authorization` header."""
    if seen_in_address:
        message = "A token in the address is ignored. Send it in the header Authorization: Bearer."
    else:
        message = "This call needs an access token in its header Authorization: Bearer."
    return Refusal(401, "AUTHENTICATION_FAILURE", message, headers=challenge())


def malformed_authorization(message: str) -> Refusal:
    """400 for an `Authorization` header that cannot be read, or that is there twice."""
    return Refusal(
        400, "BAD_REQUEST", message, headers=challenge(InvalidRequest("authorization_header_malformed"))
    )


def invalid_token(message: str = "This access token is unknown here, has expired or was revoked.") -> Refusal:
    """401 for a token that opens nothing here."""
    return Refusal(401, "INVALID_TOKEN", message, headers=challenge(InvalidToken("token_invalid")))


def scope_missing(needed: Iterable[str]) -> Refusal:
    """403 that names every scope the call needs (RFC 6750 §3.1)."""
    names = tuple(needed)
    message = f"This access token does not allow this call. It needs {' and '.join(names)}."
    headers = challenge(InsufficientScope("scope_insufficient"), render_scope(names))
    return Refusal(403, "OAUTH_SCOPE_MISMATCH", message, {"needed": list(names)}, headers)


def no_permission(message: str) -> Refusal:
    """403 for a token that is right but not for this organization or this web page."""
    return Refusal(403, "NO_PERMISSION", message, headers=challenge())


def unavailable(retry_after: int = 5) -> Refusal:
    """503 while the authorization server cannot be asked; a 401 would make clients drop good tokens."""
    message = "This access token cannot be checked at the moment. Try again soon."
    return Refusal(503, "INTERNAL_SERVER_ERROR", message, headers={"Retry-After": str(retry_after)})


def invalid_data(message: str, **details: object) -> Refusal:
    """400 for a parameter or a body that cannot be used."""
    return Refusal(400, "INVALID_DATA", message, details)


def parameter_missing(name: str, message: str) -> Refusal:
    """400 for a required query parameter that is absent or empty."""
    return Refusal(400, "REQUIRED_PARAM_MISSING", message, {"param_name": name})


def not_found() -> Refusal:
    """404 for a record that does not exist in the caller's organization; another's record looks the same."""
    return Refusal(404, "INVALID_DATA", "There is no record with this id in your organization.")


def too_large(limit: int) -> Refusal:
    """413 for a body over the limit; the connection ends so that the rest is never read."""
    message = f"The body of this call is larger than {limit} bytes."
    return Refusal(413, "LIMIT_EXCEEDED", message, headers={"Connection": "close"})
