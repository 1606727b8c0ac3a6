"""`grantline doctor`, `logs`: looking after a server."""

import os
import stat
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from grantline.activity import (
    Cause,
    Entry,
    find_entry,
    list_causes,
    list_causes_elsewhere,
    list_entries,
    newest_entries,
)
from grantline.audit import SEAL_PURPOSE, find_break
from grantline.cli.running import (
    CommandFailed,
    DatabaseOption,
    JsonOption,
    Workplace,
    clean,
    open_clock,
    say,
    work,
)
from grantline.oauth.errors import CATALOGUE


def doctor(database: DatabaseOption = None, json: JsonOption = False) -> None:
    """Check what can be wrong: file modes, the master key, settings, other data centers. Exit status 1 when
    something is."""
    from grantline.cli.neighbours import find_neighbour_problems
    from grantline.cli.offline import open_envelope, settings_of
    from grantline.keys import EnvelopeBroken, load_keyring

    async def job(place: Workplace) -> list[str]:
        problems = []
        settings = settings_of(place)
        files = [settings.master_key_path]
        if place.db.engine == "sqlite":
            files.append(Path(place.url.removeprefix("sqlite://")))
        for path in files:
            if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
                problems.append(f"{path} can be read by others. Run: chmod 600 {path}")
        try:
            await load_keyring(place.db, open_envelope(place))
        except EnvelopeBroken:
            problems.append(
                "The master key does not open the keys in the database: it is another database's."
            )
        else:
            broken = await find_break(place.db, open_envelope(place).derive(SEAL_PURPOSE))
            problems += [f"{broken} Compare with a backup."] if broken is not None else []
            problems += await find_neighbour_problems(place)
        if off := (await open_clock(place.db)).astray_seconds:
            side = "ahead of" if off > 0 else "behind"
            problems.append(f"This machine's clock is {abs(off)} s {side} the database's. Set it (NTP).")
        if place.home.demo and os.environ.get("GRANTLINE_PUBLIC_URL", "").startswith("https://"):
            problems.append("This is a demo's database, and a public URL is set. Serve another one.")
        return problems

    problems = work(database, job)
    if problems and not json:
        raise CommandFailed("\n".join(problems))
    say("All is well.", {"problems": problems}, as_json=json)
    if problems:
        raise typer.Exit(1)


def _line(entry: Entry) -> str:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(entry.at))
    return f"{at}  {entry.id}  {entry.endpoint}  {entry.error}/{entry.code}  {entry.client_id or '-'}"


def _story(entry: Entry) -> str:
    """An entry in full: what happened, why, what to do."""
    explanation = CATALOGUE.get(entry.code)
    lines = [_line(entry)]
    if explanation is not None:
        lines += [explanation.title, f"Why: {explanation.cause}", f"Do this: {explanation.fix}"]
    lines += [f"{name}: {value}" for name, value in entry.detail.items()]
    return "\n".join(lines)


def _members(entry: Entry) -> dict[str, object]:
    explanation = CATALOGUE.get(entry.code)
    return {
        "request_id": entry.id,
        "at": entry.at,
        "client_id": entry.client_id,
        "proven": entry.proven,
        "endpoint": entry.endpoint,
        "error": entry.error,
        "code": entry.code,
        "status": entry.status,
        **entry.detail,
        "cause": explanation.cause if explanation else "",
        "fix": explanation.fix if explanation else "",
    }


def _tell_causes(causes: Sequence[Cause], *, as_json: bool) -> None:
    """Refusals of one app by cause, the newest first, with what to do."""
    lines: list[str] = []
    members: list[Mapping[str, object]] = []
    for cause in causes:
        explanation = CATALOGUE.get(cause.code)
        title = explanation.title if explanation is not None else cause.code
        fix = explanation.fix if explanation is not None else ""
        last = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(cause.last_at))
        where = f"at {cause.data_center}: " if cause.data_center else ""
        lines.append(f"{cause.count:6}  {last}  {cause.code}  {where}{title}. {fix}".rstrip())
        told = {"code": cause.code, "error": cause.error, "proven": cause.proven, "count": cause.count}
        seen = {"first_at": cause.first_at, "last_at": cause.last_at, "last_request_id": cause.last_id}
        place = {"data_center": cause.data_center, "endpoint": cause.endpoint} if cause.data_center else {}
        members.append({**told, **seen, **place, "title": title, "fix": fix})
    say("\n".join(lines) or "Nothing failed lately.", members, as_json=as_json)


async def _every_cause(place: Workplace, client: str) -> list[Cause]:
    """Here and, as far as they told it, in other data centers."""
    found = [*await list_causes(place.db, client), *await list_causes_elsewhere(place.db, client)]
    return sorted(found, key=lambda cause: -cause.last_at)


def logs(
    request_id: Annotated[
        str | None, typer.Argument(help="A request id, req_…: tell its whole story.")
    ] = None,
    client: Annotated[str | None, typer.Option("--client", help="Only what concerns this client.")] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on printing what comes.")] = False,
    group: Annotated[bool, typer.Option("--group", help="With --client: added up by cause.")] = False,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """What failed and why: one request, or the newest of all or of one client."""
    if group:
        if client is None or request_id is not None or follow:
            raise typer.BadParameter("use it with --client alone", param_hint="--group")
        _tell_causes(work(database, lambda place: _every_cause(place, client)), as_json=json)
        return

    async def job(place: Workplace) -> list[Entry]:
        if request_id is not None:
            entry = await find_entry(place.db, request_id)
            if entry is None:
                raise CommandFailed(
                    f"Nothing is recorded under {request_id}. Only failures are, and the oldest go first."
                )
            return [entry]
        found = await (list_entries(place.db, client) if client else newest_entries(place.db))
        return list(reversed(found))

    entries = work(database, job)
    if request_id is not None:
        say(_story(entries[0]), _members(entries[0]), as_json=json)
        return
    say(
        "\n".join(_line(entry) for entry in entries) or "Nothing failed lately.",
        [_members(entry) for entry in entries],
        as_json=json,
    )
    seen = {entry.id for entry in entries}
    while follow:
        time.sleep(1)
        for entry in work(database, job):
            if entry.id not in seen:
                seen.add(entry.id)
                print(clean(_line(entry)), flush=True)
