"""Claims: one row for each job, and one statement that takes it.

A claim ends with the work, or with its time: a node that dies with a claim in its hand holds nobody up for
longer than that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grantline.db import Database


class ClaimLost(Exception):
    """The claim's time was over, and another node has it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in this node's hand."""

    db: Database
    name: str
    node: str
    hold_seconds: int
    clock: Callable[[], int]

    async def hold(self) -> None:
        """Hold it for its time from now on. Called between the steps of long work; raises ClaimLost."""
        held = await self.db.one(
            "UPDATE jobs SET claimed_until = $3 WHERE name = $1 AND claimed_by = $2 RETURNING name",
            self.name,
            self.node,
            self.clock() + self.hold_seconds,
        )
        if held is None:
            raise ClaimLost(self.name)

    async def finish(self, due_at: int) -> None:
        """Let it go; the job is due again at `due_at`. Does nothing when another node has it by now."""
        await self.db.run(
            "UPDATE jobs SET due_at = $3, claimed_by = '', claimed_until = 0"
            " WHERE name = $1 AND claimed_by = $2",
            self.name,
            self.node,
            due_at,
        )


async def due_jobs(db: Database, names: Sequence[str], now: int) -> set[str]:
    """Those of the jobs that are due and in nobody's hand; a job that is new is due at once."""
    rows = {row[0]: row for row in await db.all("SELECT name, due_at, claimed_until FROM jobs")}
    for name in names:
        if name not in rows:
            await db.run(
                "INSERT INTO jobs (name, due_at, claimed_by, claimed_until) VALUES ($1, 0, '', 0)"
                " ON CONFLICT (name) DO NOTHING",
                name,
            )
    return {name for name in names if name not in rows or max(rows[name][1], rows[name][2]) <= now}


async def claim_job(
    db: Database, name: str, node: str, clock: Callable[[], int], *, hold_seconds: int
) -> Claim | None:
    """The job, if it is due and in nobody's hand; of many nodes one gets it."""
    now = clock()
    taken = await db.one(
        "UPDATE jobs SET claimed_by = $2, claimed_until = $4"
        " WHERE name = $1 AND due_at <= $3 AND claimed_until <= $3 RETURNING name",
        name,
        node,
        now,
        now + hold_seconds,
    )
    return Claim(db, name, node, hold_seconds, clock) if taken is not None else None
