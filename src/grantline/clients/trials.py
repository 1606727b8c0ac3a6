"""Trials: copies of an app that live for one run of its flow.

A trial has its app's type and switches, an id and a secret of its own, and one redirect URI that leads back
to the console. It stands in no list, only the person who began it can sign in to it, and it counts as unknown
from the moment that its time is over. When the run ends it is dead at once, and soon every row of it is gone.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from grantline.clients.client import Client, find_client
from grantline.clients.client_secrets import mint_secret
from grantline.clients.registration import insert_client, registration_of
from grantline.db import Database, Row, Transaction
from grantline.opaque import CLIENT_ID, mint

TRIAL_SECONDS: Final = 900
SETTLE_SECONDS: Final = 10
"""After the end, before the rows go: what is counted or recorded meanwhile goes with them."""
_BATCH: Final = 20

_ROWS: Final = (
    "DELETE FROM trials WHERE client_id = $1",
    "DELETE FROM rehearsals WHERE client_id = $1",
    "DELETE FROM pending_flows WHERE client_id = $1",
    "DELETE FROM authorization_codes WHERE client_id = $1",
    "DELETE FROM device_codes WHERE client_id = $1",
    "DELETE FROM consents WHERE client_id = $1",
    "DELETE FROM authorizations WHERE client_id = $1",
    "DELETE FROM activity WHERE client_id = $1",
    "DELETE FROM client_usage WHERE client_id = $1",
    "DELETE FROM client_firsts WHERE client_id = $1",
    "DELETE FROM client_causes WHERE client_id = $1",
    "DELETE FROM client_origins WHERE client_id = $1",
    "DELETE FROM clients WHERE id = $1 AND trial_of <> ''",
)
"""Everything that a run may leave; the audit alone keeps what happened."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A run of one person: the copy of the app, and what the run knows, sealed."""

    client_id: str
    account_id: int
    trial_of: str
    version: int
    sealed: bytes
    created_at: int
    ends_at: int


def serves(client: Client, account_id: int, now: int) -> bool:
    """Whether this person may sign in to the app: to a trial only who began it, and in its time."""
    return not client.trial_of or (client.owner_account_id == account_id and not client.is_over(now))


async def start_trial(
    db: Database,
    client: Client,
    *,
    account_id: int,
    organization_id: int,
    callback: str,
    origin: str,
    data_center: str,
    now: int,
) -> tuple[Client, str | None]:
    """A copy of the app for this person's run, and its secret where the type needs one.

    The person's earlier run, if there is one, ends.
    """
    kind = client.type
    secret = mint_secret(data_center, now, account_id) if kind.secret == "required" else None
    asked = replace(
        registration_of(client),
        redirect_uris=(callback,) if kind.redirect_uris != "none" else (),
        origins=(origin,) if kind.origins else (),
        post_logout_redirect_uris=(),
        app_scopes=(),
        data_centers=(data_center,),
        implicit=False,
        legacy_secret=False,
    )
    trial_id = mint(CLIENT_ID, data_center)
    async with db.transaction() as tx:
        for row in await tx.all("SELECT client_id FROM trials WHERE account_id = $1", account_id):
            await end_trial(tx, row[0], now)
        await insert_client(
            tx,
            client_id=trial_id,
            kind=kind,
            asked=asked,
            secret=secret[1] if secret else None,
            owner_account_id=account_id,
            organization_id=organization_id,
            creation_key=None,
            now=now,
            workspace_id=0,  # in none: no page finds it, and no workspace counts it
            trial_of=client.id,
            trial_until=now + TRIAL_SECONDS,
        )
        # No page of that origin calls: the server itself plays the browser's part.
        await tx.run("DELETE FROM client_origins WHERE client_id = $1", trial_id)
    trial = await find_client(db, trial_id)
    assert trial is not None
    return trial, secret[0] if secret else None


async def keep_trial(db: Database, trial: Client, *, state_hash: bytes, sealed: bytes, now: int) -> None:
    """Write down what the run knows, for the first time."""
    await db.run(
        "INSERT INTO trials"
        " (client_id, account_id, trial_of, state_hash, version, sealed, created_at, ends_at)"
        " VALUES ($1, $2, $3, $4, 1, $5, $6, $7)",
        trial.id,
        trial.owner_account_id,
        trial.trial_of,
        state_hash,
        sealed,
        now,
        trial.trial_until,
    )


async def update_trial(db: Database, trial: Trial, sealed: bytes) -> bool:
    """Write down what the run knows now. False when another step came first, or the run is over."""
    changed = await db.run(
        "UPDATE trials SET sealed = $3, version = version + 1 WHERE client_id = $1 AND version = $2",
        trial.client_id,
        trial.version,
        sealed,
    )
    return changed == 1


_SELECT: Final = "SELECT client_id, account_id, trial_of, version, sealed, created_at, ends_at FROM trials"


async def find_trial(db: Database, account_id: int, client_id: str, now: int) -> Trial | None:
    """The person's run of this app."""
    row = await db.one(
        f"{_SELECT} WHERE account_id = $1 AND trial_of = $2 AND ends_at > $3", account_id, client_id, now
    )
    return _trial(row) if row is not None else None


async def find_trial_by_state(db: Database, account_id: int, state_hash: bytes, now: int) -> Trial | None:
    """The person's run whose authorization request carried this state."""
    row = await db.one(
        f"{_SELECT} WHERE account_id = $1 AND state_hash = $2 AND ends_at > $3", account_id, state_hash, now
    )
    return _trial(row) if row is not None else None


async def end_trial(tx: Transaction, client_id: str, now: int) -> None:
    """End a run: its app is deleted from the next request on."""
    await tx.run("DELETE FROM trials WHERE client_id = $1", client_id)
    await tx.run(
        "UPDATE clients SET deleted_at = $2, trial_until = $2, secrets = '[]', version = version + 1"
        " WHERE id = $1 AND trial_of <> '' AND deleted_at IS NULL",
        client_id,
        now,
    )


async def has_trials(db: Database) -> bool:
    """Whether anything of a run is there, over or not."""
    return await db.one("SELECT 1 FROM clients WHERE trial_of <> '' LIMIT 1") is not None


async def clear_trials(db: Database, now: int, *, between: Callable[[], Awaitable[None]]) -> int:
    """End the runs whose time is over, and delete every row of those that ended; gives how many went."""
    rows = await db.all(
        "SELECT id FROM clients WHERE trial_of <> '' AND trial_until <= $1 AND deleted_at IS NULL LIMIT $2",
        now,
        _BATCH,
    )
    for row in rows:
        async with db.transaction() as tx:
            await end_trial(tx, row[0], now)
        await between()
    over = await db.all(
        "SELECT id FROM clients WHERE trial_of <> '' AND trial_until <= $1 AND deleted_at IS NOT NULL"
        " LIMIT $2",
        now - SETTLE_SECONDS,
        _BATCH,
    )
    for row in over:
        async with db.transaction() as tx:
            for statement in _ROWS:
                await tx.run(statement, row[0])
        await between()
    return len(over)


def _trial(row: Row) -> Trial:
    return Trial(row[0], row[1], row[2], row[3], row[4], row[5], row[6])
