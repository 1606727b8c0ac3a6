"""Connected apps: what holds access to a person's data, and taking it back (R3, R55)."""

from collections.abc import Sequence
from dataclasses import dataclass

from grantline.accounts import lock_account
from grantline.audit import record_event
from grantline.db import Database
from grantline.tokens import revoke_for_client


@dataclass(frozen=True, slots=True)
class ConnectedApp:
    """An app that the person allowed, or their own self client."""

    client_id: str
    name: str
    homepage_url: str
    type_name: str
    scope: tuple[str, ...]
    since: int
    used_at: int | None


async def list_connected_apps(db: Database, account_id: int) -> Sequence[ConnectedApp]:
    """The person's connected apps, lately used first, at most 100."""
    rows = await db.all(
        "SELECT c.id, c.name, c.homepage_url, c.type, k.scope, k.created_at,"
        " (SELECT MAX(a.used_at) FROM authorizations a WHERE a.account_id = $1 AND a.client_id = c.id AND"
        " a.revoked_at IS NULL)"
        " FROM consents k JOIN clients c ON c.id = k.client_id"
        " WHERE k.account_id = $1 AND k.withdrawn_at IS NULL AND c.deleted_at IS NULL AND c.trial_of = ''"
        " LIMIT 100",
        account_id,
    )
    apps = {
        row[0]: ConnectedApp(row[0], row[1], row[2], row[3], tuple(row[4].split()), row[5], row[6])
        for row in rows
    }
    own = await db.all(
        "SELECT c.id, c.name, c.homepage_url, c.type, a.scope, a.created_at, a.used_at FROM authorizations a"
        " JOIN clients c ON c.id = a.client_id"
        " WHERE a.account_id = $1 AND a.revoked_at IS NULL AND c.deleted_at IS NULL AND c.trial_of = ''"
        " ORDER BY a.used_at LIMIT 1000",
        account_id,
    )
    for row in own:
        known = apps.get(row[0])
        if known is None or known.type_name == "self-client":
            scope = dict.fromkeys((*(known.scope if known else ()), *row[4].split()))
            since = min(row[5], known.since) if known else row[5]
            apps[row[0]] = ConnectedApp(row[0], row[1], row[2], row[3], tuple(scope), since, row[6])
    return sorted(apps.values(), key=lambda app: -(app.used_at or app.since))[:100]


async def remove_access(db: Database, account_id: int, client_id: str, network: str, now: int) -> bool:
    """End the consent and every authorization of this app for this person, in one transaction. False when
    there was nothing."""
    async with db.transaction() as tx:
        await lock_account(tx, account_id)
        withdrawn = await tx.run(
            "UPDATE consents SET withdrawn_at = $3 WHERE account_id = $1 AND client_id = $2 AND"
            " withdrawn_at IS NULL",
            account_id,
            client_id,
            now,
        )
        # A code that is on its way must not outlive the consent it came from. Over since it was made, it is
        # over for an exchange that began before this, too.
        await tx.run(
            "UPDATE authorization_codes SET expires_at = created_at WHERE account_id = $1 AND client_id = $2"
            " AND consumed_at IS NULL",
            account_id,
            client_id,
        )
        await tx.run(
            "UPDATE device_codes SET status = 'denied' WHERE claimed_account_id = $1 AND client_id = $2"
            " AND consumed_at IS NULL AND status = 'approved'",
            account_id,
            client_id,
        )
        ended = await revoke_for_client(
            tx, account_id=account_id, client_id=client_id, reason="consent_withdrawn", now=now
        )
        if withdrawn or ended:
            await record_event(
                tx,
                "consent.withdrawn",
                now=now,
                account_id=account_id,
                client_id=client_id,
                network=network,
                detail={"authorizations": ended},
            )
    return bool(withdrawn or ended)
