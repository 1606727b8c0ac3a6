"""A visit of a person: one request for a page, with who is signed in, which browser it is, and how to answer
safely."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from grantline.accounts import Account, Session, find_account, find_session
from grantline.opaque import digest
from grantline.web import cookies
from grantline.web.headers import page_headers, redirect_headers
from grantline.web.languages import choose, speak
from grantline.web.peer import Peer
from grantline.web.server import Server
from grantline.web.templating import Page

RECENT_SECONDS: Final = 600
"""How old a sign-in may be for what can open the account to an app (T5)."""


class FormRefused(Exception):
    """The form did not come from a page of ours in this browser, or is no form at all: 403 or 400, nothing
    was done."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


@dataclass(slots=True)
class Visit:
    """One request for a page."""

    server: Server
    request: Request
    now: int
    request_id: str
    peer: Peer
    browser: str
    """Random id of this browser's cookie: pending flows and anonymous forms are bound to it."""
    session: Session | None
    account: Account | None
    _cookies: list[str] = field(default_factory=list)

    @property
    def page(self) -> Page:
        """What every page shows."""
        host = self.server.issuer.partition("://")[2]
        return Page(
            host=host,
            data_center=self.server.mint.home.name,
            request_id=self.request_id,
            returns=self.request.method == "GET",
        )

    @property
    def person(self) -> Mapping[str, str] | None:
        """Who is signed in, for the pages' frames."""
        return {"name": self.account.name, "email": self.account.email} if self.account else None

    @property
    def recent(self) -> bool:
        """Whether the person signed in lately enough for a sensitive act."""
        return self.session is not None and self.session.auth_at > self.now - RECENT_SECONDS

    def form_token(self, action: str) -> str:
        """What a form carries to show that it came from our page, in this browser and session, for this
        action."""
        session = self.session.id_hash.hex() if self.session is not None else ""
        return self.server.mint.keyring.form_token(self.browser, session, action)

    async def form(self, action: str, *, fields: frozenset[str]) -> Mapping[str, str]:
        """The posted form, after token and Origin were both checked (T5, T74). Raises FormRefused.

        Fields other than `fields`, `token` and `flow` are refused (T4), repeated ones too.
        """
        self.check_origin()
        form = await self.read_form()
        if not fields.union({"token", "flow"}).issuperset(form):
            raise FormRefused(400)
        self.check_token(action, form.get("token", ""))
        return form

    def check_token(self, action: str, token: str) -> None:
        """The token is that of this form, from our page in this browser and session. Raises FormRefused."""
        sent = token.encode("utf-8", "surrogatepass")
        if not cookies.equal(sent, self.form_token(action).encode()):
            raise FormRefused(403)

    def check_origin(self) -> None:
        """The request comes from our own pages, by the browser's word. Raises FormRefused."""
        origin = self.request.headers.get("origin")
        if origin is not None:
            if origin != self.server.issuer:
                raise FormRefused(403)
        elif self.request.headers.get("sec-fetch-site") != "same-origin":
            raise FormRefused(403)

    async def read_form(self) -> Mapping[str, str]:
        """The body as fields. Raises FormRefused for what is no urlencoded form in UTF-8, or repeats a
        field."""
        kind = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            raise FormRefused(400)
        try:
            text = (await self.request.body()).decode("ascii")
            pairs = parse_qsl(
                text, keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=200
            )
        except ValueError:
            raise FormRefused(400) from None
        form = dict(pairs)
        if len(form) != len(pairs) or any("\x00" in value for value in form.values()):
            raise FormRefused(400)
        return form

    def render(
        self,
        template: str,
        *,
        status: int = 200,
        form_action: str = "",
        script: bool = False,
        opener: bool = False,
        **context: Any,
    ) -> Response:
        """A page. `form_action`: the places beside ourselves that its forms may lead on to."""
        html = self.server.pages.render(template, page=self.page, **context)
        return self.render_text(html, status, form_action=form_action, script=script, opener=opener)

    def render_text(
        self, html: str, status: int, *, form_action: str = "", script: bool = False, opener: bool = False
    ) -> Response:
        """A page whose text is ready."""
        headers = page_headers(form_action=form_action, script=script, opener=opener)
        return self._with_cookies(HTMLResponse(html, status, headers))

    def redirect(self, path: str) -> Response:
        """On to a page of our own."""
        response = RedirectResponse(path, 303)
        response.headers.update({**redirect_headers(), "Referrer-Policy": "same-origin"})
        return self._with_cookies(response)

    def leave(self, address: str) -> Response:
        """On to an app: 303, so that nothing is posted there, and no referrer (T21)."""
        response = Response(status_code=303, headers={"Location": address, **redirect_headers()})
        return self._with_cookies(response)

    def set_session(self, value: str, session: Session, account: Account) -> None:
        """The person just signed in: new cookies, both (T73)."""
        self.session, self.account = session, account
        self._cookies.append(cookies.render(self.server, "session", value, cookies.SESSION_SECONDS))

    def renew_browser(self) -> str:
        """A new browser id; gives the old one."""
        old, self.browser = self.browser, cookies.new_browser()
        self._cookies.append(cookies.render(self.server, "browser", self.browser, cookies.BROWSER_SECONDS))
        return old

    def remember_email(self, key: str) -> None:
        """Remember that this address signed in here, without writing it down."""
        value = cookies.known_with(self.server, self.request, key)
        self._cookies.append(
            cookies.render(self.server, "known", value, cookies.KNOWN_SECONDS, same_site="Strict")
        )

    def knows_email(self, key: str) -> bool:
        """Whether this address signed in in this browser before."""
        return cookies.is_known(self.server, self.request, key)

    @property
    def chosen_data_center(self) -> str:
        """The code of the other data center that was chosen last in this browser; empty when none was."""
        return cookies.read_data_center(self.server, self.request)

    def choose_data_center(self, code: str) -> None:
        """Remember where the person went on; this one is what everybody gets who chose none."""
        if self.server.mint.data_centers.find(code) is not None:
            line = cookies.render(self.server, "data_center", code, cookies.PREFERENCE_SECONDS)
            self._cookies.append(line)
        elif self.chosen_data_center:
            self._cookies.append(cookies.render(self.server, "data_center", "", 0))

    def forget_session(self) -> None:
        """Signed out."""
        self.session, self.account = None, None
        self._cookies.append(cookies.render(self.server, "session", "", 0))

    def set_cookie_line(self, line: str) -> None:
        """Add a ready Set-Cookie value."""
        self._cookies.append(line)

    def _with_cookies(self, response: Response) -> Response:
        for line in self._cookies:
            response.headers.append("Set-Cookie", line)
        return response


async def open_visit(request: Request) -> Visit:
    """The visit that a request is. Raises DatabaseUnavailable."""
    visit, found = _begin(request)
    if found.session:
        visit.session = await find_session(visit.server.db, found.session, visit.now)
        if visit.session is not None:
            visit.account = await find_account(visit.server.db, visit.session.account_id)
    return visit


def open_bare_visit(request: Request) -> Visit:
    """The visit without knowing who it is: for pages that must be there when the database is not."""
    return _begin(request)[0]


def _begin(request: Request) -> tuple[Visit, cookies.Found]:
    server: Server = request.state.server
    found = cookies.read(server, request)
    speak(choose(request.headers.get("accept-language", ""), found.language))
    visit = Visit(
        server=server,
        request=request,
        now=server.clock(),
        request_id=request.state.request_id,
        peer=request.state.peer,
        browser=found.browser or cookies.new_browser(),
        session=None,
        account=None,
    )
    for name in found.doubled:
        visit.set_cookie_line(cookies.render(server, name, "", 0))
    if not found.browser:
        visit.set_cookie_line(cookies.render(server, "browser", visit.browser, cookies.BROWSER_SECONDS))
    return visit, found


def browser_hash(visit: Visit) -> bytes:
    """What rows remember of the browser."""
    return digest(visit.browser)


def form_target(address: str) -> str:
    """The origin or scheme of a proven redirect URI, as a `form-action` source.

    The policy's grammar has no IPv6 addresses (Content Security Policy Level 3 §2.3.1): there, too, the
    scheme must do.
    """
    parts = urlsplit(address)
    if parts.scheme in ("http", "https") and not parts.netloc.startswith("["):
        return f"{parts.scheme}://{parts.netloc}"
    return f"{parts.scheme}:"
