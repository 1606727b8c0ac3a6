"""Authorization servers that the client library meets: Grantline, one that we did not write, and the vendor
as it is known to answer. Behind each is a person who allows everything; waiting takes no time."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from typing import Any, Protocol

import httpx2

from grantline.sdk import AsyncHttpWire, HttpWire, MemoryStore, ServerClock
from grantline.testing import AuthorizationServer
from tests.foreign.node_programs import programs_folder
from tests.foreign.vendor_accounts import SCOPE, Accounts
from tests.running import environment, free_ports

CALLBACK = "https://app.example.com/callback"


class Issuer(Protocol):
    """A server with an app of each kind: `web`, `own` and `tv`."""

    scope: str
    """Of an API."""
    signs_in: bool
    """Whether it says who the person is."""

    def options(self, kind: str, **more: Any) -> dict[str, Any]: ...
    def follow(self, url: str) -> str: ...
    def approve(self, user_code: str) -> None: ...
    def works(self, token: str) -> bool | None: ...


class Time:
    """A clock that waiting moves."""

    def __init__(self) -> None:
        self.waited = 0.0

    def __call__(self) -> float:
        return time.time() + self.waited


class Wire(HttpWire):
    def __init__(self, time: Time, transport: Any = None) -> None:
        super().__init__(transport)
        self.time = time

    def sleep(self, seconds: float) -> None:
        self.time.waited += seconds


class AsyncWire(AsyncHttpWire):
    def __init__(self, time: Time, transport: Any = None) -> None:
        super().__init__(transport)
        self.time = time

    async def sleep(self, seconds: float) -> None:
        self.time.waited += seconds


def reaching(time: Time, transport: Any = None) -> dict[str, Any]:
    """A store in memory, and wires and a clock of this time."""
    return {
        "store": MemoryStore(),
        "wire": Wire(time, transport),
        "async_wire": AsyncWire(time, transport),
        "clock": ServerClock(time),
    }


class OwnIssuer:
    """Grantline."""

    scope, signs_in = "CRM.modules.leads.READ", True

    def __init__(self, server: AuthorizationServer) -> None:
        self.server = server
        self.person = server.person("mara@example.com")
        self.apps = {
            "web": server.register("server-based", redirect_uri=CALLBACK),
            "tv": server.register("non-browser"),
        }
        self.apps["own"] = self.apps["web"]
        server.consent(self.apps["web"], self.person)

    def options(self, kind: str, **more: Any) -> dict[str, Any]:
        return self.server.setup(self.apps[kind], **more)

    def follow(self, url: str) -> str:
        return self.server.follow(url)

    def approve(self, user_code: str) -> None:
        self.server.enter(user_code, self.person)

    def works(self, token: str) -> bool:
        return self.server.works(token)


class NodeIssuer:
    """oidc-provider, over the network."""

    scope, signs_in = "crm.leads.read", True

    def __init__(self, told: dict[str, Any]) -> None:
        self.issuer = told["issuer"]
        self.clients = {client["client_id"]: client for client in told["clients"]}
        self.sub = told["accountId"]
        self.time = Time()

    def options(self, kind: str, **more: Any) -> dict[str, Any]:
        client = self.clients[kind]
        return {
            "issuer": self.issuer,
            "client_id": kind,
            "client_secret": client.get("client_secret", ""),
            "redirect_uri": CALLBACK if kind == "web" else "",
            **reaching(self.time),
            **more,
        }

    def follow(self, url: str) -> str:
        with httpx2.Client(cookies=CookieJar()) as browser:
            while url.startswith(self.issuer):
                page = browser.get(url)
                assert page.is_redirect, page.text
                url = str(page.url.join(page.headers["location"]))
        return url

    def approve(self, user_code: str) -> None:
        answer = httpx2.get(f"{self.issuer}/approve", params={"user_code": user_code})
        assert answer.text == "approved", answer.text

    def works(self, token: str) -> bool:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx2.get(f"{self.issuer}/me", headers=headers).status_code == 200


class VendorIssuer:
    """The vendor, by the names of its data centers."""

    scope, signs_in = SCOPE, False

    def __init__(self, location: str = "us") -> None:
        self.time = Time()
        self.accounts = Accounts(self.time)
        self.location = location

    def options(self, kind: str, **more: Any) -> dict[str, Any]:
        client = self.accounts.client
        return {
            "data_center": "us",
            "client_id": client.client_id,
            "client_secret": client.client_secret,
            "redirect_uri": client.redirect_uri,
            **reaching(self.time, self.accounts.transport),
            **more,
        }

    def follow(self, url: str) -> str:
        return self.accounts.callback(url, self.location)

    def approve(self, user_code: str) -> None:
        self.accounts.approve(user_code)

    def works(self, token: str) -> bool:
        return token in self.accounts.access_tokens


@contextmanager
def node_issuer(life_seconds: int = 3600) -> Iterator[NodeIssuer]:
    """oidc-provider in a process of its own."""
    folder = programs_folder()
    command = ["node", "provider.mjs", str(free_ports(1)), str(life_seconds)]
    with subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment({"NODE_NO_WARNINGS": "1"}),
    ) as process:
        try:
            assert process.stdout is not None
            yield NodeIssuer(json.loads(process.stdout.readline()))
        finally:
            process.kill()
