"""`grantline data-centers …`: the registry, and the keys that data centers know each other by."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from grantline.audit import record_event
from grantline.cli.running import CommandFailed, DatabaseOption, JsonOption, Workplace, say, work

app = typer.Typer(no_args_is_help=True, help="This data center among others.")


@app.command("key")
def key(
    new: Annotated[
        bool, typer.Option("--new", help="Make a further key, to replace the present one.")
    ] = False,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """The public keys of this data center, newest first, as the registry of every data center lists them.

    To replace a key: make a new one, list both everywhere, then take the old one out of the registry. What is
    sent is signed with the newest that is listed.
    """

    from grantline.cli.offline import open_envelope
    from grantline.keys import add_message_key, ensure_keys, load_keyring

    async def job(place: Workplace) -> list[str]:
        envelope = open_envelope(place)
        await ensure_keys(place.db, envelope, place.now)
        if new:
            made = await add_message_key(place.db, envelope, place.now)
            await record_event(place.db, "keys.added", now=place.now, detail={"keys": [made]})
        return list((await load_keyring(place.db, envelope)).message_keys)

    keys = work(database, job, create=True)
    say("keys = [" + ", ".join(f'"{one}"' for one in keys) + "]", {"keys": keys}, as_json=json)


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="The registry.")],
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Check a registry as this data center would read it, and change nothing."""

    from grantline.cli.offline import open_envelope, settings_of
    from grantline.datacenters import DataCenter, RegistryRefused, read_registry
    from grantline.keys import load_keyring

    async def job(place: Workplace) -> list[dict[str, object]]:
        settings = settings_of(place)
        issuer = place.home.issuer or settings.public_url
        home = DataCenter(place.home.code, issuer, settings.api_domain or issuer)
        try:
            centers = read_registry(file, home)
        except RegistryRefused as refused:
            raise CommandFailed(str(refused)) from None
        own = (await load_keyring(place.db, open_envelope(place))).message_keys
        if centers.others and own and not set(own) & set(centers.home.keys):
            raise CommandFailed(
                f"{file}: no key of [{home.code}] is one of this data center. Run"
                " `grantline data-centers key`, and list what it prints."
            )
        return [
            {
                "code": one.code,
                "name": one.name,
                "issuer": one.issuer,
                "console": one.console,
                "api_domain": one.api_domain,
                "keys": list(one.keys),
            }
            for one in centers.every
        ]

    found = work(database, job)
    codes = ", ".join(str(one["code"]) for one in found)
    say(
        f"{file} lists {len(found)} data centers and has no mistake: {codes}.",
        {"data_centers": found},
        as_json=json,
    )


@app.command("list")
def list_(database: DatabaseOption = None, json: JsonOption = False) -> None:
    """The other data centers, and how it stands with each."""

    from grantline.datacenters import list_standings

    async def job(place: Workplace) -> list[dict[str, Any]]:
        standings = await list_standings(place.db, place.home.code)
        return [
            {
                "code": code,
                "name": one.center.name,
                "issuer": one.center.issuer,
                "heard_at": one.heard_at,
                "told_at": one.told_at,
                "problem": one.problem,
            }
            for code, one in standings.items()
        ]

    found = work(database, job)
    lines = [
        f"{one['code']}  {one['issuer']}  heard {_instant(one['heard_at'])}, told"
        f" {_instant(one['told_at'])}" + (f": {one['problem']}" if one["problem"] else "")
        for one in found
    ]
    say("\n".join(lines) or "There are no others.", {"data_centers": found}, as_json=json)


def _instant(at: int | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at)) if at else "never"
