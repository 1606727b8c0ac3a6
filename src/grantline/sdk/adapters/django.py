"""Sign-in for Django, in views of both kinds.

login = Login(web)

def start(request):
    return login.login(request, return_to="/leads")

def callback(request):
    done, response = login.callback(request)
    ...  # remember done.identity in the app's own session
    return response
"""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from grantline.sdk.webapp import NO_TRACE, Finished, Started, WebApp


class Login:
    """The two ends of a sign-in."""

    def __init__(self, web: WebApp) -> None:
        self.web = web

    def login(
        self,
        request: HttpRequest,
        return_to: str = "/",
        *,
        scope: Sequence[str] | str = (),
        login_hint: str = "",
        prompt: str = "",
    ) -> HttpResponse:
        """The redirect to the server, with the attempt's cookie. Raises the errors of the tree."""
        started = self.web.start(
            return_to, scope=scope, login_hint=login_hint, prompt=prompt, cookies=request.COOKIES
        )
        return self._sent(started)

    async def alogin(
        self,
        request: HttpRequest,
        return_to: str = "/",
        *,
        scope: Sequence[str] | str = (),
        login_hint: str = "",
        prompt: str = "",
    ) -> HttpResponse:
        """The same, for views that are coroutines."""
        started = await self.web.astart(
            return_to, scope=scope, login_hint=login_hint, prompt=prompt, cookies=request.COOKIES
        )
        return self._sent(started)

    def callback(self, request: HttpRequest, *, name: str = "") -> tuple[Finished, HttpResponse]:
        """Who signed in, and the redirect to where they wanted to go, which clears the cookie. `name` as for
        WebApp.finish. Raises CallbackRefused and the others of the tree; `refused` makes their page."""
        done = self.web.finish(request.get_full_path(), request.COOKIES, name=name)
        response = _redirect(done.return_to)
        self.refused(request, response)
        return done, response

    async def acallback(self, request: HttpRequest, *, name: str = "") -> tuple[Finished, HttpResponse]:
        """The same, for views that are coroutines."""
        done = await self.web.afinish(request.get_full_path(), request.COOKIES, name=name)
        response = _redirect(done.return_to)
        self.refused(request, response)
        return done, response

    def refused(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The app's own page about a refused answer, such that the attempt is over."""
        name = self.web.cookie_name(request.get_full_path())
        if name:
            response.delete_cookie(name, samesite="Lax")
        return response

    def _sent(self, started: Started) -> HttpResponse:
        response = _redirect(started.url)
        for name in started.clear:
            response.delete_cookie(name, samesite="Lax")
        response.set_cookie(
            started.cookie_name,
            started.cookie_value,
            max_age=started.max_age,
            secure=started.secure,
            httponly=True,
            samesite="Lax",
        )
        return response


def _redirect(address: str) -> HttpResponse:
    """Not Django's own, which lets three schemes pass alone and resolves names of views."""
    return HttpResponse(status=303, headers={**NO_TRACE, "Location": address})
