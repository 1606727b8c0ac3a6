"""A self client starts: its code is exchanged once, and the grant goes on for years."""

import asyncio
import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from grantline.sdk import (
    ClientRejected,
    FileStore,
    Grantline,
    GrantTokenUnusable,
    MemoryStore,
    ReconnectRequired,
    Session,
    SqlAlchemyStore,
    SqliteStore,
    StoreRefused,
)
from grantline.sdk.driving import AsyncHttpWire
from grantline.sdk.selfclient import connect, read_grant_token
from grantline.sdk.setup import set_up
from grantline.sdk.stores.protocol import Store
from tests.sdk.waiting import Lines, counted
from tests.site import SCOPE, App, Site
from tests.web.console.test_samples import file_of
from tests.web.test_console import generate

MORE = "CRM.modules.contacts.READ"


class Losing(Lines):
    """A way on which answers of the token endpoint get lost, after the server gave them."""

    lose = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await super().handle_async_request(request)
        if request.url.path.endswith("/token") and self.lose:
            self.lose -= 1
            raise httpx2.ReadError("lost")
        return answer


class Program:
    """A self client of the site, whose processes share a store."""

    def __init__(self, site: Site, app: App) -> None:
        self.site, self.app = site, app
        self.lines = Losing(site)
        self.store: Store = MemoryStore()

    async def start(self, source: dict[str, Any]) -> Session:
        """Another process of it."""
        setup = counted(self.site, self.app, self.lines)
        setup.store = self.store
        return await setup.arun(connect(setup, read_grant_token(source)))

    async def file(self, scope: str = SCOPE) -> dict[str, Any]:
        """A new file of the console."""
        page = await generate(await self.site.signed_in(), self.app, scope=scope)
        return file_of(page)


@pytest.fixture
async def program(site: Site) -> Program:
    return Program(site, await site.app("self-client"))


async def test_the_consoles_file_is_exchanged_once_and_later_starts_need_no_code(
    program: Program, tmp_path: Path
) -> None:
    file = await program.file()
    assert file["issuer"] == program.site.issuer
    path = tmp_path / "grantline-code.json"
    path.write_text(json.dumps(file))
    made = set_up(path, client_secret=program.app.secret or "", store=MemoryStore())
    assert (made.app.issuer, made.app.client_id) == (program.site.issuer, program.app.id)
    sessions = await asyncio.gather(*(program.start(file) for _ in range(5)))
    assert len(program.lines.polls) == 1
    tokens = {(await one.atoken()).value for one in sessions}
    tokens.add((await (await program.start({})).atoken()).value)
    assert len(tokens) == len(program.lines.polls) == 1
    assert program.store.keys() == [sessions[0].grant.key.text]


async def test_a_program_without_the_secret_is_told_where_it_belongs(program: Program) -> None:
    setup = counted(program.site, program.app, program.lines)
    setup.app = replace(setup.app, client_secret=None)
    with pytest.raises(ClientRejected) as refused:
        await setup.arun(connect(setup, read_grant_token(await program.file())))
    assert refused.value.hint.startswith("Set GRANTLINE_CLIENT_SECRET, ")


async def test_a_new_code_wins_and_one_that_is_over_leaves_what_it_could_not_better(program: Program) -> None:
    await program.start(await program.file())
    wider = await program.start(await program.file(f"{SCOPE},{MORE}"))
    assert set(wider.status().scope) == {SCOPE, MORE}
    late, later = await program.file(MORE), await program.file("CRM.modules.invoices.READ")
    program.site.clock.advance(600)
    for _ in range(2):
        assert (await program.start(late)).status().scope == wider.status().scope
    assert len(program.lines.polls) == 3, "what was refused once is not sent again"
    with pytest.raises(GrantTokenUnusable, match=r"^The code expired 420 seconds ago\.\nGenerate") as refused:
        await program.start(later)
    assert refused.value.code == "code_expired"
    assert (await program.start({})).status().scope == wider.status().scope


async def test_a_grant_that_is_over_asks_for_a_code_and_takes_one(program: Program) -> None:
    with pytest.raises(ReconnectRequired, match="no code"):
        await program.start({})
    file = await program.file()
    session = await program.start(file)
    program.site.clock.advance(60)
    await session.arevoke()
    with pytest.raises(GrantTokenUnusable, match="already used"):
        await program.start(file)
    assert (await (await program.start(await program.file())).atoken()).value


async def test_an_answer_that_was_lost_is_told_from_a_server_that_was_away(program: Program) -> None:
    file = await program.file()
    program.lines.lose = 1
    with pytest.raises(GrantTokenUnusable, match="lost on the way") as lost:
        await program.start(file)
    assert file["code"] not in str(lost.value)
    again = await program.file()
    away = [httpx2.ConnectError("away")]

    def bend(request: httpx2.Request) -> None:
        if request.url.path.endswith("/token") and away:
            raise away.pop()

    program.lines.bend = bend
    assert (await (await program.start(again)).atoken()).value


@pytest.mark.parametrize("kind", ["file", "sqlite", "sqlalchemy"])
async def test_a_store_without_a_key_says_so_before_the_code_is_used(
    program: Program, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores: dict[str, Callable[[], Store]] = {
        "file": lambda: FileStore(tmp_path / "grants"),
        "sqlite": lambda: SqliteStore(tmp_path / "grants.sqlite3"),
        "sqlalchemy": lambda: SqlAlchemyStore(f"sqlite:///{tmp_path}/app.db"),
    }
    file = await program.file()
    program.store = stores[kind]()
    monkeypatch.setenv("GRANTLINE_STORE_KEY", "of another app")
    with pytest.raises(StoreRefused, match="32 bytes"):
        await program.start(file)
    monkeypatch.setenv("GRANTLINE_STORE_KEY", secrets.token_urlsafe(32))
    program.store = stores[kind]()
    assert (await (await program.start(file)).atoken()).value


def test_the_vendors_file_is_read_too() -> None:
    file = {
        "client_id": "1000.X",
        "client_secret": "s",
        "code": "1000.a.b",
        "expiry_time": 1_700_000_000_000,
        "scope": ["ZohoCRM.modules.ALL"],
        "grant_type": "authorization_code",
    }
    found = read_grant_token(file)
    assert found is not None
    assert (found.scope, found.expires_at) == (("ZohoCRM.modules.ALL",), 1_700_000_000)
    made = set_up(file, data_center="eu", store=MemoryStore())
    assert (made.app.issuer, made.app.client_id) == ("https://accounts.zoho.eu", "1000.X")
    assert read_grant_token({**file, "expiry_time": "soon"}) is not None
    assert read_grant_token({**file, "code": 7}) is None
    with pytest.raises(ClientRejected, match="no data center 'mars'"):
        set_up(file, data_center="mars", store=MemoryStore())
    with pytest.raises(ClientRejected, match=r"no client_id.\nGive client_id="):
        set_up({}, data_center="eu", store=MemoryStore())


async def test_an_app_acts_as_itself_with_tokens_of_its_own(site: Site) -> None:
    app, lines = await site.app("server-based"), Lines(site)
    known = {"issuer": site.issuer, "client_id": app.id, "client_secret": app.secret}
    store, clock = MemoryStore(), counted(site, app, lines).clock

    def start(scope: str) -> Session:
        return Grantline.client_credentials(
            known, scope=scope, store=store, clock=clock, async_wire=AsyncHttpWire(lines)
        )

    one, other = start(SCOPE), start(SCOPE)
    assert lines.asked == []
    assert await one.atoken() == await other.atoken()
    assert len(lines.polls) == 1
    wider = await start(f"{SCOPE} {MORE}").atoken()
    assert set(wider.scope) == {SCOPE, MORE}


async def test_an_app_that_gets_fewer_scopes_than_it_asked_for_keeps_its_token(site: Site) -> None:
    app, lines = await site.app("server-based"), Lines(site)

    def bend(request: httpx2.Request) -> httpx2.Response | None:
        answer = {"access_token": "a1", "expires_in": 3600, "scope": SCOPE}
        return httpx2.Response(200, json=answer) if request.url.path.endswith("/token") else None

    lines.bend = bend
    setup = counted(site, app, lines, scope=(SCOPE, MORE))
    for _ in range(2):
        token = await setup.session(setup.grant(setup.key(name="own"), own=True)).atoken()
        assert token.scope == (SCOPE,)
    assert len(lines.polls) == 1
