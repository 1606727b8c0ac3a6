"""What the nodes of a data center tell each other through the database: that keys or APIs changed, and what
time it is.

Every node looks here about twice a second. Whoever changes keys or APIs moves the revision in the same
transaction, so a node that sees it sees the change.
"""

from dataclasses import dataclass
from typing import Final

from grantline.db import Database


@dataclass(frozen=True, slots=True)
class Pulse:
    """One look at the database."""

    revision: int
    """Moves whenever keys or APIs change."""
    newest_at: int
    """The newest instant that any node wrote; 0 before the first."""
    newest_by: str
    database_at: int | None
    """The database's own clock, where it has one: a file has none."""


_LOOK: Final = {
    "sqlite": "SELECT revision, newest_at, newest_by, NULL FROM home WHERE one = 1",
    "postgresql": "SELECT revision, newest_at, newest_by,"
    " CAST(extract(epoch FROM clock_timestamp()) AS BIGINT)"
    " FROM home WHERE one = 1",
}


async def find_pulse(db: Database) -> Pulse | None:
    """The pulse of now; None before the database was first served."""
    row = await db.one(_LOOK[db.engine])
    return Pulse(row[0], row[1], row[2], row[3]) if row is not None else None


async def write_time(db: Database, node: str, now: int) -> None:
    """Write the node's time down; the newest instant never goes back."""
    await db.run("UPDATE home SET newest_at = $1, newest_by = $2 WHERE one = 1 AND newest_at < $1", now, node)
