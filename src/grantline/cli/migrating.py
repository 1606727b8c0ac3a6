"""`grantline migrate`: the schema of a database brought up to date."""

import asyncio

from grantline.cli.running import CommandFailed, DatabaseOption, JsonOption, find_database, say
from grantline.db import DatabaseUnavailable, open_database, schema_version


def migrate(database: DatabaseOption = None, json: JsonOption = False) -> None:
    """Bring the database to the present schema. Serving does the same at its start."""
    try:
        before, now = asyncio.run(_bring_up_to_date(find_database(database)))
    except (FileNotFoundError, ValueError) as problem:
        raise CommandFailed(str(problem)) from None
    except DatabaseUnavailable as problem:
        raise CommandFailed(f"The database can't be used now: {problem}. Nothing was changed.") from None
    was = "" if before == 0 else ", as it was" if before == now else f"; it was at {before}"
    say(
        f"The database is at schema version {now}{was}.",
        {"schema_version": now, "was_schema_version": before},
        as_json=json,
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
