"""`grantline api …`: the APIs that tokens are for."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from grantline.audit import record_event, render_change
from grantline.cli.running import CommandFailed, DatabaseOption, JsonOption, Workplace, say, work
from grantline.clients import (
    ORIGINS_POLICIES,
    TOKEN_FORMATS,
    Api,
    ApiDeclaration,
    ApiRefused,
    ApiScope,
    SecretRefused,
    add_secret,
    create_api,
    delete_api,
    find_api,
    find_client,
    list_apis,
    parse_api_manifest,
    render_api_manifest,
    reset_secrets,
    revoke_secret,
    update_api,
    usual_sensitivity,
)

app = typer.Typer(no_args_is_help=True, help="APIs (resource servers).")
secret_app = typer.Typer(no_args_is_help=True, help="The secrets that an API introspects with.")
app.add_typer(secret_app, name="secret")

ClientId = Annotated[str, typer.Argument(help="The API's client ID.")]
Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope",
        help="A scope and the sentence that people read: 'Billing.invoices.READ=See your invoices'.",
    ),
]
Format = Annotated[
    str | None, typer.Option("--token-format", help="One of: " + ", ".join(TOKEN_FORMATS) + ".")
]
Seconds = Annotated[
    int | None, typer.Option("--token-seconds", help="Life of its tokens; 0: the usual time.")
]
Origins = Annotated[
    str | None,
    typer.Option("--origins", help="Web pages that may call it: " + ", ".join(ORIGINS_POLICIES) + "."),
]
ManifestFile = Annotated[
    str | None,
    typer.Option("--manifest", help="A file that declares it, YAML or JSON; - for standard input."),
]


def _read(file: str, base: ApiDeclaration | None) -> ApiDeclaration:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
        return parse_api_manifest(text, base)
    except ApiRefused as refused:
        raise CommandFailed(f"{file}: {refused}") from None
    except (OSError, ValueError) as problem:
        raise CommandFailed(f"{file} can't be read: {problem}.") from None


def _scope(text: str) -> ApiScope:
    name, equals, sentence = text.partition("=")
    if not equals:
        raise CommandFailed(f"{text!r} has no sentence. Write NAME=what people allow.")
    return ApiScope(name.strip(), sentence.strip(), usual_sensitivity(name.strip()))


def _said(base: ApiDeclaration, scopes: list[str] | None, **given: Any) -> ApiDeclaration:
    """The declaration with what was given; the rest stays."""
    changes = {key: value for key, value in given.items() if value is not None}
    if scopes:
        changes["scopes"] = tuple(_scope(text) for text in scopes)
    return replace(base, **changes)


def _members(api: Api) -> dict[str, object]:
    return {
        "identifier": api.identifier,
        "scopes": api.scope_prefix,
        "name": api.name,
        "client_id": api.client_id,
        "token_format": api.token_format,
        "token_seconds": api.token_seconds,
        "origins_policy": api.origins_policy,
        "declared_scopes": [
            {"name": one.name, "sentence": one.sentence, "sensitivity": one.sensitivity} for one in api.scopes
        ],
    }


@app.command("create")
def create(
    identifier: Annotated[
        str | None, typer.Option("--identifier", help="The API's address: the audience of its tokens.")
    ] = None,
    scopes: Annotated[
        str | None, typer.Option("--scopes", help="The first part of its scopes' names, such as CRM.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="What developers and people see.")] = None,
    scope: Scopes = None,
    token_format: Format = None,
    token_seconds: Seconds = None,
    origins: Origins = None,
    manifest: ManifestFile = None,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Register an API; prints the client ID and secret that it introspects with, once."""
    base = _read(manifest, None) if manifest else ApiDeclaration("", "", "")
    said = _said(
        base,
        scope,
        identifier=identifier,
        scope_prefix=scopes,
        name=name,
        token_format=token_format,
        token_seconds=token_seconds,
        origins_policy=origins,
    )
    missing = [
        o
        for o, v in (
            ("--identifier", said.identifier),
            ("--scopes", said.scope_prefix),
            ("--name", said.name),
        )
        if not v
    ]
    if missing:
        raise typer.BadParameter(f"say {', '.join(missing)}, or give --manifest", param_hint="create")

    async def job(place: Workplace) -> tuple[Api, str]:
        try:
            api, value = await create_api(place.db, said=said, data_center=place.home.code, now=place.now)
        except ApiRefused as refused:
            raise CommandFailed(str(refused)) from None
        await _record(place, "api.created", api, after={"identifier": api.identifier, "name": api.name})
        return api, value

    api, value = work(database, job)
    say(
        f"Registered the API {api.name}.\nClient ID: {api.client_id}\nClient secret, shown once: {value}",
        _members(api) | {"client_secret": value},
        as_json=json,
    )


async def _record(place: Workplace, kind: str, api: Api, **change: Any) -> None:
    await record_event(
        place.db,
        kind,
        now=place.now,
        client_id=api.client_id,
        workspace_id=api.workspace_id or None,
        detail=render_change(**change),
    )


async def _get(place: Workplace, client_id: str) -> Api:
    found = await find_api(place.db, client_id)
    if found is None:
        raise CommandFailed(f"There is no API with the client ID {client_id}.")
    return found


@app.command("update")
def update(
    client_id: ClientId,
    identifier: Annotated[str | None, typer.Option("--identifier", help="Its address.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="What developers and people see.")] = None,
    scope: Scopes = None,
    token_format: Format = None,
    token_seconds: Seconds = None,
    origins: Origins = None,
    manifest: ManifestFile = None,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Change an API; what isn't given stays. Scopes are replaced as a whole. Tokens that were made stay as
    they are."""

    async def job(place: Workplace) -> Api:
        api = await _get(place, client_id)
        base = _read(manifest, api.declaration) if manifest else api.declaration
        said = _said(
            base,
            scope,
            identifier=identifier,
            name=name,
            token_format=token_format,
            token_seconds=token_seconds,
            origins_policy=origins,
        )
        try:
            changed = await update_api(place.db, api, said, place.now)
        except ApiRefused as refused:
            raise CommandFailed(str(refused)) from None
        before, after = _changes(api, changed)
        if after:
            await _record(place, "api.updated", changed, before=before, after=after)
        return changed

    api = work(database, job)
    say(f"Changed the API {api.name}.", _members(api), as_json=json)


def _changes(api: Api, changed: Api) -> tuple[dict[str, object], dict[str, object]]:
    """What differs, before and after."""
    before, after = _members(api), _members(changed)
    different = [key for key in after if before[key] != after[key]]
    return {key: before[key] for key in different}, {key: after[key] for key in different}


@app.command("show")
def show(client_id: ClientId, database: DatabaseOption = None, json: JsonOption = False) -> None:
    """What an API declares, as a manifest that `create` and `update` read."""
    api = work(database, lambda place: _get(place, client_id))
    say(render_api_manifest(api.declaration).rstrip("\n"), _members(api), as_json=json)


@app.command("delete")
def delete(client_id: ClientId, database: DatabaseOption = None, json: JsonOption = False) -> None:
    """Delete an API: it introspects nothing more, and nobody can ask for its scopes any more."""

    async def job(place: Workplace) -> Api:
        api = await _get(place, client_id)
        await delete_api(place.db, client_id, place.now)
        await _record(place, "api.deleted", api, before={"identifier": api.identifier, "name": api.name})
        return api

    api = work(database, job)
    say(f"Deleted the API {api.name}.", {"client_id": client_id, "deleted": True}, as_json=json)


@secret_app.command("add")
def secret_add(client_id: ClientId, database: DatabaseOption = None, json: JsonOption = False) -> None:
    """A second secret beside the one in use, so that the API can change over; shown once."""
    _tell_secret(client_id, database, reset=False, as_json=json)


@secret_app.command("reset")
def secret_reset(client_id: ClientId, database: DatabaseOption = None, json: JsonOption = False) -> None:
    """One new secret; the others stop at once. Shown once."""
    _tell_secret(client_id, database, reset=True, as_json=json)


@secret_app.command("revoke")
def secret_revoke(
    client_id: ClientId,
    secret_id: Annotated[str, typer.Argument(help="The secret's ID.")],
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """End one secret, while another works."""

    async def job(place: Workplace) -> None:
        api = await _get(place, client_id)
        client = await find_client(place.db, client_id)
        assert client is not None
        try:
            await revoke_secret(place.db, client, secret_id, place.now)
        except SecretRefused as refused:
            raise CommandFailed(str(refused)) from None
        await _record(place, "secret.revoked", api, before={"secret_id": secret_id})

    work(database, job)
    say(f"Revoked the secret {secret_id}.", {"client_id": client_id, "secret_id": secret_id}, as_json=json)


def _tell_secret(client_id: str, database: str | None, *, reset: bool, as_json: bool) -> None:
    async def job(place: Workplace) -> str:
        api = await _get(place, client_id)
        client = await find_client(place.db, client_id)
        assert client is not None
        change = reset_secrets if reset else add_secret
        try:
            value, secret = await change(place.db, client, place.home.code, place.now)
        except SecretRefused as refused:
            raise CommandFailed(str(refused)) from None
        await _record(place, "secret.reset" if reset else "secret.added", api, after={"secret_id": secret.id})
        return value

    value = work(database, job)
    say(
        f"Client secret, shown once: {value}",
        {"client_id": client_id, "client_secret": value},
        as_json=as_json,
    )


@app.command("list")
def list_(database: DatabaseOption = None, json: JsonOption = False) -> None:
    """List the registered APIs."""

    async def job(place: Workplace) -> list[Api]:
        return list(await list_apis(place.db))

    apis = work(database, job)
    lines = "\n".join(f"{a.client_id}  {a.scope_prefix:10}  {a.identifier}  {a.name}" for a in apis)
    say(lines or "No APIs are registered yet.", [_members(a) for a in apis], as_json=json)
