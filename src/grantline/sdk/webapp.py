"""A web app with people who sign in: one call sends the browser away, one takes the answer.

    started = web.start(return_to="/leads")      # redirect to started.url, and set the cookie
    done = web.finish(callback_url, cookies)     # done.session, done.identity; redirect to done.return_to

The app needs no session of its own for this: what must be known at the end is in a sealed cookie.
"""

import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from grantline.sdk.attempts import LIFE_SECONDS, Attempt, Cookies, authorization_url, local_path, new_attempt
from grantline.sdk.callback import answering, check_attempt, check_outcome, read_callback
from grantline.sdk.driving import InThreads
from grantline.sdk.effects import Flow, Get, TryLock, Unlock
from grantline.sdk.errors import CallbackRefused, GrantTokenUnusable, Unreachable
from grantline.sdk.frames import aframeless, frameless
from grantline.sdk.identity import Identity
from grantline.sdk.keeping import Kept, take_in
from grantline.sdk.record import Key, Record, Secret
from grantline.sdk.redeeming import redeem
from grantline.sdk.session import Session
from grantline.sdk.setup import Setup, scopes

LOCK_SECONDS: Final = 45.0
NO_TRACE: Final = MappingProxyType({"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
"""Headers of the two redirects: no code and no state stays in a cache or goes to another page."""


@dataclass(frozen=True, slots=True)
class Started:
    """An attempt that began: redirect to `url`, set the cookie, and clear those named in `clear`."""

    url: str
    cookie_name: str
    cookie_value: str = field(repr=False)
    max_age: int = LIFE_SECONDS
    secure: bool = True
    clear: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """An attempt that succeeded: clear the cookie, and redirect to `return_to`, a path of the app."""

    session: Session
    identity: Identity
    return_to: str
    cookie_name: str
    secure: bool = True


class WebApp:
    """One registered app. May be shared by threads and tasks; any process may finish what another began."""

    def __init__(self, setup: Setup, *, cookie_key: str | Secret = "") -> None:
        key = Secret(cookie_key) if isinstance(cookie_key, str) and cookie_key else cookie_key
        self.setup = setup
        self.cookies = Cookies(setup.app, key if isinstance(key, Secret) else None)
        self._spent = _Spent()

    def __repr__(self) -> str:
        return f"WebApp({self.setup.app.issuer!r}, {self.setup.app.client_id!r})"

    # Signing in

    @frameless
    def start(
        self,
        return_to: str = "/",
        *,
        scope: Sequence[str] | str = (),
        login_hint: str = "",
        prompt: str = "",
        offline: bool = True,
        cookies: Mapping[str, str] | None = None,
    ) -> Started:
        """Begin. `scope`: in the place of the app's; `offline`: access while the person is away; `cookies`:
        the request's, so that old attempts are cleared. Raises the errors of the tree."""
        more = _more(login_hint, prompt, offline)
        return self.setup.run(self._start(return_to, scopes(scope), more, cookies or {}))

    @aframeless
    async def astart(
        self,
        return_to: str = "/",
        *,
        scope: Sequence[str] | str = (),
        login_hint: str = "",
        prompt: str = "",
        offline: bool = True,
        cookies: Mapping[str, str] | None = None,
    ) -> Started:
        """The same, for tasks."""
        more = _more(login_hint, prompt, offline)
        return await self.setup.arun(self._start(return_to, scopes(scope), more, cookies or {}))

    @frameless
    def finish(self, callback_url: str, cookies: Mapping[str, str], *, name: str = "") -> Finished:
        """Take the answer: the address that the browser came to, with its query, and the request's cookies.
        `name` tells the grant apart where the server does not say who the person is, as the app's own number
        of its user. Raises CallbackRefused and the others of the tree; then the browser is not signed in."""
        return self.setup.run(self._finish(callback_url, cookies, name))

    @aframeless
    async def afinish(self, callback_url: str, cookies: Mapping[str, str], *, name: str = "") -> Finished:
        """The same, for tasks."""
        return await self.setup.arun(self._finish(callback_url, cookies, name))

    def cookie_name(self, callback_url: str) -> str:
        """The cookie of the attempt that this address answers, to be cleared whatever comes of it; empty for
        what is no answer."""
        try:
            return self.cookies.name(read_callback(callback_url)["state"])
        except CallbackRefused:
            return ""

    # People who were here before

    def session(self, subject: str, *, issuer: str = "", organization: str = "", name: str = "") -> Session:
        """The grant of a person, by what Identity said; `organization` matters where the app keeps one for
        each. One that is not stored shows when a token is asked for (ReconnectRequired)."""
        key = self.setup.key(issuer, subject=subject, organization=organization, name=name)
        return self.setup.session(self.setup.grant(key))

    def sessions(self) -> list[Session]:
        """The grants of all people, those that are over included."""
        return self.setup.run(self._sessions(self.setup.store.keys()))

    async def asessions(self) -> list[Session]:
        """The same, for tasks."""
        store = self.setup.async_store or InThreads(self.setup.store)
        return await self.setup.arun(self._sessions(await store.keys()))

    # The flows

    def _start(
        self, return_to: str, scope: tuple[str, ...], more: Mapping[str, str], cookies: Mapping[str, str]
    ) -> Flow[Started]:
        app, now = self.setup.app, self.setup.clock.local()
        attempt = new_attempt(app, scope or self.setup.scope, now, return_to=return_to)
        server = yield from self.setup.known.server(app.issuer)
        return Started(
            authorization_url(server, attempt, more),
            self.cookies.name(attempt.state),
            self.cookies.seal(attempt),
            secure=self.cookies.secure,
            clear=self.cookies.surplus(cookies, now),
        )

    def _finish(self, callback_url: str, cookies: Mapping[str, str], name: str) -> Flow[Finished]:
        answer = read_callback(callback_url)
        app, now = self.setup.app, self.setup.clock.local()
        cookie = self.cookies.name(answer["state"])
        found = self.cookies.of(answer["state"], cookies)
        attempt = check_attempt(found, answer, app.issuer, now)
        home = yield from self.setup.known.server(app.issuer)
        issuer = yield from answering(self.setup.known, home, answer)
        code = check_outcome(answer, issuer)
        if not self._spent.spend(attempt.state, attempt.expires_at, now):
            raise CallbackRefused("This sign-in was finished already.")
        try:
            kept = yield from self._redeem(attempt, issuer, code, name)
        except Unreachable:
            self._spent.forget(attempt.state)  # the person may reload the page
            raise
        except GrantTokenUnusable as used:
            raise CallbackRefused(
                used.what, code=used.code, issuer=issuer, request_id=used.request_id
            ) from None
        return Finished(
            kept.session, kept.identity, local_path(attempt.return_to), cookie, self.cookies.secure
        )

    def _redeem(self, attempt: Attempt, issuer: str, code: str, name: str) -> Flow[Kept]:
        """Exchange the code where it is from. Another process that got the same answer does not."""
        lock = Key(attempt.issuer, attempt.client_id, name=self.cookies.name(attempt.state)).text
        owner = secrets.token_hex(8)
        if not (yield TryLock(lock, owner, LOCK_SECONDS)):
            raise CallbackRefused("This sign-in is being finished already.")
        try:
            server = yield from self.setup.known.server(issuer)
            app, clock = self.setup.app_at(issuer), self.setup.clock_of(issuer)
            more: dict[str, str | Secret] = {
                "redirect_uri": attempt.redirect_uri,
                "code_verifier": attempt.verifier,
            }
            answer = (yield from redeem(server, app, clock, code, more)).as_asked(attempt.scope)
            signing_in = "openid" in attempt.scope
            kept = yield from take_in(
                self.setup, server, answer, nonce=attempt.nonce, name=name, signing_in=signing_in
            )
        finally:
            yield Unlock(lock, owner)
        return kept

    def _sessions(self, keys: Sequence[str]) -> Flow[list[Session]]:
        app = self.setup.app
        found = []
        for key in keys:
            record: Record | None = yield Get(key)
            if record is None or record.key.client_id != app.client_id or not _is_persons(record.key):
                continue
            if app.issuer in (record.key.issuer, record.extra.get("home")):
                found.append(self.setup.session(self.setup.grant(record.key)))
        return found


class _Spent:
    """The attempts that this process finished, until they would be over anyhow: a code that is sent twice
    takes back what was made of it, so an answer that comes twice is stopped here."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._ends: dict[str, int] = {}

    def spend(self, state: str, end: int, now: float) -> bool:
        """Whether this is the first time."""
        with self._turn:
            if state in self._ends:
                return False
            if len(self._ends) >= 1000:
                self._ends = {one: until for one, until in self._ends.items() if until > now}
            self._ends[state] = end
            return True

    def forget(self, state: str) -> None:
        """It was not finished after all."""
        with self._turn:
            self._ends.pop(state, None)


def _is_persons(key: Key) -> bool:
    """Whether a person's, and not the app's own."""
    return bool(key.subject) or not key.name.startswith(("own ", "self-client"))


def _more(login_hint: str, prompt: str, offline: bool) -> Mapping[str, str]:
    return {"login_hint": login_hint, "prompt": prompt, "access_type": "offline" if offline else ""}
