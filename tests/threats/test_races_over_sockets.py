"""The same races against a process that listens, with connections of their own (T32, T47)."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.running import Server, start_server
from tests.site import PASSWORD, SCOPE

CALLERS = 64


@dataclass(frozen=True)
class Wire:
    """A server, and a self client registered at it."""

    server: Server
    credentials: dict[str, str]

    def code(self) -> str:
        options = ("--client", self.credentials["client_id"], "--scope", SCOPE)
        return self.server.grantline("code", *options).strip()

    async def post(self, http: httpx2.AsyncClient, path: str, **fields: str) -> httpx2.Response:
        return await http.post(path, data={**self.credentials, **fields})

    def open(self) -> httpx2.AsyncClient:
        limits = httpx2.Limits(max_connections=CALLERS, max_keepalive_connections=CALLERS)
        return httpx2.AsyncClient(base_url=self.server.issuer, limits=limits, timeout=30)


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    server = start_server(tmp_path_factory.mktemp("wire"), env={"GRANTLINE_LIMITS": "off"})
    server.grantline("user", "create", "mara@example.com", "--password-stdin", input=PASSWORD + "\n")
    made = server.grantline(
        "client",
        "create",
        "--type",
        "self-client",
        "--name",
        "Nightly",
        "--owner",
        "mara@example.com",
        "--json",
    )
    client: dict[str, Any] = json.loads(made)
    yield Wire(server, {name: client[name] for name in ("client_id", "client_secret")})
    server.process.stop()


async def active(wire: Wire, http: httpx2.AsyncClient, token: str) -> bool:
    answer = await wire.post(http, "/oauth/v2/introspect", token=token)
    return bool(answer.json()["active"])


async def test_T32_sixty_four_connections_with_one_code_have_one_winner_whose_tokens_live(wire: Wire) -> None:
    """RFC 6749 §4.1.2."""
    code = wire.code()
    async with wire.open() as http:
        calls = (
            wire.post(http, "/oauth/v2/token", grant_type="authorization_code", code=code)
            for _ in range(CALLERS)
        )
        responses = await asyncio.gather(*calls)
        counted = Counter((one.status_code, one.json().get("error", "")) for one in responses)
        assert counted == {(200, ""): 1, (400, "invalid_grant"): CALLERS - 1}
        winner = next(one.json() for one in responses if one.status_code == 200)
        assert await active(wire, http, winner["access_token"])


async def test_T47_no_refresh_on_another_connection_outlives_a_revocation(wire: Wire) -> None:
    """RFC 7009 §2: after the answer to the revocation nothing works, whatever was under way."""
    async with wire.open() as http:
        for place in (3, 20):
            exchanged = await wire.post(
                http, "/oauth/v2/token", grant_type="authorization_code", code=wire.code()
            )
            refresh_token = exchanged.json()["refresh_token"]
            calls = [
                wire.post(http, "/oauth/v2/token", grant_type="refresh_token", refresh_token=refresh_token)
                for _ in range(32)
            ]
            calls.insert(place, wire.post(http, "/oauth/v2/token/revoke", token=refresh_token))
            done = await asyncio.gather(*calls)
            assert done.pop(place).status_code == 200
            given = [one.json()["access_token"] for one in done if one.status_code == 200]
            assert not any([await active(wire, http, token) for token in given])
            assert {one.json()["error"] for one in done if one.status_code != 200} <= {"invalid_grant"}
