"""`grantline keys …`: signing and MAC keys."""

from typing import Annotated

import typer

from grantline.audit import record_event
from grantline.cli.running import DatabaseOption, JsonOption, Workplace, say, work

app = typer.Typer(no_args_is_help=True, help="Keys that sign and protect tokens.")


@app.command("rotate")
def rotate(
    compromised: Annotated[
        bool, typer.Option("--compromised", help="The old keys are known to others: drop them at once.")
    ] = False,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Make new keys. They are published at once and sign in 24 hours; the old ones stay as long as what they
    signed."""

    from grantline.cli.offline import open_envelope  # the cryptography takes longer than the command line
    from grantline.keys import rotate_keys

    async def job(place: Workplace) -> list[str]:
        made = await rotate_keys(place.db, open_envelope(place), place.now, compromised=compromised)
        await record_event(
            place.db, "keys.rotated", now=place.now, detail={"keys": made, "compromised": compromised}
        )
        return made

    made = work(database, job)
    sentence = (
        f"Made {len(made)} new keys and dropped the old ones: every access token and id_token made so far"
        " is dead."
        if compromised
        else f"Made {len(made)} new keys. They are published now and sign from 24 hours on."
    )
    say(sentence, {"keys": made, "compromised": compromised}, as_json=json)
