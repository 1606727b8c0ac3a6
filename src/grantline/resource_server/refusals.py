"""How a call is refused: one exception, two shapes of its body, and the challenge that belongs to it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from grantline.oauth import InsufficientScope, InvalidRequest, InvalidToken, OAuthError, render_scope
from grantline.oauth.bearer import render_challenge

RETRY_SECONDS: Final = 5


@dataclass(eq=False)
class Refusal(Exception):
    """A call that is not carried out.

    `code` is the word of the standard body, `vendor_code` that of the vendor's envelope. `members` stand
    beside the code in the standard body and are the `details` of the other.
    """

    status: int
    code: str
    vendor_code: str
    description: str
    members: Mapping[str, object] = field(default_factory=dict)
    challenge: str | None = None
    retry_after: int | None = None

    def __str__(self) -> str:
        return f"{self.status} {self.code}: {self.description}"

    def headers(self) -> dict[str, str]:
        """The headers of the answer. Nobody keeps a refusal: the next token may be a good one."""
        named = {"Content-Type": "application/json;charset=UTF-8", "Cache-Control": "no-store"}
        if self.challenge is not None:
            named["WWW-Authenticate"] = self.challenge
        if self.retry_after is not None:
            named["Retry-After"] = str(self.retry_after)
        return named

    def body(self, *, vendor: bool) -> bytes:
        """The JSON body: `error` and `error_description`, or `code`, `details`, `message` and `status`."""
        if vendor:
            envelope: dict[str, object] = {
                "code": self.vendor_code,
                "details": dict(self.members),
                "message": self.description,
                "status": "error",
            }
        else:
            envelope = {"error": self.code, "error_description": self.description, **self.members}
        return json.dumps(envelope, separators=(",", ":")).encode("ascii")


_UNKNOWN: Final = "This access token is unknown here, has expired or was revoked."
_OF_ANOTHER: Final = (
    "This access token is of another data center. Call the API there: its address came as api_domain with the"
    " token."
)


@dataclass(frozen=True, slots=True)
class Wording:
    """What is the same in every challenge of one API: its realm, and where its metadata is (RFC 9728
    §5.1)."""

    realm: str
    metadata_url: str

    def _challenge(
        self, error: OAuthError | None = None, scope: str | None = None, expected_issuer: str | None = None
    ) -> str:
        return render_challenge(
            self.realm,
            error,
            scope=scope,
            resource_metadata=self.metadata_url,
            expected_issuer=expected_issuer,
        )

    def no_token(self, needed: Iterable[str], *, seen_in_address: bool) -> Refusal:
        """401 for a call without an access token in its header; the challenge has no error then."""
        if seen_in_address:
            sentence = "A token in the address is ignored. Send it in the header Authorization: Bearer."
        else:
            sentence = "This call needs an access token in its header Authorization: Bearer."
        challenge = self._challenge(scope=render_scope(needed) or None)
        return Refusal(401, "token_missing", "AUTHENTICATION_FAILURE", sentence, challenge=challenge)

    def malformed(self, sentence: str) -> Refusal:
        """400 for a token that cannot be read, or that is there twice (RFC 6750 §3.1)."""
        error = InvalidRequest("authorization_header_malformed")
        return Refusal(400, error.error, "BAD_REQUEST", sentence, challenge=self._challenge(error))

    def invalid_token(self, sentence: str = "", expected_issuer: str | None = None) -> Refusal:
        """401 for a token that opens nothing here, with the data center to go to where it is known."""
        error = InvalidToken("token_invalid")
        said = sentence or (_OF_ANOTHER if expected_issuer is not None else _UNKNOWN)
        members = {} if expected_issuer is None else {"expected_issuer": expected_issuer}
        challenge = self._challenge(error, expected_issuer=expected_issuer)
        return Refusal(401, error.error, "INVALID_TOKEN", said, members, challenge)

    def scope_missing(self, needed: Iterable[str]) -> Refusal:
        """403 that names every scope that the call needs (RFC 6750 §3.1)."""
        names = tuple(needed)
        error = InsufficientScope("scope_insufficient")
        sentence = f"This access token does not allow this call. It needs {' and '.join(names)}."
        challenge = self._challenge(error, render_scope(names))
        return Refusal(403, error.error, "OAUTH_SCOPE_MISMATCH", sentence, {"needed": list(names)}, challenge)

    def no_permission(self, sentence: str) -> Refusal:
        """403 for a token that is right, but not for this organization or this web page."""
        return Refusal(403, "access_denied", "NO_PERMISSION", sentence, challenge=self._challenge())

    def unavailable(self, retry_after: int = RETRY_SECONDS) -> Refusal:
        """503 while the authorization server cannot be asked; a 401 would make clients drop good tokens."""
        sentence = "This access token cannot be checked at the moment. Try again soon."
        code = "temporarily_unavailable"
        return Refusal(503, code, "INTERNAL_SERVER_ERROR", sentence, retry_after=retry_after)

    def no_rule(self) -> Refusal:
        """500 for an address whose code does not say which scope opens it: nobody gets in."""
        sentence = "This address names no scope that opens it, so it is closed."
        return Refusal(500, "server_error", "INTERNAL_ERROR", sentence)
