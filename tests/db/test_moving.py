"""Moving an embedded database to PostgreSQL: every row arrives, also after a crash, and nothing else does."""

import asyncio
import shutil
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from pydantic import ValidationError

from grantline.db import (
    MoveFailed,
    SchemaRefused,
    Step,
    move_database,
    open_database,
    without_password,
)
from grantline.db.moving import BATCH_ROWS
from grantline.db.postgres_url import parse_address
from grantline.db.tables import Column, Reference, Table, list_tables
from grantline.settings import Settings
from tests.cluster import Cluster
from tests.command_line import Done, run_command
from tests.conftest import SiteFactory
from tests.db.filling import Filling, content
from tests.running import ROOT, environment
from tests.site import PASSWORD

LONG: Final = "audit"
"""A table of several batches in these tests."""


def tell_nobody(step: Step) -> None:
    """For those who need no progress."""


@pytest.fixture
def target(postgres: Cluster) -> Iterator[str]:
    """The name of an empty database."""
    name = postgres.new_database()
    yield name
    postgres.drop_database(name)


@pytest.fixture(scope="session")
async def source_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedded database: some rows in each table, in one several batches."""
    path = tmp_path_factory.mktemp("moving") / "source.db"
    await filled(path, rows=12, of_the_long=2 * BATCH_ROWS + 100)
    return path


@pytest.fixture
def source(source_file: Path, tmp_path: Path) -> str:
    """The URL of a copy of it."""
    return f"sqlite://{shutil.copy(source_file, tmp_path / 'source.db')}"


async def filled(path: Path, *, rows: int, of_the_long: int) -> str:
    db = await open_database(f"sqlite://{path}")
    await Filling(await list_tables(db)).fill(db, rows, **{LONG: of_the_long})
    await db.close()
    return f"sqlite://{path}"


async def all_of(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    db = await open_database(url, migrated=False)
    try:
        return await content(db, await list_tables(db))
    finally:
        await db.close()


async def command(*args: str, database: str) -> Done:
    """A command, run beside the loop of the test."""
    return await asyncio.to_thread(run_command, *args, database=database)


@pytest.fixture
def foreign_order(postgres: Cluster) -> Iterator[str]:
    """An empty database that sorts texts as people do, not by their bytes."""
    name = f"people{uuid.uuid4().hex[:8]}"
    postgres.sql(
        f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en' STRATEGY wal_log"
    )
    yield name
    postgres.drop_database(name)


async def test_every_row_of_ten_thousand_arrives_as_it_was(
    tmp_path: Path, postgres: Cluster, foreign_order: str
) -> None:
    target = foreign_order
    source = await filled(tmp_path / "source.db", rows=400, of_the_long=2400)
    done = await command("migrate", "--to", postgres.url(target), database=source)
    assert done.status == 0, done.err
    before, after = await all_of(source), await all_of(postgres.url(target))
    assert before == after
    assert sum(map(len, before.values())) >= 10_000
    assert f"Moved {sum(map(len, before.values()))} rows in {len(before)} tables" in done.out
    assert f"GRANTLINE_DATABASE={postgres.url(target)} " in done.out
    assert f"GRANTLINE_MASTER_KEY_FILE={tmp_path}/master.key" in done.out
    assert postgres.sql("SELECT to_regclass('unfinished_move')", target) == ""
    assert "Copying clients (" in done.err


async def test_a_number_that_was_ever_given_is_not_given_again(
    source: str, postgres: Cluster, target: str
) -> None:
    """Else a token of an authorization that is gone would belong to a new one."""
    lite = sqlite3.connect(source.removeprefix("sqlite://"))
    lite.execute("UPDATE sqlite_sequence SET seq = 700 WHERE name = 'authorizations'")
    lite.commit()
    lite.close()
    await move_database(source, postgres.url(target), tell_nobody)
    next_of = "SELECT nextval(pg_get_serial_sequence('{}', 'id'))"
    assert postgres.sql(next_of.format("authorizations"), target) == "701"
    assert postgres.sql(next_of.format("scope_sets"), target) == "13"


async def test_people_and_apps_go_on_on_postgresql(
    open_a_site: SiteFactory, tmp_path: Path, site_folder: Path, postgres: Cluster, target: str
) -> None:
    """With the same master key, tokens from before work after."""
    old = f"sqlite://{tmp_path}/old.db"
    master_key = site_folder / "master.key"
    async with open_a_site(database=old, master_key_file=master_key) as site:
        hashed = await site.server.passwords.hash(PASSWORD)
        await site.db.run("UPDATE accounts SET password_hash = $1", hashed)
        await site.api()
        app = await site.app("server-based")
        before = await site.tokens(app)
    await move_database(old, postgres.url(target), tell_nobody)
    async with open_a_site(database=postgres.url(target), master_key_file=master_key) as site:
        assert site.db.engine == "postgresql"
        assert await site.works(before["access_token"])
        answer = await site.refresh(app, before["refresh_token"])
        assert answer.status_code == 200, answer.text
        assert await site.works(answer.json()["access_token"])
        await site.signed_in()
        assert (await site.tokens(app))["refresh_token"]


@asynccontextmanager
async def session(url: str) -> AsyncIterator[Any]:
    """A connection that waits for as long as the test does."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Return once it holds; the test's own time limit ends it."""
    while not await holds():
        await asyncio.sleep(0.02)


@contextmanager
def running(source: str, target: str) -> Iterator[subprocess.Popen[str]]:
    """The command as a process of its own, killed at the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "grantline", "migrate", "--database", source, "--to", target],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment({"PYTHONPATH": str(ROOT / "src")}),
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


class BrokenOff(Exception):
    """The move stops here."""


async def break_off(source: str, url: str) -> None:
    """Stop a move when one batch of the long table is there."""

    def stop(step: Step) -> None:
        if (step.phase, step.table) == ("Copying", LONG):
            raise BrokenOff

    with pytest.raises(BrokenOff):
        await move_database(source, url, stop)


async def kill(source: str, url: str) -> None:
    """Kill a move when one batch of the long table is there, and the second is being copied."""

    async def waits(who: Any) -> bool:
        return bool(
            await who.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database()"
            )
        )

    async with session(url) as gate, session(url) as claim, session(url) as eye:
        # The schema is made first, so that there is a table to lock.
        await (await open_database(url)).close()
        closed = gate.transaction()
        await closed.start()
        await gate.execute(f"LOCK TABLE {LONG} IN EXCLUSIVE MODE")
        with running(source, url):
            await until(lambda: waits(eye))
            taken = claim.transaction()
            await taken.start()
            await claim.execute("INSERT INTO unfinished_move VALUES ($1, 1, '')", LONG)
            await closed.rollback()
            count = f"SELECT count(*) FROM {LONG}"

            async def first_is_there() -> bool:
                return bool(await eye.fetchval(count) == BATCH_ROWS and await waits(eye))

            await until(first_is_there)
        await taken.rollback()
        assert await eye.fetchval(count) == BATCH_ROWS


async def test_a_move_that_was_killed_goes_on_where_it_stopped(
    source: str, postgres: Cluster, target: str
) -> None:
    url = postgres.url(target)
    await kill(source, url)
    numbers = f"SELECT xmin::text FROM {LONG} ORDER BY id LIMIT 5"
    written_by = postgres.sql(numbers, target)
    with pytest.raises(SchemaRefused, match="not been finished"):
        await open_database(url)
    done = await command("migrate", "--to", url, "--json", database=source)
    assert done.json["resumed"] is True
    assert await all_of(source) == await all_of(url)
    assert postgres.sql(numbers, target) == written_by  # not copied a second time
    await (await open_database(url)).close()


async def test_a_copied_row_that_was_altered_is_noticed(source: str, postgres: Cluster, target: str) -> None:
    await break_off(source, postgres.url(target))
    change = f"UPDATE {LONG} SET network = network || ' ' WHERE id = (SELECT min(id) FROM {LONG})"
    postgres.sql(change, target)
    done = await command("migrate", "--to", postgres.url(target), database=source)
    assert done.status == 1
    assert f"Rows 1 to {BATCH_ROWS} of {LONG} are not the same" in done.err
    with pytest.raises(SchemaRefused):
        await open_database(postgres.url(target))


async def test_a_row_too_many_is_noticed(source: str, postgres: Cluster, target: str) -> None:
    await break_off(source, postgres.url(target))
    postgres.sql("INSERT INTO organizations VALUES (999, 'of nobody', 1)", target)
    with pytest.raises(MoveFailed, match="organizations has rows in PostgreSQL that the file does not have"):
        await move_database(source, postgres.url(target), tell_nobody)


async def test_what_changed_after_a_broken_move_is_moved_as_it_is_now(
    source: str, postgres: Cluster, target: str
) -> None:
    """Somebody served the embedded database in between: nothing of the first copy may stay."""
    await break_off(source, postgres.url(target))
    lite = sqlite3.connect(source.removeprefix("sqlite://"))
    lite.execute("UPDATE audit SET network = 'another' WHERE id = (SELECT min(id) FROM audit)")
    lite.execute("DELETE FROM activity WHERE id = (SELECT min(id) FROM activity)")
    lite.commit()
    lite.close()
    moved = await move_database(source, postgres.url(target), tell_nobody)
    assert not moved.resumed
    assert await all_of(source) == await all_of(postgres.url(target))


async def test_a_database_with_rows_of_its_own_is_left_alone(
    source: str, postgres: Cluster, target: str
) -> None:
    await move_database(source, postgres.url(target), tell_nobody)
    before = await all_of(postgres.url(target))
    done = await command("migrate", "--to", postgres.url(target), database=source)
    assert (done.status, done.out) == (1, "")
    assert "has rows of its own" in done.err
    assert await all_of(postgres.url(target)) == before


async def test_a_file_that_a_server_has_open_is_not_moved(
    source: str, postgres: Cluster, target: str
) -> None:
    """Also when it writes nothing at this moment: what it wrote later would be lost."""
    server = await open_database(source)
    done = await command("migrate", "--to", postgres.url(target), database=source)
    assert (done.status, done.out) == (1, "")
    assert "is in use. Stop the server" in done.err
    assert postgres.sql("SELECT to_regclass('clients')", target) == ""
    await server.close()
    assert (await command("migrate", "--to", postgres.url(target), database=source)).status == 0


BROKEN: Final = {
    "holds a NUL character": "UPDATE clients SET name = 'Sec' || char(0) || 'ret' WHERE id = 'gl'",
    "is of type str, where bigint belongs": "UPDATE clients SET created_at = 'Secret' WHERE id = 'gl'",
    "is a text that is not UTF-8": "UPDATE clients SET name = CAST(x'ff5365637265' AS TEXT) WHERE id = 'gl'",
    "is of type bytes, where text belongs": "UPDATE clients SET name = x'536563726574' WHERE id = 'gl'",
    "refers to a row of clients that is not there": "DELETE FROM clients WHERE id = 'gl'",
}


@pytest.mark.parametrize("problem", BROKEN)
async def test_what_postgresql_would_refuse_is_named_before_anything_is_copied(
    problem: str, source: str, postgres: Cluster, target: str
) -> None:
    """SQLite takes any value in any column. The place is told, never the value."""
    lite = sqlite3.connect(source.removeprefix("sqlite://"))
    first = "SELECT id FROM clients ORDER BY id LIMIT 1"
    lite.execute(f"UPDATE apis SET client_id = 'gl' WHERE client_id = ({first})")
    for table in ("client_origins", "authorizations", "consents"):
        lite.execute(f"UPDATE {table} SET client_id = 'gl' WHERE client_id = ({first})")
    lite.execute(f"UPDATE clients SET id = 'gl' WHERE id = ({first})")
    lite.execute(BROKEN[problem])
    lite.commit()
    lite.close()
    done = await command("migrate", "--to", postgres.url(target), database=source)
    assert (done.status, done.out) == (1, "")
    assert problem in done.err
    assert "Nothing was copied" in done.err
    assert "Sec" not in done.err
    if "refers" not in problem:
        assert "\nclients, row gl: " in done.err
    assert postgres.sql("SELECT to_regclass('unfinished_move')", target) == ""
    assert postgres.sql("SELECT count(*) FROM accounts", target) == "0"


async def test_it_goes_from_a_file_to_postgresql_and_no_other_way(
    source: str, postgres: Cluster, target: str
) -> None:
    url = postgres.url(target)
    for one, other in ((url, url), (url, source), (source, source)):
        with pytest.raises(MoveFailed, match=r"embedded|PostgreSQL"):
            await move_database(one, other, tell_nobody)
    with pytest.raises(FileNotFoundError):
        await move_database(f"{source}.missing", url, tell_nobody)


async def test_a_database_of_another_encoding_is_refused(source: str, postgres: Cluster) -> None:
    postgres.sql("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' STRATEGY wal_log")
    try:
        with pytest.raises(MoveFailed, match="LATIN1"):
            await move_database(source, postgres.url("latin"), tell_nobody)
    finally:
        postgres.drop_database("latin")


@pytest.mark.both_engines
async def test_tables_come_after_those_that_they_refer_to(database_url: str) -> None:
    db = await open_database(database_url)
    key = (Column("id", "bigint", True),)
    await db.run("CREATE TABLE z_parent (id BIGINT PRIMARY KEY)")
    await db.run("CREATE TABLE a_child (id BIGINT PRIMARY KEY, up BIGINT REFERENCES z_parent (id))")
    tables = await list_tables(db)
    await db.close()
    names = [table.name for table in tables]
    assert names.index("z_parent") < names.index("a_child")
    for table in tables:
        assert all(names.index(one.table) < names.index(table.name) for one in table.references)
    assert tables[names.index("a_child")] == Table(
        "a_child", (*key, Column("up", "bigint", False)), ("id",), (Reference("up", "z_parent", "id"),)
    )


PASSWORD_IN_URL: Final = "s3same"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///var/lib/one.db", "sqlite:///var/lib/one.db"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql://u:s3same@h:1,g:2/d?connections=3", "postgresql://u@h:1,g:2/d?connections=3"),
        ("postgres://:s3same@h/d", "postgres://@h/d"),
        (
            "postgresql://h/d?user=u&password=s3same&sslmode=require",
            "postgresql://h/d?user=u&sslmode=require",
        ),
        ("postgresql://h/d?Passw%6Frd=s3same", "postgresql://h/d"),
        ("postgresql://u:a@s3same/b@h/d", "postgresql://u@h/d"),
        ("postgresql://u:a/s3same?b@h/d", "postgresql://u@h/d"),
        ("postgresql://u:a:s3same#b@h/d", "postgresql://u@h/d"),
    ],
)
def test_T122_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.mark.parametrize(
    "password",
    ["s3same", "a@b:s3same", "s3same/b", "s3same?b", "s3same#b", "a:s3same", "[s3same", "s3same%zz"],
)
@pytest.mark.parametrize("place", ["127.0.0.1:1/d", "127.0.0.1:x/d", "127.0.0.1:1/d?sslmode=s3same&x"])
@pytest.mark.parametrize("words", [["migrate"], ["doctor"], ["migrate", "--to"]], ids=" ".join)
def test_T122_a_password_in_a_database_url_is_never_printed(
    words: list[str], place: str, password: str, tmp_path: Path
) -> None:
    """Also when the URL can't be read, so that a part of the password looks like a host or a port."""
    url = f"postgresql://u:{password}@{place}"
    if words[-1] == "--to":
        assert run_command("migrate", database=f"sqlite://{tmp_path}/one.db").status == 0
        done = run_command(*words, url, database=f"sqlite://{tmp_path}/one.db")
    else:
        done = run_command(*words, database=url)
    assert (done.status, done.out) == (1, "")
    assert done.err
    assert PASSWORD_IN_URL not in done.err


def test_T122_settings_and_addresses_do_not_tell_the_password_when_they_are_shown() -> None:
    url = f"postgresql://u:{PASSWORD_IN_URL}@h/d"
    assert PASSWORD_IN_URL not in repr(parse_address(url))
    assert PASSWORD_IN_URL not in repr(Settings(database=url, master_key_file=Path("k")))
    with pytest.raises(ValidationError) as refused:
        Settings(database=url, port=0)
    assert PASSWORD_IN_URL not in str(refused.value)


def test_T122_a_move_says_where_to_without_the_password(
    tmp_path: Path, postgres: Cluster, target: str
) -> None:
    source = f"sqlite://{tmp_path}/one.db"
    assert run_command("migrate", database=source).status == 0
    url = postgres.url(target).replace("@", f":{PASSWORD_IN_URL}@")
    done = run_command("migrate", "--to", url, database=source)
    assert done.status == 0, done.err
    assert f"GRANTLINE_DATABASE={postgres.url(target)} (with its password)" in done.out
    assert PASSWORD_IN_URL not in done.out + done.err
    told = run_command("migrate", "--to", url, "--json", database=source).json
    assert told["database"] == postgres.url(target)
