"""`grantline client data-centers`: where an app works, with which secrets there, and how far its last change
has got."""

import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

import typer

from grantline.cli.clients import ClientId, get_client
from grantline.cli.recording import record
from grantline.cli.running import CommandFailed, DatabaseOption, JsonOption, Workplace, say, work
from grantline.clients import (
    Client,
    ClientSecret,
    Elsewhere,
    RegistrationRefused,
    SecretRefused,
    add_secret_for,
    list_elsewhere,
    reset_secrets_for,
    revoke_secret_for,
    secrets_there,
    share_secrets,
    switch_data_center,
)
from grantline.datacenters import DataCenter, list_standings
from grantline.db import Transaction

Members = dict[str, Any]
Act = Callable[[Transaction, Client, str, int], Awaitable[tuple[str, ClientSecret] | None]]


async def _share(tx: Transaction, client: Client, code: str, now: int) -> None:
    await share_secrets(tx, client, code, now)


_ACTS: Final[dict[str, tuple[str, Act]]] = {
    "own": ("secret.added", add_secret_for),
    "reset": ("secret.reset", reset_secrets_for),
    "same": ("secret.shared", _share),
}


def data_centers(
    client_id: ClientId,
    on: Annotated[list[str] | None, typer.Option("--on", help="Let it work there; several allowed.")] = None,
    off: Annotated[
        list[str] | None, typer.Option("--off", help="No longer let it work there; its tokens there stop.")
    ] = None,
    own_secret: Annotated[
        str | None,
        typer.Option("--own-secret", help="Add a secret for there alone. Shown once; two may live."),
    ] = None,
    reset_secret: Annotated[
        str | None, typer.Option("--reset-secret", help="One new secret for there alone; the others stop.")
    ] = None,
    revoke_secret: Annotated[
        str | None, typer.Option("--revoke-secret", help="End one that is for there alone: its ID, sec_….")
    ] = None,
    same_secret: Annotated[
        str | None, typer.Option("--same-secret", help="The secrets of its home serve there again.")
    ] = None,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Where an app works, and how far its last change has got there; or switch a data center on or off."""
    asked = {"own": own_secret, "reset": reset_secret, "same": same_secret, "revoke": revoke_secret}
    wanted = [(act, value) for act, value in asked.items() if value is not None]
    if len(wanted) > 1:
        raise typer.BadParameter("change secrets for one data center at a time")

    async def job(place: Workplace) -> Members:
        client = await get_client(place, client_id)
        for code, to in [*((one, True) for one in on or ()), *((one, False) for one in off or ())]:
            await _switch(place, client, code, on=to)
        made: Members = {}
        for act, value in wanted:
            made = await _change_secrets(place, client, act, value)
        return {"client_id": client.id, **made, "data_centers": await _list(place, client)}

    done = work(database, job)
    lines = [_line(one) for one in done["data_centers"]]
    if "client_secret" in done:
        lines.append(f"Secret {done['secret_id']}, shown once: {done['client_secret']}")
    say("\n".join(lines), done, as_json=json)


async def _switch(place: Workplace, client: Client, center: str, *, on: bool) -> None:
    if center == client.data_center and not on:
        raise CommandFailed("A client always works in the data center where it is registered.")
    try:
        async with place.db.transaction() as tx:
            before, after = await switch_data_center(tx, client, center, place.now, on=on)
            if before != after:
                told: Members = {"before": {"data_centers": before}, "after": {"data_centers": after}}
                await record(tx, place, "client.updated", client=client, **told)
    except RegistrationRefused as refused:
        raise CommandFailed("\n".join(one.sentence for one in refused.problems)) from None


async def _change_secrets(place: Workplace, client: Client, act: str, value: str) -> Members:
    try:
        async with place.db.transaction() as tx:
            code = value if act != "revoke" else await _find_holder(tx, client, value)
            before = await secrets_there(tx, client, code)
            kind, change = _ACTS.get(act, ("secret.revoked", None))
            made = None
            if change is not None:
                made = await change(tx, client, code, place.now)
            else:
                await revoke_secret_for(tx, client, code, value, place.now)
            after = {**await secrets_there(tx, client, code), "data_center": code}
            await record(tx, place, kind, client=client, before=before, after=after)
    except SecretRefused as refused:
        raise CommandFailed(str(refused)) from None
    return {"client_secret": made[0], "secret_id": made[1].id} if made is not None else {}


async def _find_holder(tx: Transaction, client: Client, secret_id: str) -> str:
    for row in await list_elsewhere(tx, client.id):
        if any(one.id == secret_id for one in row.secrets or ()):
            return row.data_center
    raise CommandFailed(f"No data center has a secret {secret_id} of its own for this client.")


async def _list(place: Workplace, client: Client) -> list[Members]:
    """The app's home, then every other data center that is listed or where it worked."""
    listed = {code: one.center for code, one in (await list_standings(place.db, place.home.code)).items()}
    rows = {row.data_center: row for row in await list_elsewhere(place.db, client.id)}
    home = {**_members(client.data_center, None, None), "home": True, "enabled": client.enabled}
    others = sorted({*listed, *rows} - {client.data_center})
    return [home, *(_members(code, listed.get(code), rows.get(code)) for code in others)]


def _members(code: str, center: DataCenter | None, row: Elsewhere | None) -> Members:
    own = row.secrets if row is not None else None
    return {
        "data_center": code,
        "name": center.name if center is not None else code.upper(),
        "home": False,
        "enabled": row is not None and row.enabled,
        "own_secret_ids": [one.id for one in own] if own is not None else None,
        "confirmed_at": row.confirmed_at if row is not None else None,
        "waiting_since": row.waiting_since if row is not None else None,
        "problem": row.problem if row is not None else "",
    }


def _line(one: Members) -> str:
    state = "registered here" if one["home"] else "on" if one["enabled"] else "off"
    told = [state]
    if one["waiting_since"] is not None:
        told.append(f"waiting since {_instant(one['waiting_since'])}")
    elif one["confirmed_at"] is not None:
        told.append(f"confirmed {_instant(one['confirmed_at'])}")
    if one["own_secret_ids"] is not None:
        told.append("secrets of its own: " + ", ".join(one["own_secret_ids"]))
    problem = f": {one['problem']}" if one["problem"] else ""
    return f"{one['data_center']:4}  {', '.join(told)}{problem}"


def _instant(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))
