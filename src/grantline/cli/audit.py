"""`grantline audit …`: the record of security acts."""

from json import dumps

import typer

from grantline.audit import sealed_events
from grantline.cli.running import DatabaseOption, JsonOption, Workplace, clean, work

app = typer.Typer(no_args_is_help=True, help="The record of security acts.")


@app.command("export")
def export(database: DatabaseOption = None, json: JsonOption = False) -> None:
    """Print every event that is in the database and sealed, oldest first, one JSON document a line."""

    async def job(place: Workplace) -> None:
        # Each as it is read: there may be more of them than fit the memory.
        before = "["
        async for event in sealed_events(place.db):
            line = clean(dumps(event, separators=(",", ":")))
            print(f"{before}{line}" if json else line)
            before = ","
        if json:
            print("[]" if before == "[" else "]")

    work(database, job)
