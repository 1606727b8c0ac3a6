"""Jobs are claimed in the database: one node does what is due, and a node that dies holds nothing up."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from grantline.db import Database, open_database
from grantline.jobs import Claim, ClaimLost, Job, claim_job, do_due_jobs
from tests.running import ROOT, environment
from tests.site import START, Clock

pytestmark = pytest.mark.both_engines

CLAIM_AND_HANG = """
import asyncio, sys, time
from grantline.db import open_database
from grantline.jobs import Job, do_due_jobs
async def hang(claim):
    print("claimed", flush=True)
    time.sleep(600)
async def main():
    db = await open_database(sys.argv[1])
    now = int(sys.argv[2])
    await do_due_jobs(db, [Job("sweep", 3600, hang)], "doomed", lambda: now, hold_seconds=60)
asyncio.run(main())
"""


@pytest.fixture
async def nodes(database_url: str) -> AsyncIterator[list[Database]]:
    """Connections of four nodes to one database."""
    opened = [await open_database(database_url) for _ in range(4)]
    yield opened
    for one in opened:
        await one.close()


def counting(done: list[str], *, every_seconds: int = 3600) -> Job:
    async def work(claim: Claim) -> None:
        done.append(claim.node)

    return Job("sweep", every_seconds, work)


async def test_of_many_nodes_one_does_what_is_due(nodes: list[Database]) -> None:
    clock, done = Clock(), list[str]()
    for _ in range(3):
        await asyncio.gather(
            *(do_due_jobs(db, [counting(done)], f"node {at}", clock) for at, db in enumerate(nodes))
        )
        assert len(done) == 1
    clock.advance(3599)
    assert await do_due_jobs(nodes[0], [counting(done)], "node 0", clock) == []
    clock.advance(1)
    assert await do_due_jobs(nodes[0], [counting(done)], "node 0", clock) == ["sweep"]
    assert len(done) == 2


async def test_a_claim_is_nobody_elses_until_its_time_is_over(nodes: list[Database]) -> None:
    clock = Clock()
    await do_due_jobs(nodes[0], [counting([])], "node 0", clock)
    clock.advance(3600)
    first = await claim_job(nodes[0], "sweep", "node 0", clock, hold_seconds=60)
    assert first is not None
    clock.advance(59)
    assert await claim_job(nodes[1], "sweep", "node 1", clock, hold_seconds=60) is None
    await first.hold()
    clock.advance(59)
    assert await claim_job(nodes[1], "sweep", "node 1", clock, hold_seconds=60) is None
    clock.advance(1)
    second = await claim_job(nodes[1], "sweep", "node 1", clock, hold_seconds=60)
    assert second is not None
    with pytest.raises(ClaimLost):
        await first.hold()
    await first.finish(clock() + 3600)
    await second.hold()


async def test_a_node_that_is_killed_loses_its_claim_after_its_time(
    nodes: list[Database], database_url: str
) -> None:
    doomed = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", CLAIM_AND_HANG, database_url, str(START)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment({"PYTHONPATH": str(ROOT / "src")}),
    )
    with doomed:
        assert doomed.stdout is not None
        try:
            assert await asyncio.to_thread(doomed.stdout.readline) == "claimed\n"
        finally:
            doomed.kill()
    clock, done = Clock(), list[str]()
    clock.advance(59)
    assert await do_due_jobs(nodes[0], [counting(done)], "node 0", clock) == []
    clock.advance(1)
    assert await do_due_jobs(nodes[0], [counting(done)], "node 0", clock) == ["sweep"]


async def test_a_job_that_fails_is_tried_again_soon_and_takes_no_other_with_it(
    nodes: list[Database],
) -> None:
    clock, tries, done = Clock(), list[int](), list[str]()

    async def fail(claim: Claim) -> None:
        tries.append(clock())
        raise ZeroDivisionError

    jobs = [Job("broken", 3600, fail), counting(done)]
    assert await do_due_jobs(nodes[0], jobs, "node 0", clock) == ["sweep"]
    assert await do_due_jobs(nodes[1], jobs, "node 1", clock) == []
    clock.advance(60)
    await do_due_jobs(nodes[1], jobs, "node 1", clock)
    assert tries == [START, START + 60]


async def test_a_node_that_stops_hands_its_claim_on(nodes: list[Database]) -> None:
    clock, begun, done = Clock(), asyncio.Event(), list[str]()

    async def hang(claim: Claim) -> None:
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(do_due_jobs(nodes[0], [Job("sweep", 3600, hang)], "node 0", clock))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await do_due_jobs(nodes[1], [counting(done)], "node 1", clock) == ["sweep"]
