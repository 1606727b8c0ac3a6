"""Migrations: from every older schema with rows in it, all or nothing, never from a newer release."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from grantline.db import (
    Database,
    DatabaseUnavailable,
    MigrationFailed,
    SchemaRefused,
    migrate,
    open_database,
    schema_version,
)
from grantline.db.migrate import newest_version
from grantline.db.tables import list_tables
from tests.cluster import Cluster
from tests.command_line import run_command
from tests.conftest import SiteFactory
from tests.db.filling import Filling, content, insert, rows_of
from tests.site import Site

OLDER: Final = range(1, newest_version())
CHANGED_ON_PURPOSE: Final = frozenset[str]()
"""`table.column` whose values a migration changes, or which it drops."""


async def open_at(url: str, version: int) -> Database:
    """A new database, its schema as an older release made it."""
    db = await open_database(url, migrated=False)
    await migrate(db, until=version)
    assert await schema_version(db) == version
    return db


@pytest.fixture
async def second(database_url: str) -> AsyncIterator[Database]:
    """A database at schema 2, which the migrations after it have not seen."""
    db = await open_at(database_url, 2)
    yield db
    await db.close()


@pytest.mark.both_engines
@pytest.mark.parametrize("version", OLDER)
async def test_every_row_of_an_older_schema_is_there_after_migrating(database_url: str, version: int) -> None:
    db = await open_at(database_url, version)
    tables = await list_tables(db)
    await Filling(tables).fill(db, 6)
    before = await content(db, tables)
    await db.close()
    assert all(len(rows) == 6 for rows in before.values())
    migrated = await open_database(database_url)
    try:
        assert await schema_version(migrated) == newest_version()
        after = await content(migrated, tables)
    finally:
        await migrated.close()
    for table in tables:
        kept = [n for n, c in enumerate(table.columns) if f"{table.name}.{c.name}" not in CHANGED_ON_PURPOSE]
        for was, is_now in zip(before[table.name], after[table.name], strict=True):
            assert [was[n] for n in kept] == [is_now[n] for n in kept], table.name


async def copy_down(new: Database, old: Database) -> None:
    """The rows of a database into one of an older schema, as far as that has places for them."""
    for table in await list_tables(old):
        for row in await rows_of(new, table):
            names = [column.name for column in table.columns]
            await insert(old, table.name, dict(zip(names, row, strict=True)))
    if old.engine == "postgresql":
        for name in ("authorizations", "scope_sets"):
            await old.all("SELECT setval(pg_get_serial_sequence($1, 'id'), 1000)", name)


async def use(site: Site) -> dict[str, tuple[Any, str]]:
    """Everyday life: people, apps of three kinds, tokens; gives the refresh tokens."""
    await site.api()
    tokens = {}
    for type_name in ("server-based", "self-client", "non-browser"):
        app = await site.app(type_name)
        tokens[type_name] = (app, (await site.tokens(app))["refresh_token"])
    return tokens


@pytest.mark.both_engines
@pytest.mark.parametrize("version", OLDER)
async def test_people_and_apps_of_an_older_release_go_on_as_before(
    open_a_site: SiteFactory, site_folder: Path, database_url: str, version: int
) -> None:
    async with open_a_site() as site:
        issued = await use(site)
        old = await open_at(database_url, version)
        await copy_down(site.db, old)
        await old.close()
    master_key = site_folder / "master.key"
    async with open_a_site(database=database_url, master_key_file=master_key) as site:
        assert await schema_version(site.db) == newest_version()
        await site.signed_in()
        for type_name, (app, refresh_token) in issued.items():
            answer = await site.refresh(app, refresh_token)
            assert answer.status_code == 200, (type_name, answer.text)
            assert await site.works(answer.json()["access_token"])
        assert (await site.tokens(issued["server-based"][0]))["access_token"]


@pytest.mark.both_engines
async def test_of_two_self_clients_of_one_owner_the_one_in_use_stays(second: Database) -> None:
    """They could be made by two registrations at one moment; now the database says that there is one."""
    filling = Filling(await list_tables(second))
    mine: dict[str, Any] = {
        "type": "self-client",
        "owner_account_id": 5,
        "organization_id": 6,
        "deleted_at": None,
    }
    await filling.add(second, "accounts", 0)
    await filling.add(second, "clients", 3, **mine, id="unused", created_at=10)
    await filling.add(second, "clients", 4, **mine, id="used", created_at=20)
    await filling.add(second, "clients", 5, **{**mine, "deleted_at": 7}, id="gone")
    await filling.add(second, "clients", 6, **{**mine, "organization_id": 7}, id="of another organization")
    await filling.add(second, "clients", 7, **{**mine, "type": "mobile"}, id="of another type")
    for n, (client, used_at) in enumerate((("unused", 30), ("used", 40), ("of another type", 50))):
        await filling.add(second, "authorizations", n, client_id=client, used_at=used_at, revoked_at=None)
    await filling.add(second, "consents", 0, account_id=1, client_id="unused", withdrawn_at=None)
    await migrate(second)
    found = await second.all("SELECT id FROM clients WHERE deleted_at IS NULL ORDER BY id")
    assert [row[0] for row in found] == ["of another organization", "of another type", "used"]
    deleted = await second.one("SELECT secrets FROM clients WHERE id = 'unused'")
    live = await second.all(
        "SELECT client_id FROM authorizations WHERE revoked_at IS NULL ORDER BY client_id"
    )
    assert deleted is not None
    assert deleted[0] == "[]"
    assert [row[0] for row in live] == ["of another type", "used"]
    assert await second.all("SELECT 1 FROM consents WHERE withdrawn_at IS NULL") == []
    told = await second.all("SELECT client_id, account_id, kind FROM audit")
    assert [tuple(row[n] for n in range(3)) for row in told] == [("unused", 5, "client.deleted")]


@pytest.mark.both_engines
async def test_of_two_keys_of_one_number_the_newest_keeps_it_and_none_is_lost(second: Database) -> None:
    filling = Filling(await list_tables(second))
    keys = (("a", 1, 20), ("b", 1, 10), ("c", 1, 10), ("d", 2, 30), ("e", 2, 30), ("f", 40, 5))
    for n, (name, number, created_at) in enumerate(keys):
        await filling.add(second, "keys", n, id=name, purpose="mac", number=number, created_at=created_at)
    await filling.add(second, "keys", 9, id="g", purpose="RS256", number=1)
    await migrate(second)
    rows = await second.all("SELECT id, purpose, number FROM keys")
    numbers = {row[0]: (row[1], row[2]) for row in rows}
    assert {name: numbers[name] for name in "aefg"} == {
        "a": ("mac", 1),
        "e": ("mac", 2),
        "f": ("mac", 40),
        "g": ("RS256", 1),
    }
    assert len(set(numbers.values())) == 7
    assert all(numbers[name][1] > 40 for name in "bcd")


@pytest.mark.both_engines
async def test_a_migration_that_fails_leaves_nothing_behind_and_is_named(database_url: str) -> None:
    db = await open_at(database_url, 1)
    tables = await list_tables(db)
    await db.run("CREATE TABLE jobs (of_somebody_else BIGINT)")
    with pytest.raises((MigrationFailed, DatabaseUnavailable), match="0002_nodes"):
        await open_database(database_url)
    assert await schema_version(db) == 1
    assert [one for one in await list_tables(db) if one.name != "jobs"] == tables
    await db.run("DROP TABLE jobs")
    await db.close()
    await (await open_database(database_url)).close()


@pytest.mark.both_engines
async def test_a_database_of_a_newer_release_is_refused_in_words(database_url: str) -> None:
    db = await open_database(database_url)
    await db.run("INSERT INTO schema_version (version) VALUES ($1)", 9999)
    told = rf"newer Grantline \(schema 9999, this one knows {newest_version()}\)"
    with pytest.raises(SchemaRefused, match=told):
        await migrate(db)
    await db.close()
    with pytest.raises(SchemaRefused, match=told):
        await open_database(database_url)
    refused = await asyncio.to_thread(run_command, "user", "disable", "a@b.example", database=database_url)
    assert (refused.status, refused.out) == (1, "")
    assert "newer Grantline" in refused.err


async def test_a_migration_waits_for_as_long_as_it_must(postgres: Cluster) -> None:
    """Ordinary statements give up after a second or two. One that rewrites a table takes what it takes."""
    name = postgres.new_database()
    await (await open_at(postgres.url(name), 1)).close()
    holder = await asyncpg.connect(postgres.url(name))
    try:
        async with holder.transaction():
            await holder.execute("LOCK TABLE home IN ACCESS EXCLUSIVE MODE")
            opening = asyncio.create_task(open_database(postgres.url(name)))
            await asyncio.sleep(1.5)
            assert not opening.done()
        db = await opening
        assert await schema_version(db) == newest_version()
        await db.close()
    finally:
        await holder.close()
        postgres.drop_database(name)


def test_migrate_says_from_which_version_to_which(tmp_path: Path) -> None:
    url, newest = f"sqlite://{tmp_path}/one.db", newest_version()

    async def make() -> None:
        await (await open_at(url, 1)).close()

    asyncio.run(make())
    first, again = (run_command("migrate", database=url).out for _ in range(2))
    assert first == f"The database is at schema version {newest}; it was at 1.\n"
    assert again == f"The database is at schema version {newest}, as it was.\n"
    fresh = run_command("migrate", "--json", database=f"sqlite://{tmp_path}/two.db").json
    assert fresh == {"schema_version": newest, "was_schema_version": 0}
