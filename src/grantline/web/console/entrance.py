"""The way in: who is signed in, and whose client it is, before any page of the console does anything."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from grantline.accounts import Account
from grantline.clients import Client, find_own_client
from grantline.limits import Limit
from grantline.oauth.errors import Throttled
from grantline.web.pages.sign_in import ask_to_sign_in
from grantline.web.visit import FormRefused, Visit, open_visit

WRITES: Final = Limit("console-writes", 60, 60)

Endpoint = Callable[[Request], Awaitable[Response]]
AccountPage = Callable[[Visit, Account], Awaitable[Response]]
ClientPage = Callable[[Visit, Account, Client], Awaitable[Response]]


def check_limit(visit: Visit, limit: Limit, subject: str) -> None:
    """Count one act of a person, or of one client's owner. Raises Throttled."""
    if wait := visit.server.mint.limiter.take(limit, subject, visit.now):
        raise Throttled("throttled", retry_after=wait)


def signed_in(page: AccountPage, *, recently: bool = False) -> Endpoint:
    """The page as an endpoint for people who are signed in; others sign in first, and then come back here.

    `recently`: whoever signed in more than ten minutes ago proves it again before the page is shown (T5).
    """

    async def endpoint(request: Request) -> Response:
        visit = await open_visit(request)
        if visit.account is None and request.method == "POST":
            raise FormRefused(403)
        if visit.account is not None and request.method == "POST":
            check_limit(visit, WRITES, str(visit.account.id))
        if visit.account is None or (recently and not visit.recent):
            query = f"?{request.url.query}" if request.url.query else ""
            return await ask_to_sign_in(visit, f"{request.url.path}{query}")
        return await page(visit, visit.account)

    return endpoint


def of_client(page: ClientPage, *, recently: bool = False) -> Endpoint:
    """The page as an endpoint under `/console/clients/{client_id}`: foreign is the same as missing (T143)."""

    async def own(visit: Visit, account: Account) -> Response:
        client = await find_own_client(visit.server.db, account.id, visit.request.path_params["client_id"])
        if client is None:
            raise HTTPException(404)
        return await page(visit, account, client)

    return signed_in(own, recently=recently)
