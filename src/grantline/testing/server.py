"""An authorization server inside a test: Grantline itself, on a file that goes away, with a clock that the
test moves."""

import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2

from grantline.accounts import create_account, personal_organization
from grantline.clients import (
    ApiDeclaration,
    ApiScope,
    Registration,
    create_api,
    find_client,
    register_client,
)
from grantline.consent import remove_access
from grantline.oauth.scope import parse_scope
from grantline.sdk import Grantline, MemoryStore, ServerClock, Session
from grantline.testing.background import Background
from grantline.testing.clock import Clock
from grantline.testing.faults import Faults
from grantline.testing.fresh import FRESH
from grantline.testing.line import AppWire, Asked, AsyncAppWire, AsyncTransport, Line, Transport
from grantline.testing.people import (
    QUICK_HASH,
    Browser,
    Decision,
    NotDecided,
    Person,
    RegisteredApp,
    heading,
)
from grantline.tokens import find_live_token, generate_code, load_catalog, revoke_token
from grantline.web import Server, build_app

ISSUER: Final = "https://accounts.grantline.test"
CALLBACK: Final = "https://app.grantline.test/callback"
_REDIRECTS: Final[Mapping[str, str]] = {
    "server-based": CALLBACK,
    "client-based": CALLBACK,
    "mobile": "http://127.0.0.1/callback",
}
_OWNER: Final = "developer@grantline.test"
_NETWORK: Final = "127.0.0.1"


class AuthorizationServer:
    """A Grantline that a test talks to without a network. Its methods may be called with and without an event
    loop; they take milliseconds."""

    def __init__(self, server: Server, background: Background, clock: Clock) -> None:
        self._server, self._background = server, background
        self._app = build_app(server)
        self._line = Line(self._app, server.issuer, clock, background)
        self._line.first = self._decided
        self._browsers: dict[str, Browser] = {}
        self._decisions: dict[str, list[Decision]] = {}
        self._owner: Person | None = None
        self.clock = clock
        self.transport = Transport(self._line)
        """For threads: `httpx2.Client(transport=server.transport)`."""
        self.async_transport = AsyncTransport(self._line)
        """For tasks: `httpx2.AsyncClient(transport=server.async_transport)`."""

    def __repr__(self) -> str:
        return f"AuthorizationServer({self.issuer!r})"

    @property
    def issuer(self) -> str:
        """The issuer; everything else follows from its metadata."""
        return self._server.issuer

    @property
    def faults(self) -> Faults:
        """Switches for what can go wrong."""
        return self._line.faults

    @property
    def requests(self) -> list[Asked]:
        """What was asked until now, without secrets. The list may be cleared."""
        return self._line.requests

    # Who takes part

    def register(
        self,
        type: str = "server-based",
        *,
        name: str = "An app",
        redirect_uri: str = "",
        owner: Person | None = None,
        **said: Any,
    ) -> RegisteredApp:
        """An app of this type, with its secret where it has one. `said` are other members of its
        registration, as `origins` or `implicit`. Raises RegistrationRefused."""
        if uri := redirect_uri or _REDIRECTS.get(type, ""):
            said.setdefault("redirect_uris", (uri,))
        if type == "client-based":
            said.setdefault("origins", (uri.rpartition("/")[0],))
        return self._background.run(self._register(type, Registration(name, **said), owner))

    async def _register(self, type: str, asked: Registration, owner: Person | None) -> RegisteredApp:
        if owner is None:
            owner = self._owner = self._owner or await self._create(_OWNER, "Dana", "Developer")
        client, secret = await register_client(
            self._server.db,
            type_name=type,
            asked=asked,
            owner_account_id=owner.account.id,
            organization_id=(await personal_organization(self._server.db, owner.account.id)).id,
            data_center=self._server.code,
            now=self.clock(),
        )
        return RegisteredApp(client, self.issuer, secret or "")

    def person(self, email: str, *, given_name: str = "Mara", family_name: str = "Lindqvist") -> Person:
        """Somebody with an account, and a password: `person.password`. Raises EmailTaken."""
        return self._background.run(self._create(email, given_name, family_name))

    async def _create(self, email: str, given_name: str, family_name: str) -> Person:
        account = await create_account(
            self._server.db,
            email=email,
            password_hash=QUICK_HASH,
            given_name=given_name,
            family_name=family_name,
            now=self.clock(),
        )
        return Person(account, account.email)

    def api(
        self, identifier: str, prefix: str, scopes: Mapping[str, str] | None = None, **said: Any
    ) -> Mapping[str, str]:
        """An API of the test's own. `scopes` have the sentence that people read; without them every scope
        that begins with the prefix is known. `said` are other members of its declaration, as
        `token_format="jwt-es256"`. Gives the client ID and secret that it introspects with."""
        declared = tuple(ApiScope(name, sentence) for name, sentence in (scopes or {}).items())
        declaration = ApiDeclaration(identifier, prefix, f"The API {prefix}", declared, **said)
        return self._background.run(self._declare(declaration))

    async def _declare(self, said: ApiDeclaration) -> Mapping[str, str]:
        server = self._server
        api, secret = await create_api(server.db, said=said, data_center=server.code, now=self.clock())
        server.mint.catalog = await load_catalog(server.db)
        return {"client_id": api.client_id, "client_secret": secret}

    # What people decide

    def consent(self, app: RegisteredApp, person: Person, scope: str | Sequence[str] = ()) -> None:
        """The person is going to allow the app these scopes, or whatever it asks for: from now on its
        authorization URL leads to its callback. Of several people, `login_hint` names one; else it is the
        last one who consented."""
        self._decide(app, Decision(person, _names(scope), allow=True))

    def decline(self, app: RegisteredApp, person: Person) -> None:
        """The person is going to refuse the app everything."""
        self._decide(app, Decision(person, (), allow=False))

    def _decide(self, app: RegisteredApp, decision: Decision) -> None:
        others = [one for one in self._decisions.get(app.client_id, []) if one.person != decision.person]
        self._decisions[app.client_id] = [*others, decision]

    def follow(self, url: str) -> str:
        """Where an authorization URL leads, by the consent that was recorded: the callback with its answer.
        Raises NotDecided when a page asks something else."""
        with httpx2.Client(transport=self.transport) as http:
            page = http.get(url)
        if not page.is_redirect:
            raise NotDecided(f"{page.url.path} shows a page: {heading(page)}")
        return page.headers["location"]

    def enter(self, user_code: str, person: Person, *, allow: bool = True) -> None:
        """The person enters a device's code, and decides. Raises NotDecided when the page does not take
        it."""
        self._background.run(self._browser(person).enter(user_code, "allow" if allow else "deny"))

    async def _decided(self, request: httpx2.Request) -> httpx2.Response | None:
        """The redirect to the app, where an authorization URL is opened whose answer is known."""
        if request.method != "GET" or request.url.path != "/oauth/v2/auth" or "cookie" in request.headers:
            return None
        asked = request.url.params
        decisions = self._decisions.get(asked.get("client_id", ""), [])
        hint = asked.get("login_hint", "")
        found = [one for one in decisions if one.person.email == hint] or decisions
        if not found:
            return None
        button = found[-1].answer(asked["client_id"], asked.get("scope", ""))
        return await self._browser(found[-1].person).authorize(str(request.url), button)

    def _browser(self, person: Person) -> Browser:
        if person.email not in self._browsers:
            self._browsers[person.email] = Browser(self._app, self.issuer, person)
        return self._browsers[person.email]

    # Ready at once

    def setup(self, app: RegisteredApp, **more: Any) -> dict[str, Any]:
        """The arguments with which `Grantline.web_app(**…)` and its kin use this server: credentials, wires,
        the clock, and a store in memory. `more` goes over them."""
        return {
            "issuer": self.issuer,
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "redirect_uri": app.redirect_uri,
            "store": MemoryStore(),
            "wire": AppWire(self._line, self.clock),
            "async_wire": AsyncAppWire(self._line, self.clock),
            "clock": ServerClock(self.app_time),
            **more,
        }

    def app_time(self) -> float:
        """The time on the app's machine, which `faults.skew` makes wrong."""
        return self.clock() + self.faults.skewed

    def code(self, app: RegisteredApp, scope: str | Sequence[str], *, minutes: int = 3) -> str:
        """A self client's code, as the console generates it. Raises InvalidScope."""
        return self._background.run(self._code(app, _names(scope), minutes))

    async def _code(self, app: RegisteredApp, scope: tuple[str, ...], minutes: int) -> str:
        mint, now = self._server.mint, self.clock()
        resolved = mint.catalog.resolve(parse_scope(" ".join(scope)))
        async with self._server.db.transaction() as tx:
            return await generate_code(
                mint, tx, app.client, resolved, now=now, life_seconds=minutes * 60, auth_time=now
            )

    def session(self, app: RegisteredApp, person: Person, scope: str | Sequence[str], **more: Any) -> Session:
        """A session with a grant of this person, as the app would have got it; for a self client that of its
        owner. `more` goes over the arguments of `setup`. Raises the client library's errors."""
        names = _names(scope)
        options = {**self.setup(app), "scope": names, **more}
        match app.type:
            case "self-client":
                return Grantline.self_client(code=self.code(app, names), **options)
            case "non-browser":
                login = Grantline.device(**options).login()
                self.enter(login.user_code, person)
                return login.wait()
        known = self._decisions.get(app.client_id, [])
        self.consent(app, person)
        try:
            web = Grantline.web_app(cookie_key=secrets.token_urlsafe(32), **options)
            started = web.start(login_hint=person.email)
            callback = self.follow(started.url)
        finally:
            self._decisions[app.client_id] = known
        return web.finish(callback, {started.cookie_name: started.cookie_value}).session

    def works(self, token: str) -> bool:
        """Whether an access token is good at this moment, by the server's own judgement."""
        return self._background.run(find_live_token(self._server.mint, token, self.clock())) is not None

    def revoke(self, session: Session) -> None:
        """The grant of a session ends here; the app does not notice before it asks."""
        record = session.store.get(session.grant.key.text)
        if record is None:
            return
        for held in (record.refresh_token, *(one.secret for one in record.access_tokens)):
            if held is not None:
                self._background.run(self._revoke(record.key.client_id, held.reveal()))

    async def _revoke(self, client_id: str, token: str) -> None:
        client = await find_client(self._server.db, client_id)
        await revoke_token(self._server.mint, client, token, _NETWORK, self.clock())

    def remove_access(self, app: RegisteredApp, person: Person) -> None:
        """The person takes back what they allowed the app, all of it."""
        now = self.clock()
        self._background.run(remove_access(self._server.db, person.account.id, app.client_id, _NETWORK, now))

    # The end

    def close(self) -> None:
        """Let everything go."""
        self._background.run(self._close())

    async def _close(self) -> None:
        for browser in self._browsers.values():
            await browser.close()
        await self._server.close()


def _names(scope: str | Sequence[str]) -> tuple[str, ...]:
    return tuple(scope.replace(",", " ").split()) if isinstance(scope, str) else tuple(scope)


@contextmanager
def authorization_server(
    *, issuer: str = ISSUER, data_center: str = "us", start: int | None = None, **settings: Any
) -> Iterator[AuthorizationServer]:
    """An authorization server for the block. `start` is its time in epoch seconds; `settings` are those of a
    server, as `access_token_seconds=600` or `limits="1"`: without a word, nothing is limited."""
    clock, background = Clock(start), Background()
    with tempfile.TemporaryDirectory(prefix="grantline-testing-") as folder:
        try:
            told = {"public_url": issuer, "limits": "off", "data_center": data_center, **settings}
            server = AuthorizationServer(
                background.run(FRESH.open(Path(folder), clock, **told)), background, clock
            )
            try:
                yield server
            finally:
                server.close()
        finally:
            background.close()
