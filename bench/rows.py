"""Rows: the bytes that a row of each table takes with its indexes, on both engines, after filling them."""

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.cluster import Postgres
from bench.seed import PEOPLE_WHO_SIGN_IN, REDIRECT, SCOPE, email, open_engine
from bench.serving import Engine
from grantline.accounts import find_account_by_email, start_session
from grantline.audit import record_event
from grantline.clients import Client, find_client
from grantline.consent import Asked, allow
from grantline.web.server import Server

MORE: Final = 5000
"""Visits that are added, since the requests of the bench leave none."""
_FEWEST: Final = 1000
_AT_ONCE: Final = 100
_NETWORK: Final = "203.0.113.0/24"
_BROWSER: Final = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0"


@dataclass(frozen=True, slots=True)
class RowSize:
    """Bytes of a row with its share of the indexes; None where it was not measured."""

    table: str
    rows: int
    postgres: float | None
    sqlite: float | None


async def add_visits(engine: Engine) -> None:
    """Sessions, consents and events of people's visits, as the product writes them."""
    server = await open_engine(engine)
    people = [await find_account_by_email(server.db, email(n)) for n in range(PEOPLE_WHO_SIGN_IN)]
    numbers = [person.id for person in people if person is not None]
    apps = [
        await find_client(server.db, name) for name in json.loads((engine.data / "apps.json").read_text())
    ]
    clients = [app for app in apps if app is not None]
    for start in range(0, MORE, _AT_ONCE):
        several = range(start, start + _AT_ONCE)
        await asyncio.gather(
            *(_come(server, numbers[n % len(numbers)], clients[n % len(clients)], n) for n in several)
        )
    await server.close()


async def _come(server: Server, account_id: int, client: Client, number: int) -> None:
    """A person signs in and lets an app in. Consents are for organizations of their own: no two are one
    row."""
    now = server.clock()
    await start_session(server.db, account_id=account_id, now=now, network=_NETWORK, user_agent=_BROWSER)
    await record_event(server.db, "sign_in.succeeded", now=now, account_id=account_id, network=_NETWORK)
    asked = Asked((SCOPE,), True, REDIRECT)
    async with server.db.transaction() as tx:
        await allow(
            tx,
            account_id=account_id,
            client=client,
            organization_id=10**15 + number,
            asked=asked,
            network=_NETWORK,
            now=now,
        )


def measure_rows(file: Path, postgres: Postgres | None, database: str) -> list[RowSize]:
    """Every table that has enough rows to divide by. Both databases hold the same ones."""
    with closing(sqlite3.connect(file)) as opened:
        tables = [row[0] for row in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        counts = {name: opened.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}
        large = [name for name in sorted(tables) if counts[name] >= _FEWEST]
        found = []
        for name in large:
            behind = None
            if postgres is not None:
                question = f"SELECT pg_total_relation_size('{name}')"
                behind = int(postgres.cluster.sql(question, database)) / counts[name]
            found.append(RowSize(name, counts[name], behind, _sqlite_bytes(opened, name, counts[name])))
    return found


def _sqlite_bytes(opened: sqlite3.Connection, table: str, rows: int) -> float | None:
    question = (
        "SELECT sum(pgsize) FROM dbstat WHERE name IN"
        " (SELECT name FROM sqlite_master WHERE tbl_name = ?1 AND type IN ('table', 'index'))"
    )
    try:
        return float(opened.execute(question, (table,)).fetchone()[0]) / rows
    except sqlite3.OperationalError:  # this SQLite was built without dbstat
        return None
