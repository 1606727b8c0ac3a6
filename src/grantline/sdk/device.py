"""Login on a device without a browser: it shows a short code, and asks until its person has answered on
another one (RFC 8628)."""

from collections.abc import Sequence
from types import TracebackType
from typing import NoReturn, Self

from grantline.sdk.frames import aframeless, frameless
from grantline.sdk.polling import Waiting, look, start, wait
from grantline.sdk.session import Session
from grantline.sdk.setup import Setup
from grantline.sdk.stored import anewest_session, newest_session


class _Shown:
    """What a login shows to its person."""

    def __init__(self, setup: Setup, waiting: Waiting) -> None:
        self._setup = setup
        self._waiting = waiting

    @property
    def user_code(self) -> str:
        """What the person enters. Show it even beside a QR code (RFC 8628 §3.3.1)."""
        return self._waiting.user_code

    @property
    def verification_uri(self) -> str:
        """Where the person enters it."""
        return self._waiting.verification_uri

    @property
    def verification_uri_complete(self) -> str:
        """The same with the code in it, for a QR code; empty where the server has none."""
        return self._waiting.verification_uri_complete

    @property
    def expires_at(self) -> int:
        """When the code is over, in epoch seconds of the server's clock."""
        return self._waiting.expires_at

    @property
    def seconds_left(self) -> float:
        """How long the code is good for."""
        return max(0.0, self._waiting.end - self._waiting.monotonic())

    @property
    def interval(self) -> float:
        """Seconds between polls; `poll` asks no faster, however often it is called."""
        return self._waiting.interval

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.verification_uri}, {self.seconds_left:.0f} s left>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a login is not pickled: it belongs to the process that started it")


class Login(_Shown):
    """A login under way. As a `with` block it forgets its device code at the end."""

    @frameless
    def wait(self) -> Session:
        """Ask until the person has answered. Raises GrantTokenUnusable when the code is over, CallbackRefused
        when they said no, WrongDataCenter when they live elsewhere, and the other errors of the tree."""
        return self._setup.run(wait(self._setup, self._waiting))

    @frameless
    def poll(self) -> Session | None:
        """Ask once, if it is time to; None while the person has not answered. Raises like `wait`."""
        return self._setup.run(look(self._setup, self._waiting))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waiting.closed = True


class AsyncLogin(_Shown):
    """The same for tasks: `async with await tv.alogin() as login: session = await login.wait()`."""

    @aframeless
    async def wait(self) -> Session:
        """See Login."""
        return await self._setup.arun(wait(self._setup, self._waiting))

    @aframeless
    async def poll(self) -> Session | None:
        """See Login."""
        return await self._setup.arun(look(self._setup, self._waiting))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waiting.closed = True


class Device:
    """An app on a device without a browser."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    @frameless
    def login(self, *, scope: Sequence[str] = ()) -> Login:
        """Get a code for the person; call it when they press a button, not at the start of the app."""
        return Login(self.setup, self.setup.run(start(self.setup, tuple(scope))))

    @aframeless
    async def alogin(self, *, scope: Sequence[str] = ()) -> AsyncLogin:
        """The same, for tasks."""
        waiting = await self.setup.arun(start(self.setup, tuple(scope)))
        return AsyncLogin(self.setup, waiting)

    @frameless
    def session(self) -> Session | None:
        """The session of the last login, out of the store; None when there is none that still works."""
        return newest_session(self.setup)

    @aframeless
    async def asession(self) -> Session | None:
        """The same, for tasks."""
        return await anewest_session(self.setup)
