"""Sign-in for Starlette and FastAPI.

login = Login(web)

async def start(request):
    return await login.login(request, return_to="/leads")

async def callback(request):
    done, response = await login.callback(request)
    ...  # remember done.identity in the app's own session
    return response
"""

from collections.abc import Sequence
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grantline.sdk.webapp import NO_TRACE, Finished, WebApp

R = TypeVar("R", bound=Response)


class Login:
    """The two ends of a sign-in."""

    def __init__(self, web: WebApp) -> None:
        self.web = web

    async def login(
        self,
        request: Request,
        return_to: str = "/",
        *,
        scope: Sequence[str] | str = (),
        login_hint: str = "",
        prompt: str = "",
    ) -> RedirectResponse:
        """The redirect to the server, with the attempt's cookie. Raises the errors of the tree."""
        started = await self.web.astart(
            return_to, scope=scope, login_hint=login_hint, prompt=prompt, cookies=request.cookies
        )
        response = RedirectResponse(started.url, 303, NO_TRACE)
        for name in started.clear:
            self._clear(response, name)
        response.set_cookie(
            started.cookie_name,
            started.cookie_value,
            max_age=started.max_age,
            secure=started.secure,
            httponly=True,
            samesite="lax",
        )
        return response

    async def callback(self, request: Request, *, name: str = "") -> tuple[Finished, RedirectResponse]:
        """Who signed in, and the redirect to where they wanted to go, which clears the cookie. `name` as for
        WebApp.finish. Raises CallbackRefused and the others of the tree; `refused` makes their page."""
        done = await self.web.afinish(str(request.url), request.cookies, name=name)
        return done, self.refused(request, RedirectResponse(done.return_to, 303, NO_TRACE))

    def refused(self, request: Request, response: R) -> R:
        """The app's own page about a refused answer, such that the attempt is over."""
        name = self.web.cookie_name(str(request.url))
        if name:
            self._clear(response, name)
        return response

    def _clear(self, response: Response, name: str) -> None:
        response.delete_cookie(name, secure=self.web.cookies.secure, httponly=True, samesite="lax")
