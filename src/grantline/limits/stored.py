"""Counts in the database: guessing a password or a user code is not forgotten by a restart, nor multiplied by
workers."""

from dataclasses import dataclass

from grantline.db import Database


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
    allowed = int(limit.count * factor)
    async with db.transaction() as tx:
        row = await tx.one("SELECT started_at, count, last_at FROM attempts WHERE subject = $1", key)
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
            "INSERT INTO attempts (subject, started_at, count, last_at) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (subject) DO UPDATE SET started_at = $2, count = $3, last_at = $4",
            key,
            started_at,
            count + 1,
            now,
        )
    return 0


async def forgive(db: Database, limit: StoredLimit, subject: str) -> None:
    """Forget the subject's tries: the last one was right."""
    await db.run("DELETE FROM attempts WHERE subject = $1", f"{limit.name}:{subject}")
