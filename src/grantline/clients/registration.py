"""Registering and editing apps: one door for the console, its API and the command line (T4)."""

import json
import secrets
from dataclasses import replace
from typing import Final

from grantline.clients.checks import FieldProblem, Registration, RegistrationRefused, check_registration
from grantline.clients.client import Client, ClientSecret, find_client, find_self_client, render_secrets
from grantline.clients.client_secrets import mint_secret
from grantline.clients.client_types import CLIENT_TYPES, ClientType
from grantline.clients.elsewhere import check_data_centers, is_import, queue_definition, switch
from grantline.clients.imports import block_import, end_what_it_holds
from grantline.db import Database, Transaction, UniqueViolation
from grantline.opaque import CLIENT_ID, mint

_ABROAD: Final = "This client is registered in another data center. Change it there."


async def register_client(
    db: Database,
    *,
    type_name: str,
    asked: Registration,
    owner_account_id: int,
    organization_id: int,
    data_center: str,
    now: int,
    creation_key: str | None = None,
    workspace_id: int | None = None,
) -> tuple[Client, str | None]:
    """A new app and, where its type has one, its secret: the only time that the value is known.

    It belongs to `workspace_id`, else to the owner's personal workspace; a self client always to that one.

    One self client exists per account and organization: asking again gives it, without a secret. The same
    `creation_key` again
    gives the app that it made, without a secret (R47). Raises RegistrationRefused, KeyError for an unknown
    type.
    """
    kind = CLIENT_TYPES[type_name]
    asked = check_registration(kind, asked)
    works_in = await check_data_centers(db, kind, data_center, asked.data_centers)
    if kind.name == "self-client" and (own := await find_self_client(db, owner_account_id, organization_id)):
        return own, None
    secret: tuple[str, ClientSecret] | None = None
    if kind.secret == "required" or (kind.name == "non-browser") or asked.legacy_secret:
        secret = mint_secret(data_center, now, owner_account_id)
    client_id = mint(CLIENT_ID, data_center)
    try:
        async with db.transaction() as tx:
            await insert_client(
                tx,
                client_id=client_id,
                kind=kind,
                asked=replace(asked, data_centers=works_in),
                secret=secret[1] if secret else None,
                owner_account_id=owner_account_id,
                organization_id=_organization(kind, owner_account_id, organization_id, workspace_id),
                creation_key=creation_key and f"{owner_account_id}:{creation_key}",
                now=now,
                workspace_id=_workspace(kind, owner_account_id, workspace_id),
            )
            await switch(tx, client_id, works_in)
            await queue_definition(tx, client_id, now)
    except UniqueViolation:
        if kind.name == "self-client":
            own = await find_self_client(db, owner_account_id, organization_id)
            if own is not None:
                return own, None  # made by another request since we looked
        made = await find_created(db, owner_account_id, creation_key or "")
        if made is None:
            raise
        return made, None
    client = await find_client(db, client_id)
    assert client is not None
    return client, secret[0] if secret else None


async def find_created(db: Database, owner_account_id: int, creation_key: str) -> Client | None:
    """The app that a form with this key made before."""
    row = await db.one(
        "SELECT id FROM clients WHERE creation_key = $1 AND owner_account_id = $2",
        f"{owner_account_id}:{creation_key}",
        owner_account_id,
    )
    return await find_client(db, row[0]) if row is not None else None


def _workspace(kind: ClientType, owner_account_id: int, workspace_id: int | None) -> int:
    """A self client acts for its owner, so nobody else may get at its credentials."""
    return owner_account_id if workspace_id is None or kind.name == "self-client" else workspace_id


def _organization(
    kind: ClientType, owner_account_id: int, organization_id: int, workspace_id: int | None
) -> int:
    """An app of a team acts for the team's organization, which has its workspace's number: whoever may see
    its secret would get at the data of whoever registered it otherwise."""
    workspace = _workspace(kind, owner_account_id, workspace_id)
    return organization_id if workspace == owner_account_id else workspace


async def insert_client(
    tx: Transaction,
    *,
    client_id: str,
    kind: ClientType,
    asked: Registration,
    secret: ClientSecret | None,
    owner_account_id: int,
    organization_id: int,
    creation_key: str | None,
    now: int,
    workspace_id: int = 0,
    trial_of: str = "",
    trial_until: int = 0,
) -> None:
    """The rows of a new client, inside the caller's transaction."""
    await tx.run(
        "INSERT INTO clients (id, type, name, homepage_url, owner_account_id, organization_id,"
        " redirect_uris, origins,"
        " post_logout_redirect_uris, app_scopes, data_centers, implicit, vendor_compatible, secrets,"
        " version, creation_key,"
        " created_at, updated_at, workspace_id, policy_url, terms_url, scopes, trial_of, trial_until)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1, $15, $16, $16, $17, $18,"
        " $19, $20, $21, $22)",
        client_id,
        kind.name,
        asked.name,
        asked.homepage_url,
        owner_account_id,
        organization_id,
        json.dumps(asked.redirect_uris),
        json.dumps(asked.origins),
        json.dumps(asked.post_logout_redirect_uris),
        json.dumps(asked.app_scopes),
        json.dumps(asked.data_centers),
        int(asked.implicit),
        int(asked.vendor_compatible),
        render_secrets([secret] if secret else []),
        creation_key,
        now,
        workspace_id,
        asked.policy_url,
        asked.terms_url,
        json.dumps(asked.scopes),
        trial_of,
        trial_until,
    )
    for origin in asked.origins:
        await tx.run("INSERT INTO client_origins (origin, client_id) VALUES ($1, $2)", origin, client_id)


async def update_client(
    db: Database, client: Client, asked: Registration, now: int, *, only_this_version: bool = False
) -> Client:
    """The app with what was asked. A change of name or of a redirect host ends remembered consents (T3, T85).

    Raises RegistrationRefused; LookupError when it was deleted meanwhile or, with `only_this_version`,
    changed.
    """
    asked = check_registration(client.type, asked)
    if await is_import(db, client.id):
        raise RegistrationRefused([FieldProblem("", _ABROAD)])
    works_in = await check_data_centers(
        db, client.type, client.data_center, asked.data_centers or client.data_centers, client.data_centers
    )
    async with db.transaction() as tx:
        if not await _change(tx, client, asked, now, only_this_version=only_this_version):
            raise LookupError(client.id)
        if works_in != client.data_centers:  # else whoever switched meanwhile is right
            await tx.run(
                "UPDATE clients SET data_centers = $2 WHERE id = $1", client.id, json.dumps(works_in)
            )
            await switch(tx, client.id, works_in)
        await queue_definition(tx, client.id, now, urgent=bool({*client.data_centers} - {*works_in}))
        await tx.run("DELETE FROM client_origins WHERE client_id = $1", client.id)
        for origin in asked.origins:
            await tx.run("INSERT INTO client_origins (origin, client_id) VALUES ($1, $2)", origin, client.id)
        if asked.name != client.name:
            await tx.run("UPDATE consents SET redirect_hosts = '[]' WHERE client_id = $1", client.id)
    updated = await find_client(db, client.id)
    assert updated is not None
    return updated


async def _change(
    tx: Transaction, client: Client, asked: Registration, now: int, *, only_this_version: bool
) -> bool:
    """The row, but for the data centers. False when the app is gone or another version."""
    changed = await tx.run(
        "UPDATE clients SET name = $2, homepage_url = $3, redirect_uris = $4, origins = $5,"
        " post_logout_redirect_uris = $6, app_scopes = $7, implicit = $8, vendor_compatible = $9,"
        " policy_url = $11, terms_url = $12, scopes = $13, version = version + 1, updated_at = $10"
        " WHERE id = $1 AND deleted_at IS NULL AND (version = $14 OR $15 = 0)",
        client.id,
        asked.name,
        asked.homepage_url,
        json.dumps(asked.redirect_uris),
        json.dumps(asked.origins),
        json.dumps(asked.post_logout_redirect_uris),
        json.dumps(asked.app_scopes),
        int(asked.implicit),
        int(asked.vendor_compatible),
        now,
        asked.policy_url,
        asked.terms_url,
        json.dumps(asked.scopes),
        client.version,
        int(only_this_version),
    )
    return changed == 1


def registration_of(client: Client) -> Registration:
    """What was registered, to change one thing and leave the rest."""
    return Registration(
        name=client.name,
        homepage_url=client.homepage_url,
        redirect_uris=client.redirect_uris,
        origins=client.origins,
        post_logout_redirect_uris=client.post_logout_redirect_uris,
        app_scopes=client.app_scopes,
        data_centers=client.data_centers,
        implicit=client.implicit,
        vendor_compatible=client.vendor_compatible,
        policy_url=client.policy_url,
        terms_url=client.terms_url,
        scopes=client.scopes,
    )


async def delete_client(db: Database, client_id: str, now: int) -> bool:
    """Delete the app: with the next request none of its tokens works, and as soon as they hear of it, none in
    the other data centers. False when there is no such app, or when it is another data center's."""
    async with db.transaction() as tx:
        if await is_import(tx, client_id):
            return False
        changed = await tx.run(
            "UPDATE clients SET deleted_at = $2, secrets = '[]', creation_key = NULL, version = version + 1"
            " WHERE id = $1 AND deleted_at IS NULL",
            client_id,
            now,
        )
        if changed:
            await queue_definition(tx, client_id, now, urgent=True)
        await tx.run("DELETE FROM client_origins WHERE client_id = $1", client_id)
        await end_what_it_holds(tx, client_id, now)
    return changed == 1


async def set_disabled(db: Database, client_id: str, disabled_at: int | None, now: int | None = None) -> bool:
    """Disable the app from the next request on (an instant), or enable it again (None). `now`: when that is,
    if it is not that instant.

    One of another data center is blocked here, whatever its home wants; nobody else hears of that.
    """
    async with db.transaction() as tx:
        if await block_import(tx, client_id, disabled_at):
            return True
        changed = await tx.run(
            "UPDATE clients SET disabled_at = $2, version = version + 1 WHERE id = $1 AND deleted_at IS NULL",
            client_id,
            disabled_at,
        )
        await queue_definition(tx, client_id, now or disabled_at or 0, urgent=disabled_at is not None)
    return changed == 1


def creation_key() -> str:
    """A new key for a creation form, so that sending it twice makes one app."""
    return secrets.token_urlsafe(16)
