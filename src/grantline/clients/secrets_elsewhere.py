"""Secrets of an app's own for one other data center, so that what is known there opens nothing at home.

Without them an app has the same secrets there as at home: that data center gets their hashes, never a value.
"""

from dataclasses import replace
from typing import Final

from grantline.clients.client import Client, ClientSecret, render_secrets
from grantline.clients.client_secrets import LASTING, MOST_LIVE, SecretRefused, mint_secret
from grantline.clients.elsewhere import Elsewhere, find_elsewhere, queue_definition
from grantline.db import Transaction

_NO_SECRET: Final = "This type has no secret, because anyone could read it in the page source."


async def add_secret_for(
    tx: Transaction,
    client: Client,
    code: str,
    now: int,
    created_by: int = 0,
    *,
    end_others_at: int | None = None,
) -> tuple[str, ClientSecret]:
    """One more secret for this data center alone, minted with its code: its value, this once, and what we
    keep.

    The first one takes the place of those that it shared with home; after that two may live at a time, the
    older until `end_others_at` if that is given. Raises SecretRefused; LookupError when the app was deleted
    meanwhile.
    """
    live = _live(await _find(tx, client, code), now)
    if len(live) >= MOST_LIVE:
        raise SecretRefused("Two secrets are live already. Revoke one first.")
    value, secret = mint_secret(code, now, created_by)
    if end_others_at is not None:
        live = tuple(replace(one, expires_at=end_others_at) for one in live)
    await _store(tx, client, code, (*live, secret), now)
    return value, secret


async def reset_secrets_for(
    tx: Transaction, client: Client, code: str, now: int, created_by: int = 0
) -> tuple[str, ClientSecret]:
    """One new secret for this data center; every other stops working there as soon as it arrives."""
    await _find(tx, client, code)
    value, secret = mint_secret(code, now, created_by)
    await _store(tx, client, code, (secret,), now)
    return value, secret


async def revoke_secret_for(tx: Transaction, client: Client, code: str, secret_id: str, now: int) -> None:
    """End one of the secrets for this data center. Raises SecretRefused when it is not live, or the last of a
    type that needs one."""
    live = _live(await _find(tx, client, code), now)
    kept = tuple(secret for secret in live if secret.id != secret_id)
    if len(kept) == len(live):
        raise SecretRefused("This client has no live secret with that ID.")
    if not kept and client.type.secret == "required":
        raise SecretRefused("This is the only secret. Add another first, or reset it.")
    await _store(tx, client, code, kept, now)


async def share_secrets(tx: Transaction, client: Client, code: str, now: int) -> None:
    """The same secrets in this data center as at home; its own stop working as soon as that arrives."""
    await _find(tx, client, code)
    await _store(tx, client, code, None, now)


async def _find(tx: Transaction, client: Client, code: str) -> Elsewhere:
    """Hold the app first, then its row: everybody who changes an app takes them in this order."""
    if client.type.secret == "none":
        raise SecretRefused(_NO_SECRET)
    await tx.one("SELECT 1 FROM clients WHERE id = $1 FOR UPDATE", client.id)
    found = await find_elsewhere(tx, client.id, code)
    if found is None or not found.enabled:
        raise SecretRefused("Turn the data center on for this client first.")
    return found


def _live(found: Elsewhere, now: int) -> tuple[ClientSecret, ...]:
    return tuple(one for one in found.secrets or () if one.is_live(now) and one.id.startswith(LASTING))


async def _store(
    tx: Transaction, client: Client, code: str, kept: tuple[ClientSecret, ...] | None, now: int
) -> None:
    changed = await tx.run(
        "UPDATE clients SET version = version + 1, updated_at = $2 WHERE id = $1 AND deleted_at IS NULL",
        client.id,
        now,
    )
    if not changed:
        raise LookupError(client.id)
    await tx.run(
        "UPDATE client_elsewhere SET secrets = $3 WHERE client_id = $1 AND data_center = $2",
        client.id,
        code,
        render_secrets(kept) if kept is not None else None,
    )
    await queue_definition(tx, client.id, now, urgent=True)
