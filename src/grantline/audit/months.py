"""Months: events are kept for 400 days, and a month that is over is written to a file before it goes."""

import contextlib
import json
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from grantline.db import Database

KEPT_SECONDS: Final = 400 * 24 * 3600
BATCH: Final = 200
_MEMBERS: Final = (
    *("number", "id", "at", "kind", "account_id", "client_id", "organization_id", "workspace_id"),
    *("network", "detail"),
)
_COLUMNS: Final = (
    "number, id, at, kind, account_id, client_id, organization_id, workspace_id, network, detail"
)


def _month_after(at: int) -> tuple[str, int]:
    """The month of an instant (`2026-11`), and when the next one begins."""
    day = datetime.fromtimestamp(at, UTC)
    following = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
    return f"{day:%Y-%m}", int(following.timestamp())


async def sealed_events(db: Database, *, until: int | None = None) -> AsyncIterator[Mapping[str, Any]]:
    """The sealed events in their order, up to a number, as they are exported; read in small steps."""
    number = 0
    while True:
        rows = await db.all(
            f"SELECT {_COLUMNS}, seal FROM audit WHERE number > $1 ORDER BY number LIMIT $2", number, BATCH
        )
        for row in rows:
            number = row[0]
            if until is not None and number > until:
                return
            event = dict(zip(_MEMBERS, (row[index] for index in range(10)), strict=True))
            yield {**event, "detail": json.loads(row[9]), "seal": bytes(row[10]).hex()}
        if not rows:
            return


async def drop_old_months(
    db: Database, folder: Path, now: int, *, between: Callable[[], Awaitable[None]]
) -> list[Path]:
    """Write every month that ended KEPT_SECONDS ago to `folder` and then delete it; gives the files.

    What can't be written is not deleted. A node that dies in between leaves events that are in the file
    already: they are written once more with the rest. Raises OSError, DatabaseUnavailable.
    """
    written: list[Path] = []
    while True:
        oldest = await db.one("SELECT at FROM audit WHERE number IS NOT NULL ORDER BY number LIMIT 1")
        if oldest is None:
            return written
        month, end = _month_after(oldest[0])
        if end > now - KEPT_SECONDS:
            return written
        last = await _last_before(db, end)
        written.append(await _write(db, folder, month, last, between))
        await _drop(db, last, between)


async def _last_before(db: Database, end: int) -> int:
    """The number up to which every event is older: the chain stays whole behind it."""
    row = await db.one("SELECT MIN(number) FROM audit WHERE at >= $1 AND number IS NOT NULL", end)
    if row is not None and row[0] is not None:
        return int(row[0]) - 1
    row = await db.one("SELECT MAX(number) FROM audit")
    return int(row[0]) if row is not None and row[0] is not None else 0


async def _write(
    db: Database, folder: Path, month: str, last: int, between: Callable[[], Awaitable[None]]
) -> Path:
    """A file of JSON lines for its owner alone, there whole or not at all; none is ever replaced."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    draft = folder / f".{month}.{secrets.token_hex(8)}"
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            count = 0
            async for event in sealed_events(db, until=last):
                file.write(json.dumps(event, separators=(",", ":")) + "\n")
                count += 1
                if count % BATCH == 0:
                    await between()
            file.flush()
            os.fsync(descriptor)
        for turn in range(1, 1000):
            path = folder / (f"audit-{month}.jsonl" if turn == 1 else f"audit-{month}.{turn}.jsonl")
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
                return path
        raise FileExistsError(f"{folder} holds a thousand files of {month}")
    finally:
        draft.unlink()


async def _drop(db: Database, last: int, between: Callable[[], Awaitable[None]]) -> None:
    """Delete up to a number, oldest first; the chain begins behind what is gone."""
    while True:
        async with db.transaction() as tx:
            rows = await tx.all(
                "SELECT number, seal FROM audit WHERE number <= $1 ORDER BY number LIMIT $2", last, BATCH
            )
            if not rows:
                return
            await tx.run(
                "UPDATE audit_chain SET first_number = $1, first_seal = $2 WHERE one = 1",
                rows[-1][0],
                bytes(rows[-1][1]),
            )
            await tx.run("DELETE FROM audit WHERE number <= $1", rows[-1][0])
        await between()
