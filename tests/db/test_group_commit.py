"""The SQLite driver: what is acknowledged is on disk, what fails fails alone, many writers share a commit."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from grantline.db import DatabaseUnavailable, UniqueViolation, open_database
from grantline.db.sqlite import QUEUE_LIMIT, SqliteDatabase

INSERT = "INSERT INTO thing (id, owner) VALUES ($1, $2)"


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    opened = await open_database(f"sqlite://{tmp_path}/one.db")
    assert isinstance(opened, SqliteDatabase)
    await opened.run("CREATE TABLE thing (id BIGINT PRIMARY KEY, owner TEXT NOT NULL CHECK (owner <> ''))")
    yield opened
    await opened.close()


def seen_from_outside(db: SqliteDatabase) -> list[int]:
    """What another process would find in the file at this moment."""
    outside = sqlite3.connect(db._path)
    try:
        return [row[0] for row in outside.execute("SELECT id FROM thing ORDER BY id")]
    finally:
        outside.close()


async def commits_during(db: SqliteDatabase, count: int) -> int:
    """How many commits `count` concurrent writers needed."""
    commits = 0

    def note(statement: str) -> None:
        nonlocal commits
        commits += statement.upper().startswith("COMMIT")

    db._writer.set_trace_callback(note)
    await asyncio.gather(*(db.run(INSERT, number, "a") for number in range(count)))
    db._writer.set_trace_callback(None)
    return commits


async def test_many_concurrent_writers_share_few_commits(db: SqliteDatabase) -> None:
    assert await commits_during(db, 200) <= 10
    assert seen_from_outside(db) == list(range(200))


async def test_a_write_is_in_the_file_when_its_call_returns(db: SqliteDatabase) -> None:
    async def write(number: int) -> None:
        await db.run(INSERT, number, "a")
        assert number in seen_from_outside(db)

    await asyncio.gather(*(write(number) for number in range(30)))


async def test_the_file_is_synced_at_each_commit(db: SqliteDatabase) -> None:
    for connection in (db._writer, db._reader):
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA foreign_keys").fetchone()[0] == 1


async def test_T138_one_that_breaks_a_constraint_fails_alone(db: SqliteDatabase) -> None:
    """49 good units and three kinds of bad ones in one batch: the good ones are there, once each."""
    await db.run(INSERT, 1000, "taken")
    work = [db.run(INSERT, number, "a") for number in range(49)]
    work[10:10] = [db.run(INSERT, 1000, "twice")]
    work[20:20] = [db.run(INSERT, 2000, "")]
    work[30:30] = [db.run("INSERT INTO nowhere (id) VALUES ($1)", 1)]
    results = await asyncio.gather(*work, return_exceptions=True)
    failed = [one for one in results if isinstance(one, BaseException)]
    assert sorted(type(one).__name__ for one in failed) == [
        "DatabaseUnavailable",
        "IntegrityError",
        "UniqueViolation",
    ]
    assert [one for one in results if not isinstance(one, BaseException)] == [1] * 49
    assert seen_from_outside(db) == [*range(49), 1000]


async def test_T138_text_with_a_nul_and_odd_characters_comes_back_as_it_was(db: SqliteDatabase) -> None:
    text = "a\x00b\u2028\U0001f600'\"--;"
    await db.run(INSERT, 1, text)
    row = await db.one("SELECT owner FROM thing WHERE owner = $1", text)
    assert row is not None
    assert row["owner"] == text


async def test_a_unit_that_raises_leaves_nothing_and_takes_nothing_with_it(db: SqliteDatabase) -> None:
    async def bad() -> None:
        async with db.transaction() as tx:
            await tx.run(INSERT, 7, "a")
            await tx.run(INSERT, 8, "a")
            raise RuntimeError("the caller changed its mind")

    results = await asyncio.gather(
        db.run(INSERT, 1, "a"), bad(), db.run(INSERT, 2, "a"), return_exceptions=True
    )
    assert isinstance(results[1], RuntimeError)
    assert seen_from_outside(db) == [1, 2]


async def test_a_unit_is_all_or_nothing_even_when_its_last_statement_fails(db: SqliteDatabase) -> None:
    async def half() -> None:
        async with db.transaction() as tx:
            await tx.run(INSERT, 1, "a")
            await tx.run(INSERT, 1, "b")

    with pytest.raises(UniqueViolation):
        await half()
    assert await db.all("SELECT id FROM thing") == []


async def test_reads_see_committed_rows_alone(db: SqliteDatabase) -> None:
    async with db.transaction() as tx:
        await tx.run(INSERT, 1, "a")
        assert await tx.one("SELECT id FROM thing") is not None
        assert await db.one("SELECT id FROM thing") is None
    assert await db.one("SELECT id FROM thing") is not None


async def test_a_caller_that_is_cancelled_in_the_middle_of_its_unit_leaves_nothing(
    db: SqliteDatabase,
) -> None:
    inside, never = asyncio.Event(), asyncio.Event()

    async def unit() -> None:
        async with db.transaction() as tx:
            await tx.run(INSERT, 1, "a")
            inside.set()
            await never.wait()

    task = asyncio.create_task(unit())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await db.run(INSERT, 2, "a")
    assert seen_from_outside(db) == [2]


async def test_a_caller_that_is_cancelled_while_it_waits_for_the_commit_takes_nobody_with_it(
    db: SqliteDatabase,
) -> None:
    tasks = [asyncio.create_task(db.run(INSERT, number, "a")) for number in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    kept = [number for number, result in enumerate(results) if result == 1]
    assert kept
    assert set(kept) <= set(seen_from_outside(db))


@pytest.mark.parametrize("turns", range(12))
async def test_cancelled_at_any_moment_a_unit_is_whole_or_absent(db: SqliteDatabase, turns: int) -> None:
    async def unit() -> None:
        async with db.transaction() as tx:
            for number in range(3):
                await tx.run(INSERT, number, "a")
                await asyncio.sleep(0)

    task = asyncio.create_task(unit())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    done = await asyncio.gather(task, return_exceptions=True)
    await db.run(INSERT, 9, "a")
    found = seen_from_outside(db)
    assert found in ([9], [0, 1, 2, 9])
    assert done[0] is not None or found == [0, 1, 2, 9]


async def test_after_a_failed_unit_the_next_one_works(db: SqliteDatabase) -> None:
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable):
            await db.run("UPDATE nowhere SET id = 1")
    assert await db.run(INSERT, 1, "a") == 1


async def test_T137_more_writers_than_the_queue_holds_are_refused_and_none_is_lost(
    db: SqliteDatabase,
) -> None:
    count = QUEUE_LIMIT + 50
    async with db.transaction() as tx:  # counts as one of them
        tasks = [asyncio.create_task(db.run(INSERT, number, "a")) for number in range(count)]
        await asyncio.sleep(0.05)
        assert sum(task.done() for task in tasks) == 51
        await tx.run(INSERT, -1, "a")
        await tx.run("DELETE FROM thing WHERE id = -1")
    results = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [number for number, one in enumerate(results) if isinstance(one, DatabaseUnavailable)]
    assert len(refused) == 51
    assert seen_from_outside(db) == [number for number in range(count) if number not in set(refused)]


async def test_a_full_disk_fails_the_batch_and_nothing_is_half_done(db: SqliteDatabase) -> None:
    """SQLite undoes the whole transaction then; whoever shares the batch must hear it, and nobody may slip
    through outside of it."""
    async with db.transaction() as tx:
        await tx.run("CREATE TABLE heavy (id INTEGER PRIMARY KEY, body BLOB)")
        row = await tx.one("PRAGMA page_count")
        assert row is not None
        await tx.run(f"PRAGMA max_page_count = {row[0] + 4}")
    work = [db.run(INSERT, number, "a") for number in range(10)]
    work.insert(5, db.run("INSERT INTO heavy (id, body) VALUES (1, zeroblob(200000))"))
    results = await asyncio.gather(*work, return_exceptions=True)
    assert isinstance(results[5], DatabaseUnavailable)
    done = [number for number, one in enumerate(results[:5] + results[6:]) if one == 1]
    assert seen_from_outside(db) == done
    await db.run("PRAGMA max_page_count = 1000000")
    await db.run(INSERT, 77, "a")
    assert 77 in seen_from_outside(db)


async def test_nobody_is_refused_for_what_was_then_not_committed(db: SqliteDatabase) -> None:
    """Two units and a statement in one batch see the first one's row; its commit fails, so none of it is
    so."""
    await db.run(
        "CREATE TABLE part (id BIGINT PRIMARY KEY,"
        " thing BIGINT REFERENCES thing (id) DEFERRABLE INITIALLY DEFERRED)"
    )

    async def spend() -> None:
        async with db.transaction() as tx:
            if await tx.one("SELECT id FROM thing WHERE id = 1") is not None:
                raise LookupError("spent")
            await tx.run(INSERT, 1, "a")
            await tx.run("INSERT INTO part (id, thing) VALUES (1, 2)")

    done = await asyncio.gather(spend(), spend(), db.run(INSERT, 1, "b"), return_exceptions=True)
    assert [type(one) for one in done] == [sqlite3.IntegrityError] * 3
    assert seen_from_outside(db) == []
    await db.run(INSERT, 1, "a")
    with pytest.raises(LookupError):
        await spend()
    with pytest.raises(UniqueViolation):
        await db.run(INSERT, 1, "b")


async def test_closing_finishes_what_was_begun(tmp_path: Path) -> None:
    opened = await open_database(f"sqlite://{tmp_path}/two.db")
    await opened.run("CREATE TABLE thing (id BIGINT PRIMARY KEY, owner TEXT)")
    task = asyncio.create_task(opened.run(INSERT, 1, "a"))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await opened.close()
        results = await asyncio.gather(task, return_exceptions=True)
    outside = sqlite3.connect(tmp_path / "two.db")
    found = outside.execute("SELECT COUNT(*) FROM thing").fetchone()[0]
    outside.close()
    assert (results[0] == 1) == bool(found)
