"""`grantline code`: a self client's grant token, for scripts."""

from collections.abc import Mapping
from typing import Annotated

import typer

from grantline.audit import record_event
from grantline.cli.running import CommandFailed, DatabaseOption, JsonOption, Workplace, say, work
from grantline.clients import Client, find_client
from grantline.oauth.errors import OAuthError
from grantline.oauth.scope import parse_scope


def code(
    client: Annotated[str, typer.Option("--client", help="The self client's ID.")],
    scope: Annotated[str, typer.Option("--scope", help="Scopes, separated by commas or spaces.")],
    minutes: Annotated[int, typer.Option("--minutes", help="3, 5, 7 or 10.")] = 3,
    description: Annotated[
        str, typer.Option("--description", help="What it is for.")
    ] = "Made on the command line",
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Generate a grant token (authorization code) for a self client. Standard output holds the bare code
    alone."""
    if minutes not in (3, 5, 7, 10):
        raise typer.BadParameter("use 3, 5, 7 or 10", param_hint="--minutes")

    async def job(place: Workplace) -> str:
        return await _generate(place, client, scope, minutes * 60, description)

    value = work(database, job)
    say(value, {"code": value, "expires_in": minutes * 60, "client_id": client}, as_json=json)


def _aliases(client: Client) -> Mapping[str, str]:
    """Other service prefixes that the client may use for ours."""
    if not client.vendor_compatible:
        return {}
    from grantline.web import scope_aliases  # loads the whole edge, which few clients need here

    return scope_aliases(client)


async def _generate(place: Workplace, client_id: str, scope: str, seconds: int, description: str) -> str:
    from grantline.cli.offline import offline_mint  # loads the keys

    found = await find_client(place.db, client_id)
    if found is None:
        raise CommandFailed(f"There is no client with the ID {client_id} in this data center.")
    if found.type.name != "self-client":
        raise CommandFailed(
            f"{found.name} is {found.type.title}: codes are generated for self clients alone."
        )
    mint = await offline_mint(place)
    try:
        resolved = mint.catalog.resolve(parse_scope(scope), _aliases(found))
    except OAuthError as error:
        raise CommandFailed(
            f"{error.explanation.title}: {error.received or scope}. {error.explanation.fix}"
        ) from None
    from grantline.tokens import generate_code

    async with place.db.transaction() as tx:
        value = await generate_code(
            mint,
            tx,
            found,
            resolved,
            now=place.now,
            life_seconds=seconds,
            auth_time=place.now,
            description=description[:200],
        )
        await record_event(
            tx,
            "code.generated",
            now=place.now,
            account_id=found.owner_account_id,
            client_id=found.id,
            organization_id=found.organization_id,
            workspace_id=found.workspace_id,
            detail={"scope": list(resolved.names), "by": "command line"},
        )
    return value
