"""A client as a file: its manifest, and applying one, with what would change shown first."""

import json
from typing import Literal

from pydantic import Field

from grantline.clients import (
    Change,
    Client,
    RegistrationRefused,
    check_places,
    check_registration,
    compare_manifest,
    find_client,
    manifest_of,
    parse_manifest,
    registration_of,
    render_manifest,
)
from grantline.web.console_api.caller import Caller
from grantline.web.console_api.clients import (
    IF_MATCH,
    change_registration,
    check_version,
    etag,
    refused_registration,
)
from grantline.web.console_api.operations import Operation, Query, Reply, Shown
from grantline.web.console_api.problems import not_found, refused_fields
from grantline.workspaces import CHANGE

YAML = "application/yaml"


class ChangeShown(Shown):
    """One key that changes. A list tells what comes and what goes."""

    key: str
    before: str | bool | list[str]
    after: str | bool | list[str]
    added: list[str]
    removed: list[str]


class ManifestApplied(Shown):
    """What changes, and whether it was done."""

    client_id: str
    changes: list[ChangeShown]
    applied: bool


class Format(Query):
    """In which form."""

    format: Literal["yaml", "json"] = Field(default="yaml", description="YAML, or JSON.")


class Apply(Query):
    """Whether to do it."""

    dry_run: Literal["0", "1"] = Field(default="0", description="1: only tell what would change.")


def show_change(change: Change) -> ChangeShown:
    """One change for the answer."""
    return ChangeShown(
        key=change.key,
        before=_value(change.before),
        after=_value(change.after),
        added=list(change.added),
        removed=list(change.removed),
    )


def _value(value: str | bool | tuple[str, ...]) -> str | bool | list[str]:
    return list(value) if isinstance(value, tuple) else value


async def read(caller: Caller, client: Client, query: Format) -> Reply:
    """GET /clients/{client_id}/manifest."""
    as_json = query.format == "json"
    manifest = manifest_of(client)
    text = json.dumps(dict(manifest.values), indent=2) if as_json else render_manifest(manifest)
    kind = "application/json" if as_json else f"{YAML}; charset=utf-8"
    return Reply(text=text, content_type=kind, headers=etag(client))


async def apply(caller: Caller, client: Client, query: Apply, text: str) -> Reply:
    """PUT /clients/{client_id}/manifest: a key that is absent keeps its value."""
    if "if-match" in caller.call.headers:
        check_version(caller, client)
    before = registration_of(client)
    try:
        manifest = parse_manifest(text)
        asked = check_registration(client.type, manifest.applied_to(before))
        await check_places(caller.db, client, asked)
    except RegistrationRefused as refused:
        raise refused_registration(refused) from None
    if manifest.type_name not in ("", client.type.name):
        sentence = f"This client is {client.type.title}, and a client never changes its type."
        raise refused_fields([("type", sentence, manifest.type_name)])
    changes = compare_manifest(manifest, before)
    if query.dry_run == "0":
        await change_registration(caller, client, asked)
        found = await find_client(caller.db, client.id)
        if found is None:
            raise not_found()
        client = found
    applied = ManifestApplied(
        client_id=client.id,
        changes=[show_change(change) for change in changes],
        applied=query.dry_run == "0",
    )
    return Reply(applied, headers=etag(client))


_MANIFEST = "/clients/{client_id}/manifest"
OPERATIONS = (
    Operation(
        "GET",
        _MANIFEST,
        read,
        "clients:read",
        "Read a client as a manifest",
        None,
        query=Format,
        text=YAML,
    ),
    Operation(
        "PUT",
        _MANIFEST,
        apply,
        "clients:write",
        "Apply a manifest, or tell what it would change",
        ManifestApplied,
        CHANGE,
        query=Apply,
        text=YAML,
        headers=IF_MATCH,
        also=(412,),
    ),
)
