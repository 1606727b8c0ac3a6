"""What waits to be sent of our apps: of several nodes one takes it and sends it; and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from grantline.clients.elsewhere import queue_definition
from grantline.db import Database, Row, Transaction, placeholders

LEASE_SECONDS: Final = 60
"""Who takes a delivery has it for so long; then another node may send it once more."""
SELDOM_SECONDS: Final = 3600
"""What was refused is sent again after this, or as soon as the app changes."""
MOST_ABOVE: Final = 10_000
"""How far another data center's version may be ahead of ours and still be believed."""

STALE: Final = "stale"
DELETED: Final = "deleted"
ANOTHER: Final = "another"
RULES: Final = "rules"
TYPE: Final = "type"
"""The receiver's words for why it refuses a definition."""

PROBLEMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        STALE: "It has a version there that is far above ours.",
        DELETED: "It was deleted there and stays deleted.",
        ANOTHER: "It is in another state there, with the same version.",
        RULES: "It breaks a rule of registration there.",
        TYPE: "It is there as an app of another type.",
    }
)
"""What the owner reads of that; of any other word, OTHERWISE."""
OTHERWISE: Final = "That data center refused the change."


@dataclass(frozen=True, slots=True)
class Delivery:
    """An app that waits to be sent to one other data center."""

    client_id: str
    data_center: str
    due_at: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one other data center should have of an app: at least `wanted_version`, at most `version`."""

    client_id: str
    wanted_version: int
    version: int


async def list_due(db: Database, code: str, now: int, *, limit: int) -> Sequence[Delivery]:
    """What waits for this data center, what ends something first."""
    rows = await db.all(
        "SELECT client_id, data_center, due_at FROM client_elsewhere WHERE data_center = $1 AND due_at <= $2"
        " ORDER BY urgent DESC, due_at, client_id LIMIT $3",
        code,
        now,
        limit,
    )
    return [Delivery(row[0], row[1], row[2]) for row in rows]


async def take_delivery(db: Database, delivery: Delivery, now: int) -> bool:
    """Take it, for a while. False when another node has it, or it changed."""
    taken = await db.run(
        "UPDATE client_elsewhere SET due_at = $4, tries = tries + 1"
        " WHERE client_id = $1 AND data_center = $2 AND due_at = $3",
        delivery.client_id,
        delivery.data_center,
        delivery.due_at,
        now + LEASE_SECONDS,
    )
    return taken == 1


async def put_back(db: Database, delivery: Delivery, now: int) -> None:
    """It did not get through: it is due at once again."""
    await db.run(
        "UPDATE client_elsewhere SET due_at = $3"
        " WHERE client_id = $1 AND data_center = $2 AND due_at IS NOT NULL",
        delivery.client_id,
        delivery.data_center,
        now,
    )


async def confirm_delivery(db: Database, client_id: str, code: str, version: int, now: int) -> None:
    """That data center has this version. What was queued since then waits on."""
    await db.run(
        "UPDATE client_elsewhere SET confirmed_at = $4, problem = '', tries = 0,"
        " confirmed_version = CASE WHEN confirmed_version < $3 THEN $3 ELSE confirmed_version END,"
        " due_at = CASE WHEN wanted_version <= $3 THEN NULL ELSE due_at END,"
        " waiting_since = CASE WHEN wanted_version <= $3 THEN NULL ELSE waiting_since END,"
        " urgent = CASE WHEN wanted_version <= $3 THEN 0 ELSE urgent END"
        " WHERE client_id = $1 AND data_center = $2",
        client_id,
        code,
        version,
        now,
    )


async def note_refusal(db: Database, client_id: str, code: str, version: int, reason: str, now: int) -> None:
    """That data center refused this version, by this word. What was queued since then is not put off by
    it."""
    await db.run(
        "UPDATE client_elsewhere SET problem = $4,"
        " due_at = CASE WHEN wanted_version <= $3 THEN $5 ELSE due_at END"
        " WHERE client_id = $1 AND data_center = $2",
        client_id,
        code,
        version,
        PROBLEMS.get(reason, OTHERWISE),
        now + SELDOM_SECONDS,
    )


async def go_on_above(tx: Transaction, client_id: str, version: int, now: int) -> bool:
    """Another data center has a version that we never sent, or this one with other contents: we were restored
    from a backup. Ours goes on above it, and is sent everywhere. False when that is too far to believe."""
    raised = await tx.run(
        "UPDATE clients SET version = $2 WHERE id = $1 AND version < $2 AND version + $3 >= $2"
        " AND NOT EXISTS (SELECT 1 FROM client_imports i WHERE i.client_id = clients.id)",
        client_id,
        version + 1,
        MOST_ABOVE,
    )
    if raised:
        await queue_definition(tx, client_id, now)
    return raised == 1


async def send_again(tx: Transaction, client_id: str, code: str, now: int) -> None:
    """That data center lost what it confirmed."""
    await tx.run(
        "UPDATE client_elsewhere SET due_at = $3, waiting_since = COALESCE(waiting_since, $3)"
        " WHERE client_id = $1 AND data_center = $2 AND due_at IS NULL",
        client_id,
        code,
        now,
    )


async def list_wanted(db: Database, code: str, *, after: str = "", limit: int) -> Sequence[Wanted]:
    """What this data center should have of our apps, by id."""
    rows = await db.all(
        f"{_WANTED} WHERE e.data_center = $1 AND e.client_id > $2 ORDER BY e.client_id LIMIT $3",
        code,
        after,
        limit,
    )
    return [_wanted(row) for row in rows]


async def find_wanted(
    db: Database | Transaction, code: str, client_ids: Sequence[str]
) -> Mapping[str, Wanted]:
    """The same of these apps alone; those that never worked there are not in it."""
    if not client_ids:
        return {}
    rows = await db.all(
        f"{_WANTED} WHERE e.data_center = $1 AND e.client_id IN ({placeholders(2, len(client_ids))})",
        code,
        *client_ids,
    )
    return {row[0]: _wanted(row) for row in rows}


_WANTED: Final = (
    "SELECT e.client_id, e.wanted_version, c.version FROM client_elsewhere e"
    " JOIN clients c ON c.id = e.client_id"
)


def _wanted(row: Row) -> Wanted:
    return Wanted(row[0], row[1], row[2])


async def queue_named(db: Database, code: str, now: int) -> int:
    """Queue the apps that were registered for this data center before anything was sent there; gives how
    many. It looks through all apps, so it is for the first contact alone."""
    return await db.run(
        "INSERT INTO client_elsewhere"
        " (client_id, data_center, enabled, wanted_version, due_at, waiting_since)"
        " SELECT c.id, $1, 1, c.version, $2, $2 FROM clients c WHERE c.data_centers LIKE $3"
        " AND c.deleted_at IS NULL AND c.trial_of = '' AND c.type NOT IN ('self-client', 'api')"
        " AND NOT EXISTS (SELECT 1 FROM client_imports i WHERE i.client_id = c.id)"
        " ON CONFLICT (client_id, data_center) DO NOTHING",
        code,
        now,
        f'%"{code}"%',
    )


async def adopt(tx: Transaction, client_id: str, code: str) -> int | None:
    """Another data center has this app of ours, and we do not know that it works there: from now on it shall
    not. Gives its version; None when no such app is ours: what it says about a third one's counts for
    nothing."""
    row = await tx.one(
        "INSERT INTO client_elsewhere (client_id, data_center, enabled, wanted_version)"
        " SELECT c.id, $2, 0, c.version FROM clients c WHERE c.id = $1"
        " AND NOT EXISTS (SELECT 1 FROM client_imports i WHERE i.client_id = c.id)"
        " ON CONFLICT (client_id, data_center) DO NOTHING RETURNING wanted_version",
        client_id,
        code,
    )
    return row[0] if row is not None else None


async def is_known(db: Database, client_id: str) -> bool:
    """Whether there is or was an app of this id here."""
    return await db.one("SELECT 1 FROM clients WHERE id = $1", client_id) is not None
