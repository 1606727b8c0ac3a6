"""Counts in the database: guessing a password or a user code is not forgotten by a restart, nor multiplied by
workers."""

from dataclasses import dataclass, replace

from grantline.db import Database
from grantline.limits.networks import WIDER_TIMES, wider_network


@dataclass(frozen=True, slots=True)
class StoredLimit:
    """At most `count` tries in `seconds`; then, if `slowing`, further tries after waits of 2, 4, 8 … up to 60
    seconds."""

    name: str
    count: int
    seconds: int
    slowing: bool = False


async def reserve(db: Database, limit: StoredLimit, subject: str, now: int, *, factor: float) -> int:
    """Count one try; gives 0, or the seconds to wait when the limit is reached (then nothing is counted)."""
    if factor == 0:
        return 0
    key = f"{limit.name}:{subject}"
    allowed = max(1, int(limit.count * factor))
    async with db.transaction() as tx:
        await tx.run(  # a row to lock, also for the first one
            "INSERT INTO attempts (subject, started_at, count, last_at) VALUES ($1, $2, 0, $2)"
            " ON CONFLICT (subject) DO NOTHING",
            key,
            now,
        )
        row = await tx.one(
            "SELECT started_at, count, last_at FROM attempts WHERE subject = $1 FOR UPDATE", key
        )
        started_at, count, last_at = (row[0], row[1], row[2]) if row is not None else (now, 0, now)
        if now >= started_at + limit.seconds:
            started_at, count = now, 0
        if count >= allowed:
            free_at = started_at + limit.seconds
            if limit.slowing:
                free_at = last_at + min(60, 2 ** min(10, count - allowed + 1))
            if now < free_at:
                return int(free_at - now)
        await tx.run(
            "UPDATE attempts SET started_at = $2, count = $3, last_at = $4 WHERE subject = $1",
            key,
            started_at,
            count + 1,
            now,
        )
    return 0


async def reserve_for_network(
    db: Database, limit: StoredLimit, network: str | None, now: int, *, factor: float
) -> int:
    """`reserve` for a network and, where it is an IPv6 /64, its /48 (T68). None isn't limited."""
    for each, subject in _of_network(limit, network):
        if wait := await reserve(db, each, subject, now, factor=factor):
            return wait
    return 0


async def give_back(db: Database, limit: StoredLimit, subject: str) -> None:
    """Undo one `reserve`: the work went well, and the limit is on failures."""
    await db.run(
        "UPDATE attempts SET count = count - 1 WHERE subject = $1 AND count > 0", f"{limit.name}:{subject}"
    )


async def give_back_for_network(db: Database, limit: StoredLimit, network: str | None) -> None:
    """Undo one `reserve_for_network`."""
    for each, subject in _of_network(limit, network):
        await give_back(db, each, subject)


async def is_reached(db: Database, limit: StoredLimit, subject: str, now: int, *, factor: float) -> bool:
    """Whether the count is used up at this moment. Counts nothing."""
    row = await db.one(
        "SELECT count FROM attempts WHERE subject = $1 AND started_at > $2",
        f"{limit.name}:{subject}",
        now - limit.seconds,
    )
    return factor != 0 and row is not None and row[0] >= max(1, int(limit.count * factor))


def _of_network(limit: StoredLimit, network: str | None) -> list[tuple[StoredLimit, str]]:
    if network is None:
        return []
    wider = wider_network(network)
    own = (limit, network)
    return [own] if wider is None else [(replace(limit, count=limit.count * WIDER_TIMES), wider), own]


async def forgive(db: Database, limit: StoredLimit, subject: str) -> None:
    """Forget the subject's tries: the last one was right."""
    await db.run("DELETE FROM attempts WHERE subject = $1", f"{limit.name}:{subject}")
