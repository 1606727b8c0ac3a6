"""What is PostgreSQL's own: round trips that are shared, connections that break, servers that go away."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from os import kill

import pytest

from grantline.db import Database, DatabaseUnavailable, open_database
from grantline.db.postgres_connections import QUEUE_LIMIT
from grantline.db.postgres_url import parse_address
from tests.cluster import Cluster, cluster, make_cluster

INSERT = "INSERT INTO thing (id, owner) VALUES ($1, $2)"
FIND = "SELECT owner FROM thing WHERE id = $1"


@pytest.fixture
def database(postgres: Cluster) -> Iterator[str]:
    name = postgres.new_database()
    postgres.sql("CREATE TABLE thing (id BIGINT PRIMARY KEY, owner TEXT NOT NULL)", name)
    yield name
    postgres.drop_database(name)


@pytest.fixture
async def db(postgres: Cluster, database: str) -> AsyncIterator[Database]:
    opened = await open_database(postgres.url(database), migrated=False)
    yield opened
    await opened.close()


def commits(postgres: Cluster, database: str) -> int:
    postgres.sql("SELECT pg_stat_force_next_flush()", database)
    return int(postgres.sql(f"SELECT xact_commit FROM pg_stat_database WHERE datname = '{database}'"))


async def test_many_writers_at_once_share_few_commits(db: Database, postgres: Cluster, database: str) -> None:
    await db.run(INSERT, 0, "a")  # connected
    before = postgres.sql("SELECT txid_current()", database)
    await asyncio.gather(*(db.run(INSERT, number, "a") for number in range(1, 201)))
    after = postgres.sql("SELECT txid_current()", database)
    assert int(after) - int(before) <= 10
    assert postgres.sql("SELECT count(*) FROM thing", database) == "201"


async def test_a_write_is_committed_when_its_call_returns(
    db: Database, postgres: Cluster, database: str
) -> None:
    async def write(number: int) -> None:
        await db.run(INSERT, number, "a")
        found = await asyncio.to_thread(postgres.sql, f"SELECT 1 FROM thing WHERE id = {number}", database)
        assert found == "1"

    await asyncio.gather(*(write(number) for number in range(8)))


async def test_batches_that_touch_the_same_rows_in_any_order_all_succeed(
    db: Database, postgres: Cluster, database: str
) -> None:
    """Two nodes, the same rows, opposite orders: sorted by key they never wait in a circle."""
    await asyncio.gather(*(db.run(INSERT, number, "a") for number in range(40)))
    other = await open_database(postgres.url(database), migrated=False)
    change = "UPDATE thing SET owner = $2 WHERE id = $1"
    try:
        for _ in range(10):
            done = await asyncio.gather(
                *(db.run(change, number, "x") for number in range(40)),
                *(other.run(change, number, "y") for number in reversed(range(40))),
            )
            assert done == [1] * 80
    finally:
        await other.close()
    assert postgres.sql(f"SELECT deadlocks FROM pg_stat_database WHERE datname = '{database}'") == "0"


async def test_T138_a_row_that_another_transaction_holds_delays_nobody_else_for_long(
    db: Database, postgres: Cluster, database: str
) -> None:
    await asyncio.gather(*(db.run(INSERT, number, "a") for number in range(5)))
    other = await open_database(postgres.url(database), migrated=False)
    change = "UPDATE thing SET owner = 'b' WHERE id = $1"
    try:
        async with other.transaction() as held:
            await held.run(change, 3)
            done = await asyncio.gather(
                *(db.run(change, number) for number in range(5)), return_exceptions=True
            )
    finally:
        await other.close()
    assert isinstance(done[3], DatabaseUnavailable)
    assert [done[number] for number in (0, 1, 2, 4)] == [1] * 4
    assert postgres.sql("SELECT owner FROM thing ORDER BY id", database).split() == ["b", "b", "b", "b", "b"]


async def test_connections_that_broke_are_replaced_unnoticed_by_readers(
    db: Database, postgres: Cluster, database: str
) -> None:
    await db.run(INSERT, 1, "a")
    for _ in range(5):
        postgres.sql(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
            " AND pid <> pg_backend_pid()"
        )
        await asyncio.sleep(0.02)
        found = await asyncio.gather(*(db.one(FIND, 1) for _ in range(20)))
        assert all(row is not None and row[0] == "a" for row in found)


async def test_T138_who_asks_again_at_once_stands_behind_who_waits(postgres: Cluster, database: str) -> None:
    """One connection and two callers that never rest: the third gets its turn all the same."""
    db = await open_database(postgres.url(database) + "?connections=1", migrated=False)
    running = asyncio.Event()
    running.set()

    async def go_on() -> int:
        count = 0
        while running.is_set():
            await db.all("SELECT 1")
            count += 1
        return count

    try:
        restless = [asyncio.create_task(go_on()) for _ in range(2)]
        for _ in range(20):
            assert (await db.all("SELECT 2"))[0][0] == 2
        running.clear()
        assert all(count > 5 for count in await asyncio.gather(*restless))
    finally:
        await db.close()


async def test_no_more_connections_are_held_than_the_url_says(postgres: Cluster, database: str) -> None:
    db = await open_database(postgres.url(database) + "?connections=3", migrated=False)
    try:
        seen = asyncio.gather(*(db.all("SELECT pg_sleep(0.2)") for _ in range(12)))
        count = (
            f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND pid <> pg_backend_pid()"
        )
        counts = []
        while not seen.done():
            counts.append(int(await asyncio.to_thread(postgres.sql, count)))
        assert max(counts) == 3
        assert len(await seen) == 12
    finally:
        await db.close()


async def test_a_server_that_is_away_is_said_at_once_and_found_again_when_it_is_back() -> None:
    made = make_cluster(durable=True)
    made.start()
    db = await open_database(made.url(), migrated=False)
    try:
        await db.run("CREATE TABLE thing (id BIGINT PRIMARY KEY, owner TEXT NOT NULL)")
        made.stop("immediate")
        refused = await asyncio.gather(
            *(db.run(INSERT, number, "a") for number in range(30)), return_exceptions=True
        )
        assert all(isinstance(one, DatabaseUnavailable) for one in refused)
        made.start()
        assert await asyncio.gather(*(db.run(INSERT, number, "a") for number in range(30))) == [1] * 30
    finally:
        await db.close()
        made.remove()


async def test_whatever_a_killed_server_leaves_of_its_connections_is_unavailable_and_nothing_else() -> None:
    """Its last words, broken connections and those that are broken but do not know it yet."""
    with cluster() as killed:
        db = await open_database(killed.url(), migrated=False)
        refused: list[Exception] = []
        running = asyncio.Event()
        running.set()

        async def read(number: int) -> None:
            while running.is_set():
                try:
                    await db.all("SELECT $1::bigint", number)
                except Exception as error:
                    refused.append(error)
                    await asyncio.sleep(0)

        readers = [asyncio.create_task(read(number)) for number in range(8)]
        for _ in range(4):
            await asyncio.gather(*(db.one("SELECT $1::bigint", number) for number in range(8)))
            before = len(refused)
            await asyncio.to_thread(killed.crash)
            while len(refused) < before + 100:
                await asyncio.sleep(0.001)
            await asyncio.to_thread(killed.start)
        running.clear()
        await asyncio.gather(*readers)
        await db.close()
    assert {type(error) for error in refused} == {DatabaseUnavailable}


async def test_a_server_that_does_not_answer_is_given_up_and_the_line_has_an_end() -> None:
    """Stopped in the middle, as a host that hangs: callers wait some seconds, and not without number."""
    with cluster() as stuck:
        db = await open_database(stuck.url() + "?connections=2", migrated=False)
        await db.all("SELECT 1")
        for pid in stuck.backends():
            kill(pid, signal.SIGSTOP)
        try:
            calls = [asyncio.ensure_future(db.one("SELECT $1::bigint", n)) for n in range(QUEUE_LIMIT + 50)]
            done = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 20)
            assert sum(isinstance(one, DatabaseUnavailable) for one in done) >= 50
        finally:
            for pid in stuck.backends():
                kill(pid, signal.SIGCONT)
        assert (await db.one("SELECT 7")) is not None
        await db.close()


@pytest.mark.parametrize(
    ("url", "dsn", "connections", "pooled"),
    [
        ("postgresql://u@h/d", "postgresql://u@h/d", 8, False),
        ("postgres://u@h/d?connections=3", "postgresql://u@h/d", 3, False),
        (
            "postgresql://u@h/d?pooler=transaction&sslmode=require",
            "postgresql://u@h/d?sslmode=require",
            8,
            True,
        ),
    ],
)
def test_the_url_has_two_options_of_its_own(url: str, dsn: str, connections: int, pooled: bool) -> None:
    address = parse_address(url)
    assert (address.dsn, address.connections, address.pooled) == (dsn, connections, pooled)


@pytest.mark.parametrize("options", ["connections=0", "connections=x", "connections=101", "pooler=session"])
def test_an_option_that_can_not_be_is_refused_in_words(options: str) -> None:
    with pytest.raises(ValueError, match="in the database URL"):
        parse_address(f"postgresql://u@h/d?{options}")
