"""The one noun: a session is an app with a grant, and gives tokens, HTTP that carries them, and an end."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from grantline.sdk.asking import authenticated
from grantline.sdk.driving import AsyncHttpWire, AsyncWire, HttpWire, InThreads, Wire, arun, run
from grantline.sdk.effects import Delete, Flow, Reply
from grantline.sdk.errors import GrantlineError, ReconnectRequired, Unreachable
from grantline.sdk.flights import FLIGHTS, Abandoned
from grantline.sdk.record import AccessToken, Record, Secret
from grantline.sdk.renewing import Grant, check_scope, find_server, read, renew
from grantline.sdk.stores.protocol import AsyncStore, Store


@dataclass(frozen=True, slots=True)
class Status:
    """How it stands with a grant, without any secret. Instants in epoch seconds."""

    issuer: str
    client_id: str
    subject: str
    email: str
    scope: tuple[str, ...]
    api_domain: str
    access_token_expires_at: int | None
    renewable: bool
    ended: str


class Session:
    """An app's grant in use. May be shared by threads and by tasks; several sessions of one grant, in any
    number of processes on one store, renew it once."""

    def __init__(
        self,
        grant: Grant,
        store: Store,
        *,
        wire: Wire | None = None,
        async_wire: AsyncWire | None = None,
        async_store: AsyncStore | None = None,
    ) -> None:
        self.grant = grant
        self.store = store
        self._wire = wire or HttpWire()
        self._async_wire = async_wire
        self._async_store = async_store or InThreads(store)
        self._held: dict[tuple[str, ...], AccessToken] = {}
        self._api_domain = ""

    def __repr__(self) -> str:
        key = self.grant.key
        return f"Session({key.issuer!r}, {key.client_id!r}, subject={key.subject!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a session is not pickled: make one in each process, on the same store")

    # Tokens

    def token(self, *, scope: tuple[str, ...] = (), min_seconds: float = 0, refused: str = "") -> AccessToken:
        """A live access token. Raises the errors of the tree."""
        while True:
            held, state = self._look(scope, min_seconds, refused)
            if held is not None and state == "fresh":
                return held
            flight, mine = FLIGHTS.join(self._flight_key(scope))
            if mine:
                return self._fly(flight, scope, min_seconds, refused, held if state == "early" else None)
            if held is not None and state == "early":
                return held
            with suppress(Abandoned):
                flight.result()

    async def atoken(
        self, *, scope: tuple[str, ...] = (), min_seconds: float = 0, refused: str = ""
    ) -> AccessToken:
        """The same, for tasks."""
        while True:
            held, state = self._look(scope, min_seconds, refused)
            if held is not None and state == "fresh":
                return held
            flight, mine = FLIGHTS.join(self._flight_key(scope))
            if mine:
                early = held if state == "early" else None
                return await self._afly(flight, scope, min_seconds, refused, early)
            if held is not None and state == "early":
                return held
            with suppress(Abandoned):
                await asyncio.wrap_future(flight)

    def _look(
        self, scope: tuple[str, ...], min_seconds: float, refused: str
    ) -> tuple[AccessToken | None, str]:
        """What this process holds, and how it stands."""
        found = self._held.get(scope)
        if found is None or found.secret.says(refused):
            return None, "must"
        return found, self.grant.windows.state(found, self.grant.clock.now(), min_seconds)

    def _flight_key(self, scope: tuple[str, ...]) -> object:
        return self.grant.key, scope, id(self.store)

    def _fly(
        self,
        flight: Future[None],
        scope: tuple[str, ...],
        min_seconds: float,
        refused: str,
        early: AccessToken | None,
    ) -> AccessToken:
        flow = renew(self.grant, scope, min_seconds=min_seconds, refused=refused)
        try:
            with FLIGHTS.flying(self._flight_key(scope), flight):
                return self._hold(scope, run(flow, self.store, self._wire))
        except GrantlineError as problem:
            return _present(early, problem)

    async def _afly(
        self,
        flight: Future[None],
        scope: tuple[str, ...],
        min_seconds: float,
        refused: str,
        early: AccessToken | None,
    ) -> AccessToken:
        flow = renew(self.grant, scope, min_seconds=min_seconds, refused=refused)
        try:
            with FLIGHTS.flying(self._flight_key(scope), flight):
                return self._hold(scope, await arun(flow, self._async_store, self._wire_for_tasks()))
        except GrantlineError as problem:
            return _present(early, problem)

    def _hold(self, scope: tuple[str, ...], found: tuple[Record, AccessToken]) -> AccessToken:
        record, token = found
        self._held[scope] = token
        self._api_domain = record.api_domain
        return token

    def _wire_for_tasks(self) -> AsyncWire:
        if self._async_wire is None:
            self._async_wire = AsyncHttpWire()
        return self._async_wire

    # HTTP

    @property
    def api_domain(self) -> str:
        """Where the person's data is. Known once a token was made."""
        if not self._api_domain:
            self._api_domain = run(read(self.grant), self.store, self._wire).api_domain
        return self._api_domain

    # The end

    def revoke(self) -> None:
        """End the grant at the server, and forget it here. Raises Unreachable: then it is still there."""
        run(_revoke(self.grant), self.store, self._wire)
        self._held.clear()

    async def arevoke(self) -> None:
        """The same, for tasks."""
        await arun(_revoke(self.grant), self._async_store, self._wire_for_tasks())
        self._held.clear()

    def status(self) -> Status:
        """How it stands, by the store alone."""
        record = self.store.get(self.grant.key.text) or Record(self.grant.key)
        token = record.token_for(())
        return Status(
            issuer=self.grant.key.issuer,
            client_id=self.grant.key.client_id,
            subject=self.grant.key.subject,
            email=record.email,
            scope=record.scope,
            api_domain=record.api_domain,
            access_token_expires_at=token.expires_at if token is not None else None,
            renewable=self.grant.own or (record.refresh_token is not None and not record.ended),
            ended=record.ended,
        )

    def require(self, *scope: str) -> None:
        """Check that the grant has these scopes. Raises ScopeMissing, ReconnectRequired."""
        check_scope(run(read(self.grant), self.store, self._wire), scope)


def _present(early: AccessToken | None, problem: GrantlineError) -> AccessToken:
    """The token that still lives, where a renewal ahead of time failed. Raises the problem otherwise."""
    if early is None or isinstance(problem, ReconnectRequired):
        raise problem
    return early


def _revoke(grant: Grant) -> Flow[None]:
    """Revoke the refresh token, or the access token where there is none (RFC 7009 §2.1)."""
    try:
        record = yield from read(grant)
    except ReconnectRequired:
        yield Delete(grant.key.text)
        return
    server = yield from find_server(grant)
    token = record.refresh_token or next((one.secret for one in record.access_tokens), None)
    if token is not None and server.revocation_endpoint:
        form: Mapping[str, str | Secret] = {"token": token}
        reply: Reply = yield authenticated(server.revocation_endpoint, grant.app, form)
        if reply.status >= 500:
            raise Unreachable(f"{grant.key.issuer} could not revoke now (answered {reply.status}).")
    yield Delete(grant.key.text)
