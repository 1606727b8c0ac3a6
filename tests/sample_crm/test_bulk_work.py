"""How jobs are carried out: in steps, in turns, and on from where they stopped."""

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from grantline.sample_crm import CrmConfig
from grantline.sample_crm.bulk.worker import MOST_ATTEMPTS, Worker
from grantline.sample_crm.database import connect, open_database
from grantline.sample_crm.storage import Storage
from tests.sample_crm.authorization_server import NOW, AuthorizationServer
from tests.sample_crm.conftest import Crm, running_crm
from tests.sample_crm.customers import Customer, counts, customer

ROWS = "Last_Name,Company\n" + "".join(f"Name {number},Bulk\n" for number in range(1_700))
DAY = 86_400


@contextmanager
def by_hand(config: CrmConfig) -> Iterator[Worker]:
    """A worker that does a batch when it is told; the CRM's own waits for it to leave."""
    storage = Storage(config.database)
    storage.folder.mkdir(parents=True, exist_ok=True)
    with (storage.folder / "worker.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        connection = connect(Path(config.database))
        yield Worker(connection, storage, 0.0)
        connection.close()


def step(worker: Worker) -> bool:
    job = worker.choose()
    assert job is not None
    return worker.take_turn(job)


def working_processes() -> list[int]:
    """Those that carry out jobs for a CRM of this test."""
    command = ["pgrep", "-P", str(os.getpid()), "-f", "sample_crm.bulk.worker"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [int(pid) for pid in done.stdout.split()]


async def started(who: Customer, rows: str = ROWS) -> str:
    answer = await who.start_write(rows)
    return str(answer.json()["details"]["id"])


async def bulk_records(who: Customer) -> int:
    job = await who.read(criteria={"field": {"api_name": "Company"}, "comparator": "equal", "value": "Bulk"})
    count: int = job["result"]["count"]
    return count


async def test_progress_is_seen_at_the_jobs_address(crm: Crm, config: CrmConfig) -> None:
    ada = customer(crm, 1)
    with by_hand(config) as worker:
        id = await started(ada)
        job = await ada.job("write", id)
        assert (job["status"], counts(job)) == ("ADDED", (0, 0, 0, 0))
        seen = []
        while not step(worker):
            job = await ada.job("write", id)
            seen.append(counts(job)[0])
            assert (job["status"], counts(job)[3]) == ("IN PROGRESS", 1_700)
            assert "result" not in job
        assert seen == [500, 1_000, 1_500, 1_700]
        read = (await ada.start_read()).json()["data"][0]["details"]["id"]
        step(worker)
        assert (await ada.job("read", read))["progress"] == {"looked_at": 1_703, "of": 1_703, "rows": 1_703}
    assert (await ada.job("write", id))["status"] == "COMPLETED"


async def test_one_organizations_large_job_does_not_hold_up_anothers(crm: Crm, config: CrmConfig) -> None:
    ada, bob = customer(crm, 1), customer(crm, 2)
    with by_hand(config) as worker:
        large = [await started(ada), await started(ada)]
        step(worker)
        small = await started(bob, "Last_Name\nSmall\n")
        for _ in range(4):
            step(worker)
        assert (await bob.job("write", small))["status"] == "COMPLETED"
        assert [(await ada.job("write", id))["status"] for id in large] == ["IN PROGRESS", "ADDED"]


async def test_a_job_goes_on_where_it_stopped_and_takes_each_row_once(
    config: CrmConfig, server: AuthorizationServer
) -> None:
    async with running_crm(config, server) as first:
        with by_hand(config) as worker:
            id = await started(customer(first, 1))
            step(worker)
            step(worker)
            # What a process that was killed had written of its next batch is not in the database.
            with Storage(config.database).working(int(id)).open("a") as result:
                result.write("ADDED,1,,Half a bat")
    async with running_crm(config, server) as second:
        ada = customer(second, 1)
        job = await ada.ended("write", id)
        assert (job["status"], counts(job)) == ("COMPLETED", (1_700, 0, 0, 1_700))
        rows = await ada.rows("write", job)
        assert [row["Last_Name"] for row in rows] == [f"Name {number}" for number in range(1_700)]
        assert await bulk_records(ada) == 1_700


async def test_a_killed_process_is_started_again(crm: Crm) -> None:
    ada = customer(crm, 1)
    await ada.write("Last_Name\nFirst\n")
    for pid in working_processes():
        os.kill(pid, signal.SIGKILL)
    assert counts(await ada.write(ROWS))[0] == 1_700


def test_the_working_process_leaves_when_its_server_is_gone(config: CrmConfig) -> None:
    """A server that was killed closes its end of the pipe too."""
    open_database(Path(config.database), NOW).close()
    Storage(config.database).open()
    command = [sys.executable, "-m", "grantline.sample_crm.bulk.worker", str(config.database), "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdin.close()
        assert process.wait(60) == 0


async def test_a_job_that_never_gets_on_is_given_up(crm: Crm, config: CrmConfig) -> None:
    ada = customer(crm, 1)
    with by_hand(config) as worker:
        id = await started(ada)
        connection = connect(Path(config.database))
        connection.execute("UPDATE job SET attempts = ?", (MOST_ATTEMPTS,))
        connection.close()
        assert step(worker)
    job = await ada.job("write", id)
    assert (job["status"], job["resource"][0]["code"]) == ("FAILED", "INTERNAL_ERROR")


async def test_a_lost_file_fails_its_job_and_no_other(crm: Crm, config: CrmConfig) -> None:
    ada, bob = customer(crm, 1), customer(crm, 2)
    with by_hand(config) as worker:
        lost = await started(ada)
        step(worker)
        Storage(config.database).rows(int(lost)).unlink()
        fine = await started(bob, "Last_Name\nFine\n")
        while worker.choose():
            step(worker)
    assert (await ada.job("write", lost))["status"] == "FAILED"
    assert (await bob.job("write", fine))["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("days", "has_result", "is_known"), [(0.9, True, True), (1.1, False, True), (8, False, False)]
)
async def test_results_and_uploads_are_kept_for_a_day_and_jobs_for_a_week(
    config: CrmConfig, server: AuthorizationServer, days: float, has_result: bool, is_known: bool
) -> None:
    async with running_crm(config, server) as first:
        ada = customer(first, 1)
        job = await ada.write("Last_Name\nOld\n")
        upload = await ada.file_id("Last_Name\nLate\n")
    async with running_crm(config, server, NOW + days * DAY) as later:
        ada = customer(later, 1, exp=NOW + 9 * DAY)
        address = f"/crm/bulk/v8/write/{job['id']}"
        for _ in range(200):
            result = (await ada.call("GET", address + "/result")).status_code
            known = (await ada.call("GET", address)).status_code
            if (result == 200, known == 200) == (has_result, is_known):
                break
            await asyncio.sleep(0.05)
        assert (result == 200, known == 200) == (has_result, is_known)
        answer = await ada.start_write("", file_id=upload)
        assert answer.status_code == (201 if days < 1 else 400)
        left = sorted(path.name for path in Storage(config.database).folder.glob("job-*.zip"))
        assert bool(left) == has_result


async def test_ten_jobs_of_an_organization_wait_and_an_eleventh_is_told_to_come_back(
    crm: Crm, config: CrmConfig
) -> None:
    ada, bob = customer(crm, 1), customer(crm, 2)
    with by_hand(config) as worker:
        for _ in range(10):
            assert (await ada.start_read()).status_code == 201
        refused = await ada.start_read()
        assert (refused.status_code, refused.json()["code"]) == (429, "TOO_MANY_REQUESTS")
        assert refused.headers["retry-after"]
        assert (await bob.start_read()).status_code == 201
        while worker.choose():
            step(worker)
        assert (await ada.start_read()).status_code == 201
