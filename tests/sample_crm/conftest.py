"""A sample CRM on a fresh file, an authorization server outside it, and somebody who calls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from json import dumps
from pathlib import Path
from typing import Any

import httpx2
import pytest

from grantline.sample_crm import CrmConfig, build_app
from tests.sample_crm.authorization_server import (
    API,
    CLIENT_ID,
    CLIENT_SECRET,
    ISSUER,
    NOW,
    AuthorizationServer,
    alive,
    person,
)


@dataclass
class Clock:
    """Epoch seconds that a test moves."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Crm:
    """Calls the CRM; JSON goes without a Content-Type, as the vendor's SDKs send it."""

    http: httpx2.AsyncClient
    server: AuthorizationServer
    clock: Clock = field(default_factory=Clock)

    async def call(
        self, method: str, path: str, *, token: str | None = "ada", json: Any = None, **more: Any
    ) -> httpx2.Response:
        headers = dict(more.pop("headers", {}))
        if token is not None:
            headers.setdefault("Authorization", f"Bearer {token}")
        if json is not None:
            more["content"] = dumps(json)
        return await self.http.request(method, path, headers=headers, **more)

    async def create(self, module: str, *records: dict[str, Any], token: str = "ada") -> list[str]:
        """Create records and give their ids."""
        answer = await self.call("POST", f"/crm/v8/{module}", token=token, json={"data": list(records)})
        assert answer.status_code == 201, answer.text
        return [result["details"]["id"] for result in answer.json()["data"]]


@pytest.fixture
def server() -> AuthorizationServer:
    """An authorization server that knows Ada, and Bob of another organization."""
    return AuthorizationServer({"ada": person(), "bob": person("700000002", "500000002", name="Bob Stone")})


def config_in(folder: Path) -> CrmConfig:
    """What a CRM in this folder is told."""
    return CrmConfig(
        issuer=ISSUER,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        identifier=API,
        database=folder / "crm" / "crm.sqlite3",
    )


@pytest.fixture
def config(tmp_path: Path) -> CrmConfig:
    return config_in(tmp_path)


@asynccontextmanager
async def running_crm(config: CrmConfig, server: AuthorizationServer, now: float = NOW) -> AsyncIterator[Crm]:
    """A CRM on the config's file, between its start and its shutdown."""
    clock = Clock(now)
    app: Any = build_app(config, clock=clock, transport=httpx2.ASGITransport(app=server))
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with alive(app), httpx2.AsyncClient(transport=transport, base_url=API) as http:
        yield Crm(http, server, clock)


@pytest.fixture
async def crm(config: CrmConfig, server: AuthorizationServer) -> AsyncIterator[Crm]:
    async with running_crm(config, server) as running:
        yield running


@pytest.fixture(scope="module")
async def busy_crm(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crm]:
    """A CRM for the tests of a module, each of which brings an organization of its own: the process that
    carries jobs out starts once."""
    server = AuthorizationServer()
    async with running_crm(config_in(tmp_path_factory.mktemp("crm")), server) as running:
        yield running
