"""A data center inside the test: the real application over a real SQLite file, with a clock that the test
moves.

`Site` serves programs and browsers over ASGI, so nothing but the network is left out. `Browser` keeps cookies
and sends what a browser would send (Origin on posts); `Site.post` is a program's call.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from html import unescape
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

from grantline.accounts import Account, create_account, find_account_by_email, personal_organization
from grantline.clients import Api, ApiDeclaration, Client, Registration, create_api, register_client
from grantline.settings import Settings
from grantline.tokens import issue_authorization_code, load_catalog
from grantline.web.app import build_app
from grantline.web.edge import Edge
from grantline.web.server import Server, open_server
from grantline.web.templating import Pages

START: Final = 1_795_000_000
ISSUER: Final = "http://127.0.0.1:8700"
API: Final = "http://127.0.0.1:8702"
PASSWORD: Final = "correct horse battery"
VERIFIER: Final = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE: Final = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
CALLBACK: Final = "https://app.example/callback"
SPA: Final = "https://spa.example"
SCOPE: Final = "CRM.modules.leads.READ"

REGISTRATIONS: Final[Mapping[str, Registration]] = {
    "server-based": Registration(
        name="Lead Desk", redirect_uris=(CALLBACK,), post_logout_redirect_uris=("https://app.example/bye",)
    ),
    "client-based": Registration(
        name="Lead Board", redirect_uris=(f"{SPA}/callback",), origins=(SPA,), implicit=True
    ),
    "self-client": Registration(name="Nightly export"),
    "non-browser": Registration(name="Lead TV"),
    "mobile": Registration(
        name="Lead Pocket", redirect_uris=("com.example.pocket:/cb", "http://127.0.0.1/cb")
    ),
}


class Clock:
    """The time in the site: stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: int) -> None:
        """Let time pass."""
        self.now += seconds


@dataclass(frozen=True, slots=True)
class App:
    """A registered app, with its secret if it has one."""

    client: Client
    secret: str | None

    @property
    def id(self) -> str:
        return self.client.id

    @property
    def redirect_uri(self) -> str:
        return self.client.redirect_uris[0]

    @property
    def credentials(self) -> dict[str, str]:
        """What authenticates it in a request's body."""
        required = self.client.type.secret == "required"
        return {"client_id": self.id, **({"client_secret": self.secret} if required and self.secret else {})}


class Browser:
    """A person's browser: cookies, and the headers that browsers add."""

    def __init__(self, site: "Site") -> None:
        self._site = site
        self.http = httpx2.AsyncClient(transport=site.transport, base_url=site.issuer, follow_redirects=False)

    async def get(
        self, path: str, params: Mapping[str, Any] | None = None, **options: Any
    ) -> httpx2.Response:
        return await self.http.get(path, params=params, **options)

    async def post(
        self, path: str, data: Mapping[str, Any], *, origin: str | None = "own"
    ) -> httpx2.Response:
        origin = self._site.issuer if origin == "own" else origin
        headers = {"Origin": origin} if origin is not None else {}
        return await self.http.post(path, data=data, headers=headers)

    async def submit(
        self, page: httpx2.Response, fields: Mapping[str, str], *, path: str = ""
    ) -> httpx2.Response:
        """Send the page's first form back with these fields, hidden ones included, as a person would."""
        return await self.post(path or form_action(page), {**hidden_fields(page), **fields})

    async def sign_in(
        self, page: httpx2.Response | None = None, *, email: str = "mara@example.com"
    ) -> httpx2.Response:
        """Sign in, on the given sign-in page or on /signin."""
        page = page if page is not None else await self.get("/signin")
        return await self.submit(page, {"email": email, "password": PASSWORD}, path="/signin")


def hidden_fields(page: httpx2.Response) -> dict[str, str]:
    """`flow` and `token` of a page's form."""
    return {
        name: unescape(value) for name, value in re.findall(r'name="(flow|token)" value="([^"]*)"', page.text)
    }


def form_action(page: httpx2.Response) -> str:
    """Where the page's first form goes."""
    found = re.search(r'<form[^>]* action="([^"]+)"', page.text)
    assert found, f"no form on this page ({page.status_code}): {page.text[:400]}"
    return unescape(found[1])


def answer_of(response: httpx2.Response) -> dict[str, str]:
    """The parameters of the redirect back to an app, out of query and fragment."""
    assert response.status_code == 303, f"{response.status_code}: {response.text[:400]}"
    parts = urlsplit(response.headers["location"])
    return {name: values[0] for name, values in parse_qs(parts.query + "&" + parts.fragment).items()}


@dataclass(slots=True)
class Site:
    """One data center under test."""

    server: Server
    edge: Edge
    clock: Clock
    account: Account
    peer: str = "127.0.0.1"
    _apps: dict[str, App] = field(default_factory=dict)

    @property
    def transport(self) -> httpx2.ASGITransport:
        return httpx2.ASGITransport(app=self.edge, client=(self.peer, 40000))

    @property
    def issuer(self) -> str:
        return self.server.issuer

    @property
    def db(self) -> Any:
        return self.server.db

    @property
    def mint(self) -> Any:
        return self.server.mint

    async def app(self, type_name: str, **changes: Any) -> App:
        """The app of this type (one per test unless something is changed), owned by the site's account."""
        if not changes and type_name in self._apps:
            return self._apps[type_name]
        owner = changes.pop("owner", self.account)
        client, secret = await register_client(
            self.db,
            type_name=type_name,
            asked=replace(REGISTRATIONS[type_name], **changes),
            owner_account_id=owner.id,
            organization_id=(await personal_organization(self.db, owner.id)).id,
            data_center=self.server.code,
            now=self.clock(),
        )
        app = App(client, secret)
        if not changes and owner is self.account:
            self._apps[type_name] = app
        return app

    async def api(self, identifier: str = API, prefix: str = "CRM", **said: Any) -> tuple[Api, str]:
        """A registered API and its secret; `said` goes into its declaration."""
        api, secret = await create_api(
            self.db,
            said=ApiDeclaration(identifier, prefix, f"API {prefix}", **said),
            data_center=self.server.code,
            now=self.clock(),
        )
        self.mint.catalog = await load_catalog(self.db)
        return api, secret

    async def person(self, email: str, *, given_name: str = "Tom", family_name: str = "Berg") -> Account:
        """Another account, with the same password."""
        return await create_account(
            self.db,
            email=email,
            password_hash=self.account.password_hash,
            given_name=given_name,
            family_name=family_name,
            now=self.clock(),
        )

    def browser(self) -> Browser:
        """A fresh browser."""
        return Browser(self)

    async def signed_in(self, email: str = "mara@example.com") -> Browser:
        """A browser in which the account is signed in."""
        browser = self.browser()
        assert (await browser.sign_in(email=email)).status_code == 303
        return browser

    async def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """A program's call."""
        async with httpx2.AsyncClient(transport=self.transport, base_url=self.issuer) as http:
            return await http.request(method, path, **options)

    async def post(self, path: str, data: Any = None, **options: Any) -> httpx2.Response:
        """A program's POST of a form."""
        return await self.call("POST", path, data=data, **options)

    async def token(self, app: App | None = None, **fields: Any) -> httpx2.Response:
        """A token request with the app's credentials in the body."""
        credentials = app.credentials if app is not None else {}
        return await self.post("/oauth/v2/token", {**credentials, **fields})

    def request(self, app: App, **changes: Any) -> dict[str, str]:
        """The parameters of an ordinary authorization request; None takes one out."""
        public = app.client.type.pkce_required
        fields: dict[str, Any] = {
            "client_id": app.id,
            "response_type": "code",
            "redirect_uri": app.redirect_uri,
            "scope": SCOPE,
            "state": "st-123",
            **({"code_challenge": CHALLENGE, "code_challenge_method": "S256"} if public else {}),
            **changes,
        }
        return {name: str(value) for name, value in fields.items() if value is not None}

    async def authorize(self, app: App, *, browser: Browser | None = None, **changes: Any) -> httpx2.Response:
        """Go through sign-in and consent as far as they come up; the redirect back, or what stopped it."""
        browser = browser or await self.signed_in()
        page = await browser.get("/oauth/v2/auth", params=self.request(app, **changes))
        if page.status_code == 200 and 'name="password"' in page.text:
            page = await browser.get((await browser.sign_in(page)).headers["location"])
        if page.status_code == 200 and 'name="decision"' in page.text:
            page = await browser.submit(page, {"decision": "allow"}, path="/oauth/v2/auth/decision")
        return page

    async def code(self, app: App, **changes: Any) -> str:
        """A code by redirect."""
        answer = answer_of(await self.authorize(app, **changes))
        assert "code" in answer, answer
        return answer["code"]

    async def exchange(self, app: App, code: str, **changes: Any) -> httpx2.Response:
        """Exchange a code; the verifier goes along for types that need one."""
        fields: dict[str, Any] = {"grant_type": "authorization_code", "code": code}
        if app.client.redirect_uris:
            fields["redirect_uri"] = app.redirect_uri
        if app.client.type.pkce_required:
            fields["code_verifier"] = VERIFIER
        fields.update(changes)
        return await self.token(app, **{name: value for name, value in fields.items() if value is not None})

    async def tokens(self, app: App, **changes: Any) -> dict[str, Any]:
        """Tokens by the whole redirect flow; with a refresh token unless `access_type` says otherwise."""
        if app.client.type.name == "self-client":
            response = await self.exchange(app, await self.console_code(app, **changes))
        elif app.client.type.name == "non-browser":
            response = await self.device_tokens(app, **changes)
        else:
            response = await self.exchange(app, await self.code(app, **{"access_type": "offline", **changes}))
        assert response.status_code == 200, response.text
        members: dict[str, Any] = response.json()
        return members

    async def console_code(
        self, app: App, *, scope: str = SCOPE, minutes: int = 3, resource: tuple[str, ...] = ()
    ) -> str:
        """A self client's grant token."""
        resolved = self.mint.catalog.resolve(tuple(scope.replace(",", " ").split()))
        async with self.db.transaction() as tx:
            return await issue_authorization_code(
                self.mint,
                tx,
                client_id=app.id,
                account_id=app.client.owner_account_id,
                organization_id=app.client.organization_id,
                scope=resolved.names,
                asked_scope=resolved.asked,
                resources=resource,
                refresh_token=True,
                now=self.clock(),
                life_seconds=minutes * 60,
                from_console=True,
                description="test",
                auth_time=self.clock(),
            )

    async def device_start(self, app: App, **changes: Any) -> dict[str, Any]:
        """A device's first call."""
        fields = {"client_id": app.id, "scope": SCOPE, **changes}
        response = await self.post("/oauth/v3/device/code", fields)
        assert response.status_code == 200, response.text
        members: dict[str, Any] = response.json()
        return members

    async def device_decide(
        self, user_code: str, decision: str, *, browser: Browser | None = None
    ) -> httpx2.Response:
        """A person enters the code and decides."""
        browser = browser or await self.signed_in()
        page = await browser.submit(
            await browser.get("/device"), {"user_code": user_code}, path="/oauth/v3/device"
        )
        assert page.status_code == 303, page.text[:400]
        page = await browser.get(page.headers["location"])
        return await browser.submit(page, {"decision": decision}, path="/oauth/v3/device/decision")

    async def device_poll(self, app: App, device_code: str, **changes: Any) -> httpx2.Response:
        """A device's poll."""
        return await self.token(app, grant_type=DEVICE_GRANT, device_code=device_code, **changes)

    async def device_tokens(self, app: App, **changes: Any) -> httpx2.Response:
        """The whole device flow."""
        started = await self.device_start(app, **changes)
        await self.device_decide(started["user_code"], "allow")
        return await self.device_poll(app, started["device_code"])

    async def refresh(self, app: App, refresh_token: str, **changes: Any) -> httpx2.Response:
        """Use a refresh token."""
        return await self.token(app, grant_type="refresh_token", refresh_token=refresh_token, **changes)

    async def introspect(self, app: App, token: str, **changes: Any) -> dict[str, Any]:
        """What the app is told about a token."""
        response = await self.post("/oauth/v2/introspect", {**app.credentials, "token": token, **changes})
        assert response.status_code == 200, response.text
        members: dict[str, Any] = response.json()
        return members

    async def works(self, token: str) -> bool:
        """Whether an access token works at this moment, by the server's own judgement."""
        from grantline.tokens import find_live_token

        return await find_live_token(self.mint, token, self.clock()) is not None


def query(**fields: str) -> str:
    """A query string."""
    return urlencode(fields)


def new_state() -> str:
    """A random state."""
    return secrets.token_urlsafe(16)


@asynccontextmanager
async def open_site(
    folder: Path, *, pages: Pages, password_hash: str, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[Site]:
    """A site on the files in `folder`, made when they are missing. `settings` go to `Settings`; limits
    are off unless given."""
    clock = clock or Clock()
    given: dict[str, Any] = {
        "database": f"sqlite://{folder}/grantline.db",
        "public_url": ISSUER,
        "api_domain": API,
        "limits": "off",
        **settings,
    }
    server = await open_server(Settings(**given), clock=clock, pages=pages)
    account = await find_account_by_email(server.db, "mara@example.com") or await create_account(
        server.db,
        email="mara@example.com",
        password_hash=password_hash,
        given_name="Mara",
        family_name="Lindqvist",
        now=clock(),
    )
    try:
        yield Site(server, build_app(server), clock, account)
    finally:
        await server.close()
