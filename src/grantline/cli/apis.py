"""`grantline api …`: APIs that may introspect tokens meant for them."""

from typing import Annotated

import typer

from grantline.cli.running import CommandFailed, DatabaseOption, JsonOption, Workplace, say, work
from grantline.clients import Api, ApiDeclaration, ApiRefused, create_api, list_apis

app = typer.Typer(no_args_is_help=True, help="APIs (resource servers).")


@app.command("create")
def create(
    identifier: Annotated[
        str, typer.Option("--identifier", help="The API's address: the audience of its tokens.")
    ],
    scopes: Annotated[
        str, typer.Option("--scopes", help="The first part of its scopes' names, such as CRM.")
    ],
    name: Annotated[str, typer.Option("--name", help="What developers and people see.")],
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Register an API; prints the client ID and secret that it introspects with, once."""

    async def job(place: Workplace) -> tuple[Api, str]:
        try:
            return await create_api(
                place.db,
                said=ApiDeclaration(identifier, scopes, name),
                data_center=place.home.code,
                now=place.now,
            )
        except ApiRefused as refused:
            raise CommandFailed(str(refused)) from None

    api, value = work(database, job)
    members = {
        "identifier": api.identifier,
        "scopes": api.scope_prefix,
        "name": api.name,
        "client_id": api.client_id,
        "client_secret": value,
    }
    say(
        f"Registered the API {api.name}.\nClient ID: {api.client_id}\nClient secret, shown once: {value}",
        members,
        as_json=json,
    )


@app.command("list")
def list_(database: DatabaseOption = None, json: JsonOption = False) -> None:
    """List the registered APIs."""

    async def job(place: Workplace) -> list[Api]:
        return list(await list_apis(place.db))

    apis = work(database, job)
    rows: list[dict[str, object]] = [
        {"identifier": a.identifier, "scopes": a.scope_prefix, "name": a.name, "client_id": a.client_id}
        for a in apis
    ]
    lines = "\n".join(f"{a.client_id}  {a.scope_prefix:10}  {a.identifier}  {a.name}" for a in apis)
    say(lines or "No APIs are registered yet.", list(rows), as_json=json)
