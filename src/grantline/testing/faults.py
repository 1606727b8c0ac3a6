"""What can go wrong between an app and its server, switched on for a while: `with
server.faults.throttle():`."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

import httpx2

from grantline.oauth.errors import InvalidClient, OAuthError, TemporarilyUnavailable, Throttled
from grantline.oauth.responses import render_error_json
from grantline.sdk import AccessToken, Secret, Session

Carry = Callable[[httpx2.Request], Awaitable[httpx2.Response]]
ALWAYS: Final = 1_000_000_000


class Asks(Protocol):
    """What a fault needs to know of a request."""

    @property
    def for_tokens(self) -> bool:
        """Whether tokens are asked for."""
        ...

    @property
    def grant_type(self) -> str:
        """Of a token request."""
        ...


@dataclass(slots=True)
class Fault:
    """One fault while it is on. `hits` says how often it struck."""

    strike: Callable[[Carry, httpx2.Request], Awaitable[httpx2.Response]] = field(repr=False)
    left: int = ALWAYS
    only_tokens: bool = True
    grant_type: str = ""
    hits: int = 0

    def takes(self, asked: Asks) -> bool:
        """Whether it strikes this request; then it is counted."""
        if self.left <= 0 or (self.only_tokens and not asked.for_tokens):
            return False
        if self.grant_type and asked.grant_type != self.grant_type:
            return False
        self.left -= 1
        self.hits += 1
        return True


class Faults:
    """The switches. Each is a context manager that gives its Fault; they may be nested."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._on: list[Fault] = []
        self.skewed = 0.0
        """How far the clock of the app's machine is ahead, in seconds."""

    def find(self, asked: Asks) -> Fault | None:
        """What strikes this request: the fault that was switched on last."""
        return next((fault for fault in reversed(self._on) if fault.takes(asked)), None)

    @contextmanager
    def _while_on(self, fault: Fault) -> Iterator[Fault]:
        self._on.append(fault)
        try:
            yield fault
        finally:
            self._on.remove(fault)

    @contextmanager
    def lose_response(self, next: int = 1) -> Iterator[Fault]:
        """The server does what the next token requests ask, and its answers are lost."""

        async def strike(carry: Carry, request: httpx2.Request) -> httpx2.Response:
            await carry(request)
            raise httpx2.ReadError("the answer was lost", request=request)

        with self._while_on(Fault(strike, next)) as fault:
            yield fault

    @contextmanager
    def race(self, session: Session | None = None) -> Iterator[Fault]:
        """Another process renews the same grant a moment before, with each refresh. With a session it also
        writes what it got into the session's store, which must be one for threads."""

        async def strike(carry: Carry, request: httpx2.Request) -> httpx2.Response:
            first = await carry(request)
            if session is not None and first.status_code == 200:
                _write(session, first.json())
            return await carry(request)

        with self._while_on(Fault(strike, grant_type="refresh_token")) as fault:
            yield fault

    @contextmanager
    def skew(self, seconds: float) -> Iterator[None]:
        """The clock of the app's machine is wrong by this much."""
        self.skewed += seconds
        try:
            yield
        finally:
            self.skewed -= seconds

    @contextmanager
    def throttle(self, retry_after: int = 30) -> Iterator[Fault]:
        """Token requests are too many."""
        with self._while_on(self._refusing(Throttled("throttled", retry_after=retry_after))) as fault:
            yield fault

    @contextmanager
    def wrong_data_center(self, expected: str) -> Iterator[Fault]:
        """The client belongs to another data center, whose issuer is `expected`."""
        refusal = InvalidClient("client_wrong_data_center", members={"expected_issuer": expected})
        with self._while_on(self._refusing(refusal)) as fault:
            yield fault

    @contextmanager
    def unavailable(self, retry_after: int = 2) -> Iterator[Fault]:
        """The server answers 503, whatever it is asked."""
        fault = self._refusing(TemporarilyUnavailable("overloaded", retry_after=retry_after))
        fault.only_tokens = False
        with self._while_on(fault):
            yield fault

    @contextmanager
    def unreachable(self) -> Iterator[Fault]:
        """Nothing answers at the server's address."""

        async def strike(carry: Carry, request: httpx2.Request) -> httpx2.Response:
            raise httpx2.ConnectError("nothing answers", request=request)

        with self._while_on(Fault(strike, only_tokens=False)) as fault:
            yield fault

    def _refusing(self, refusal: OAuthError) -> Fault:
        """A fault that answers as the server does when it refuses so."""
        headers = {"content-type": "application/json", "cache-control": "no-store"}
        if refusal.retry_after is not None:
            headers["retry-after"] = str(refusal.retry_after)

        async def strike(carry: Carry, request: httpx2.Request) -> httpx2.Response:
            body = render_error_json(refusal, issuer=self._issuer, request_id="req_testing")
            return httpx2.Response(refusal.status, headers=headers, content=body, request=request)

        return Fault(strike)


def _write(session: Session, members: Mapping[str, Any]) -> None:
    """What the other process got, in the store, without its lock."""
    key, now = session.grant.key.text, int(session.grant.clock.now())
    record = session.store.get(key)
    if record is None:
        return
    life = now, now + int(members["expires_in"])
    scope = tuple(str(members["scope"]).split())
    record = record.with_token(AccessToken(Secret(members["access_token"]), scope, life[1], life[0]))
    if "refresh_token" in members:
        record = replace(record, refresh_token=Secret(members["refresh_token"]))
    session.store.put(key, record, record.version)
