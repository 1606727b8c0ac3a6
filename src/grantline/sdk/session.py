"""The one noun: a session is an app with a grant, and gives tokens, HTTP that carries them, and an end."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn, Self

from grantline.sdk.api import Clients
from grantline.sdk.api_domain import NAME_IT, find_api_domain
from grantline.sdk.asking import authenticated
from grantline.sdk.auth import Calls, SessionAuth, session_auth
from grantline.sdk.driving import AsyncHttpWire, AsyncWire, HttpWire, InThreads, Wire, arun, run
from grantline.sdk.effects import Delete, Flow, Reply
from grantline.sdk.errors import AddressRefused, GrantlineError, ReconnectRequired, Unreachable
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
        self._held: dict[tuple[str, ...], tuple[AccessToken, float]] = {}
        """With the instant at which the token's early window begins."""
        self._api_domain = ""
        self._calls = Calls(self)
        self._clients = Clients()

    def __repr__(self) -> str:
        key = self.grant.key
        return f"Session({key.issuer!r}, {key.client_id!r}, subject={key.subject!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a session is not pickled: make one in each process, on the same store")

    # Tokens

    def token(
        self, *, scope: tuple[str, ...] = (), min_seconds: float = 0, refused: str | Secret = ""
    ) -> AccessToken:
        """A live access token. `min_seconds`: how long it must live, as for a long upload; `refused`: the
        value of one that an API did not take. Raises the errors of the tree."""
        refused = _hidden(refused) if refused else ""
        while True:
            fresh = self._fresh(scope, min_seconds, refused)
            if fresh is not None:
                return fresh
            held, state = self._look(scope, min_seconds, refused)
            flight, mine = FLIGHTS.join(self._flight_key(scope))
            if mine:
                return self._fly(flight, scope, min_seconds, refused, held if state == "early" else None)
            if held is not None and state == "early":
                return held
            with suppress(Abandoned):
                flight.result()

    async def atoken(
        self, *, scope: tuple[str, ...] = (), min_seconds: float = 0, refused: str | Secret = ""
    ) -> AccessToken:
        """The same, for tasks."""
        refused = _hidden(refused) if refused else ""
        while True:
            fresh = self._fresh(scope, min_seconds, refused)
            if fresh is not None:
                return fresh
            held, state = self._look(scope, min_seconds, refused)
            flight, mine = FLIGHTS.join(self._flight_key(scope))
            if mine:
                early = held if state == "early" else None
                return await self._afly(flight, scope, min_seconds, refused, early)
            if held is not None and state == "early":
                return held
            with suppress(Abandoned):
                await asyncio.wrap_future(flight)

    def _fresh(self, scope: tuple[str, ...], min_seconds: float, refused: str | Secret) -> AccessToken | None:
        """What nearly every call gets: no lock, no store, no arithmetic on secrets."""
        held = self._held.get(scope)
        if held is None:
            return None
        token, until = held
        now = self.grant.clock.now()
        if now >= until or (min_seconds and now >= token.expires_at - min_seconds):
            return None
        return token if not refused or not token.secret.says(refused) else None

    def _look(
        self, scope: tuple[str, ...], min_seconds: float, refused: str | Secret
    ) -> tuple[AccessToken | None, str]:
        """What this process holds, and how it stands."""
        held = self._held.get(scope)
        if held is None or held[0].secret.says(refused):
            return None, "must"
        found = held[0]
        return found, self.grant.windows.state(found, self.grant.clock.now(), min_seconds)

    def _flight_key(self, scope: tuple[str, ...]) -> object:
        return self.grant.key, scope, id(self.store)

    def _fly(
        self,
        flight: Future[None],
        scope: tuple[str, ...],
        min_seconds: float,
        refused: str | Secret,
        early: AccessToken | None,
    ) -> AccessToken:
        flow = renew(self.grant, scope, min_seconds=min_seconds, refused=refused)
        try:
            with FLIGHTS.flying(self._flight_key(scope), flight):
                return self._hold(scope, run(flow, self.store, self._wire))
        except GrantlineError as problem:
            return self._present(early, problem)

    async def _afly(
        self,
        flight: Future[None],
        scope: tuple[str, ...],
        min_seconds: float,
        refused: str | Secret,
        early: AccessToken | None,
    ) -> AccessToken:
        flow = renew(self.grant, scope, min_seconds=min_seconds, refused=refused)
        try:
            with FLIGHTS.flying(self._flight_key(scope), flight):
                return self._hold(scope, await arun(flow, self._async_store, self._wire_for_tasks()))
        except GrantlineError as problem:
            return self._present(early, problem)

    def _present(self, early: AccessToken | None, problem: GrantlineError) -> AccessToken:
        """The token that still lives, where a renewal ahead of time failed. Raises the problem otherwise."""
        if early is None or isinstance(problem, ReconnectRequired):
            raise problem
        self.grant.events.tell("postponed", self.grant.key)
        return early

    def _hold(self, scope: tuple[str, ...], found: tuple[Record, AccessToken]) -> AccessToken:
        record, token = found
        self._held[scope] = token, self.grant.windows.fresh_until(token)
        self._api_domain = "" if record.told_api_domain else record.api_domain
        return token

    def _wire_for_tasks(self) -> AsyncWire:
        if self._async_wire is None:
            self._async_wire = AsyncHttpWire()
        return self._async_wire

    # HTTP

    @property
    def api_domain(self) -> str:
        """Where the person's data is. Asks for it when it is not known yet. Raises AddressRefused."""
        if not self._api_domain:
            found = run(find_api_domain(self.grant), self.store, self._wire)
            if not found:
                self.token()
                found = run(find_api_domain(self.grant), self.store, self._wire)
            self._api_domain = self._checked(found)
        return self._api_domain

    async def aapi_domain(self) -> str:
        """The same, for tasks."""
        if not self._api_domain:
            wire = self._wire_for_tasks()
            found = await arun(find_api_domain(self.grant), self._async_store, wire)
            if not found:
                await self.atoken()
                found = await arun(find_api_domain(self.grant), self._async_store, wire)
            self._api_domain = self._checked(found)
        return self._api_domain

    def _checked(self, found: str) -> str:
        if not found:
            raise AddressRefused(f"{self.grant.key.issuer} says no address of its APIs.", fix=NAME_IT)
        return found

    @property
    def auth(self) -> SessionAuth:
        """For httpx2 and httpx, Client and AsyncClient, and for requests: calls to the `api_domain` carry the
        token; calls to other addresses are refused."""
        return session_auth(self._calls)

    requests_auth = auth

    def auth_for(self, *addresses: str, scope: tuple[str, ...] = ()) -> SessionAuth:
        """The same for APIs at these addresses alone, with a token of fewer scopes if they are named."""
        return session_auth(Calls(self, addresses, scope))

    def api(self, path: str = "", **options: Any) -> Any:
        """An httpx2.Client that begins at the `api_domain`, with the token. `options` are the client's. It
        ends with the session."""
        return self._clients.open(self.api_domain, path, self.auth, options)

    def aapi(self, path: str = "", **options: Any) -> Any:
        """The same as an httpx2.AsyncClient."""
        return self._clients.aopen(self.aapi_domain, path, self.auth, options)

    def close(self) -> None:
        """End the clients that `api` gave. The grant stays."""
        self._clients.close()

    async def aclose(self) -> None:
        """End those of `aapi` too."""
        await self._clients.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *problem: object) -> None:
        await self.aclose()

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
            api_domain=self.grant.api_domain or record.api_domain,
            access_token_expires_at=token.expires_at if token is not None else None,
            renewable=self.grant.own or (record.refresh_token is not None and not record.ended),
            ended=record.ended,
        )

    def require(self, *scope: str) -> None:
        """Check that the grant has these scopes. Raises ScopeMissing, ReconnectRequired."""
        check_scope(run(read(self.grant), self.store, self._wire), scope)


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


def _hidden(text: str | Secret) -> Secret:
    """The text as tracebacks may show it."""
    return text if isinstance(text, Secret) else Secret(text)
