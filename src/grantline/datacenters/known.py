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


async def claim_comparison(db: Database, code: str, now: int, seconds: int) -> bool:
    """Take the next comparison with this data center, which is due after so many seconds. False when it is
    not due, or another node has it."""
    claimed = await db.run(
        "UPDATE data_centers SET compared_at = $2 WHERE code = $1 AND listed = 1"
        " AND (compared_at IS NULL OR compared_at <= $2 - $3)",
        code,
        now,
        seconds,
    )
    return claimed == 1


async def release_comparison(db: Database, code: str) -> None:
    """The comparison did not get through: it is due again."""
    await db.run("UPDATE data_centers SET compared_at = NULL WHERE code = $1", code)
