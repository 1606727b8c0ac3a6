"""The process that carries jobs out, apart from the server, so that other calls stay quick.

Started as `python -m grantline.sample_crm.bulk.worker DATABASE SECONDS`; SECONDS is how far the server's
clock is ahead of this computer's. It works while its standard input is open, prints the id of each job that
it ends, and leaves when there has been nothing to do for a while. A line on standard input says that there is
work.
"""

import fcntl
import logging
import os
import select
import sqlite3
import sys
import time
from pathlib import Path
from typing import Final

from grantline.sample_crm.bulk.jobs import Job, begin_job, end_job, get_job, oldest_unfinished
from grantline.sample_crm.bulk.lines import Unreadable
from grantline.sample_crm.bulk.reading import advance_read
from grantline.sample_crm.bulk.writing import advance_write
from grantline.sample_crm.database import connect
from grantline.sample_crm.storage import Storage
from grantline.sample_crm.stored import delete_stored

LOG: Final = logging.getLogger(__name__)
MOST_ATTEMPTS: Final = 3
_IDLE_SECONDS: Final = 30.0


class Worker:
    """Takes the oldest job of each organization in turn, a batch a time: nobody's jobs hold up another's."""

    def __init__(self, connection: sqlite3.Connection, storage: Storage, ahead_seconds: float) -> None:
        self._connection = connection
        self._storage = storage
        self._ahead_seconds = ahead_seconds
        self._turns: dict[str, int] = {}
        self._turn = 0
        self._begun: set[int] = set()

    def choose(self) -> Job | None:
        """The job whose turn it is: that of the organization that has waited longest."""
        jobs = [get_job(self._connection, id) for id in oldest_unfinished(self._connection)]
        self._turns = {job.organization: self._turns.get(job.organization, 0) for job in jobs}
        return min(jobs, key=lambda job: self._turns[job.organization], default=None)

    def take_turn(self, job: Job) -> bool:
        """Carry out one batch of a job; True when the job has ended, well or not."""
        self._turn += 1
        self._turns[job.organization] = self._turn
        try:
            if job.id not in self._begun:
                self._begin(job)
            advance = advance_read if job.kind == "read" else advance_write
            ended = advance(self._connection, job, self._storage, self._now())
        except Unreadable as problem:
            self._fail(job, problem.code, problem.message)
            ended = True
        except sqlite3.OperationalError:
            raise  # the file is busy or the disk full: a new process tries again, a few times
        except Exception:
            LOG.exception("job %s", job.id)
            self._fail(job, "INTERNAL_ERROR", "Something went wrong here. It is not your fault.")
            ended = True
        if ended:
            self._begun.discard(job.id)
            self._drop_upload(job)
        return ended

    def _begin(self, job: Job) -> None:
        if job.attempts >= MOST_ATTEMPTS:
            raise Unreadable("INTERNAL_ERROR", "This job was begun several times and never got on.")
        begin_job(self._connection, job.id)
        self._begun.add(job.id)

    def _fail(self, job: Job, code: str, problem: str) -> None:
        end_job(self._connection, job.id, self._now(), code=code, problem=problem)
        self._storage.drop_job(job.id)

    def _drop_upload(self, job: Job) -> None:
        """An upload serves one job."""
        if job.kind == "write":
            id = int(job.asked["file_id"])
            delete_stored(self._connection, job.organization, "bulk-write", id)
            self._storage.file(id).unlink(missing_ok=True)

    def _now(self) -> int:
        return int(time.time() + self._ahead_seconds)


def main(database: str, ahead_seconds: str) -> None:
    """Work until standard input is closed, or until there has been nothing to do for half a minute."""
    storage = Storage(database)
    held = storage.folder / "worker.lock"
    held.touch(mode=0o600)
    with held.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one that is about to leave finishes its batch first
        connection = connect(Path(database))
        connection.execute("PRAGMA cache_size = -32768")  # kibibytes
        worker = Worker(connection, storage, float(ahead_seconds))
        wait_seconds = 0.0
        while _is_wanted(wait_seconds):
            job = worker.choose()
            if job is not None and worker.take_turn(job):
                print(job.id, flush=True)
            if job is None and wait_seconds:
                break
            wait_seconds = _IDLE_SECONDS if job is None else 0.0
        connection.close()


def _is_wanted(wait_seconds: float) -> bool:
    """Wait for a line on standard input, and tell whether it is still open."""
    ready, _, _ = select.select([0], [], [], wait_seconds)
    return not ready or bool(os.read(0, 4096))


if __name__ == "__main__":
    logging.basicConfig(format="%(levelname)s %(name)s %(message)s")
    os.nice(5)
    main(*sys.argv[1:])
