"""The life of every type of app against a real process, noting each secret on the way."""

import json
import re
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from html import unescape
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.running import Server
from tests.site import CALLBACK, CHALLENGE, DEVICE_GRANT, SPA, VERIFIER

SCOPE: Final = "openid email CRM.modules.leads.READ"
TYPES: Final = {
    "server-based": ("--redirect-uri", CALLBACK),
    "client-based": ("--redirect-uri", f"{SPA}/callback", "--origin", SPA, "--implicit"),
    "self-client": (),
    "non-browser": (),
    "mobile": ("--redirect-uri", "com.example.pocket:/cb"),
}
EMAIL: Final = "mara@example.com"


@dataclass
class Story:
    """One server, one person, five apps, and all that was ever secret between them."""

    server: Server
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    secrets: dict[str, str] = field(default_factory=dict)
    """Each secret, by what it is."""
    apps: dict[str, dict[str, Any]] = field(default_factory=dict)
    opened: list[httpx2.Client] = field(default_factory=list)

    def client(self, **headers: str) -> httpx2.Client:
        """A client of the server; `close` closes it."""
        made = httpx2.Client(base_url=self.server.issuer, headers=headers, timeout=20, verify=False)
        self.opened.append(made)
        return made

    def close(self) -> None:
        for one in self.opened:
            one.close()

    @cached_property
    def http(self) -> httpx2.Client:
        """What programs call with."""
        return self.client()

    def note(self, what: str, value: object) -> str:
        """Remember a secret under a name of its own."""
        assert isinstance(value, str)
        assert value
        self.secrets[f"{what} {len(self.secrets)}"] = value
        return value

    def post(self, path: str, data: dict[str, str], **options: Any) -> httpx2.Response:
        """A program's call; what comes back is noted."""
        answer = self.http.post(path, data=data, **options)
        assert answer.status_code < 500, answer.text
        if answer.headers["content-type"].startswith("application/json"):
            for name in ("access_token", "refresh_token", "id_token", "device_code", "user_code"):
                if answer.status_code == 200 and name in answer.json():
                    self.note(name, answer.json()[name])
        return answer

    def browser(self) -> httpx2.Client:
        return self.client(Origin=self.server.issuer)

    def sent(
        self, browser: httpx2.Client, page: httpx2.Response, path: str, **fields: str
    ) -> httpx2.Response:
        """A page's form sent back."""
        hidden = dict(re.findall(r'name="(flow|token)" value="([^"]*)"', page.text))
        self.note("form token", hidden["token"])
        answer = browser.post(path, data={**{n: unescape(v) for n, v in hidden.items()}, **fields})
        for name, value in browser.cookies.items():
            self.secrets[f"cookie {name} {value[:4]}"] = value
        return answer

    def set_up(self) -> None:
        """The person and the apps, by the command line."""
        self.note("password", self.password)
        run = self.server.grantline
        run("user", "create", EMAIL, "--password-stdin", input=self.password + "\n")
        for type_name, options in TYPES.items():
            told = run(
                "client", "create", "--type", type_name, "--name", f"App {type_name}", *options, "--json"
            )
            self.apps[type_name] = json.loads(told)
            if "client_secret" in self.apps[type_name]:
                self.note(f"secret of {type_name}", self.apps[type_name]["client_secret"])
        api = json.loads(
            run(
                "api",
                "create",
                "--identifier",
                "https://crm.example",
                "--scopes",
                "CRM",
                "--name",
                "CRM",
                "--json",
            )
        )
        self.apps["api"] = api
        self.note("secret of the API", api["client_secret"])

    def credentials(self, type_name: str) -> dict[str, str]:
        app = self.apps[type_name]
        known = {"client_id": app["client_id"]}
        if type_name in ("server-based", "self-client", "api"):
            known["client_secret"] = app["client_secret"]
        return known

    def redirect(self, type_name: str, **changes: str) -> dict[str, str]:
        """The parameters that come back after sign-in and consent."""
        browser = self.browser()
        asked = {
            "client_id": self.apps[type_name]["client_id"],
            "response_type": "code",
            "redirect_uri": TYPES[type_name][1],
            "scope": SCOPE,
            "state": self.note("state", secrets.token_urlsafe(16)),
            "nonce": secrets.token_urlsafe(16),
            "access_type": "offline",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changes,
        }
        page = browser.get("/oauth/v2/auth", params=asked)
        wrong = self.note("wrong password", secrets.token_urlsafe(12))
        self.sent(browser, page, "/signin", email=EMAIL, password=wrong)
        page = self.sent(browser, page, "/signin", email=EMAIL, password=self.password)
        done = browser.get(page.headers["location"])
        if done.status_code == 200:
            done = self.sent(browser, done, "/oauth/v2/auth/decision", decision="allow")
        assert done.status_code == 303, done.text
        parts = urlsplit(done.headers["location"])
        found = {name: value[0] for name, value in parse_qs(parts.query + "&" + parts.fragment).items()}
        for name in ("code", "access_token", "id_token"):
            if name in found:
                self.note(name, found[name])
        return found

    def tokens(self, type_name: str) -> dict[str, Any]:
        """Tokens of an app, however its type comes by them."""
        base = self.credentials(type_name)
        if type_name == "non-browser":
            started = self.post("/oauth/v3/device/code", {**base, "scope": SCOPE}).json()
            self.note("user code, bare", started["user_code"].replace("-", ""))
            browser = self.browser()
            page = self.sent(
                browser, browser.get("/device"), "/oauth/v3/device", user_code=started["user_code"]
            )
            page = self.sent(browser, page, "/signin", email=EMAIL, password=self.password)
            page = browser.get(page.headers["location"])
            self.sent(browser, page, "/oauth/v3/device/decision", decision="allow")
            given = {"grant_type": DEVICE_GRANT, "device_code": started["device_code"]}
        elif type_name == "self-client":
            told = self.server.grantline("code", "--client", base["client_id"], "--scope", "CRM.modules.READ")
            given = {"grant_type": "authorization_code", "code": self.note("grant token", told.strip())}
        else:
            given = {
                "grant_type": "authorization_code",
                "code": self.redirect(type_name)["code"],
                "redirect_uri": TYPES[type_name][1],
                "code_verifier": self.note("verifier", VERIFIER),
            }
        answer = self.post("/oauth/v2/token", {**base, **given})
        assert answer.status_code == 200, answer.text
        self.post("/oauth/v2/token", {**base, **given})  # the same once more, which is refused
        members: dict[str, Any] = answer.json()
        return members

    def live(self, type_name: str) -> None:
        """Tokens, calls, a refresh, mistakes of every kind, and the end."""
        base, tokens = self.credentials(type_name), self.tokens(type_name)
        access, refresh = tokens["access_token"], tokens["refresh_token"]
        again = {**base, "grant_type": "refresh_token", "refresh_token": refresh}
        latest = self.post("/oauth/v2/token", again).json()
        for path in ("/oauth/v2/userinfo", "/oauth/user/info"):
            for header in (f"Bearer {access}", f"Bearer {refresh}", f"Basic {access}", access):
                self.http.get(path, headers={"Authorization": header})
            self.http.get(path, params={"access_token": access})
        self.post("/oauth/v2/introspect", {**self.credentials("api"), "token": access})
        self.post("/oauth/v2/introspect", {**base, "token": refresh})
        self.mistakes(type_name, access, refresh)
        self.post("/oauth/v2/token/revoke", {**base, "token": latest["access_token"]})
        self.post("/oauth/v2/token/revoke", {**base, "token": latest.get("refresh_token", refresh)})
        self.post("/oauth/v2/token", again)

    def mistakes(self, type_name: str, access: str, refresh: str) -> None:
        """Secrets where they do not belong: in addresses, as IDs, as scopes, in headers, in broken bodies."""
        base = {**self.credentials(type_name), "grant_type": "refresh_token", "refresh_token": refresh}
        issuer = self.server.issuer
        self.http.post(f"{issuer}/oauth/v2/token", params=base)
        self.http.get(f"{issuer}/oauth/v2/token", params=base)
        for secret in (access, refresh, base.get("client_secret", access)):
            for name in ("client_id", "scope", "resource", "grant_type", "redirect_uri", "x"):
                self.post("/oauth/v2/token", {**base, name: secret})
                self.http.get(
                    f"{issuer}/oauth/v2/auth", params={"client_id": base["client_id"], name: secret}
                )
            self.post(
                "/oauth/v2/token", base, headers={"User-Agent": secret, "Referer": f"{issuer}/?code={secret}"}
            )
            self.http.get(f"{issuer}/errors/{secret}")
            self.http.get(f"{issuer}/oauth/v2/logout", params={"post_logout_redirect_uri": secret})
            self.http.post(
                f"{issuer}/oauth/v2/token", content=f"{secret}=%zz", headers={"Content-Type": secret}
            )
            self.http.get(f"{issuer}/signin", headers={"Cookie": f"gl_us_session={secret}"})

    def tell(self) -> None:
        """All of it."""
        self.set_up()
        for type_name in TYPES:
            self.live(type_name)
        self.redirect("client-based", response_type="token")
        for command in (("logs", "--json"), ("client", "list", "--json")):
            told = self.server.grantline(*command)
            for what, secret in self.secrets.items():
                assert secret not in told, (command, what)
