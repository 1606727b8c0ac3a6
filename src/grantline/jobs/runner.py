"""Doing what is due."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from grantline.db import Database, DatabaseUnavailable
from grantline.jobs.claims import Claim, ClaimLost, claim_job, due_jobs

HOLD_SECONDS: Final = 60
"""A claim's time. No step between two `hold`s may take as long."""
AGAIN_SECONDS: Final = 60
"""A job that failed is tried again after this."""


@dataclass(frozen=True, slots=True)
class Job:
    """Work that is done every so often by one of all nodes."""

    name: str
    every_seconds: int
    work: Callable[[Claim], Awaitable[None]]
    wanted: Callable[[], Awaitable[bool]] | None = None
    """Asked before it is claimed, for work that is due often and mostly not there."""


async def do_due_jobs(
    db: Database,
    jobs: Sequence[Job],
    node: str,
    clock: Callable[[], int],
    *,
    hold_seconds: int = HOLD_SECONDS,
) -> list[str]:
    """Do the jobs that are due and that this node gets, one after another; gives their names.

    One that fails is logged and put off, and takes no other with it. Raises DatabaseUnavailable when the
    database is away before any begins.
    """
    done = []
    due = await due_jobs(db, [job.name for job in jobs], clock())
    for job in jobs:
        if job.name in due and (job.wanted is None or await job.wanted()):
            claim = await claim_job(db, job.name, node, clock, hold_seconds=hold_seconds)
            if claim is not None and await _do(job, claim):
                done.append(job.name)
    return done


async def _do(job: Job, claim: Claim) -> bool:
    log = structlog.get_logger()
    try:
        await job.work(claim)
        await claim.finish(claim.clock() + job.every_seconds)
        return True
    except asyncio.CancelledError:  # the node stops: another one may go on at once
        await claim.finish(claim.clock())
        raise
    except ClaimLost:
        log.warning("a job took too long, and another node took it", job=job.name)
    except DatabaseUnavailable as problem:  # the claim lapses
        log.warning("job put off", job=job.name, problem=str(problem))
    except Exception as problem:
        log.error("job failed", job=job.name, exception=type(problem).__name__, problem=str(problem))
        try:
            await claim.finish(claim.clock() + AGAIN_SECONDS)
        except DatabaseUnavailable:
            pass
    return False
