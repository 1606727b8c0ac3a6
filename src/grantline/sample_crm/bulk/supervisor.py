"""The server's side of bulk jobs: keeps the working process running while there is work, tells callbacks, and
forgets what is old."""

import asyncio
import json
import logging
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from grantline.sample_crm.bulk.jobs import (
    Job,
    due_callbacks,
    forget_jobs,
    forget_results,
    is_callback_waiting,
    note_told,
    oldest_unfinished,
)
from grantline.sample_crm.bulk.rendering import render_told
from grantline.sample_crm.calls import Home
from grantline.sample_crm.database import Database
from grantline.sample_crm.stored import UPLOAD_SECONDS, delete_old_uploads

LOG: Final = logging.getLogger(__name__)
RESULT_SECONDS: Final = 86_400
JOB_SECONDS: Final = 7 * 86_400
CALLBACK_WAITS: Final = (30, 300)
"""Seconds until a callback that failed is told again; then it is given up."""
_CALLBACKS_AT_ONCE: Final = 8
_LOOK_SECONDS: Final = 1.0
_SWEEP_SECONDS: Final = 600.0
_AGAIN_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 10.0
_WORKER: Final = "grantline.sample_crm.bulk.worker"


class Supervisor:
    """Runs beside the server from its start to its shutdown."""

    def __init__(self, database: Database, home: Home, clock: Callable[[], float]) -> None:
        self._database = database
        self._home = home
        self._clock = clock
        self._woken = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._heard: asyncio.Task[None] | None = None
        self._running: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Say that a job waits."""
        self._woken.set()

    def start(self) -> None:
        """Begin; jobs that an earlier process left go on."""
        self._home.storage.open()
        self._woken.set()
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End; the working process finishes its batch, and a later start goes on behind it."""
        for task in (self._running, self._heard):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if self._process is not None:
            await self._end(self._process)

    async def _run(self) -> None:
        swept_at = -_SWEEP_SECONDS
        while True:
            if time.monotonic() - swept_at >= _SWEEP_SECONDS:
                swept_at = time.monotonic()
                await self._sweep()
            waits = await self._database.read(is_callback_waiting)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS if waits else _SWEEP_SECONDS):
                    await self._woken.wait()
            self._woken.clear()
            try:
                if await self._database.read(oldest_unfinished):
                    await self._work()
                await self._tell()
            except Exception:  # what goes wrong once must not end all work
                LOG.exception("bulk jobs")
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _work(self) -> None:
        """Start the working process, or tell the one that is there."""
        if self._process is not None and self._process.returncode is None:
            with suppress(BrokenPipeError, ConnectionResetError):
                assert self._process.stdin is not None
                self._process.stdin.write(b"\n")
                await self._process.stdin.drain()
            return
        ahead = self._clock() - time.time()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", _WORKER, str(self._database.path), repr(ahead)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if not name.startswith("GRANTLINE_")},
            start_new_session=True,
        )
        self._heard = asyncio.create_task(self._listen(self._process))

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Each line tells of a job that has ended; the end of them, that the process has."""
        assert process.stdout is not None
        async for _ in process.stdout:
            self._woken.set()
        if await process.wait() != 0:
            LOG.error("the process for bulk jobs ended with %s", process.returncode)
            await asyncio.sleep(_AGAIN_SECONDS)
        self._woken.set()

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """It leaves when its standard input closes."""
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _tell(self) -> None:
        """Tell the callbacks that are due, some at a time."""
        due = await self._database.read(lambda tx: due_callbacks(tx, int(self._clock()), _CALLBACKS_AT_ONCE))
        await asyncio.gather(*(self._tell_one(job) for job in due))
        if len(due) == _CALLBACKS_AT_ONCE:
            self._woken.set()

    async def _tell_one(self, job: Job) -> None:
        assert job.callback is not None
        now = int(self._clock())
        body = json.dumps(render_told(job, self._home.identifier, now)).encode()
        told = await self._home.callbacks.deliver(job.callback, body)
        waits = (
            None if told or job.callback_tries >= len(CALLBACK_WAITS) else CALLBACK_WAITS[job.callback_tries]
        )
        again_at = None if waits is None else now + waits
        await self._database.run(lambda tx: note_told(tx, job.id, again_at))

    async def _sweep(self) -> None:
        """Forget results and uploads after a day, and jobs after a week."""
        now, storage = int(self._clock()), self._home.storage

        def sweep(tx: sqlite3.Connection) -> None:
            for id in forget_results(tx, now - RESULT_SECONDS):
                storage.result(id).unlink(missing_ok=True)
            for id in forget_jobs(tx, now - JOB_SECONDS):
                storage.drop_job(id)
            for id in delete_old_uploads(tx, now - UPLOAD_SECONDS):
                storage.file(id).unlink(missing_ok=True)

        await self._database.run(sweep)
