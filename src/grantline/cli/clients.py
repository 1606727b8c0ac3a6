"""`grantline client …`: apps. The same door as the console's: the same checks, the same sentences."""

from dataclasses import replace
from typing import Annotated

import typer

from grantline.accounts import Account, find_account_by_email, personal_organization
from grantline.audit import record_event
from grantline.cli.running import CommandFailed, DatabaseOption, JsonOption, Workplace, say, work
from grantline.clients import (
    CLIENT_TYPES,
    Client,
    Registration,
    RegistrationRefused,
    SecretRefused,
    add_secret,
    delete_client,
    find_client,
    list_clients,
    register_client,
    registration_of,
    reset_secrets,
    revoke_secret,
    set_disabled,
    update_client,
)

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


async def _owner(place: Workplace, email: str | None) -> Account:
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


async def _get(place: Workplace, client_id: str) -> Client:
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
        account = await _owner(place, owner)
        organization = await personal_organization(place.db, account.id)
        try:
            client, value = await register_client(
                place.db,
                type_name=type,
                asked=asked,
                owner_account_id=account.id,
                organization_id=organization.id,
                data_center=place.home.code,
                now=place.now,
            )
        except RegistrationRefused as refused:
            lines = [
                f"{p.field}: {p.sentence}" + (f" ({p.value})" if p.value else "") for p in refused.problems
            ]
            raise CommandFailed("\n".join(lines)) from None
        await record_event(
            place.db, "client.created", now=place.now, account_id=account.id, client_id=client.id
        )
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
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Change an app; what isn't given stays as it is. Lists are replaced as a whole."""

    async def job(place: Workplace) -> Client:
        client = await _get(place, client_id)
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
            client = await update_client(place.db, client, asked, place.now)
        except RegistrationRefused as refused:
            raise CommandFailed("\n".join(f"{p.field}: {p.sentence}" for p in refused.problems)) from None
        if disable is not None:
            await set_disabled(place.db, client.id, place.now if disable else None)
        await record_event(place.db, "client.updated", now=place.now, client_id=client.id)
        return await _get(place, client_id)

    client = work(database, job)
    say(f"Changed {client.name} ({client.id}).", _members(client), as_json=json)


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
    client = work(database, lambda place: _get(place, client_id))
    members = _members(client)
    say("\n".join(f"{name}: {value}" for name, value in members.items()), members, as_json=json)


@app.command("delete")
def delete(client_id: ClientId, database: DatabaseOption = None, json: JsonOption = False) -> None:
    """Delete an app: with the next request none of its tokens works."""

    async def job(place: Workplace) -> Client:
        client = await _get(place, client_id)
        await delete_client(place.db, client.id, place.now)
        await record_event(place.db, "client.deleted", now=place.now, client_id=client.id)
        return client

    client = work(database, job)
    say(
        f"Deleted {client.name}. Its tokens stopped working.",
        {"client_id": client.id, "deleted": True},
        as_json=json,
    )


def _change_secret(database: str | None, client_id: str, verb: str, secret_id: str = "") -> dict[str, object]:
    async def job(place: Workplace) -> dict[str, object]:
        client = await _get(place, client_id)
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
        await record_event(
            place.db, kind, now=place.now, client_id=client.id, detail={"secret_id": made["secret_id"]}
        )
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
