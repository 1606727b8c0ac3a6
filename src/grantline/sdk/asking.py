"""The token endpoint: what is asked there, and its answers and refusals as values (RFC 6749 §5)."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote_plus

from grantline.oauth.names import GRANT_DEVICE_CODE
from grantline.sdk.clock import ServerClock
from grantline.sdk.effects import Flow, Reply, Send, Sleep
from grantline.sdk.errors import (
    CallbackRefused,
    ClientRejected,
    GrantlineError,
    GrantTokenUnusable,
    ReconnectRequired,
    ScopeMissing,
    Throttled,
    Unreachable,
    WrongDataCenter,
)
from grantline.sdk.metadata import Server, check_address, members_of
from grantline.sdk.record import REDACTED, AccessToken, Secret

ATTEMPTS: Final = 3
PAUSES: Final = (0.2, 1.0)
LONGEST_WAIT_SECONDS: Final = 600.0
LONGEST_WORDS: Final = 300
_CODE_GRANTS: Final = ("authorization_code", GRANT_DEVICE_CODE, "device_token")


@dataclass(frozen=True, slots=True)
class App:
    """A registered client."""

    issuer: str
    client_id: str
    client_secret: Secret | None = None
    redirect_uri: str = ""
    basic: bool = False
    """Send the secret as HTTP Basic instead of in the body."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the token endpoint gave."""

    access_token: AccessToken
    refresh_token: Secret | None
    scope: tuple[str, ...]
    api_domain: str
    id_token: Secret | None

    def as_asked(self, scope: tuple[str, ...]) -> "Answer":
        """The same; where the server did not say what it granted, it is what was asked (RFC 6749 §5.1)."""
        if self.scope:
            return self
        return replace(self, scope=scope, access_token=replace(self.access_token, scope=scope))


def ask(
    server: Server, app: App, clock: ServerClock, form: Mapping[str, str | Secret], *, repeat: bool = False
) -> Flow[Answer]:
    """Ask for tokens. `repeat`: the same may be asked again when an answer is lost, as a refresh may. Raises
    the errors of the tree."""
    reply = yield from _send(server, app, form, attempts=ATTEMPTS if repeat else 1)
    clock.learn(reply.headers.get("date", ""))
    members = members_of(reply, server.token_endpoint)
    if "error" in members or reply.status != 200:
        raise refused(server, app, reply, members, form)
    return read_answer(server, clock, members, form)


def _send(server: Server, app: App, form: Mapping[str, str | Secret], *, attempts: int) -> Flow[Reply]:
    request = authenticated(server.token_endpoint, app, form)
    for attempt in range(attempts):
        try:
            reply: Reply = yield request
        except Unreachable:
            if attempt + 1 == attempts:
                raise
        else:
            if reply.status < 500 or attempt + 1 == attempts:
                return reply
        yield Sleep(PAUSES[min(attempt, len(PAUSES) - 1)])
    raise AssertionError("the last attempt returns or raises")


def authenticated(url: str, app: App, form: Mapping[str, str | Secret]) -> Send:
    """A request with the client's credentials (RFC 6749 §2.3.1)."""
    headers: dict[str, str | Secret] = {"accept": "application/json"}
    fields = dict(form)
    if app.basic and app.client_secret is not None:
        pair = f"{quote_plus(app.client_id)}:{quote_plus(app.client_secret.reveal())}"
        headers["authorization"] = Secret("Basic " + b64encode(pair.encode()).decode())
    else:
        fields["client_id"] = app.client_id
        if app.client_secret is not None:
            fields["client_secret"] = app.client_secret
    return Send("POST", url, fields, headers)


def read_answer(
    server: Server, clock: ServerClock, members: Mapping[str, Any], form: Mapping[str, str | Secret]
) -> Answer:
    """The tokens in the members of an answer with status 200. Raises Unreachable when there are none."""
    value, seconds = members.get("access_token"), members.get("expires_in", 3600)
    if not isinstance(value, str) or not value or isinstance(seconds, bool):
        raise Unreachable(f"{server.token_endpoint} gave an answer without a token.")
    if str(members.get("token_type", "Bearer")).lower() != "bearer":  # RFC 6749 §7.1
        raise Unreachable(f"{server.token_endpoint} gave a token of a kind that is not known here.")
    try:
        life = max(0, int(float(seconds)))
    except (TypeError, ValueError, OverflowError):
        life = 3600
    now = int(clock.now())
    asked = form.get("scope", "")
    told = members.get("scope", asked if isinstance(asked, str) else "")
    scope = tuple(str(told).replace(",", " ").split())
    refresh_token, id_token = members.get("refresh_token"), members.get("id_token")
    domain = members.get("api_domain")
    return Answer(
        AccessToken(Secret(value), scope, now + life, now),
        Secret(refresh_token) if isinstance(refresh_token, str) and refresh_token else None,
        scope,
        domain.removesuffix("/") if isinstance(domain, str) else "",
        Secret(id_token) if isinstance(id_token, str) and id_token else None,
    )


def refused(
    server: Server, app: App, reply: Reply, members: Mapping[str, Any], form: Mapping[str, str | Secret]
) -> GrantlineError:
    """What this refused request means (`refusal`): without what was sent, should the server repeat it, and
    with a word about the secret if none was sent."""
    said = hide(str(members.get("error_description", "")), (*form.values(), app.client_secret))
    told = {**members, "error_description": said}
    problem = refusal(server.issuer, reply, told, str(form.get("grant_type", "")))
    if app.client_secret is None and members.get("error") == "invalid_client":
        problem.hint = f"Set GRANTLINE_CLIENT_SECRET, if it has a secret. {problem.hint}"
    return problem


def refusal(issuer: str, reply: Reply, members: Mapping[str, Any], grant_type: str) -> GrantlineError:
    """What a refused request means. Words of the standards and of the vendor's wire alike."""
    error, code = clean(members.get("error")), clean(members.get("grantline_code"))
    said = clean(members.get("error_description")) or f"{issuer} answered {error or reply.status}."
    told: dict[str, Any] = {
        "code": code,
        "issuer": issuer,
        "request_id": clean(members.get("request_id") or reply.headers.get("x-request-id")),
    }
    expected = members.get("expected_issuer")
    if isinstance(expected, str) and _is_address(expected) and expected != issuer:
        return WrongDataCenter(said, expected=expected, **told)
    wait = retry_after(reply)
    if reply.status == 429 or error in ("slow_down", "Access Denied"):
        return Throttled(said, retry_after=wait if wait is not None else 60.0, **told)
    if reply.status >= 500 or error in ("temporarily_unavailable", "server_error"):
        return Unreachable(said, retry_after=wait, **told)
    if error in _GRANT_IS_OVER:
        kind = GrantTokenUnusable if grant_type in _CODE_GRANTS else ReconnectRequired
        return kind(said, **told)
    return _CLASSES.get(error, GrantlineError)(said, **told)


_GRANT_IS_OVER: Final = frozenset(
    {"invalid_grant", "invalid_code", "invalid_token", "expired_token", "expired"}
)
_CLASSES: Final[Mapping[str, type[GrantlineError]]] = {
    **dict.fromkeys(("invalid_scope", "insufficient_scope"), ScopeMissing),
    **dict.fromkeys(
        (
            "invalid_client",
            "invalid_client_secret",
            "unauthorized_client",
            "unsupported_grant_type",
            "unsupported_response_type",
            "request_not_supported",
            "request_uri_not_supported",
            "invalid_target",
        ),
        ClientRejected,
    ),
    **dict.fromkeys(
        ("login_required", "consent_required", "interaction_required", "account_selection_required"),
        ReconnectRequired,
    ),
    "access_denied": CallbackRefused,
}
"""Which of the tree an error is. What is not here, as `invalid_request`, is a program's fault: the base."""


def clean(said: object) -> str:
    """A server's words as one line that can be shown: bounded, and nothing in it steers a terminal."""
    text = said if isinstance(said, str) else ""
    return "".join(one if one.isprintable() else " " for one in text[:LONGEST_WORDS]).strip()


def hide(said: str, sent: Iterable[object]) -> str:
    """The words without the secrets that were sent, should a server repeat one."""
    for value in sent:
        if isinstance(value, Secret) and value.reveal():
            said = said.replace(value.reveal(), REDACTED)
    return said


def _is_address(url: str) -> bool:
    try:
        return len(url) <= LONGEST_WORDS and url.isprintable() and bool(check_address(url, "issuer"))
    except ValueError:
        return False


def retry_after(reply: Reply) -> float | None:
    """Seconds of `Retry-After`, at most ten minutes; None where it says nothing."""
    text = reply.headers.get("retry-after", "")
    if not (text.isascii() and text.isdecimal()) or len(text) > 6:
        return None
    return min(float(text), LONGEST_WAIT_SECONDS)
