"""PostgreSQL that dies, freezes, fails over or refuses to write under load: 503 meanwhile, nothing
acknowledged is lost, and Grantline finds it again by itself."""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cluster import Cluster, cluster, make_standby
from tests.faults.center import Center, open_center
from tests.faults.load import load_on

SOAK = (pytest.mark.soak, pytest.mark.timeout(3000))
Count = Callable[[str, object], None]


@pytest.fixture(scope="module")
async def center(
    tmp_path_factory: pytest.TempPathFactory, password_hash: str
) -> AsyncIterator[tuple[Center, Cluster]]:
    """Two nodes on one PostgreSQL that syncs."""
    with cluster(durable=True) as postgres:
        folder = tmp_path_factory.mktemp("center")
        async with open_center(folder, postgres.url(), password_hash) as opened:
            yield opened, postgres


@pytest.mark.parametrize(("kills", "seconds"), [(3, 0.7), pytest.param(60, 1, marks=SOAK)])
async def test_T137_kill_9_of_postgresql_under_load_loses_nothing(
    center: tuple[Center, Cluster], record_property: Count, kills: int, seconds: float
) -> None:
    """Killed at any moment and started again, it comes back with everything that was acknowledged; Grantline
    is not started again."""
    chance, back, processes = random.Random(kills), [], [node.running.popen.pid for node in center[0].nodes]
    async with load_on(center[0], f"postgres of {kills}") as load:
        for _ in range(kills):
            await load.run_for(seconds * chance.random())
            await asyncio.to_thread(center[1].crash)
            await load.run_for(0.2 * chance.random())
            await asyncio.to_thread(center[1].start)
            back.append(await load.until_back())
    assert [node.running.popen.pid for node in center[0].nodes] == processes
    assert load.ledger.asked["broken"] == 0
    await asyncio.to_thread(center[1].check)
    record_property(
        "counted",
        f"{kills} kills, at work again {max(back):.1f} s after its start at most; {load.ledger.render()}",
    )


@pytest.mark.parametrize(("freezes", "seconds"), [(1, 4), pytest.param(6, 10, marks=SOAK)])
async def test_T137_a_postgresql_that_hangs_is_waited_for_in_vain_and_found_again(
    center: tuple[Center, Cluster], record_property: Count, freezes: int, seconds: float
) -> None:
    """Stopped in the middle of what it does: nobody waits without end, and what it does late harms nobody."""
    back = []
    async with load_on(center[0], f"frozen {freezes}") as load:
        for _ in range(freezes):
            await load.run_for(0.5)
            os.kill(center[1].pid, signal.SIGSTOP)  # from here on it starts no other
            frozen = center[1].processes()
            for process in frozen:
                os.kill(process, signal.SIGSTOP)
            try:
                await load.run_for(seconds)
                assert (await center[0].nodes[0].caller.call("GET", "/health/live")).status == 200
                told = await center[0].nodes[0].caller.call("GET", "/health/ready")
                assert (told.status, int(told.headers["retry-after"]) > 0) == (503, True)
            finally:
                for process in reversed(frozen):
                    os.kill(process, signal.SIGCONT)
            back.append(await load.until_back())
    assert load.ledger.asked["503"] > 0
    assert load.ledger.asked["broken"] == 0
    record_property(
        "counted", f"{freezes} times frozen for {seconds} s, back after {max(back):.1f} s at most;"
        f" {load.ledger.render()}"
    )  # fmt: skip


@pytest.mark.parametrize("times", [1, pytest.param(10, marks=SOAK)])
async def test_T137_a_read_only_postgresql_gives_503_for_writes_and_goes_on_afterwards(
    center: tuple[Center, Cluster], record_property: Count, times: int
) -> None:
    """As after a failover that left the connections on what is a standby now."""
    postgres, leave = center[1], "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IS NOT"
    back = []
    async with load_on(center[0], f"read only {times}") as load:
        for _ in range(times):
            await load.run_for(0.5)
            postgres.sql("ALTER DATABASE postgres SET default_transaction_read_only = on", "template1")
            postgres.sql(f"{leave} NULL AND pid <> pg_backend_pid()")
            await load.run_for(1)
            before = load.ledger.asked["503"]
            while load.ledger.asked["503"] < before + 5:
                await load.run_for(0.02)
            postgres.sql("ALTER DATABASE postgres RESET ALL", "template1")
            back.append(await load.until_back())
    assert load.ledger.asked["broken"] == 0
    record_property(
        "counted", f"{times} times read-only, back after {max(back):.1f} s at most; {load.ledger.render()}"
    )


@pytest.mark.parametrize("rounds", [1, pytest.param(6, marks=SOAK)])
async def test_T137_a_promoted_synchronous_standby_has_everything_that_was_acknowledged(
    tmp_path: Path, password_hash: str, record_property: Count, rounds: int
) -> None:
    """The primary is killed under load and its standby promoted; each node finds it by the second address in
    its URL and `target_session_attrs`, without being started again."""
    back, told = [], ""
    for number in range(rounds):
        with ExitStack() as clusters:
            primary = clusters.enter_context(cluster(durable=True))
            standby = make_standby(primary)
            clusters.callback(standby.remove)
            primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
            primary.sql("SELECT pg_reload_conf()")
            while primary.sql("SELECT sync_state FROM pg_stat_replication") != "sync":
                await asyncio.sleep(0.05)
            hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
            url = f"postgresql://grantline@{hosts}/postgres?target_session_attrs=primary"
            folder = tmp_path / str(number)
            folder.mkdir()
            async with open_center(folder, url, password_hash) as center:
                async with load_on(center, f"promoted {number}") as load:
                    await load.run_for(2 if rounds == 1 else 5)
                    await asyncio.to_thread(primary.crash)
                    began = time.monotonic()
                    await asyncio.to_thread(standby.promote)
                    await load.until_back()
                    back.append(time.monotonic() - began)
                    assert load.ledger.asked["broken"] == 0
                told = load.ledger.render()
                await asyncio.to_thread(standby.check)
    record_property(
        "counted",
        f"{rounds} promotions, at work {max(back):.1f} s after the kill at most; of the last: {told}",
    )
