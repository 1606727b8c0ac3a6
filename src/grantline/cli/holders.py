"""`grantline client users`: whose data an app holds tokens for, and ending that."""

from typing import Annotated, Any

import typer

from grantline.cli.clients import get_client
from grantline.cli.recording import record
from grantline.cli.running import CommandFailed, DatabaseOption, JsonOption, Workplace, say, work


def users(
    client_id: Annotated[str, typer.Argument(help="The client ID.")],
    revoke: Annotated[
        str | None, typer.Option("--revoke", help="Number of the account whose tokens end, or: all.")
    ] = None,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """List whose data an app holds tokens for, or end them with the next request."""
    if revoke is not None and revoke != "all" and not (revoke.isascii() and revoke.isdigit()):
        raise typer.BadParameter("give the number of an account, or: all", param_hint="--revoke")
    if revoke is not None:
        ended = work(database, lambda place: _revoke(place, client_id, revoke))
        members: Any = {"client_id": client_id, "account_id": revoke, "ended": ended}
        say(f"Ended {ended} authorizations.", members, as_json=json)
        return
    found = work(database, lambda place: _list(place, client_id))
    lines = "\n".join(
        f"{one['account_id']}  {one['email'] or 'the app itself'}  {one['refresh_tokens']} refresh tokens"
        for one in found
    )
    say(lines or "It holds no tokens.", found, as_json=json)


async def _list(place: Workplace, client_id: str) -> list[Any]:
    from grantline.tokens import list_holdings  # loads what few commands need

    client = await get_client(place, client_id)
    return [
        {
            "account_id": str(one.account_id),
            "email": one.email,
            "since": one.since,
            "used_at": one.used_at,
            "refresh_tokens": one.refresh_tokens,
            "authorizations": one.authorizations,
        }
        for one in await list_holdings(place.db, client.id, limit=1000)
    ]


async def _revoke(place: Workplace, client_id: str, whose: str) -> int:
    from grantline.tokens import REVOKED_BY_OWNER, revoke_for_client, revoke_some

    client = await get_client(place, client_id)
    if whose == "all":
        ended = 0
        while some := await revoke_some(place.db, client.id, place.now):
            ended += some
        await record(place.db, place, "tokens.revoked", client=client, before={"authorizations": ended})
        return ended
    async with place.db.transaction() as tx:
        ended = await revoke_for_client(
            tx, account_id=int(whose), client_id=client.id, reason=REVOKED_BY_OWNER, now=place.now
        )
        if not ended:
            raise CommandFailed(f"The app holds nothing for the account {whose}.")
        told = {"sub": whose, "authorizations": ended}
        await record(tx, place, "tokens.revoked", client=client, before=told)
    return ended
