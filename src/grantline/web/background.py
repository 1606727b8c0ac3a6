"""Background work, done by one of all nodes at a time: what is over goes, so that the database stays the size
of its users, and old keys are replaced."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import structlog

from grantline.accounts import SESSION_LIFE_SECONDS
from grantline.activity import DAYS_KEPT_SECONDS, fold_hours
from grantline.audit import SEAL_PURPOSE, drop_old_months, has_unsealed, record_event, seal_events
from grantline.clients import clear_trials, has_trials
from grantline.db import Database
from grantline.jobs import Claim, Job
from grantline.keys import Envelope, rotate_old_keys

_DAY: Final = 24 * 3600
KEPT_SECONDS: Final = 30 * _DAY
"""Dead authorizations, spent codes, withdrawn consents and activity stay this long, to be explained; sessions
this long from their beginning."""
BATCH: Final = 200
"""Rows that one statement deletes: on a file, every request waits meanwhile."""
SLICE: Final = 1000
"""Rows that one statement looks through."""

_RULES: Final = (
    (
        "DELETE FROM pending_flows WHERE handle_hash IN"
        " (SELECT handle_hash FROM pending_flows WHERE expires_at <= $1 LIMIT $2)",
        0,
    ),
    (
        "DELETE FROM authorization_codes WHERE code_hash IN"
        " (SELECT code_hash FROM authorization_codes WHERE expires_at <= $1 LIMIT $2)",
        KEPT_SECONDS,
    ),
    (
        "DELETE FROM device_codes WHERE device_code_hash IN"
        " (SELECT device_code_hash FROM device_codes WHERE expires_at <= $1 LIMIT $2)",
        _DAY,
    ),
    (
        "DELETE FROM rehearsals WHERE client_id IN"
        " (SELECT client_id FROM rehearsals WHERE ends_at <= $1 LIMIT $2)",
        0,
    ),
    (
        "DELETE FROM attempts WHERE subject IN (SELECT subject FROM attempts WHERE last_at <= $1 LIMIT $2)",
        _DAY,
    ),
    (
        "DELETE FROM sessions WHERE id_hash IN"
        " (SELECT id_hash FROM sessions WHERE created_at <= $1 LIMIT $2)",
        max(KEPT_SECONDS, SESSION_LIFE_SECONDS),
    ),
    (
        "DELETE FROM consents WHERE (account_id, client_id, organization_id) IN"
        " (SELECT account_id, client_id, organization_id FROM consents WHERE withdrawn_at <= $1 LIMIT $2)",
        KEPT_SECONDS,
    ),
    (
        "DELETE FROM activity WHERE id IN (SELECT id FROM activity WHERE at <= $1 LIMIT $2)",
        KEPT_SECONDS,
    ),
    (
        "DELETE FROM invitations WHERE id IN (SELECT id FROM invitations WHERE expires_at <= $1 LIMIT $2)",
        0,
    ),
    (
        "DELETE FROM messages_taken WHERE (sender, id) IN"
        " (SELECT sender, id FROM messages_taken WHERE expires_at <= $1 LIMIT $2)",
        0,
    ),
    (
        "DELETE FROM moved_authorizations WHERE id IN"
        " (SELECT id FROM moved_authorizations WHERE expires_at <= $1 LIMIT $2)",
        0,
    ),
    (
        "DELETE FROM client_usage WHERE (client_id, span_seconds, starts_at, kind) IN"
        " (SELECT client_id, span_seconds, starts_at, kind FROM client_usage WHERE span_seconds = 86400"
        " AND starts_at <= $1 LIMIT $2)",
        DAYS_KEPT_SECONDS,
    ),
    (
        "DELETE FROM client_causes WHERE (client_id, code, proven) IN"
        " (SELECT client_id, code, proven FROM client_causes WHERE last_at <= $1 LIMIT $2)",
        DAYS_KEPT_SECONDS,
    ),
    (
        "DELETE FROM causes_to_tell WHERE (client_id, code, endpoint, proven) IN"
        " (SELECT client_id, code, endpoint, proven FROM causes_to_tell WHERE last_at <= $1 LIMIT $2)",
        DAYS_KEPT_SECONDS,
    ),
    (
        "DELETE FROM causes_elsewhere WHERE (client_id, data_center, code, endpoint, proven) IN"
        " (SELECT client_id, data_center, code, endpoint, proven FROM causes_elsewhere WHERE last_at <= $1"
        " LIMIT $2)",
        DAYS_KEPT_SECONDS,
    ),
)

# By slices of their number: an index on when they were used would be written to by every refresh.
_END_OF_SLICE: Final = (
    "SELECT MAX(id) FROM (SELECT id FROM authorizations WHERE id > $1 ORDER BY id LIMIT $2) AS slice"
)
_DEAD_IN_SLICE: Final = (
    "DELETE FROM authorizations WHERE id > $1 AND id <= $2 AND (revoked_at <= $3"
    " OR (shared_key IS NOT NULL AND used_at <= $3) OR refresh_expires_at <= $3"
    " OR used_at + refresh_idle_seconds <= $3)"
)


async def _go_on() -> None:
    """Nothing between two steps."""


async def sweep(db: Database, now: int, *, between: Callable[[], Awaitable[None]] = _go_on) -> int:
    """Delete what is over; gives how many rows. Every statement touches a bounded number of rows and is a
    transaction of its own; `between` is awaited between two."""
    deleted = await sweep_expired(db, now, between=between)
    deleted += await sweep_authorizations(db, now, between=between)
    return deleted + await sweep_deleted_clients(db, between=between)


async def sweep_expired(db: Database, now: int, *, between: Callable[[], Awaitable[None]]) -> int:
    """Everything but authorizations: each is found by an index on its end."""
    while await fold_hours(db, now):
        await between()
    deleted = 0
    for statement, kept_seconds in _RULES:
        gone = BATCH
        while gone == BATCH:
            gone = await db.run(statement, now - kept_seconds, BATCH)
            deleted += gone
            await between()
    return deleted


async def sweep_authorizations(db: Database, now: int, *, between: Callable[[], Awaitable[None]]) -> int:
    """Authorizations that are dead for long: all are looked through, slice by slice."""
    deleted, start, until = 0, 0, now - KEPT_SECONDS
    while True:
        row = await db.one(_END_OF_SLICE, start, SLICE)
        if row is None or row[0] is None:
            return deleted
        deleted += await db.run(_DEAD_IN_SLICE, start, row[0], until)
        start = row[0]
        await between()


_GONE: Final = (
    (
        "SELECT MAX(client_id) FROM (SELECT client_id FROM client_firsts WHERE client_id > $1"
        " ORDER BY client_id LIMIT $2) AS slice",
        "SELECT DISTINCT client_id FROM client_firsts f WHERE client_id > $1 AND client_id <= $2"
        " AND NOT EXISTS (SELECT 1 FROM clients c WHERE c.id = f.client_id AND c.deleted_at IS NULL)",
    ),
    (
        "SELECT MAX(client_id) FROM (SELECT client_id FROM client_causes WHERE client_id > $1"
        " ORDER BY client_id LIMIT $2) AS slice",
        "SELECT DISTINCT client_id FROM client_causes f WHERE client_id > $1 AND client_id <= $2"
        " AND NOT EXISTS (SELECT 1 FROM clients c WHERE c.id = f.client_id AND c.deleted_at IS NULL)",
    ),
    (
        "SELECT MAX(client_id) FROM (SELECT client_id FROM causes_elsewhere WHERE client_id > $1"
        " ORDER BY client_id LIMIT $2) AS slice",
        "SELECT DISTINCT client_id FROM causes_elsewhere f WHERE client_id > $1 AND client_id <= $2"
        " AND NOT EXISTS (SELECT 1 FROM clients c WHERE c.id = f.client_id AND c.deleted_at IS NULL)",
    ),
)
_OF_CLIENT: Final = (
    "DELETE FROM client_usage WHERE client_id = $1",
    "DELETE FROM client_causes WHERE client_id = $1",
    "DELETE FROM client_firsts WHERE client_id = $1",
    "DELETE FROM causes_elsewhere WHERE client_id = $1",
)


async def sweep_deleted_clients(db: Database, *, between: Callable[[], Awaitable[None]] = _go_on) -> int:
    """What was counted for clients that are deleted: all that were counted are looked through, by slices."""
    deleted = 0
    for end_of_slice, gone_in_slice in _GONE:
        start = ""
        while (row := await db.one(end_of_slice, start, SLICE)) is not None and row[0] is not None:
            for client in await db.all(gone_in_slice, start, row[0]):
                for statement in _OF_CLIENT:
                    deleted += await db.run(statement, client[0])
                await between()
            start = row[0]
            await between()
    return deleted


def jobs(db: Database, envelope: Envelope, audit_folder: Path) -> tuple[Job, ...]:
    """The jobs of a data center."""

    async def sweeping(claim: Claim) -> None:
        await sweep_expired(db, claim.clock(), between=claim.hold)

    async def sweeping_authorizations(claim: Claim) -> None:
        await sweep_authorizations(db, claim.clock(), between=claim.hold)
        await sweep_deleted_clients(db, between=claim.hold)

    async def clearing_trials(claim: Claim) -> None:
        while await clear_trials(db, claim.clock(), between=claim.hold):
            pass

    async def rotating(claim: Claim) -> None:
        now = claim.clock()
        made = await rotate_old_keys(db, envelope, now)
        if made:
            await record_event(db, "keys.rotated", now=now, detail={"keys": made, "compromised": False})
            structlog.get_logger().info("keys rotated by age", keys=len(made))

    async def sealing(claim: Claim) -> None:
        while await seal_events(db, envelope.derive(SEAL_PURPOSE)):
            await claim.hold()

    async def exporting(claim: Claim) -> None:
        for path in await drop_old_months(db, audit_folder, claim.clock(), between=claim.hold):
            structlog.get_logger().info("a month of the audit was exported", file=str(path))

    return (
        Job("sweep", 600, sweeping),
        Job("sweep-authorizations", 3600, sweeping_authorizations),
        Job("clear-trials", 5, clearing_trials, wanted=lambda: has_trials(db)),
        Job("rotate-keys", 3600, rotating),
        Job("seal-audit", 1, sealing, wanted=lambda: has_unsealed(db)),
        Job("export-audit", _DAY, exporting),
    )
