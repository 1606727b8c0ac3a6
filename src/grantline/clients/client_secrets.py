"""A client's secrets: minted here, shown once, kept as SHA-256; two may live at a time, so that one can
follow the other."""

import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from typing import Final

from grantline.clients.client import Client, ClientSecret, find_client, render_secrets
from grantline.clients.elsewhere import is_import, queue_definition
from grantline.db import Database, Transaction
from grantline.opaque import CLIENT_SECRET, digest, mint

MOST_LIVE: Final = 2
LASTING: Final = "sec_"
"""How the IDs of secrets begin that people add. Others end with a run of *Try it*, and do not count."""


class SecretRefused(ValueError):
    """The change of secrets is not possible; the message says why."""


def mint_secret(data_center: str, now: int, created_by: int = 0) -> tuple[str, ClientSecret]:
    """A new secret: its value, and what we keep. `created_by`: the account that asked for it, 0 for the
    operator."""
    value = mint(CLIENT_SECRET, data_center)
    secret = ClientSecret(LASTING + secrets.token_hex(6), digest(value), now, created_by=created_by)
    return value, secret


def lasting_secrets(client: Client, now: int) -> tuple[ClientSecret, ...]:
    """The live secrets that people added, oldest first."""
    return tuple(secret for secret in client.live_secrets(now) if secret.id.startswith(LASTING))


async def add_secret(
    db: Database | Transaction,
    client: Client,
    data_center: str,
    now: int,
    *,
    created_by: int = 0,
    end_others_at: int | None = None,
) -> tuple[str, ClientSecret]:
    """Add a second secret beside the one in use, which works on, until `end_others_at` if that is given.

    Raises SecretRefused when two live already or the type has none.
    """
    if client.type.secret == "none":
        raise SecretRefused("This type has no secret, because anyone could read it in the page source.")
    lasting = lasting_secrets(client, now)
    if len(lasting) >= MOST_LIVE:
        raise SecretRefused("Two secrets are live already. Revoke one first.")
    value, secret = mint_secret(data_center, now, created_by)
    kept = [
        replace(one, expires_at=end_others_at) if end_others_at is not None and one in lasting else one
        for one in client.live_secrets(now)
    ]
    await _store(db, client, (*kept, secret), now)
    return value, secret


async def reset_secrets(
    db: Database | Transaction, client: Client, data_center: str, now: int, *, created_by: int = 0
) -> tuple[str, ClientSecret]:
    """One new secret; every other stops working with the next request."""
    if client.type.secret == "none":
        raise SecretRefused("This type has no secret, because anyone could read it in the page source.")
    value, secret = mint_secret(data_center, now, created_by)
    await _store(db, client, (secret,), now)
    return value, secret


async def revoke_secret(db: Database | Transaction, client: Client, secret_id: str, now: int) -> None:
    """End one secret. Raises SecretRefused when it is not live, or the last of a type that needs one."""
    live = client.live_secrets(now)
    kept = tuple(secret for secret in live if secret.id != secret_id)
    if len(kept) == len(live):
        raise SecretRefused("This client has no live secret with that ID.")
    if not any(one.id.startswith(LASTING) for one in kept) and client.type.secret == "required":
        raise SecretRefused("This is the only secret. Add another first, or reset it.")
    await _store(db, client, kept, now)


async def _store(
    db: Database | Transaction, client: Client, kept: tuple[ClientSecret, ...], now: int
) -> None:
    """Change and queue together: in the caller's transaction, or in one of their own."""
    async with _within(db) as tx:
        if await is_import(tx, client.id):
            raise SecretRefused("This client is registered in another data center. Change it there.")
        changed = await tx.run(
            "UPDATE clients SET secrets = $3, version = version + 1, updated_at = $4 WHERE id = $1"
            " AND version = $2",
            client.id,
            client.version,
            render_secrets(kept),
            now,
        )
        if not changed and await find_client(tx, client.id) is not None:
            raise SecretRefused("The client was changed at the same moment. Try again.")
        # One that is added may be used at once, so it must not wait behind others either.
        await queue_definition(tx, client.id, now, urgent=True)


def _within(db: Database | Transaction) -> AbstractAsyncContextManager[Transaction]:
    begin: Callable[[], AbstractAsyncContextManager[Transaction]] | None = getattr(db, "transaction", None)
    return begin() if begin is not None else nullcontext(db)
