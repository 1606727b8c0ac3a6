"""Sign-in for Flask.

login = Login(web)

@app.get("/login")
def start():
    return login.login(request, return_to="/leads")

@app.get("/callback")
def callback():
    done, response = login.callback(request)
    ...  # remember done.identity in the app's own session
    return response
"""

from collections.abc import Sequence

from flask import Request, redirect
from werkzeug.wrappers import Response

from grantline.sdk.webapp import NO_TRACE, Finished, WebApp


class Login:
    """The two ends of a sign-in."""

    def __init__(self, web: WebApp) -> None:
        self.web = web

    def login(
        self,
        request: Request,
        return_to: str = "/",
        *,
        scope: Sequence[str] | str = (),
        login_hint: str = "",
        prompt: str = "",
    ) -> Response:
        """The redirect to the server, with the attempt's cookie. Raises the errors of the tree."""
        started = self.web.start(
            return_to, scope=scope, login_hint=login_hint, prompt=prompt, cookies=request.cookies
        )
        response = _redirect(started.url)
        for name in started.clear:
            self._clear(response, name)
        response.set_cookie(
            started.cookie_name,
            started.cookie_value,
            max_age=started.max_age,
            secure=started.secure,
            httponly=True,
            samesite="Lax",
        )
        return response

    def callback(self, request: Request, *, name: str = "") -> tuple[Finished, Response]:
        """Who signed in, and the redirect to where they wanted to go, which clears the cookie. `name` as for
        WebApp.finish. Raises CallbackRefused and the others of the tree; `refused` makes their page."""
        done = self.web.finish(request.url, request.cookies, name=name)
        return done, self.refused(request, _redirect(done.return_to))

    def refused(self, request: Request, response: Response) -> Response:
        """The app's own page about a refused answer, such that the attempt is over."""
        name = self.web.cookie_name(request.url)
        if name:
            self._clear(response, name)
        return response

    def _clear(self, response: Response, name: str) -> None:
        response.delete_cookie(name, secure=self.web.cookies.secure, httponly=True, samesite="Lax")


def _redirect(address: str) -> Response:
    response = redirect(address, 303)
    response.headers.update(NO_TRACE)
    return response
