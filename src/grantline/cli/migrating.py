"""`grantline migrate`: the schema of a database brought up to date, or all of it moved to PostgreSQL."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from grantline.cli.running import CommandFailed, DatabaseOption, JsonOption, find_database, note, say
from grantline.db import (
    DatabaseUnavailable,
    MoveFailed,
    Step,
    move_database,
    open_database,
    schema_version,
    without_password,
)

T = TypeVar("T")


def migrate(
    to: Annotated[
        str | None,
        typer.Option(
            "--to", help="Move an embedded database to this one: postgresql://…, empty or half moved."
        ),
    ] = None,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Bring the database to the present schema, or move it to PostgreSQL. Serving does the first at its
    start."""
    url = find_database(database)
    if to is not None:
        _move(url, to, as_json=json)
        return
    before, now = _run(_bring_up_to_date(url))
    was = "" if before == 0 else ", as it was" if before == now else f"; it was at {before}"
    say(
        f"The database is at schema version {now}{was}.",
        {"schema_version": now, "was_schema_version": before},
        as_json=json,
    )


def _run(job: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(job)
    except (FileNotFoundError, ValueError, MoveFailed) as problem:
        raise CommandFailed(str(problem)) from None
    except DatabaseUnavailable as problem:
        raise CommandFailed(f"The database can't be used now: {problem}. Nothing was changed.") from None


class _Progress:
    """How far a move is, on standard error: a bar on a terminal, else a line for each table."""

    def __init__(self) -> None:
        self._bars = ExitStack()
        self._bar: Any = None
        self._shown = ("", "")
        self._done = 0

    def tell(self, step: Step) -> None:
        """Show this step."""
        phase, _ = self._shown
        if sys.stderr.isatty():
            if phase != step.phase:
                self.end()
                bar = typer.progressbar(length=step.rows, label=step.phase, file=sys.stderr)
                self._bar, self._done = self._bars.enter_context(bar), 0
            self._bar.update(step.done - self._done)
            self._done = step.done
        elif self._shown != (step.phase, step.table):
            note(f"{step.phase} {step.table} ({step.rows - step.done} rows to go)")
        self._shown = (step.phase, step.table)

    def end(self) -> None:
        """Close the bar."""
        self._bars.close()


def _move(source: str, target: str, *, as_json: bool) -> None:
    progress = _Progress()
    try:
        moved = _run(move_database(source, target, (lambda step: None) if as_json else progress.tell))
    finally:
        progress.end()
    shown = without_password(target)
    file = source.removeprefix("sqlite://")
    master_key = os.environ.get("GRANTLINE_MASTER_KEY_FILE") or str(Path(file).with_name("master.key"))
    say(
        f"Moved {moved.rows} rows in {moved.tables} tables, and compared each with what PostgreSQL has.\n"
        f"Now set GRANTLINE_DATABASE={shown}{' (with its password)' if shown != target else ''} and"
        f" GRANTLINE_MASTER_KEY_FILE={master_key}, and start the server.\n"
        f"{file} has its rows still. Keep it until there is a backup of the new database, and never serve it"
        " again.",
        {
            "tables": moved.tables,
            "rows": moved.rows,
            "resumed": moved.resumed,
            "database": shown,
            "master_key_file": master_key,
        },
        as_json=as_json,
    )


async def _bring_up_to_date(url: str) -> tuple[int, int]:
    """The schema version that was found, and the one that is there now."""
    found = await open_database(url, migrated=False)
    try:
        before = await schema_version(found)
    finally:
        await found.close()
    ready = await open_database(url)
    try:
        return before, await schema_version(ready)
    finally:
        await ready.close()
