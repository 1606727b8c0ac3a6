"""How the API says no: one exception and one envelope. What is wrong with tokens the kit says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from grantline.oauth import InsufficientScope, render_scope
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


def scope_missing(needed: Iterable[str]) -> Refusal:
    """403 that names every scope the call needs (RFC 6750 §3.1)."""
    names = tuple(needed)
    message = f"This access token does not allow this call. It needs {' and '.join(names)}."
    error = InsufficientScope("scope_insufficient")
    headers = {"WWW-Authenticate": render_challenge(REALM, error, scope=render_scope(names))}
    return Refusal(403, "OAUTH_SCOPE_MISMATCH", message, {"needed": list(names)}, headers)


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
