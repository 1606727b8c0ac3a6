"""Proof Key for Code Exchange, with S256 as the only method (RFC 7636, RFC 9700 §2.1.1)."""

import hashlib
import re
from base64 import urlsafe_b64encode
from hmac import compare_digest

from grantline.oauth.errors import InvalidGrant, InvalidRequest

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def check_code_challenge(challenge: str | None, method: str | None) -> str:
    """Return the challenge of an authorization request, or raise InvalidRequest (RFC 7636 §4.4.1).

    A method that is missing means `plain` (RFC 7636 §4.3), which does not exist here, so it is refused rather
    than taken for S256.
    """
    if not challenge:
        raise InvalidRequest("pkce_required")
    if method != "S256":
        raise InvalidRequest("code_challenge_method_not_s256")
    if not _CHALLENGE.fullmatch(challenge):
        raise InvalidRequest("code_challenge_malformed")
    return challenge


def check_code_verifier(verifier: str | None, challenge: str | None) -> None:
    """Check the verifier of a token request against the challenge stored with the code (RFC 7636 §4.6).

    A challenge makes the verifier necessary, and without one a verifier is refused, because a challenge may
    have been taken out on the way (RFC 9700 §2.1.1). Raises InvalidGrant.
    """
    if challenge is None:
        if verifier is not None:
            raise InvalidGrant("code_verifier_unexpected")
        return
    if not verifier:
        raise InvalidGrant("code_verifier_missing")
    if not _VERIFIER.fullmatch(verifier):
        raise InvalidGrant("code_verifier_malformed")
    if not compare_digest(s256(verifier).encode("ascii"), challenge.encode("utf-8")):
        raise InvalidGrant("code_verifier_wrong")


def s256(verifier: str) -> str:
    """Return the S256 challenge of a verifier: base64url of its SHA-256 hash, unpadded (RFC 7636 §4.2)."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
