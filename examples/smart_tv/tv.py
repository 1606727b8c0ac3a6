"""What the TV is doing: showing a code, waiting for its person, showing leads. It holds the grant; the page
that draws the screen gets words and figures."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx2

from grantline import (
    CallbackRefused,
    GrantlineError,
    GrantTokenUnusable,
    ReconnectRequired,
    Session,
    Unreachable,
    WrongDataCenter,
)
from grantline.sdk.device import Device, Login

LOOK_SECONDS: Final = 0.5
FIELDS: Final = "Full_Name,Company,Lead_Status,Lead_Source,Created_Time"


class Tv:
    """One TV. A thread of its own lives its life; buttons and pictures come from others."""

    def __init__(self, device_at: Callable[[str], Device], *, refresh_seconds: float = 3.0) -> None:
        """`device_at` makes the app of a data center, by its issuer; of the home without one."""
        self._device_at = device_at
        self._home = self._device = device_at("")
        self._refresh_seconds = refresh_seconds
        self._login: Login | None = None
        self._session: Session | None = None
        self._pressed = threading.Event()
        self._button = ""
        self._screen: Mapping[str, Any] = {"name": "start"}

    def screen(self) -> Mapping[str, Any]:
        """What is to be drawn now."""
        return self._screen

    def press(self, button: str) -> None:
        """A button of the remote control: `code` for a new code, `off` to leave."""
        self._button = button
        self._pressed.set()

    def run(self) -> None:
        """Live. A TV that was connected before goes on with its grant."""
        self._session = self._device.session()
        while True:
            try:
                pause = self._step()
            except GrantlineError as problem:
                pause = self._fail(problem)
            self._pressed.wait(pause)
            self._pressed.clear()

    def _step(self) -> float | None:
        """Do what is next; seconds until there is more to do, None for after the next button."""
        button, self._button = self._button, ""
        if button == "off" and self._session is not None:
            self._session.revoke()
            self._session, self._device, self._screen = None, self._home, {"name": "start"}
        if button == "code" and self._session is None:
            self._login = self._device.login()
        if self._login is not None:
            self._session = self._login.poll()
        if self._session is not None:
            self._login = None
            self._screen = {"name": "leads", **read_leads(self._session)}
            return self._refresh_seconds
        if self._login is not None:
            self._screen = {"name": "code", "login": self._login}
            return LOOK_SECONDS
        return None

    def _fail(self, problem: GrantlineError) -> float | None:
        """Say it, and know how to go on."""
        told = {"what": problem.what, "fix": problem.hint}
        match problem:
            case WrongDataCenter() if self._is_listed(problem.expected):
                self._device, self._login, self._button = self._device_at(problem.expected), None, "code"
                return 0.0  # the person lives there: a new code, which they enter there
            case WrongDataCenter() | CallbackRefused():
                self._login, self._screen = None, {"name": "refused", **told}
            case GrantTokenUnusable():
                self._login, self._screen = None, {"name": "over", **told}
            case ReconnectRequired():
                self._session, self._screen = None, {"name": "removed", **told}
            case _ if self._session is not None:
                self._screen = {**self._screen, **told}  # the leads stay, and when they were read
                return self._refresh_seconds
            case _:
                self._login, self._screen = None, {"name": "trouble", **told}
        return None

    def _is_listed(self, issuer: str) -> bool:
        """Whether the home lists this data center: nothing is sent to another one, whoever names it."""
        setup = self._home.setup
        try:
            return setup.run(setup.known.find(issuer)) is not None
        except GrantlineError:
            return False


def read_leads(session: Session) -> Mapping[str, Any]:
    """Today's leads, or the newest where today has none, and how they are spread. Raises the errors of the
    library."""
    query = {"fields": FIELDS, "sort_by": "Created_Time", "sort_order": "desc", "per_page": 100}
    try:
        with session.api() as api:
            answer = api.get("/crm/v8/Leads", params=query)
    except httpx2.HTTPError:
        raise Unreachable("The CRM does not answer.") from None
    leads = answer.json()["data"] if answer.status_code == 200 else []
    today = [one for one in leads if str(one["Created_Time"]).startswith(time.strftime("%Y-%m-%d"))]
    return {
        "leads": (today or leads)[:6],
        "today": len(today),
        "all": len(leads),
        "states": Counter(one["Lead_Status"] or "No status" for one in leads).most_common(4),
        "read_at": time.strftime("%H:%M"),
    }
