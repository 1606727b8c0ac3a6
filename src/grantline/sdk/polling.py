"""A device asks whether its person has answered (RFC 8628 §3.5): flows of `device.py`.

The vendor's wire has names and times of its own; a device whose person lives in another data center goes on
there with the code that it has, if its own data center lists the other one (T110).
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from grantline.oauth.names import GRANT_DEVICE_CODE
from grantline.sdk.asking import authenticated, read_answer, refused, retry_after
from grantline.sdk.effects import Flow, Reply, Send, Sleep
from grantline.sdk.errors import (
    CallbackRefused,
    ClientRejected,
    GrantlineError,
    GrantTokenUnusable,
    Unreachable,
    WrongDataCenter,
)
from grantline.sdk.keeping import take_in
from grantline.sdk.metadata import Server, check_address, members_of
from grantline.sdk.record import Secret
from grantline.sdk.session import Session
from grantline.sdk.setup import Setup
from grantline.sdk.vendor import known_centers

INTERVAL_SECONDS: Final = 5.0
SHORTEST_SECONDS: Final = 1.0
SLOWER_SECONDS: Final = 5.0
LONGEST_PAUSE_SECONDS: Final = 60.0
LIFE_SECONDS: Final = 300.0
MOST_LIFE_SECONDS: Final = 24 * 3600.0
MOST_CHARACTERS: Final = 100
NAME: Final = "device"
AGAIN: Final = "Start again: the device shows a new code."


@dataclass(slots=True)
class Waiting:
    """A device between its code and the answer."""

    server: Server
    scope: tuple[str, ...]
    device_code: Secret
    user_code: str = field(repr=False)
    verification_uri: str
    verification_uri_complete: str = field(repr=False)
    expires_at: int
    """In epoch seconds of the server's clock."""
    interval: float
    end: float
    """When the code is over, by `monotonic`."""
    next_at: float
    monotonic: Callable[[], float]
    lost: int = 0
    """How many polls in a row got no answer."""
    trouble: Unreachable | None = field(default=None, repr=False)
    closed: bool = False


def start(setup: Setup, scope: tuple[str, ...]) -> Flow[Waiting]:
    """Ask for a device code and a user code (RFC 8628 §3.1). Raises the errors of the tree."""
    server = yield from setup.known.server(setup.app.issuer)
    scope = scope or setup.scope
    if not server.device_authorization_endpoint:
        raise ClientRejected(
            f"{server.issuer} has no login for devices.",
            fix="Use another way to sign in, as Grantline.desktop.",
        )
    request = _start_request(setup, server, scope)
    reply: Reply = yield request
    setup.clock.learn(reply.headers.get("date", ""))
    members = members_of(reply, server.device_authorization_endpoint)
    if "error" in members or reply.status != 200:
        raise refused(server, setup.app, reply, members, request.form or {})
    return _waiting(setup, server, scope, members)


def _start_request(setup: Setup, server: Server, scope: tuple[str, ...]) -> Send:
    url = server.device_authorization_endpoint
    if _of_vendor(server):
        form: dict[str, str | Secret] = {
            "grant_type": "device_request",
            "client_id": setup.app.client_id,
            "scope": ",".join(scope),
            "access_type": "offline",
        }
        return Send("POST", url, form, {"accept": "application/json"})  # its devices have no secret here
    return authenticated(url, setup.app, {"scope": " ".join(scope), "access_type": "offline"})


def _of_vendor(server: Server) -> bool:
    return known_centers(server.issuer) is not None


def _waiting(setup: Setup, server: Server, scope: tuple[str, ...], members: Mapping[str, Any]) -> Waiting:
    url = server.device_authorization_endpoint
    device_code, user_code = members.get("device_code"), members.get("user_code")
    if not isinstance(device_code, str) or not device_code or not _may_be_shown(user_code):
        raise Unreachable(f"{url} gave an answer without a code for a person.")
    try:
        uri = check_address(str(members.get("verification_uri") or members["verification_url"]), "address")
        complete = str(members.get("verification_uri_complete") or "")
        if complete:
            check_address(complete, "address")
    except (ValueError, KeyError):
        raise Unreachable(f"{url} gave no address that a person can open.") from None
    interval, life = times(members)
    # Nobody's change of this machine's time moves the end; a clock that the app brought is its time.
    monotonic = time.monotonic if setup.clock.local is time.time else setup.clock.local
    now = monotonic()
    return Waiting(
        server=server,
        scope=scope,
        device_code=Secret(device_code),
        user_code=str(user_code),
        verification_uri=uri,
        verification_uri_complete=complete,
        expires_at=int(setup.clock.now() + life),
        interval=interval,
        end=now + life,
        next_at=now + interval,
        monotonic=monotonic,
    )


def _may_be_shown(code: object) -> bool:
    return (
        isinstance(code, str) and 0 < len(code) <= MOST_CHARACTERS and code.isascii() and code.isprintable()
    )


def times(members: Mapping[str, Any]) -> tuple[float, float]:
    """Interval and life in seconds. The vendor's are in milliseconds, and nothing says so: no server asks to
    wait a thousand seconds between polls, or keeps a code for more than a day."""
    interval, life = _number(members.get("interval")), _number(members.get("expires_in"))
    if (interval or 0.0) >= 1000 or (interval is None and (life or 0.0) > MOST_LIFE_SECONDS):
        interval, life = (interval or 0.0) / 1000, (life or 0.0) / 1000
    return max(interval or INTERVAL_SECONDS, SHORTEST_SECONDS), min(life or LIFE_SECONDS, MOST_LIFE_SECONDS)


def _number(value: object) -> float | None:
    """What is said, if it is a number that time has."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if 0 < found < 1e12 else None


def wait(setup: Setup, waiting: Waiting) -> Flow[Session]:
    """Poll until there is an answer (RFC 8628 §3.5)."""
    while True:
        pause = min(waiting.next_at, waiting.end) - waiting.monotonic()
        if pause > 0:
            yield Sleep(pause)
        session = yield from look(setup, waiting)
        if session is not None:
            return session


def look(setup: Setup, waiting: Waiting) -> Flow[Session | None]:
    """Poll once, if it is time to."""
    _check_open(waiting)
    now = waiting.monotonic()
    if now < waiting.next_at:
        return None
    waiting.next_at = now + waiting.interval  # until the answer says something else, or if there is none
    url, form = _poll_form(waiting)
    issuer = waiting.server.issuer
    clock = setup.clock_of(issuer)
    try:
        reply: Reply = yield authenticated(url, setup.app_at(issuer), form)
        clock.learn(reply.headers.get("date", ""))
        members = members_of(reply, url)
    except Unreachable as problem:
        _back_off(waiting, problem)
        return None
    error = str(members.get("error", ""))
    if error == "authorization_pending":
        waiting.lost = 0
    elif error == "slow_down":
        waiting.lost = 0
        waiting.interval += SLOWER_SECONDS
    elif error == "other_dc":
        yield from _move(setup, waiting, str(members.get("user_location", "")))
        return None
    elif error or reply.status != 200:
        _check_over(waiting, reply, members, refused(waiting.server, setup.app, reply, members, form))
        return None
    else:
        waiting.closed = True
        answer = read_answer(waiting.server, clock, members, form).as_asked(waiting.scope)
        kept = yield from take_in(
            setup, waiting.server, answer, name=NAME, signing_in="openid" in waiting.scope
        )
        return kept.session
    waiting.next_at = waiting.monotonic() + waiting.interval
    return None


def _check_open(waiting: Waiting) -> None:
    """Raises when there is nothing more to ask for."""
    if waiting.closed:
        raise GrantTokenUnusable("This login is over.", fix=AGAIN)
    if waiting.monotonic() >= waiting.end:
        waiting.closed = True
        if waiting.trouble is not None and waiting.lost:
            raise waiting.trouble
        raise GrantTokenUnusable("The code was not entered in time.", fix=AGAIN)


def _poll_form(waiting: Waiting) -> tuple[str, Mapping[str, str | Secret]]:
    server = waiting.server
    start_url = server.device_authorization_endpoint
    if _of_vendor(server) and start_url.endswith("/code"):
        url = start_url.removesuffix("/code") + "/token"
        return url, {"grant_type": "device_token", "code": waiting.device_code}
    return server.token_endpoint, {"grant_type": GRANT_DEVICE_CODE, "device_code": waiting.device_code}


def _back_off(waiting: Waiting, problem: Unreachable, wait: float | None = None) -> None:
    """Ask less often the longer nothing is heard (RFC 8628 §3.5)."""
    waiting.lost += 1
    waiting.trouble = problem
    pause = waiting.interval * 2 ** min(waiting.lost, 10)
    pause = min(pause, max(LONGEST_PAUSE_SECONDS, waiting.interval))
    waiting.next_at = waiting.monotonic() + max(pause, wait or 0.0)


def _move(setup: Setup, waiting: Waiting, location: str) -> Flow[None]:
    """Go on where the person lives, with the same code. Only a data center that the app's own one lists is
    ever asked (T110)."""
    try:
        issuer = (yield from setup.known.find(location=location)) if location else None
        there = (
            (yield from setup.known.server(issuer)) if issuer not in (None, waiting.server.issuer) else None
        )
    except Unreachable as problem:
        _back_off(waiting, problem)
        return
    if there is None:
        waiting.closed = True
        raise CallbackRefused(
            f"The person's data center is not one that {setup.app.issuer} lists.",
            fix="Register the app there, and start again with that issuer.",
        )
    waiting.lost = 0
    waiting.server = there
    waiting.next_at = waiting.monotonic() + waiting.interval


def _check_over(waiting: Waiting, reply: Reply, members: Mapping[str, Any], problem: GrantlineError) -> None:
    """Raise what the server said for good; wait where it can't answer now."""
    if isinstance(problem, Unreachable) or reply.status == 429 or members.get("error") == "Access Denied":
        trouble = problem if isinstance(problem, Unreachable) else Unreachable(problem.what)
        _back_off(waiting, trouble, retry_after(reply))
        return
    waiting.closed = True
    if members.get("error") == "access_denied" and not isinstance(problem, WrongDataCenter):
        raise CallbackRefused(
            "The person did not allow this device.",
            fix=AGAIN,
            code=problem.code,
            issuer=waiting.server.issuer,
            request_id=problem.request_id,
        )
    if isinstance(problem, GrantTokenUnusable):
        problem.hint = AGAIN
    raise problem
