"""How commands run: against which database, in which data center, and how they say what they did."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from grantline.datacenters import Home, NodeClock, find_home, find_pulse
from grantline.db import Database, DatabaseUnavailable, open_database

T = TypeVar("T")

DatabaseOption = Annotated[
    str | None,
    typer.Option("--database", help="Database URL. Without it GRANTLINE_DATABASE, else the running demo's."),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="One JSON document on standard output, nothing else.")
]

_ESCAPES = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# Those that JSON would leave as they are.
_IN_JSON = re.compile(r"[\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class CommandFailed(Exception):
    """The command could not do it; the message is for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """What a command works on."""

    db: Database
    home: Home
    url: str
    now: int


def find_database(option: str | None) -> str:
    """The database URL: the option, the environment, or the running demo's `us`."""
    if option:
        return option
    if from_environment := os.environ.get("GRANTLINE_DATABASE"):
        return from_environment
    demo = Path(".grantline/demo.json")
    if demo.exists():
        url: str = json.loads(demo.read_text())["data_centers"][0]["database"]
        return url
    raise CommandFailed(
        "No database is named. Give --database URL, set GRANTLINE_DATABASE, or start the demo with ./run."
    )


def work(database: str | None, job: Callable[[Workplace], Awaitable[T]], *, create: bool = False) -> T:
    """Run a job on the database, which may be in use by a running server."""
    url = find_database(database)

    async def run() -> T:
        try:
            db = await open_database(url, create=create)
        except (FileNotFoundError, ValueError) as problem:
            raise CommandFailed(str(problem)) from None
        except DatabaseUnavailable as problem:
            raise CommandFailed(f"The database can't be used now: {problem}. Nothing was changed.") from None
        try:
            home = await find_home(db) or Home(os.environ.get("GRANTLINE_DATA_CENTER", "us"), "", False)
            return await job(Workplace(db, home, url, (await open_clock(db))()))
        except DatabaseUnavailable as problem:
            raise CommandFailed(f"The database can't be used now: {problem}. Nothing was changed.") from None
        finally:
            await db.close()

    return asyncio.run(run())


async def open_clock(db: Database) -> NodeClock:
    """This machine's clock, checked against the database's: a command must not put the time back either."""
    clock, pulse = NodeClock(), await find_pulse(db)
    if pulse is not None:
        clock.observe(pulse)
    return clock


def say(sentence: str, members: Mapping[str, object] | list[Mapping[str, object]], *, as_json: bool) -> None:
    """What was done: a sentence for people, or the members for machines."""
    if as_json:
        print(
            _IN_JSON.sub(lambda m: f"\\u{ord(m[0]):04x}", json.dumps(members, indent=2, ensure_ascii=False))
        )
    else:
        print(clean(sentence))


def clean(text: str) -> str:
    """The text without escapes that a terminal would act on; lines stay (T129)."""
    return "\n".join(_ESCAPES.sub(lambda m: f"\\x{ord(m[0]):02x}", line) for line in text.split("\n"))


def note(sentence: str) -> None:
    """A remark beside the answer, on standard error."""
    print(clean(sentence), file=sys.stderr)
