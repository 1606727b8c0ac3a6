"""`grantline client apply`, `manifest`, `export`: apps as files, on a database or over a server's console."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from grantline.accounts import personal_organization
from grantline.cli.clients import find_workspace, get_client, owner_of
from grantline.cli.recording import record
from grantline.cli.remote import Remote, ServerOption, TokenOption, open_remote
from grantline.cli.running import CommandFailed, DatabaseOption, JsonOption, Workplace, say, work
from grantline.clients import (
    CLIENT_TYPES,
    Client,
    Manifest,
    Registration,
    RegistrationRefused,
    check_data_centers,
    check_places,
    check_registration,
    compare_manifest,
    list_clients,
    list_workspace_clients,
    manifest_of,
    parse_manifest,
    register_client,
    registration_of,
    render_manifest,
    update_client,
)

_MOST = 1000
_PAGE = 200
Members = dict[str, Any]


def _read(file: str) -> tuple[Manifest, str]:
    """The manifest in the file, `-` for standard input. Raises CommandFailed."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
        return parse_manifest(text), text
    except RegistrationRefused as refused:
        raise _failed(refused) from None
    except (OSError, ValueError) as problem:
        raise CommandFailed(f"{file} can't be read: {problem}.") from None


def _failed(refused: RegistrationRefused) -> CommandFailed:
    lines = [
        f"{one.field}: {one.sentence}" + (f" ({one.value})" if one.value else "") for one in refused.problems
    ]
    return CommandFailed("\n".join(lines))


def apply(
    file: Annotated[str, typer.Argument(help="The manifest, YAML or JSON; - reads standard input.")],
    client: Annotated[
        str | None,
        typer.Option(
            "--client", help="The client ID; without it the app of that name and type, else a new one."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")] = False,
    owner: Annotated[
        str | None, typer.Option("--owner", help="E-mail of the account that a new app is of.")
    ] = None,
    workspace: Annotated[
        int | None, typer.Option("--workspace", help="Number of the workspace to look in.")
    ] = None,
    server: ServerOption = None,
    token_stdin: TokenOption = False,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Make an app what a manifest says, and tell what changes. A key that is absent keeps its value."""
    manifest, text = _read(file)
    if server is not None:
        remote = open_remote(server, token_stdin)
        done = _apply_remotely(remote, manifest, text, client, dry_run=dry_run)
    else:
        done = work(
            database, lambda place: _apply(place, manifest, client, owner, workspace, dry_run=dry_run)
        )
    say(_sentence(done, manifest), done, as_json=json)


def _sentence(done: Mapping[str, Any], manifest: Manifest) -> str:
    """The changes line by line, and what was done."""
    lines: list[str] = []
    for change in done["changes"]:
        if change["added"] or change["removed"]:
            lines.append(f"{change['key']}:")
            lines += [f"  - {entry}" for entry in change["removed"]]
            lines += [f"  + {entry}" for entry in change["added"]]
        else:
            lines.append(f"{change['key']}: {_word(change['before'])} -> {_word(change['after'])}")
    what = done["client_id"] or str(manifest.values.get("name", ""))
    if done["created"]:
        lines.append(f"Registered {what}." if done["applied"] else f"Would register {what}.")
    elif not done["changes"]:
        lines.append(f"{what} is as the manifest says.")
    else:
        lines.append(f"Changed {what}." if done["applied"] else f"Would change {what}.")
    if done.get("client_secret"):
        lines.append(f"Client secret, shown once: {done['client_secret']}")
    return "\n".join(lines)


def _word(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(value) or "nothing"
    return (
        {True: "yes", False: "no"}.get(value, str(value))
        if isinstance(value, bool)
        else str(value) or "nothing"
    )


async def _apply(
    place: Workplace,
    manifest: Manifest,
    client_id: str | None,
    owner: str | None,
    workspace: int | None,
    *,
    dry_run: bool,
) -> Members:
    try:
        found = await _find(place, manifest, client_id, owner, workspace)
        if found is None:
            return await _create(place, manifest, owner, workspace, dry_run=dry_run)
        return await _change(place, manifest, found, dry_run=dry_run)
    except RegistrationRefused as refused:
        raise _failed(refused) from None


async def _find(
    place: Workplace, manifest: Manifest, client_id: str | None, owner: str | None, workspace: int | None
) -> Client | None:
    """The app that is meant: by its ID, else by name and type in the workspace."""
    if client_id is not None:
        return await get_client(place, client_id)
    meant = _name_and_type(manifest)
    home = workspace if workspace is not None else (await owner_of(place, owner)).id
    known = await list_workspace_clients(place.db, home, limit=_MOST)
    found: Client | None = _one([one for one in known if (one.name, one.type.name) == meant])
    return found


def _name_and_type(manifest: Manifest) -> tuple[str, str]:
    if not manifest.type_name or "name" not in manifest.values:
        raise CommandFailed("Without --client the manifest needs both name and type.")
    return str(manifest.values["name"]), manifest.type_name


def _one(found: Sequence[Any]) -> Any:
    if len(found) > 1:
        raise CommandFailed("Several apps have this name and type. Say which: --client ID.")
    return found[0] if found else None


async def _create(
    place: Workplace, manifest: Manifest, owner: str | None, workspace: int | None, *, dry_run: bool
) -> Members:
    asked, kind = manifest.applied_to(Registration(name="")), CLIENT_TYPES[manifest.type_name]
    changes = [asdict(change) for change in compare_manifest(manifest, Registration(name=""))]
    check_registration(kind, asked)
    await check_data_centers(place.db, kind, place.home.code, asked.data_centers)
    if dry_run:
        return {"client_id": "", "changes": changes, "created": True, "applied": False}
    account = await owner_of(place, owner)
    made, value = await register_client(
        place.db,
        type_name=kind.name,
        asked=asked,
        owner_account_id=account.id,
        workspace_id=await find_workspace(place, account, workspace),
        organization_id=(await personal_organization(place.db, account.id)).id,
        data_center=place.home.code,
        now=place.now,
    )
    await record(place.db, place, "client.created", client=made, after={"type": kind.name})
    secret = {"client_secret": value} if value else {}
    return {"client_id": made.id, "changes": changes, "created": True, "applied": True, **secret}


async def _change(place: Workplace, manifest: Manifest, client: Client, *, dry_run: bool) -> Members:
    if manifest.type_name not in ("", client.type.name):
        raise CommandFailed(f"{client.name} is {client.type.title}, and an app never changes its type.")
    before = registration_of(client)
    asked = check_registration(client.type, manifest.applied_to(before))
    await check_places(place.db, client, asked)
    changes = [asdict(change) for change in compare_manifest(manifest, before)]
    if changes and not dry_run:
        try:
            await update_client(place.db, client, asked, place.now, only_this_version=True)
        except LookupError:
            raise CommandFailed("The app was changed at the same moment. Try again.") from None
        await record(
            place.db,
            place,
            "client.updated",
            client=client,
            before={change["key"]: change["before"] for change in changes},
            after={change["key"]: change["after"] for change in changes},
        )
    return {"client_id": client.id, "changes": changes, "created": False, "applied": not dry_run}


def _apply_remotely(
    remote: Remote, manifest: Manifest, text: str, client_id: str | None, *, dry_run: bool
) -> Members:
    """The same over the console's API."""
    if client_id is None:
        meant = _name_and_type(manifest)
        found = _one([one for one in _list(remote) if (one["name"], one["type"]) == meant])
        if found is None:
            return _create_remotely(remote, manifest, dry_run=dry_run)
        client_id = str(found["client_id"])
    path = f"/clients/{client_id}/manifest"
    done = remote.call("PUT", path, params={"dry_run": "1" if dry_run else "0"}, text=text)
    return {**done, "created": False}


def _list(remote: Remote) -> list[Members]:
    found: list[Members] = []
    after: str | None = ""
    while after is not None and len(found) < _MOST:
        page = remote.call("GET", "/clients", params={"limit": str(_PAGE), "after": after})
        found += page["clients"]
        after = page["next"]
    return found


def _create_remotely(remote: Remote, manifest: Manifest, *, dry_run: bool) -> Members:
    changes = [asdict(change) for change in compare_manifest(manifest, Registration(name=""))]
    if dry_run:
        return {"client_id": "", "changes": changes, "created": True, "applied": False}
    made = remote.call("POST", "/clients", members=dict(manifest.values))
    secret = {"client_secret": made["client_secret"]} if made["client_secret"] else {}
    return {"client_id": made["client_id"], "changes": changes, "created": True, "applied": True, **secret}


def manifest(
    client_id: Annotated[str, typer.Argument(help="The client ID.")],
    server: ServerOption = None,
    token_stdin: TokenOption = False,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Write an app's manifest to standard output: YAML, or JSON with --json."""
    if server is not None:
        remote = open_remote(server, token_stdin)
        text = remote.call("GET", f"/clients/{client_id}/manifest")
        shown = parse_manifest(text)
    else:
        shown = manifest_of(work(database, lambda place: get_client(place, client_id)))
    say(render_manifest(shown).rstrip("\n"), dict(shown.values), as_json=json)


def export(
    folder: Annotated[Path, typer.Argument(help="Where to write; made when it is not there.")],
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Write the manifest of every app, each into a file that is called after its client ID."""

    async def job(place: Workplace) -> Sequence[Client]:
        return await list_clients(place.db)

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for one in work(database, job):
        path = folder / f"{one.id}.yaml"
        path.write_text(render_manifest(manifest_of(one)), "utf-8")
        written.append(str(path))
    say(f"Wrote {len(written)} manifests to {folder}.", {"files": written}, as_json=json)
