"""Disks that are full or can't be written to: 503, no corruption, and on it goes once there is room again."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from subprocess import CalledProcessError

from tests.cluster import cluster
from tests.faults.center import Center, open_center
from tests.faults.filling import allow_writing, forbid_writing, small_disk
from tests.faults.load import Load, load_on

Count = Callable[[str, object], None]


async def until_refused(load: Load, times: int = 5) -> None:
    """Return once so many requests more were answered with 503."""
    before = load.ledger.asked["503"]
    while load.ledger.asked["503"] < before + times:
        await load.run_for(0.02)


def check_file(center: Center) -> None:
    """SQLite finds nothing wrong in its file."""
    with sqlite3.connect(center.settings.database.removeprefix("sqlite://")) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert file.execute("PRAGMA foreign_key_check").fetchall() == []


async def test_T137_a_full_disk_under_sqlite_gives_503_and_corrupts_nothing(
    tmp_path: Path, password_hash: str, record_property: Count
) -> None:
    """Database, journal and log on one disk that fills up under load, twice; the process is not started
    again."""
    with small_disk(24) as disk:
        database = f"sqlite://{disk.folder}/grantline.db"
        async with open_center(disk.folder, database, password_hash, nodes=1) as center:
            async with load_on(center, "full disk") as load:
                for _ in range(2):
                    await load.run_for(0.5)
                    disk.fill()
                    await until_refused(load)
                    await load.run_for(0.5)
                    assert (await center.nodes[0].caller.call("GET", "/health/live")).status == 200
                    disk.free()
                    back = await load.until_back()
            assert load.ledger.asked["broken"] == 0
            check_file(center)
    record_property("counted", f"twice full, back after {back:.1f} s; {load.ledger.render()}")


async def test_T137_a_sqlite_file_that_can_not_be_written_gives_503_and_reading_goes_on(
    tmp_path: Path, password_hash: str, record_property: Count
) -> None:
    """Every write of the process to any file fails, as on a file system that turned read-only."""
    database = f"sqlite://{tmp_path}/grantline.db"
    async with open_center(tmp_path, database, password_hash, nodes=1) as center:
        node = center.nodes[0]
        async with load_on(center, "read only") as load:
            for _ in range(2):
                await load.run_for(0.5)
                forbid_writing(node.running.popen.pid)
                await until_refused(load)
                for path in ("/oauth/v2/keys", "/scopes", "/health/live"):
                    assert (await node.caller.call("GET", path)).status == 200
                allow_writing(node.running.popen.pid)
                back = await load.until_back()
        assert load.ledger.asked["broken"] == 0
        check_file(center)
    record_property("counted", f"twice read-only, back after {back:.1f} s; {load.ledger.render()}")


async def test_T137_a_full_disk_under_postgresql_gives_503_and_corrupts_nothing(
    tmp_path: Path, password_hash: str, record_property: Count
) -> None:
    """Tables and journal on one disk that fills up under load: first no table can grow, then PostgreSQL ends
    itself. Started again with room, it has everything that was acknowledged."""
    small = {"min_wal_size": "32MB", "max_wal_size": "64MB", "restart_after_crash": "off"}
    with (
        small_disk(200) as disk,
        cluster(durable=True, settings=small, folder=disk.folder) as postgres,
    ):
        async with open_center(tmp_path, postgres.url(), password_hash) as center:
            async with load_on(center, "full disk") as load:
                await load.run_for(0.5)
                disk.fill()
                await until_refused(load)
                while postgres.is_running:
                    await load.run_for(0.1)
                    with suppress(CalledProcessError):
                        await asyncio.to_thread(postgres.sql, "SELECT pg_switch_wal()")
                await until_refused(load)
                assert (await center.nodes[0].caller.call("GET", "/health/live")).status == 200
                disk.free()
                await asyncio.to_thread(postgres.start)
                back = await load.until_back()
            assert load.ledger.asked["broken"] == 0
            await asyncio.to_thread(postgres.check)
    record_property("counted", f"full until it ended, back after {back:.1f} s; {load.ledger.render()}")
