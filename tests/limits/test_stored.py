"""Counts in the database: they survive restarts and parallel tries, and slow down instead of locking out."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from grantline.db import Database, open_database
from grantline.limits import StoredLimit, forgive, reserve

pytestmark = pytest.mark.both_engines

FIVE = StoredLimit("five", 5, 900)
SLOW = StoredLimit("slow", 5, 900, slowing=True)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await open_database(f"sqlite://{tmp_path}/one.db")
    yield opened
    await opened.close()


async def test_T151_two_hundred_parallel_tries_pass_no_more_than_the_limit(db: Database) -> None:
    waits = await asyncio.gather(*(reserve(db, FIVE, "mara", 100, factor=1) for _ in range(200)))
    assert waits.count(0) == 5


async def test_T151_two_processes_count_together_and_a_restart_forgets_nothing(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path}/two.db"
    workers = [await open_database(url), await open_database(url)]
    waits = await asyncio.gather(
        *(reserve(workers[number % 2], FIVE, "mara", 100, factor=1) for number in range(60))
    )
    assert waits.count(0) == 5
    for worker in workers:
        await worker.close()
    again = await open_database(url)
    assert await reserve(again, FIVE, "mara", 200, factor=1) == 800
    await again.close()


async def test_a_window_ends_and_begins_anew(db: Database) -> None:
    for _ in range(5):
        assert await reserve(db, FIVE, "mara", 100, factor=1) == 0
    assert await reserve(db, FIVE, "mara", 999, factor=1) == 1
    assert await reserve(db, FIVE, "mara", 1000, factor=1) == 0


async def test_T76_a_slowing_limit_delays_and_never_locks(db: Database) -> None:
    """Waits of 2, 4, 8 … up to 60 seconds; each wait over, one more try is there."""
    now = 1000
    for _ in range(5):
        assert await reserve(db, SLOW, "mara", now, factor=1) == 0
    waits = []
    for _ in range(8):
        wait = await reserve(db, SLOW, "mara", now, factor=1)
        waits.append(wait)
        assert await reserve(db, SLOW, "mara", now + wait - 1, factor=1) > 0
        now += wait
        assert await reserve(db, SLOW, "mara", now, factor=1) == 0
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]


async def test_a_try_that_is_refused_counts_for_nothing(db: Database) -> None:
    for _ in range(50):
        await reserve(db, SLOW, "mara", 1000, factor=1)
    assert await reserve(db, SLOW, "mara", 1002, factor=1) == 0


async def test_forgiving_starts_anew(db: Database) -> None:
    for _ in range(6):
        await reserve(db, FIVE, "mara", 100, factor=1)
    await forgive(db, FIVE, "mara")
    assert await reserve(db, FIVE, "mara", 100, factor=1) == 0


async def test_limits_and_subjects_do_not_share_a_count(db: Database) -> None:
    for _ in range(6):
        await reserve(db, FIVE, "mara", 100, factor=1)
    assert await reserve(db, FIVE, "tom", 100, factor=1) == 0
    assert await reserve(db, SLOW, "mara", 100, factor=1) == 0


@pytest.mark.parametrize(("factor", "allowed"), [(2, 10), (0.2, 1), (0.01, 1)])
async def test_the_factor_multiplies_counts_and_leaves_one_at_least(
    db: Database, factor: float, allowed: int
) -> None:
    waits = [await reserve(db, FIVE, "mara", 100, factor=factor) for _ in range(allowed + 2)]
    assert waits.count(0) == allowed


async def test_off_is_off_and_writes_nothing(db: Database) -> None:
    for _ in range(20):
        assert await reserve(db, FIVE, "mara", 100, factor=0) == 0
    assert await db.all("SELECT * FROM attempts") == []
