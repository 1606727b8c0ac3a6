"""The data centers as the database knows them: what the registry said, and when each was last heard and
told."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from grantline.datacenters.data_center import DataCenter, DataCenters
from grantline.db import Database, Row, Transaction


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with another data center. Instants in epoch seconds; None: never."""

    center: DataCenter
    heard_at: int | None
    told_at: int | None
    problem: str
    """Why the last message to it failed; empty when it did not."""


async def store_data_centers(db: Database, centers: DataCenters) -> None:
    """Write down what the registry says. Who is not in it any more stays, unlisted: its apps may be here."""
    async with db.transaction() as tx:
        await tx.run("UPDATE data_centers SET listed = 0")
        for center in centers.every:
            await tx.run(
                "INSERT INTO data_centers (code, name, issuer, console, api_domain, keys, listed, problem)"
                " VALUES ($1, $2, $3, $4, $5, $6, 1, '') ON CONFLICT (code) DO UPDATE SET name = $2,"
                " issuer = $3, console = $4, api_domain = $5, keys = $6, listed = 1",
                center.code,
                center.name,
                center.issuer,
                center.console,
                center.api_domain,
                json.dumps(center.keys),
            )


async def note_registry_problem(db: Database, code: str, problem: str) -> None:
    """Why the newest registry of this data center is refused, for commands; empty when it is not."""
    await db.run("UPDATE data_centers SET problem = $2 WHERE code = $1 AND problem <> $2", code, problem)


async def find_registry_problem(db: Database, code: str) -> str:
    """Why a server of this data center refused the newest registry; empty when it did not."""
    row = await db.one("SELECT problem FROM data_centers WHERE code = $1", code)
    return str(row[0]) if row is not None else ""


def _center(row: Row) -> DataCenter:
    return DataCenter(row[0], row[2], row[4], row[1], row[3], tuple(json.loads(row[5])))


async def load_data_centers(db: Database, home: DataCenter) -> DataCenters:
    """What the registry said when a server last read it; `home` alone before any did."""
    rows = await db.all(
        "SELECT code, name, issuer, console, api_domain, keys FROM data_centers WHERE listed = 1"
        " ORDER BY code"
    )
    centers = {row[0]: _center(row) for row in rows}
    return DataCenters(centers.pop(home.code, home), tuple(centers.values()))


async def list_standings(db: Database, home_code: str) -> Mapping[str, Standing]:
    """How it stands with every other data center in the registry, by code."""
    rows = await db.all(
        "SELECT code, name, issuer, console, api_domain, keys, heard_at, told_at, problem FROM data_centers"
        " WHERE listed = 1 AND code <> $1 ORDER BY code",
        home_code,
    )
    return {row[0]: Standing(_center(row), row[6], row[7], row[8]) for row in rows}


async def find_heard_at(db: Database | Transaction, code: str) -> int | None:
    """When a listed data center was last heard; None when never, or when it is not listed."""
    row = await db.one("SELECT heard_at FROM data_centers WHERE code = $1 AND listed = 1", code)
    return row[0] if row is not None else None


async def note_heard(tx: Transaction, code: str, now: int) -> None:
    """A message of this data center was taken. Written once in ten seconds at most."""
    await tx.run(
        "UPDATE data_centers SET heard_at = $2 WHERE code = $1 AND (heard_at IS NULL OR heard_at < $2 - 10)",
        code,
        now,
    )


async def note_told(db: Database, code: str, now: int, problem: str) -> None:
    """How the last message to this data center went; an empty problem means that it was taken."""
    if problem:
        await db.run("UPDATE data_centers SET problem = $2 WHERE code = $1", code, problem[:300])
    else:
        await db.run(
            "UPDATE data_centers SET told_at = $2, problem = '' WHERE code = $1"
            " AND (problem <> '' OR told_at IS NULL OR told_at < $2 - 10)",
            code,
            now,
        )


async def was_told(db: Database, code: str) -> bool:
    """Whether this data center ever took a message of this one."""
    return (
        await db.one("SELECT 1 FROM data_centers WHERE code = $1 AND told_at IS NOT NULL", code) is not None
    )


async def claim_comparison(db: Database, code: str, now: int, seconds: int) -> bool:
    """Take the next comparison with this data center, which is due after so many seconds. False when it is
    not due, or another node has it."""
    claimed = await db.run(
        "UPDATE data_centers SET compared_at = $2 WHERE code = $1 AND listed = 1"
        " AND (compared_at IS NULL OR compared_at + $3 <= $2)",
        code,
        now,
        seconds,
    )
    return claimed == 1


async def release_comparison(db: Database, code: str) -> None:
    """The comparison did not get through: it is due again."""
    await db.run("UPDATE data_centers SET compared_at = NULL WHERE code = $1", code)
