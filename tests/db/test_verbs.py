"""The four verbs mean the same on both engines."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from grantline.db import Database, Pair, UniqueViolation, migrate, open_database, schema_version
from grantline.db.migrate import statements

pytestmark = pytest.mark.both_engines

INSERT = "INSERT INTO thing (id, owner) VALUES ($1, $2)"


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    await opened.run("CREATE TABLE thing (id BIGINT PRIMARY KEY, owner TEXT NOT NULL CHECK (owner <> ''))")
    yield opened
    await opened.close()


async def ids(db: Database) -> list[int]:
    return [row[0] for row in await db.all("SELECT id FROM thing ORDER BY id")]


async def test_one_gives_the_first_row_all_every_row_and_run_a_count(db: Database) -> None:
    assert await db.one("SELECT id FROM thing WHERE id = $1", 1) is None
    assert [await db.run(INSERT, number, "a") for number in range(3)] == [1, 1, 1]
    row = await db.one("SELECT id, owner FROM thing WHERE id = $1", 2)
    assert row is not None
    assert (row[0], row["owner"]) == (2, "a")
    assert await db.run("UPDATE thing SET owner = $1", "b") == 3
    assert await db.run("UPDATE thing SET owner = $1 WHERE id > $2", "c", 9) == 0
    assert await ids(db) == [0, 1, 2]


async def test_answers_of_calls_at_the_same_moment_go_to_those_who_asked(db: Database) -> None:
    await asyncio.gather(*(db.run(INSERT, number, f"owner {number}") for number in range(200)))
    find = "SELECT owner FROM thing WHERE id = $1"
    found = await asyncio.gather(*(db.one(find, number) for number in reversed(range(-5, 200))))
    assert {len(tuple(row)) for row in found if row} == {1}, "a row has the columns that were asked for"
    assert [row and row[0] for row in found[:200]] == [f"owner {number}" for number in reversed(range(200))]
    assert found[200:] == [None] * 5


async def test_equal_keys_at_the_same_moment_are_changed_one_after_the_other(db: Database) -> None:
    """Two tokens of one authorization never have one sequence."""
    await db.run("CREATE TABLE counter (id BIGINT PRIMARY KEY, at BIGINT NOT NULL)")
    for number in (1, 2):
        await db.run("INSERT INTO counter (id, at) VALUES ($1, 0)", number)
    take = "UPDATE counter SET at = at + 1 WHERE id = $1 RETURNING at"
    taken = await asyncio.gather(*(db.one(take, 1 + number % 2) for number in range(300)))
    for key in (0, 1):
        mine = [row[0] for row in taken[key::2] if row is not None]
        assert sorted(mine) == list(range(1, 151))


async def test_T138_one_that_breaks_a_constraint_fails_alone(db: Database) -> None:
    await db.run(INSERT, 7, "first")
    owners = ["" if number == 11 else "a" for number in range(50)]
    done = await asyncio.gather(
        *(db.run(INSERT, number, owner) for number, owner in enumerate(owners)), return_exceptions=True
    )
    assert isinstance(done[7], UniqueViolation)
    assert isinstance(done[11], Exception)
    assert [answer for number, answer in enumerate(done) if number not in (7, 11)] == [1] * 48
    assert await ids(db) == [number for number in range(50) if number != 11]


async def test_a_unit_is_kept_as_a_whole_or_not_at_all(db: Database) -> None:
    with pytest.raises(KeyError):
        async with db.transaction() as tx:
            await tx.run(INSERT, 1, "a")
            raise KeyError
    with pytest.raises(UniqueViolation):
        async with db.transaction() as tx:
            await tx.run(INSERT, 2, "a")
            await tx.run(INSERT, 2, "b")
    assert await ids(db) == []
    async with db.transaction() as tx:
        await tx.run(INSERT, 3, "a")
        assert await tx.one("SELECT owner FROM thing WHERE id = 3") is not None
        assert len(await tx.all("SELECT id FROM thing")) == 1
        assert await ids(db) == []  # others see it when it is committed
    assert await ids(db) == [3]


async def test_a_unit_that_lost_a_statement_can_not_be_kept(db: Database) -> None:
    """Whoever catches the error and goes on must not leave half of the work behind."""
    with pytest.raises(Exception):  # noqa: B017 - of the engine's own kind
        async with db.transaction() as tx:
            await tx.run(INSERT, 1, "a")
            try:
                await tx.run(INSERT, 1, "b")
            except UniqueViolation:
                await tx.run(INSERT, 2, "b")
                if db.engine == "sqlite":  # there a statement fails alone, and the unit goes on
                    raise
    assert await ids(db) == []


async def test_for_update_makes_the_next_unit_wait(db: Database) -> None:
    await db.run(INSERT, 1, "0")

    async def add_one() -> None:
        async with db.transaction() as tx:
            row = await tx.one("SELECT owner FROM thing WHERE id = $1 FOR UPDATE", 1)
            assert row is not None
            await tx.run("UPDATE thing SET owner = $2 WHERE id = $1", 1, str(int(row[0]) + 1))

    await asyncio.gather(*(add_one() for _ in range(20)))
    row = await db.one("SELECT owner FROM thing")
    assert row is not None
    assert row[0] == "20"


@pytest.mark.parametrize("turns", range(0, 12, 2))
async def test_cancelled_at_any_moment_a_unit_is_whole_or_absent(db: Database, turns: int) -> None:
    async def both() -> None:
        async with db.transaction() as tx:
            await tx.run(INSERT, 1, "a")
            await tx.run(INSERT, 2, "a")

    task = asyncio.create_task(both())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await db.run(INSERT, 3, "a") == 1
    assert await ids(db) in ([3], [1, 2, 3])


async def test_odd_characters_come_back_as_they_were(db: Database) -> None:
    text = "'\"--%_\\$1;\u2028\U0001f511\x01"
    await db.run(INSERT, 1, text)
    row = await db.one("SELECT owner FROM thing WHERE owner = $1", text)
    assert row is not None
    assert row[0] == text


async def test_many_processes_may_migrate_at_once(database_url: str) -> None:
    opened = await asyncio.gather(*(open_database(database_url) for _ in range(4)))
    version = await schema_version(opened[0])
    assert version > 0
    assert await migrate(opened[1]) == 0
    for one in opened:
        await one.close()


MOVE = Pair(
    lock="SELECT 1 FROM thing WHERE id = $1",
    first="UPDATE thing SET owner = $2 WHERE id = $3 AND owner <> $2 AND (SELECT COUNT(*) FROM thing) < $5",
    gives="id, owner",
    second="INSERT INTO thing (id, owner) SELECT id + $4, owner FROM changed",
)


async def test_the_second_of_a_pair_works_on_what_the_first_changed(db: Database) -> None:
    for number in (1, 2, 3):
        await db.run(INSERT, number, "a")
    assert await db.pair(MOVE, 1, "b", 2, 100, 9) == 1
    assert await db.pair(MOVE, 1, "b", 2, 200, 9) == 0, "the first finds nothing to change"
    assert await ids(db) == [1, 2, 3, 102]
    row = await db.one("SELECT owner FROM thing WHERE id = 102")
    assert row is not None
    assert row[0] == "b"


async def test_a_pair_is_kept_as_a_whole_or_not_at_all(db: Database) -> None:
    for number in (1, 2, 3, 103):
        await db.run(INSERT, number, "a")
    done = await asyncio.gather(
        *(db.pair(MOVE, 1, "b", number, 100, 9) for number in (2, 3)), return_exceptions=True
    )
    assert done[0] == 1
    assert isinstance(done[1], UniqueViolation)
    owners = {row[0]: row[1] for row in await db.all("SELECT id, owner FROM thing")}
    assert owners == {1: "a", 2: "b", 3: "a", 102: "b", 103: "a"}


async def test_pairs_with_one_lock_count_one_after_the_other_on_whichever_node(
    db: Database, database_url: str
) -> None:
    """Who counts the rows while another pair does would let in one too many."""
    others = [] if db.engine == "sqlite" else [await open_database(database_url) for _ in range(3)]
    for number in range(1, 41):
        await db.run(INSERT, number, "a")
    nodes = [db, *others] * 10
    calls = [node.pair(MOVE, 1, "b", n + 1, 100, 49) for n, node in enumerate(nodes)]
    assert sum(await asyncio.gather(*calls)) == min(9, len(nodes))
    assert len(await ids(db)) == 49
    for node in others:
        await node.close()


async def test_numbers_that_are_kept_free_are_given_to_no_row_and_nobody_else(db: Database) -> None:
    made = "CREATE TABLE numbered (id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL)"
    await db.run(*statements(made, db.engine))
    insert = "INSERT INTO numbered (owner) VALUES ('a') RETURNING id"
    given = [*await db.reserve("numbered", 3)]
    for _ in range(3):
        row = await db.one(insert)
        assert row is not None
        given += [row[0], *await db.reserve("numbered", 5)]
    assert len(given) == len({*given}) == 3 + 3 * 6
    assert given == sorted(given)
