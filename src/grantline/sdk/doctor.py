"""What may be wrong with an app, found out without signing in: its server and data center, the clock, the
redirect URI against what is registered, scopes, the store, and the stored grant.

Each check is read by a person: what is, and what to do about it. Nothing is changed anywhere; the server
sees a sign-in that ends at once (`prompt=none`), and the revocation of a token that there never was.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from grantline.oauth.metadata import authorization_server_metadata_url, openid_configuration_url
from grantline.sdk.asking import authenticated, refused
from grantline.sdk.clock import ServerClock
from grantline.sdk.effects import Flow, Reply, Send
from grantline.sdk.errors import GrantlineError, Unreachable, WrongDataCenter
from grantline.sdk.metadata import Server, members_of
from grantline.sdk.record import Record
from grantline.sdk.setup import Setup
from grantline.sdk.vendor import known_centers

Verdict = Literal["ok", "warning", "failed"]
SLOW_SECONDS: Final = 5
WRONG_SECONDS: Final = 300
NO_TOKEN: Final = "none"
CHALLENGE: Final = "A" * 43
_PAGE_CODE: Final = re.compile(r"/errors/([a-z_]{1,60})\b")
_SIGNED_OUT: Final = (
    "login_required",
    "consent_required",
    "interaction_required",
    "account_selection_required",
)
_PAGES: Final[Mapping[str, tuple[str, str]]] = {
    "redirect_uri_mismatch": (
        "is not registered for this client",
        "Register it in the console, to the letter: scheme, host, port, path and a / at the end count.",
    ),
    "client_unknown": ("was sent for a client that is not known", "Compare the client ID with the console."),
    "client_disabled": ("belongs to a client that is switched off", "Switch it on in the console."),
    "client_wrong_data_center": (
        "was sent to another data center than the client's",
        "Use the data center that the console names.",
    ),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what is, and what to do."""

    name: str
    verdict: Verdict
    what: str
    hint: str = ""


@dataclass(slots=True)
class Seen:
    """What one check leaves for another."""

    clock: ServerClock
    dated: bool = False
    scopes: frozenset[str] = frozenset()
    """Those that the server lists, in small letters."""
    scope_error: str = ""
    scope_taken: bool = False
    checks: list[Check] = field(default_factory=list)

    def note(self, name: str, verdict: Verdict, what: str, hint: str = "") -> None:
        """One more check."""
        self.checks.append(Check(name, verdict, what, hint))

    def fail(self, name: str, problem: GrantlineError) -> None:
        """A check that ended with an error of the tree."""
        self.note(name, "failed", problem.what, problem.hint)


def examine(setup: Setup, grant: Record | None) -> Flow[list[Check]]:
    """Everything that the server can tell, and the grant that is stored."""
    seen = Seen(ServerClock(setup.clock.local))
    try:
        server = yield from setup.known.server(setup.app.issuer)
    except GrantlineError as problem:
        seen.fail("server", problem)
    else:
        yield from _metadata(setup, server, seen)
        for name, check in (("data center", _data_center), ("client", _client), ("redirect", _redirect)):
            try:
                yield from check(setup, server, seen)
            except GrantlineError as problem:
                seen.fail(name, problem)
        _clock(seen)
        _scopes(setup, seen, grant)
    _token(setup, seen, grant)
    return seen.checks


def _metadata(setup: Setup, server: Server, seen: Seen) -> Flow[None]:
    """Once more, for what the rest of the library does not need: the date and the scopes."""
    for url in (authorization_server_metadata_url(server.issuer), openid_configuration_url(server.issuer)):
        try:
            reply: Reply = yield Send("GET", url)
            members: Mapping[str, Any] = members_of(reply, url) if reply.status == 200 else {}
        except Unreachable:
            continue
        if reply.headers.get("date"):
            seen.clock.learn(reply.headers["date"])
            seen.dated = True
        listed = members.get("scopes_supported")
        if isinstance(listed, list):
            seen.scopes = frozenset(str(one).lower() for one in listed)
        if members:
            break
    seen.note("server", "ok", f"{server.issuer} answers, and calls itself so.")


def _data_center(setup: Setup, server: Server, seen: Seen) -> Flow[None]:
    centers = yield from setup.known.centers()
    code = next((code for code, issuer in centers.issuers.items() if issuer == server.issuer), "")
    others = ", ".join(sorted(centers.issuers))
    whose = "the vendor's data center" if known_centers(server.issuer) is not None else "data center"
    if code:
        seen.note("data center", "ok", f"This is {whose} {code}, of {others}.")
    elif centers.issuers:
        seen.note(
            "data center",
            "warning",
            f"The server lists {others}, and itself under none of them.",
            "Ask its operator: people of another data center may not get back to this one.",
        )
    else:
        seen.note("data center", "ok", "The server lists no other data centers.")


def _client(setup: Setup, server: Server, seen: Seen) -> Flow[None]:
    """Whether the server takes the client, by revoking a token that there never was (RFC 7009 §2.1)."""
    app = setup.app
    if not server.revocation_endpoint or known_centers(server.issuer) is not None:
        seen.note(
            "client",
            "warning",
            "This server does not tell whether it knows the client.",
            "Signing in tells: grantline app login.",
        )
        return
    sent = setup.app_at(server.issuer)
    request = authenticated(server.revocation_endpoint, sent, {"token": NO_TOKEN})
    reply: Reply = yield request
    if reply.status == 200:
        secret = " and takes its secret" if app.client_secret is not None else ""
        seen.note("client", "ok", f"The server knows {app.client_id}{secret}.")
        return
    problem = refused(server, sent, reply, members_of(reply, request.url), {"grant_type": "revocation"})
    if isinstance(problem, WrongDataCenter):
        seen.note("client", "failed", f"{app.client_id} is of another data center.", problem.hint)
        return
    seen.note("client", "failed", problem.what, problem.hint)


def _redirect(setup: Setup, server: Server, seen: Seen) -> Flow[None]:
    """What the authorization endpoint does with the redirect URI when nobody is signed in."""
    app = setup.app
    if not app.redirect_uri or not server.authorization_endpoint:
        seen.note(
            "redirect", "ok", "No redirect URI is configured; signing in by a browser page is not used."
        )
        return
    parameters = {
        "client_id": app.client_id,
        "response_type": "code",
        "redirect_uri": app.redirect_uri,
        "scope": " ".join(setup.scope) or "openid",
        "state": "doctor",
        "nonce": "doctor",
        "prompt": "none",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    joint = "&" if urlsplit(server.authorization_endpoint).query else "?"
    reply: Reply = yield Send("GET", f"{server.authorization_endpoint}{joint}{urlencode(parameters)}")
    location = reply.headers.get("location", "")
    if 300 <= reply.status < 400 and re.split(r"[?#]", location)[0] == app.redirect_uri.partition("?")[0]:
        _sent_back(app.redirect_uri, location, seen)
        return
    if 400 <= reply.status < 500:
        found = _PAGE_CODE.search(reply.body.decode(errors="replace"))
        code = found[1] if found is not None else ""
        said = (f"was refused ({code or reply.status})", "Compare it with the console, to the letter.")
        what, hint = _PAGES.get(code, said)
        seen.note("redirect", "failed", f"{app.redirect_uri} {what}.", hint)
        return
    seen.note(
        "redirect",
        "warning",
        f"The server does not tell whether {app.redirect_uri} is registered (answered {reply.status}).",
        "Compare it with the console, to the letter.",
    )


def _sent_back(redirect_uri: str, location: str, seen: Seen) -> None:
    """The address is right; what the answer says is about the rest of the request."""
    answer = dict(parse_qsl(location.replace("#", "&").partition("?")[2], max_num_fields=50))
    error = answer.get("error", "")
    seen.note("redirect", "ok", f"{redirect_uri} is registered.")
    if error == "invalid_scope":
        seen.scope_error = answer.get("error_description", "A scope is unknown.")[:200]
    elif not error or error in _SIGNED_OUT:
        seen.scope_taken = True
    else:
        said = answer.get("error_description", error)[:200]
        seen.note(
            "sign-in", "failed", f"A sign-in would end with: {said}", "Compare the app with the console."
        )


def _clock(seen: Seen) -> None:
    off = round(seen.clock.offset)
    side = f"{abs(off)} s {'behind' if off > 0 else 'ahead of'}"
    if not seen.dated:
        seen.note("clock", "warning", "The server does not tell its time.", "Keep this machine's right.")
    elif abs(off) <= SLOW_SECONDS:
        seen.note("clock", "ok", "This machine's clock and the server's agree.")
    else:
        verdict: Verdict = "warning" if abs(off) < WRONG_SECONDS else "failed"
        seen.note("clock", verdict, f"This machine's clock is {side} the server's.", "Set it (NTP).")


def _scopes(setup: Setup, seen: Seen, grant: Record | None) -> None:
    asked = setup.scope
    unknown = [one for one in asked if seen.scopes and one.lower() not in seen.scopes]
    granted = {one.lower() for one in grant.scope} if grant is not None else set()
    lacking = [one for one in asked if grant is not None and one.lower() not in granted]
    fix = "Compare them with the scopes of the API, to the letter."
    if seen.scope_error:
        seen.note("scopes", "failed", f"The server refuses {' '.join(asked)}: {seen.scope_error}", fix)
    elif unknown and not seen.scope_taken:
        seen.note("scopes", "warning", f"The server does not list {' '.join(unknown)}.", fix)
    elif lacking:
        hint = "Sign in again, so that the person is asked for them: grantline app login."
        seen.note("scopes", "warning", f"The stored grant lacks {' '.join(lacking)}.", hint)
    elif asked:
        seen.note("scopes", "ok", f"The server has {' '.join(asked)}.")
    else:
        seen.note("scopes", "ok", "No scopes are configured; each sign-in names its own.")


def _token(setup: Setup, seen: Seen, grant: Record | None) -> None:
    """By the store alone."""
    if grant is None:
        hint = "Sign in: grantline app login. An app that acts as itself needs no grant."
        seen.note("token", "warning", "No grant of this app is stored.", hint)
        return
    who = grant.email or grant.key.subject or "the app's owner"
    if grant.ended:
        seen.note(
            "token", "failed", f"The grant is over: {grant.ended}", "Sign in again: grantline app login."
        )
        return
    left = max((one.expires_at for one in grant.access_tokens), default=0) - seen.clock.now()
    lives = f"lives for {span(left)}" if left > 0 else "is over"
    if grant.refresh_token is not None:
        seen.note("token", "ok", f"The access token of {who} {lives}, and can be renewed.")
    elif left > 0:
        hint = "Ask for offline access when signing in, if the app works while nobody is there."
        seen.note("token", "warning", f"The access token of {who} {lives}, and can't be renewed.", hint)
    else:
        hint = "Sign in again: grantline app login."
        seen.note("token", "failed", f"The access token of {who} is over, and can't be renewed.", hint)


def span(seconds: float) -> str:
    """A while, for people."""
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"


def worst(checks: Sequence[Check]) -> Verdict:
    """The verdict of all."""
    found = {check.verdict for check in checks}
    return "failed" if "failed" in found else "warning" if "warning" in found else "ok"
