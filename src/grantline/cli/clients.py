"""`grantline client …`: apps. The same door as the console's: the same checks, the same sentences."""

from dataclasses import replace
from typing import Annotated

import typer

from grantline.accounts import Account, find_account_by_email, personal_organization
from grantline.cli.recording import record
from grantline.cli.running import CommandFailed, DatabaseOption, JsonOption, Workplace, say, work
from grantline.clients import (
    CLIENT_TYPES,
    Client,
    Registration,
    RegistrationRefused,
    SecretRefused,
    TransferRefused,
    add_secret,
    delete_client,
    find_client,
    list_clients,
    register_client,
    registration_of,
    reset_secrets,
    revoke_secret,
    set_disabled,
    transfer_client,
    update_client,
)
from grantline.workspaces import CHANGE, find_membership

app = typer.Typer(no_args_is_help=True, help="Registered apps.")
secret = typer.Typer(no_args_is_help=True, help="A client's secrets.")
app.add_typer(secret, name="secret")

ClientId = Annotated[str, typer.Argument(help="The client ID.")]
Name = Annotated[str | None, typer.Option("--name", help="What people see on the consent page.")]
Homepage = Annotated[str | None, typer.Option("--homepage", help="The app's own page.")]
RedirectUris = Annotated[list[str] | None, typer.Option("--redirect-uri", help="May be given several times.")]
Origins = Annotated[
    list[str] | None, typer.Option("--origin", help="Of a Client-based app; may be given several times.")
]
Implicit = Annotated[
    bool | None, typer.Option("--implicit/--no-implicit", help="Token straight in the redirect.")
]
Vendor = Annotated[
    bool | None,
    typer.Option(
        "--vendor-compatible/--no-vendor-compatible", help="Speak the vendor's wire to this client."
    ),
]
DataCenters = Annotated[str | None, typer.Option("--data-centers", help="Codes, comma separated.")]
AfterLogout = Annotated[
    list[str] | None, typer.Option("--post-logout-redirect-uri", help="May be given several times.")
]
AppScopes = Annotated[
    list[str] | None, typer.Option("--app-scope", help="Narrows client credentials; several allowed.")
]


def _members(client: Client) -> dict[str, object]:
    """The client in the standards' names (RFC 7591 §2)."""
    return {
        "client_id": client.id,
        "client_name": client.name,
        "type": client.type.name,
        "client_uri": client.homepage_url,
        "redirect_uris": list(client.redirect_uris),
        "origins": list(client.origins),
        "post_logout_redirect_uris": list(client.post_logout_redirect_uris),
        "app_scopes": list(client.app_scopes),
        "data_centers": list(client.data_centers),
        "implicit": client.implicit,
        "vendor_compatible": client.vendor_compatible,
        "disabled": not client.enabled,
        "workspace_id": client.workspace_id,
        "client_id_issued_at": client.created_at,
        "secret_ids": [secret.id for secret in client.secrets if secret.revoked_at is None],
    }


def _merge(
    base: Registration,
    name: str | None,
    homepage: str | None,
    redirect_uri: list[str] | None,
    origin: list[str] | None,
    implicit: bool | None,
    vendor_compatible: bool | None,
    data_centers: str | None,
    post_logout_redirect_uri: list[str] | None,
    app_scope: list[str] | None,
) -> Registration:
    """The registration with the options that were given; what was not given stays."""
    given = {
        "name": name,
        "homepage_url": homepage,
        "redirect_uris": tuple(redirect_uri) if redirect_uri else None,
        "origins": tuple(origin) if origin else None,
        "implicit": implicit,
        "vendor_compatible": vendor_compatible,
        "data_centers": tuple(data_centers.split(",")) if data_centers else None,
        "post_logout_redirect_uris": tuple(post_logout_redirect_uri) if post_logout_redirect_uri else None,
        "app_scopes": tuple(app_scope) if app_scope else None,
    }
    return replace(base, **{field: value for field, value in given.items() if value is not None})  # type: ignore[arg-type]


async def owner_of(place: Workplace, email: str | None) -> Account:
    """The owner: the account of that address, or the only account there is."""
    if email is not None:
        account = await find_account_by_email(place.db, email)
        if account is None:
            raise CommandFailed(f"There is no account with the address {email}.")
        return account
    rows = await place.db.all("SELECT email FROM accounts ORDER BY created_at, id LIMIT 2")
    if len(rows) != 1 and not place.home.demo:
        raise CommandFailed("Say whose app it is: --owner EMAIL. (`grantline user create` makes an account.)")
    account = await find_account_by_email(place.db, rows[0][0])
    assert account is not None
    return account


async def find_workspace(place: Workplace, account: Account, workspace: int | None) -> int | None:
    """The workspace, in which the account may change things."""
    if workspace is None:
        return None
    here = await find_membership(place.db, account.id, workspace)
    if here is None or not here.may(CHANGE):
        raise CommandFailed(f"{account.email} may not change apps in the workspace {workspace}.")
    return workspace


async def get_client(place: Workplace, client_id: str) -> Client:
    """The app of this ID. Raises CommandFailed."""
    client = await find_client(place.db, client_id)
    if client is None or client.type.name == "api":
        raise CommandFailed(f"There is no client with the ID {client_id} in this data center.")
    return client


@app.command("create")
def create(
    type: Annotated[str, typer.Option("--type", help="One of: " + ", ".join(CLIENT_TYPES))],
    name: Name = None,
    homepage: Homepage = None,
    redirect_uri: RedirectUris = None,
    origin: Origins = None,
    implicit: Implicit = None,
    vendor_compatible: Vendor = None,
    owner: Annotated[str | None, typer.Option("--owner", help="E-mail of the account that owns it.")] = None,
    workspace: Annotated[
        int | None, typer.Option("--workspace", help="Number of a workspace; without it the owner's own.")
    ] = None,
    data_centers: DataCenters = None,
    post_logout_redirect_uri: AfterLogout = None,
    app_scope: AppScopes = None,
    legacy_secret: Annotated[
        bool, typer.Option("--legacy-secret", help="Mobile alone: issue a secret too.")
    ] = False,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Register an app. Its secret, where the type has one, is shown once."""
    if type not in CLIENT_TYPES:
        raise typer.BadParameter(f"use one of {', '.join(CLIENT_TYPES)}", param_hint="--type")
    base = Registration(
        name=name or ("Self client" if type == "self-client" else ""), legacy_secret=legacy_secret
    )
    asked = _merge(
        base,
        name,
        homepage,
        redirect_uri,
        origin,
        implicit,
        vendor_compatible,
        data_centers,
        post_logout_redirect_uri,
        app_scope,
    )

    async def job(place: Workplace) -> tuple[Client, str | None]:
        account = await owner_of(place, owner)
        organization = await personal_organization(place.db, account.id)
        try:
            client, value = await register_client(
                place.db,
                type_name=type,
                asked=asked,
                owner_account_id=account.id,
                workspace_id=await find_workspace(place, account, workspace),
                organization_id=organization.id,
                data_center=place.home.code,
                now=place.now,
            )
        except RegistrationRefused as refused:
            lines = [
                f"{p.field}: {p.sentence}" + (f" ({p.value})" if p.value else "") for p in refused.problems
            ]
            raise CommandFailed("\n".join(lines)) from None
        await record(place.db, place, "client.created", client=client, after={"type": client.type.name})
        return client, value

    client, value = work(database, job)
    _tell_created(client, value, as_json=json)


def _tell_created(client: Client, value: str | None, *, as_json: bool) -> None:
    members = _members(client) | ({"client_secret": value} if value else {})
    lines = [f"Registered {client.name} ({client.type.title}).", f"Client ID: {client.id}"]
    if value:
        lines.append(f"Client secret, shown once: {value}")
    elif client.type.name == "self-client":
        lines.append(
            "This account had a self client already: here it is. Its secret was shown when it was created."
        )
    say("\n".join(lines), members, as_json=as_json)


@app.command("update")
def update(
    client_id: ClientId,
    name: Name = None,
    homepage: Homepage = None,
    redirect_uri: RedirectUris = None,
    origin: Origins = None,
    implicit: Implicit = None,
    vendor_compatible: Vendor = None,
    data_centers: DataCenters = None,
    post_logout_redirect_uri: AfterLogout = None,
    app_scope: AppScopes = None,
    disable: Annotated[
        bool | None, typer.Option("--disable/--enable", help="Switch the app off or on.")
    ] = None,
    workspace: Annotated[
        int | None, typer.Option("--workspace", help="Give it to this workspace, which --owner may change.")
    ] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", help="With --workspace: who moves it, and has it from then on.")
    ] = None,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Change an app; what isn't given stays as it is. Lists are replaced as a whole."""
    if owner is not None and workspace is None:
        raise typer.BadParameter("say the workspace too: --workspace NUMBER", param_hint="--owner")

    async def job(place: Workplace) -> Client:
        client = await get_client(place, client_id)
        if workspace is not None:
            client = await _transfer(place, client, workspace, owner)
        asked = _merge(
            registration_of(client),
            name,
            homepage,
            redirect_uri,
            origin,
            implicit,
            vendor_compatible,
            data_centers,
            post_logout_redirect_uri,
            app_scope,
        )
        try:
            await _store(place, client, asked)
        except RegistrationRefused as refused:
            raise CommandFailed("\n".join(f"{p.field}: {p.sentence}" for p in refused.problems)) from None
        if disable is not None and disable == client.enabled:
            await set_disabled(place.db, client.id, place.now if disable else None, place.now)
            kind = "client.disabled" if disable else "client.enabled"
            await record(place.db, place, kind, client=client)
        return await get_client(place, client_id)

    client = work(database, job)
    say(f"Changed {client.name} ({client.id}).", _members(client), as_json=json)


async def _store(place: Workplace, client: Client, asked: Registration) -> None:
    before = registration_of(client)
    after = registration_of(await update_client(place.db, client, asked, place.now))
    changed = [name for name in Registration.__slots__ if getattr(before, name) != getattr(after, name)]
    if changed:
        told = ({name: getattr(side, name) for name in changed} for side in (before, after))
        await record(place.db, place, "client.updated", client=client, before=next(told), after=next(told))


async def _transfer(place: Workplace, client: Client, workspace: int, email: str | None) -> Client:
    """Into another workspace, by the rule of the console: in the name of somebody who may do both."""
    account = await owner_of(place, email) if email is not None else None
    try:
        async with place.db.transaction() as tx:
            await transfer_client(
                tx,
                client,
                to_workspace=workspace,
                account_id=account.id if account is not None else client.owner_account_id,
                now=place.now,
            )
            for home in (client.workspace_id, workspace):
                await record(
                    tx,
                    place,
                    "client.transferred",
                    client=replace(client, workspace_id=home),
                    before={"workspace": client.workspace_id},
                    after={"workspace": workspace},
                )
    except TransferRefused as refused:
        raise CommandFailed(str(refused)) from None
    return await get_client(place, client.id)


@app.command("list")
def list_(database: DatabaseOption = None, json: JsonOption = False) -> None:
    """List the registered apps."""

    async def job(place: Workplace) -> list[Client]:
        return list(await list_clients(place.db))

    clients = work(database, job)
    lines = "\n".join(f"{client.id}  {client.type.title:13}  {client.name}" for client in clients)
    say(lines or "No apps are registered yet.", [_members(client) for client in clients], as_json=json)


@app.command("show")
def show(client_id: ClientId, database: DatabaseOption = None, json: JsonOption = False) -> None:
    """Show one app; its secrets are never shown again."""
    client = work(database, lambda place: get_client(place, client_id))
    members = _members(client)
    say("\n".join(f"{name}: {value}" for name, value in members.items()), members, as_json=json)


@app.command("delete")
def delete(client_id: ClientId, database: DatabaseOption = None, json: JsonOption = False) -> None:
    """Delete an app: with the next request none of its tokens works."""

    async def job(place: Workplace) -> Client:
        client = await get_client(place, client_id)
        if not await delete_client(place.db, client.id, place.now):
            raise CommandFailed(f"{client.id} is registered in another data center. Delete it there.")
        await record(place.db, place, "client.deleted", client=client, before={"name": client.name})
        return client

    client = work(database, job)
    say(
        f"Deleted {client.name}. Its tokens stopped working.",
        {"client_id": client.id, "deleted": True},
        as_json=json,
    )


def _change_secret(database: str | None, client_id: str, verb: str, secret_id: str = "") -> dict[str, object]:
    async def job(place: Workplace) -> dict[str, object]:
        client = await get_client(place, client_id)
        try:
            if verb == "revoke":
                await revoke_secret(place.db, client, secret_id, place.now)
                made: dict[str, object] = {"secret_id": secret_id}
            else:
                change = add_secret if verb == "add" else reset_secrets
                value, new = await change(place.db, client, place.home.code, place.now)
                made = {"client_secret": value, "secret_id": new.id}
        except SecretRefused as refused:
            raise CommandFailed(str(refused)) from None
        kind = {"add": "secret.added", "reset": "secret.reset", "revoke": "secret.revoked"}[verb]
        told = {"secret_id": made["secret_id"]}
        before, after = (told, None) if verb == "revoke" else (None, told)
        await record(place.db, place, kind, client=client, before=before, after=after)
        return {"client_id": client.id, **made}

    return work(database, job)


@secret.command("add")
def secret_add(client_id: ClientId, database: DatabaseOption = None, json: JsonOption = False) -> None:
    """Add a second secret; the first keeps working. Shown once."""
    made = _change_secret(database, client_id, "add")
    say(f"Added secret {made['secret_id']}, shown once: {made['client_secret']}", made, as_json=json)


@secret.command("reset")
def secret_reset(client_id: ClientId, database: DatabaseOption = None, json: JsonOption = False) -> None:
    """Make one new secret; every other stops working at once. Shown once."""
    made = _change_secret(database, client_id, "reset")
    say(f"Reset. The new secret {made['secret_id']}, shown once: {made['client_secret']}", made, as_json=json)


@secret.command("revoke")
def secret_revoke(
    client_id: ClientId,
    secret_id: Annotated[str, typer.Argument(help="The secret's ID, sec_….")],
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """End one secret."""
    made = _change_secret(database, client_id, "revoke", secret_id)
    say(f"Revoked secret {secret_id}.", {**made, "revoked": True}, as_json=json)
