"""The audit: sealed in a chain that shows whatever was changed, exported before it goes."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from grantline.audit import (
    drop_old_months,
    find_break,
    has_unsealed,
    record_event,
    seal_events,
    sealed_events,
)
from grantline.db import Database, open_database

pytestmark = pytest.mark.both_engines
KEY = b"k" * 32
DAY = 24 * 3600
JANUARY = 1_767_225_600  # 2026-01-01


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    yield opened
    await opened.close()


async def nothing() -> None:
    """Nothing between two steps."""


async def record(db: Database, *instants: int) -> None:
    for at in instants:
        await record_event(db, "consent.given", now=at, account_id=7, network="x", detail={"n": at})


async def seal_all(db: Database) -> None:
    while await seal_events(db, KEY):
        pass


async def test_T131_events_are_sealed_in_order_by_however_many_nodes(db: Database, database_url: str) -> None:
    other = await open_database(database_url)
    assert not await has_unsealed(db)
    await record(db, *range(JANUARY, JANUARY + 250))
    assert await has_unsealed(db)
    while await has_unsealed(db):
        await asyncio.gather(seal_events(db, KEY), seal_events(other, KEY))
    numbers = [row[0] for row in await db.all("SELECT number FROM audit ORDER BY at")]
    assert numbers == list(range(1, 251))
    assert await find_break(db, KEY) is None
    await other.close()


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE audit SET kind = 'x' WHERE number = 7", "Event 7 "),
        ("UPDATE audit SET account_id = 8 WHERE number = 120", "Event 120 "),
        ("UPDATE audit SET at = at + 1 WHERE number = 1", "Event 1 "),
        ("DELETE FROM audit WHERE number = 1", "Event 1 of the audit is missing"),
        ("DELETE FROM audit WHERE number = 100", "Event 100 of the audit is missing"),
        ("DELETE FROM audit WHERE number > 148", "Event 149 of the audit is missing"),
        ("DELETE FROM audit", "Event 1 of the audit is missing"),
        ("UPDATE audit SET number = 9999 WHERE number = 20", "Event 20 of the audit is missing"),
        ("UPDATE audit_chain SET last_number = 149", "The end "),
        ("UPDATE audit_chain SET first_number = 5", "Event 6 "),
    ],
)
async def test_T131_what_is_changed_or_taken_out_shows(db: Database, statement: str, told: str) -> None:
    await record(db, *range(JANUARY, JANUARY + 150))
    await seal_all(db)
    assert await find_break(db, KEY) is None
    await db.run(statement)
    found = await find_break(db, KEY)
    assert found is not None
    assert found.startswith(told)


async def test_T131_without_the_key_nobody_makes_a_seal_that_holds(db: Database) -> None:
    await record(db, JANUARY, JANUARY + 1)
    await seal_all(db)
    await db.run("UPDATE audit SET number = NULL, seal = NULL, kind = 'x'")
    await db.run("DELETE FROM audit_chain")
    while await seal_events(db, b"another" * 5):
        pass
    assert await find_break(db, KEY) is not None


async def test_a_month_is_exported_before_it_goes_and_the_chain_goes_on(db: Database, tmp_path: Path) -> None:
    instants = [JANUARY + day * DAY for day in range(90)] * 5
    await record(db, *sorted(instants))
    await seal_all(db)
    before = [event async for event in sealed_events(db)]
    folder = tmp_path / "audit"
    february_is_over = JANUARY + (31 + 28 + 400) * DAY
    assert await drop_old_months(db, folder, JANUARY + (31 + 400) * DAY - 1, between=nothing) == []
    files = await drop_old_months(db, folder, february_is_over, between=nothing)
    assert [path.name for path in files] == ["audit-2026-01.jsonl", "audit-2026-02.jsonl"]
    exported = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    left = [event async for event in sealed_events(db)]
    assert exported + left == before
    assert len(left) == 31 * 5
    assert {os.stat(path).st_mode & 0o777 for path in files} == {0o600}
    assert await find_break(db, KEY) is None
    await record(db, JANUARY + 91 * DAY)
    await seal_all(db)
    assert await find_break(db, KEY) is None
    assert await drop_old_months(db, folder, february_is_over, between=nothing) == []


async def test_what_can_not_be_written_is_not_deleted(db: Database, tmp_path: Path) -> None:
    await record(db, JANUARY)
    await seal_all(db)
    (tmp_path / "audit").write_text("not a folder")
    with pytest.raises(OSError, match="audit"):
        await drop_old_months(db, tmp_path / "audit", JANUARY + 500 * DAY, between=nothing)
    assert len(await db.all("SELECT id FROM audit")) == 1


async def test_no_file_of_an_earlier_export_is_replaced(db: Database, tmp_path: Path) -> None:
    for _ in range(2):
        await record(db, JANUARY)
        await seal_all(db)
        await drop_old_months(db, tmp_path, JANUARY + 500 * DAY, between=nothing)
    assert sorted(name for name in os.listdir(tmp_path) if name.endswith(".jsonl")) == [
        "audit-2026-01.2.jsonl",
        "audit-2026-01.jsonl",
    ]
