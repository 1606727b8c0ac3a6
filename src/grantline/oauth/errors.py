"""The one tree of protocol errors: raised where a fault is found, worded once, answered at the edge.

Each class stands for one registered error code (RFC 6749 §5.2, RFC 6749 §4.1.2.1, RFC 6750 §3.1, RFC 8628
§3.5, RFC 8707 §2, OpenID Connect Core §3.1.2.6); the sub-code that an instance carries is a key of CATALOGUE.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Self

from grantline.oauth.explanation import Explanation as Explanation
from grantline.oauth.explanations import CATALOGUE as CATALOGUE

_DESCRIBES = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]+")
_NO_MEMBERS: Mapping[str, object] = MappingProxyType({})


class OAuthError(Exception):
    """A refusal that a specification gives a code to.

    `code` is our sub-code, `error` the registered one, `status` the HTTP status where the answer is JSON.
    `description` and `members` go to the client; `hint`, `expected` and `received` only to the owner's
    activity and the log, because they may quote what was sent or what is registered. `retry_after` is in
    seconds. A sub-code raised by the wrong class is a bug: AssertionError.
    """

    error: str = ""
    status: ClassVar[int] = 400

    def __init__(
        self,
        code: str,
        *,
        hint: str | None = None,
        expected: str | None = None,
        received: str | None = None,
        members: Mapping[str, object] | None = None,
        retry_after: int | None = None,
    ) -> None:
        explanation = CATALOGUE.get(code)
        if explanation is None or not self._may_raise(explanation):
            raise AssertionError(f"{type(self).__name__} cannot carry the sub-code {code!r}")
        super().__init__(code)
        self.code = code
        self.error = explanation.error
        self.explanation = explanation
        self.hint = hint
        self.expected = expected
        self.received = received
        self.members = _NO_MEMBERS if members is None else members
        self.retry_after = retry_after
        self.client_id: str | None = None
        self.proven = False
        self.rehearsed = False
        """The app's developers asked for this failure. The wire does not show it; the activity does."""
        self._said = ""

    def concerning(self, client_id: str, *, proven: bool = False) -> Self:
        """Return the same error, marked with the app it concerns and whether that app had authenticated.

        Both are for the activity of the app's owner; the wire shows neither.
        """
        self.client_id = client_id
        self.proven = proven
        return self

    def saying(self, sentence: str) -> Self:
        """Return the same error with a description that names more than the catalogue's constant can: what
        the operator configured, never what was sent. A character that may not stand there is a bug further
        up: ValueError."""
        if not _DESCRIBES.fullmatch(sentence):
            raise ValueError("error_description cannot hold this")
        self._said = sentence
        return self

    def _may_raise(self, explanation: Explanation) -> bool:
        return explanation.error == self.error

    @property
    def expected_issuer(self) -> str:
        """The issuer of the data center that the request belongs to; empty when it is no matter of that."""
        return str(self.members.get("expected_issuer", ""))

    @property
    def public_code(self) -> str:
        """The sub-code that the wire shows, which may say less than `code` does."""
        return self.explanation.public or self.code

    @property
    def description(self) -> str:
        """The text for the client, in the characters of RFC 6749 §5.2: the catalogue's, or what `saying`
        gave."""
        return self._said or CATALOGUE[self.public_code].description


class InvalidRequest(OAuthError):
    """The request is malformed (RFC 6749 §5.2)."""

    error = "invalid_request"


class InvalidClient(OAuthError):
    """The client is unknown or did not authenticate (RFC 6749 §5.2)."""

    error = "invalid_client"
    status = 401


class InvalidGrant(OAuthError):
    """The code, refresh token or device code does not work for this client (RFC 6749 §5.2)."""

    error = "invalid_grant"


class UnauthorizedClient(OAuthError):
    """The client may not use this grant or response type (RFC 6749 §5.2)."""

    error = "unauthorized_client"


class UnsupportedGrantType(OAuthError):
    """The server does not know the grant type (RFC 6749 §5.2)."""

    error = "unsupported_grant_type"


class UnsupportedResponseType(OAuthError):
    """The server does not know the response type (RFC 6749 §4.1.2.1)."""

    error = "unsupported_response_type"


class InvalidScope(OAuthError):
    """The scope is missing, unknown, malformed or wider than granted (RFC 6749 §5.2)."""

    error = "invalid_scope"


class InvalidTarget(OAuthError):
    """The resource is malformed, unknown or not granted (RFC 8707 §2)."""

    error = "invalid_target"


class AccessDenied(OAuthError):
    """The person said no (RFC 6749 §4.1.2.1, RFC 8628 §3.5)."""

    error = "access_denied"

    def _may_raise(self, explanation: Explanation) -> bool:
        return explanation.error == self.error and explanation.code != "origin_not_registered"


class OriginRefused(AccessDenied):
    """A browser app's call came from a page of another origin, and nothing was done (R60)."""

    status = 403

    def _may_raise(self, explanation: Explanation) -> bool:
        return explanation.code == "origin_not_registered"


class AuthorizationPending(OAuthError):
    """The person has not answered the device's question yet (RFC 8628 §3.5)."""

    error = "authorization_pending"


class SlowDown(OAuthError):
    """The device polls faster than it may (RFC 8628 §3.5)."""

    error = "slow_down"


class ExpiredToken(OAuthError):
    """The device code ran out (RFC 8628 §3.5)."""

    error = "expired_token"


class LoginRequired(OAuthError):
    """Sign-in is needed but no page may be shown (OpenID Connect Core §3.1.2.6)."""

    error = "login_required"


class ConsentRequired(OAuthError):
    """Consent is needed but no page may be shown (OpenID Connect Core §3.1.2.6)."""

    error = "consent_required"


class InteractionRequired(OAuthError):
    """Some other act is needed but no page may be shown (OpenID Connect Core §3.1.2.6)."""

    error = "interaction_required"


class AccountSelectionRequired(OAuthError):
    """A choice of account is needed but no page may be shown (OpenID Connect Core §3.1.2.6)."""

    error = "account_selection_required"


class RequestNotSupported(OAuthError):
    """Request objects by value are not read (OpenID Connect Core §3.1.2.6)."""

    error = "request_not_supported"


class RequestUriNotSupported(OAuthError):
    """Request objects by reference are not fetched (OpenID Connect Core §3.1.2.6)."""

    error = "request_uri_not_supported"


class InvalidToken(OAuthError):
    """The access token does not work (RFC 6750 §3.1)."""

    error = "invalid_token"
    status = 401


class InsufficientScope(OAuthError):
    """The access token works but does not cover this call (RFC 6750 §3.1)."""

    error = "insufficient_scope"
    status = 403


class TemporarilyUnavailable(OAuthError):
    """The server cannot answer now (RFC 6749 §4.1.2.1)."""

    error = "temporarily_unavailable"
    status = 503

    def _may_raise(self, explanation: Explanation) -> bool:
        return explanation.error == self.error and explanation.code != "throttled"


class Throttled(OAuthError):
    """A limit was reached; `retry_after` is in seconds (RFC 6749 §4.1.2.1, status of RFC 6585 §4)."""

    error = "temporarily_unavailable"
    status = 429

    def _may_raise(self, explanation: Explanation) -> bool:
        return explanation.code == "throttled"


class ServerError(OAuthError):
    """A bug or a broken part at our side (RFC 6749 §4.1.2.1)."""

    error = "server_error"
    status = 500


class NotRedirectable(OAuthError):
    """A browser request that fails before client and redirect URI are proven (RFC 6749 §4.1.2.1).

    It must be shown on our own page, never by a redirect (T10). `error` comes from the catalogue entry.
    """

    def _may_raise(self, explanation: Explanation) -> bool:
        return explanation.error in ("invalid_request", "invalid_client")
