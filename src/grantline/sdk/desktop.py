"""Login of an app on a person's own machine: their browser, an address of this machine for the answer, and
PKCE (RFC 8252); a short code where there is no browser.

    session = Grantline.desktop("grantline-app.json").login()

The browser is the person's own, never a view inside the app: there they see whose page it is, and are often
signed in already.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from typing import Final

from grantline.sdk.attempts import LIFE_SECONDS, Attempt, authorization_url, new_attempt
from grantline.sdk.callback import answering, check_attempt, check_outcome, read_callback
from grantline.sdk.device import AsyncLogin, Device, Login
from grantline.sdk.effects import Flow
from grantline.sdk.errors import CallbackRefused, ClientRejected
from grantline.sdk.frames import aframeless, frameless
from grantline.sdk.keeping import take_in
from grantline.sdk.record import Secret
from grantline.sdk.redeeming import redeem
from grantline.sdk.session import Session
from grantline.sdk.setup import Setup, scopes
from grantline.sdk.stored import anewest_session, newest_session

NAME: Final = "desktop"
TIMEOUT_SECONDS: Final = 300.0
Opener = Callable[[str], bool]
Teller = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a login asks for, and how it reaches the person."""

    scope: tuple[str, ...]
    more: Mapping[str, str]
    timeout: float
    tell: Teller
    open_browser: Opener | None
    """None: there is no browser on this machine that the person could see."""


class Desktop:
    """An app on a person's own machine. One person at a time is signed in."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    def __repr__(self) -> str:
        return f"Desktop({self.setup.app.issuer!r}, {self.setup.app.client_id!r})"

    @frameless
    def login(
        self,
        *,
        timeout: float = TIMEOUT_SECONDS,
        scope: Sequence[str] | str = (),
        login_hint: str = "",
        prompt: str = "",
        tell: Teller | None = None,
        open_browser: Opener | bool | None = None,
    ) -> Session:
        """Send the person to their browser, and wait until they are back. `tell` shows them a line (without
        it: standard error); `open_browser` opens an address in the place of the system's way, False says that
        there is no browser. Raises CallbackRefused when they said no or did not come back within `timeout`
        seconds, and the other errors of the tree."""
        from grantline.sdk.loopback import Loopback

        wish = _wish(timeout, scope, login_hint, prompt, tell, open_browser)
        with Loopback(self.setup.app.redirect_uri) as place:
            attempt, url = self.setup.run(begin(self.setup, place.redirect_uri, wish))
            answer = place.expect(attempt.state)
            if not _opened(wish, url):
                login = self._by_device(wish)
                if login is not None:
                    with login:
                        return login.wait()
                wish.tell(_by_hand(url, place.port))
            try:
                back = answer.result(min(wish.timeout, LIFE_SECONDS))
            except (TimeoutError, CancelledError):
                raise _nobody_came(wish) from None
            session = self.setup.run(finish(self.setup, attempt, back))
            place.show(True)
        return session

    @aframeless
    async def alogin(
        self,
        *,
        timeout: float = TIMEOUT_SECONDS,
        scope: Sequence[str] | str = (),
        login_hint: str = "",
        prompt: str = "",
        tell: Teller | None = None,
        open_browser: Opener | bool | None = None,
    ) -> Session:
        """The same, for tasks."""
        from grantline.sdk.loopback import Loopback

        wish = _wish(timeout, scope, login_hint, prompt, tell, open_browser)
        place = Loopback(self.setup.app.redirect_uri)
        try:
            attempt, url = await self.setup.arun(begin(self.setup, place.redirect_uri, wish))
            answer = place.expect(attempt.state)
            if not await asyncio.to_thread(_opened, wish, url):
                login = await self._by_device_for_tasks(wish)
                if login is not None:
                    async with login:
                        return await login.wait()
                wish.tell(_by_hand(url, place.port))
            try:
                seconds = min(wish.timeout, LIFE_SECONDS)
                back = await asyncio.wait_for(asyncio.wrap_future(answer), seconds)
            except TimeoutError:
                raise _nobody_came(wish) from None
            session = await self.setup.arun(finish(self.setup, attempt, back))
            place.show(True)
        finally:
            await asyncio.to_thread(place.close)
        return session

    @frameless
    def session(self) -> Session | None:
        """The session of the last login, out of the store; None when there is none that still works."""
        return newest_session(self.setup)

    @aframeless
    async def asession(self) -> Session | None:
        """The same, for tasks."""
        return await anewest_session(self.setup)

    def _by_device(self, wish: Wish) -> Login | None:
        """A login by a short code, where server and app have it."""
        try:
            login = Device(self.setup).login(scope=wish.scope)
        except ClientRejected:
            return None
        wish.tell(_by_code(login.verification_uri, login.user_code))
        return login

    async def _by_device_for_tasks(self, wish: Wish) -> AsyncLogin | None:
        try:
            login = await Device(self.setup).alogin(scope=wish.scope)
        except ClientRejected:
            return None
        wish.tell(_by_code(login.verification_uri, login.user_code))
        return login


def begin(setup: Setup, redirect_uri: str, wish: Wish) -> Flow[tuple[Attempt, str]]:
    """The attempt, and where the browser goes. Raises Unreachable."""
    app = replace(setup.app, redirect_uri=redirect_uri)
    attempt = new_attempt(app, wish.scope or setup.scope, setup.clock.local())
    server = yield from setup.known.server(app.issuer)
    return attempt, authorization_url(server, attempt, wish.more)


def finish(setup: Setup, attempt: Attempt, address: str) -> Flow[Session]:
    """Take the answer, exchange its code where it is from, and keep the grant. Raises the errors of the
    tree."""
    answer = read_callback(address)
    check_attempt(attempt, answer, setup.app.issuer, setup.clock.local())
    home = yield from setup.known.server(setup.app.issuer)
    issuer = yield from answering(setup.known, home, answer)
    code = check_outcome(answer, issuer)
    server = yield from setup.known.server(issuer)
    app, clock = setup.app_at(issuer), setup.clock_of(issuer)
    more: Mapping[str, str | Secret] = {
        "redirect_uri": attempt.redirect_uri,
        "code_verifier": attempt.verifier,
    }
    tokens = (yield from redeem(server, app, clock, code, more)).as_asked(attempt.scope)
    signing_in = "openid" in attempt.scope
    kept = yield from take_in(setup, server, tokens, nonce=attempt.nonce, name=NAME, signing_in=signing_in)
    return kept.session


def system_browser() -> Opener | None:
    """What opens the person's browser; None where they could not see it: no screen, or they are elsewhere."""
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform in ("win32", "darwin"):
        screen = "" if os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY") else "here"
    if not screen and not os.environ.get("BROWSER"):
        return None
    import webbrowser

    return webbrowser.open


def _wish(
    timeout: float,
    scope: Sequence[str] | str,
    login_hint: str,
    prompt: str,
    tell: Teller | None,
    open_browser: Opener | bool | None,
) -> Wish:
    more = {"login_hint": login_hint, "prompt": prompt, "access_type": "offline"}
    opener = system_browser() if open_browser is None or open_browser is True else open_browser or None
    return Wish(scopes(scope), more, timeout, tell or _say, opener)


def _opened(wish: Wish, url: str) -> bool:
    if wish.open_browser is None:
        return False
    wish.tell(f"Your browser opens to sign you in. If it does not, open this address in it:\n{url}")
    try:
        return wish.open_browser(url)
    except Exception as problem:  # whatever the system's way to open a browser, or the app's own, runs into
        logging.getLogger("grantline.sdk").info("no browser opened: %s", type(problem).__name__)
        return False


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _by_code(address: str, code: str) -> str:
    return f"To sign in, open {address} on any device and enter the code {code}"


def _by_hand(url: str, port: int) -> str:
    return (
        f"To sign in, open this address in a browser of this machine:\n{url}\n"
        f"From another one, first bring the answer here: ssh -L {port}:127.0.0.1:{port} …"
    )


def _nobody_came(wish: Wish) -> CallbackRefused:
    return CallbackRefused(
        f"Nobody came back from the browser within {min(wish.timeout, LIFE_SECONDS):.0f} seconds.",
        fix="Start again, and answer the page in the browser.",
    )
