"""The answer at the redirect URI: read once, and believed only when it answers the attempt (RFC 6749 §4.1.2,
RFC 9207 §2.4)."""

from collections.abc import Mapping
from hmac import compare_digest
from typing import Final
from urllib.parse import parse_qsl

from grantline.sdk.asking import clean
from grantline.sdk.attempts import Attempt
from grantline.sdk.centers import Known
from grantline.sdk.effects import Flow
from grantline.sdk.errors import (
    CallbackRefused,
    ClientRejected,
    GrantlineError,
    ReconnectRequired,
    ScopeMissing,
    Unreachable,
)
from grantline.sdk.metadata import Server

LONGEST: Final = 16 * 1024
MOST_FIELDS: Final = 50
_NO_PAGE: Final = (
    "login_required",
    "consent_required",
    "interaction_required",
    "account_selection_required",
)


def read_callback(url: str) -> Mapping[str, str]:
    """The parameters of the address that the browser came back to, of its query alone, or of a bare query.
    Raises CallbackRefused for what no server sends."""
    query = url.partition("#")[0]
    query = query.partition("?")[2] if "?" in query or "://" in query else query
    if len(query) > LONGEST:
        raise CallbackRefused("The answer is too long to be one.")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise CallbackRefused("The answer can't be read.") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise CallbackRefused("The answer has a parameter twice.")
        found[name] = value
    if not found.get("state"):
        raise CallbackRefused("The answer has no state: it answers nothing that this app asked.")
    return found


def check_attempt(attempt: Attempt | None, answer: Mapping[str, str], issuer: str, now: float) -> Attempt:
    """The attempt that this answers. Raises CallbackRefused."""
    if attempt is None or not compare_digest(attempt.state.encode(), answer["state"].encode()):
        raise CallbackRefused(
            "This browser did not begin this sign-in, or it was finished already.",
            fix="Start again at the link that leads to sign-in. Cookies must be allowed.",
        )
    if attempt.issuer != issuer:
        raise CallbackRefused("The sign-in was begun at another server.")
    if attempt.expires_at <= now:
        raise CallbackRefused("The sign-in took longer than ten minutes.")
    return attempt


def answering(known: Known, server: Server, answer: Mapping[str, str]) -> Flow[str]:
    """The issuer that answers and has the code: the one that the browser was sent to, or a data center that
    it lists. Nothing was sent anywhere before that is certain (T19, T110). Raises CallbackRefused,
    Unreachable."""
    issuer, location = answer.get("iss", ""), answer.get("location", "")
    accounts = answer.get("accounts-server", "").removesuffix("/")
    if server.says_iss and not issuer:
        raise CallbackRefused(f"The answer does not say that it is from {server.issuer}.")
    found: set[str | None] = set()
    if issuer:
        found.add((yield from known.find(issuer)))
    elif (yield from known.centers()).issuers:  # a list is needed to make anything of these two
        if accounts:
            found.add((yield from known.find(accounts)))
        if location:
            found.add((yield from known.find(location=location)))
    if not found:
        return server.issuer
    one = found.pop()
    if one is None or found:
        raise CallbackRefused(
            "The answer is from a server that the app's data center does not list.",
            fix="Start again at the app. Do not follow a link that somebody sent.",
        )
    return one


def check_outcome(answer: Mapping[str, str], issuer: str) -> str:
    """The code. Raises the error that the server sent, in its words: only for an answer that was proven to be
    its own."""
    error, code = answer.get("error", ""), answer.get("code", "")
    if not error:
        if not code:
            raise CallbackRefused("The answer has neither a code nor an error.")
        return code
    uri = clean(answer.get("error_uri", ""))
    own = uri.removeprefix(f"{issuer}/errors/")
    code = own if own != uri else ""  # Grantline's own word for it; another server's page says nothing here
    raise problem_of(clean(error), clean(answer.get("error_description", "")), issuer, code)


def problem_of(error: str, description: str, issuer: str, code: str = "") -> GrantlineError:
    """What an error at the redirect URI means."""
    said = description or f"{issuer} answered {error}."
    if error in _NO_PAGE:
        return ReconnectRequired(
            said, code=code, issuer=issuer, fix="Start again without prompt=none, so that a page is shown."
        )
    if error == "invalid_scope":
        return ScopeMissing(said, code=code, issuer=issuer)
    if error in ("unauthorized_client", "unsupported_response_type", "invalid_request", "invalid_target"):
        return ClientRejected(said, code=code, issuer=issuer, fix="Compare the app with the console.")
    if error in ("server_error", "temporarily_unavailable"):
        return Unreachable(said, code=code, issuer=issuer)
    if error == "access_denied":
        return CallbackRefused(
            said, code=code, issuer=issuer, fix="Say what the access is for, and offer the sign-in again."
        )
    return CallbackRefused(said, code=code, issuer=issuer)
