"""The app on the phone: who is signed in, what it last saw, and how it goes on when something is missing."""

import queue
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx2

from grantline import GrantlineError, ReconnectRequired, Session, Unreachable
from grantline.sdk.desktop import Desktop

FIELDS: Final = "First_Name,Last_Name,Title,Email,Phone,Mailing_City"
LOGIN_SECONDS: Final = 300.0
FRESH_SECONDS: Final = 5.0
OVER: Final = ReconnectRequired(
    "Lead Pocket has no access to your contacts any more.",
    fix="It was taken back, or it ended. Sign in again to go on.",
)


class Phone:
    """The app. What it shows is read from `screen`; the rest are things that a finger does."""

    def __init__(self, app: Desktop) -> None:
        self._app = app
        self._session: Session | None = app.session()
        self._login: threading.Thread | None = None
        self._address = ""
        self._contacts: Sequence[Mapping[str, Any]] = ()
        self._read_at = ""
        self._fresh_until = 0.0
        self._turn = threading.Lock()
        self._problem: GrantlineError | None = None
        self.airplane = False

    def sign_in(self) -> str:
        """Begin a login, or go on with the one that waits; the address that the system browser is to open.
        Raises the errors of the library."""
        if self._login is not None and self._login.is_alive():
            return self._address
        opened: queue.Queue[str | GrantlineError] = queue.Queue()
        self._problem = None
        self._login = threading.Thread(target=self._wait, args=(opened,), daemon=True)
        self._login.start()
        address = opened.get()
        if isinstance(address, GrantlineError):
            raise address
        self._address = address
        return address

    def _wait(self, opened: queue.Queue[str | GrantlineError]) -> None:
        """Hand the address over, and wait for the browser to bring the answer back."""

        def open_browser(address: str) -> bool:
            opened.put(address)
            return True

        try:
            self._session = self._app.login(
                timeout=LOGIN_SECONDS, tell=lambda line: None, open_browser=open_browser
            )
        except GrantlineError as problem:
            self._problem = problem
            opened.put(problem)

    def sign_out(self) -> None:
        """Give the access back, and forget what was shown."""
        try:
            if self._session is not None:
                self._online().revoke()
        except GrantlineError as problem:
            self._problem = problem
        else:
            self._session, self._contacts = None, ()

    def screen(self) -> Mapping[str, Any]:
        """What is to be drawn now. `mark` is another one as soon as something else is."""
        with self._turn:  # who comes meanwhile sees what comes of it
            if self._session is not None and time.monotonic() >= self._fresh_until:
                self._refresh()
        waits = self._login is not None and self._login.is_alive()
        name = "waiting" if waits else "refused" if self._problem is not None else "welcome"
        name = name if self._session is None else "contacts"
        told = {"what": self._problem.what, "fix": self._problem.hint} if self._problem is not None else None
        return {
            "name": name,
            "contacts": self._contacts,
            "read_at": self._read_at,
            "problem": told,
            "airplane": self.airplane,
            "mark": f"{name} {len(self._contacts)} {told}",
        }

    def look_again(self) -> None:
        """What is shown may not be so any more: read it with the next look."""
        self._fresh_until = 0.0

    def _refresh(self) -> None:
        """Read the contacts again. Without a network the last ones stay; without access they go."""
        self._fresh_until = time.monotonic() + FRESH_SECONDS
        try:
            with self._online().api() as api:
                answer = api.get("/crm/v8/Contacts", params={"fields": FIELDS, "per_page": 100})
            self._contacts = answer.json()["data"] if answer.status_code == 200 else ()
            self._read_at, self._problem = time.strftime("%H:%M"), None
        except ReconnectRequired:
            self._session, self._contacts, self._problem = None, (), OVER
        except GrantlineError as problem:
            self._problem = problem
        except httpx2.HTTPError:
            self._problem = Unreachable("The CRM does not answer.", fix="The app tries again by itself.")

    def _online(self) -> Session:
        if self.airplane or self._session is None:
            raise Unreachable("Airplane mode is on.", fix="Switch it off, and the app goes on by itself.")
        return self._session
