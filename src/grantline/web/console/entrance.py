"""The way in: who is signed in, in which workspace, with which right, and whose client it is, before any page
of the console does anything."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from grantline.clients import Client, find_client_for
from grantline.limits import Limit
from grantline.oauth.errors import Throttled
from grantline.opaque import CLIENT_ID, recognise
from grantline.web.console.place import Place, find_place, other_consoles
from grantline.web.pages.sign_in import ask_to_sign_in
from grantline.web.visit import FormRefused, Visit, open_visit
from grantline.workspaces import CHANGE, VIEW, Right

WRITES: Final = Limit("console-writes", 60, 60)

Page = Callable[[Visit, Place], Awaitable[Response]]
ClientPage = Callable[[Visit, Place, Client], Awaitable[Response]]


def check_limit(visit: Visit, limit: Limit, subject: str) -> None:
    """Count one act of a person, or of one client's owner. Raises Throttled."""
    if wait := visit.server.mint.limiter.take(limit, subject, visit.now):
        raise Throttled("throttled", retry_after=wait)


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """One line of the console's route table: the address, the page, and the right that it needs."""

    method: str
    path: str
    page: Page | ClientPage
    right: Right
    recently: bool
    """Whoever signed in more than ten minutes ago proves it again before the page is shown (T5)."""

    @property
    def of_client(self) -> bool:
        """Whether the page is about one client."""
        return "{client_id}" in self.path

    def route(self) -> Route:
        """The same for the web framework."""
        return Route(self.path, self._endpoint, methods=[self.method])

    async def _endpoint(self, request: Request) -> Response:
        visit = await open_visit(request)
        if visit.account is None and request.method == "POST":
            raise FormRefused(403)
        if self.of_client and request.method != "POST" and (elsewhere := _show_console_of(visit)):
            return elsewhere
        if visit.account is not None and request.method == "POST":
            check_limit(visit, WRITES, str(visit.account.id))
        if visit.account is None or (self.recently and not visit.recent):
            query = f"?{request.url.query}" if request.url.query else ""
            return await ask_to_sign_in(visit, f"{request.url.path}{query}")
        place = await find_place(visit, visit.account)
        arguments: list[Any] = [visit, place]
        if self.of_client:
            # Foreign is the same as missing (T143).
            found = await find_client_for(visit.server.db, visit.account.id, request.path_params["client_id"])
            if found is None:
                raise HTTPException(404)
            client, role = found
            place = place.at(client, role)
            arguments = [visit, place, client]
        if not place.membership.may(self.right):
            return visit.render("console/not_allowed.html", status=403, **place.frame(visit))
        return await self.page(*arguments)


def _show_console_of(visit: Visit) -> Response | None:
    """Which console is right, when the ID in the address is of another data center: for anyone, signed in or
    not, since the ID itself says it (R24). Whether such a client exists is not known here."""
    known = recognise(client_id := visit.request.path_params["client_id"])
    center = visit.server.mint.data_centers.find(known.data_center) if known is not None else None
    if known is None or known.kind != CLIENT_ID or center is None:
        return None
    return visit.render(
        "console/other_center.html",
        status=404,
        script=True,
        person=visit.person,
        centers=other_consoles(visit),
        name=center.name,
        client_id=client_id,
        address=center.console + visit.request.url.path.removeprefix("/console"),
    )


def get(path: str, page: Page | ClientPage, *, right: Right = VIEW, recently: bool = False) -> ConsolePage:
    """A page to look at."""
    return ConsolePage("GET", path, page, right, recently)


def post(path: str, page: Page | ClientPage, *, right: Right = CHANGE) -> ConsolePage:
    """A form's target. It may change something, so seeing is not enough."""
    return ConsolePage("POST", path, page, right, recently=False)
