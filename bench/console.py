"""The console's pages in a large workspace: what the server takes for each, on SQLite, in this process."""

import asyncio
import sqlite3
import statistics
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2

from bench.workspace import Amounts, fill
from grantline.accounts import create_account, personal_organization, start_session
from grantline.clients import Registration, register_client
from grantline.settings import Settings
from grantline.web import cookies
from grantline.web.app import build_app
from grantline.web.console.routes import PAGES
from grantline.web.server import Server, open_server
from grantline.workspaces import ensure_personal_workspace

GOAL_MS: Final = 50
_TIMES: Final = 15
_ISSUER: Final = "http://127.0.0.1:8799"
_NEEDS_MORE: Final = ("{member}", "{invitation}", "/activity/add", "/try/callback")


@dataclass(frozen=True, slots=True)
class PageTime:
    """What one page takes, by the clock of this process's work: median and slowest, in milliseconds."""

    path: str
    median_ms: float
    slowest_ms: float
    status: int


async def _client_of(server: Server) -> tuple[str, int, str]:
    """A developer with one client and a session: the client's id, the workspace's, and the cookie."""
    now = server.clock()
    person = await create_account(
        server.db, email="dev@example.com", password_hash="", given_name="Dev", family_name="One", now=now
    )
    await ensure_personal_workspace(server.db, person.id, now)
    client, _secret = await register_client(
        server.db,
        type_name="server-based",
        asked=Registration(name="Lead Desk", redirect_uris=("https://app.example/callback",)),
        owner_account_id=person.id,
        organization_id=(await personal_organization(server.db, person.id)).id,
        data_center=server.code,
        now=now,
    )
    value, _session = await start_session(
        server.db, account_id=person.id, now=now, network="127.0.0.1", user_agent="bench"
    )
    line = cookies.render(server, "session", value, cookies.SESSION_SECONDS)
    return client.id, person.id, line.partition(";")[0]


async def _time(http: httpx2.AsyncClient, path: str) -> PageTime:
    answer = await http.get(path)
    taken = []
    for _ in range(_TIMES):
        started = time.process_time()
        await http.get(path)
        taken.append((time.process_time() - started) * 1000)
    return PageTime(path, round(statistics.median(taken), 1), round(max(taken), 1), answer.status_code)


async def _measure(folder: Path, amounts: Amounts) -> list[PageTime]:
    file = folder / "console.db"
    server = await open_server(Settings(database=f"sqlite://{file}", public_url=_ISSUER, data_center="us"))
    client_id, workspace_id, cookie = await _client_of(server)
    with closing(sqlite3.connect(file)) as opened:
        fill(opened, client_id, workspace_id, server.clock(), amounts)
    transport = httpx2.ASGITransport(app=build_app(server), client=("127.0.0.1", 40000))
    found = []
    async with httpx2.AsyncClient(transport=transport, base_url=_ISSUER, headers={"Cookie": cookie}) as http:
        for page in PAGES:
            if page.method == "GET" and not any(part in page.path for part in _NEEDS_MORE):
                path = page.path.replace("{client_id}", client_id).replace("{type}", "server-based")
                one = await _time(http, path)
                found.append(PageTime(page.path, one.median_ms, one.slowest_ms, one.status))
    await server.close()
    return sorted(found, key=lambda one: -one.median_ms)


def measure_console(folder: Path, amounts: Amounts) -> list[PageTime]:
    """Every page that anybody may look at, the slowest first."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("console.db*"):
        left.unlink()
    return asyncio.run(_measure(folder, amounts))
