"""`grantline token …`: personal access tokens, for the console's API."""

from typing import Annotated

import typer

from grantline.cli.clients import owner_of
from grantline.cli.recording import record
from grantline.cli.running import CommandFailed, DatabaseOption, JsonOption, Workplace, say, work
from grantline.workspaces import (
    TOKEN_SCOPES,
    PersonalToken,
    PersonalTokenRefused,
    create_personal_token,
    ensure_personal_workspace,
    find_membership,
    list_personal_tokens,
    revoke_personal_token,
)

app = typer.Typer(no_args_is_help=True, help="Personal access tokens for the console's API.")
Owner = Annotated[str | None, typer.Option("--owner", help="E-mail of the account that it is of.")]


def _members(token: PersonalToken) -> dict[str, object]:
    return {
        "token_id": token.id,
        "name": token.name,
        "workspace_id": token.workspace_id,
        "scopes": list(token.scopes),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "used_at": token.used_at,
    }


@app.command("create")
def create(
    name: Annotated[str, typer.Option("--name", help="What it is for.")],
    scope: Annotated[list[str], typer.Option("--scope", help="One of: " + ", ".join(TOKEN_SCOPES))],
    days: Annotated[int, typer.Option("--days", help="7, 30, 90 or 365.")] = 30,
    owner: Owner = None,
    workspace: Annotated[
        int | None, typer.Option("--workspace", help="Number of the workspace; without it the person's own.")
    ] = None,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Make a token. It is shown once, and has never more rights than its person."""

    async def job(place: Workplace) -> tuple[str, PersonalToken]:
        account = await owner_of(place, owner)
        own = await ensure_personal_workspace(place.db, account.id, place.now)
        home = own if workspace is None else workspace
        if await find_membership(place.db, account.id, home) is None:
            raise CommandFailed(f"{account.email} is not in the workspace {home}.")
        try:
            async with place.db.transaction() as tx:
                value, token = await create_personal_token(
                    tx,
                    account_id=account.id,
                    workspace_id=home,
                    name=name,
                    scopes=scope,
                    days=days,
                    data_center=place.home.code,
                    now=place.now,
                )
                told = {"key": token.id, "name": token.name, "scopes": list(token.scopes)}
                await record(tx, place, "key.created", workspace_id=home, after=told)
        except PersonalTokenRefused as refused:
            raise CommandFailed(str(refused)) from None
        return value, token

    value, token = work(database, job)
    say(
        f"Made {token.name} ({token.id}), shown once: {value}",
        {**_members(token), "token": value},
        as_json=json,
    )


@app.command("list")
def list_(owner: Owner = None, database: DatabaseOption = None, json: JsonOption = False) -> None:
    """List a person's tokens, without their values."""

    async def job(place: Workplace) -> list[PersonalToken]:
        account = await owner_of(place, owner)
        return list(await list_personal_tokens(place.db, account.id, place.now))

    found = work(database, job)
    lines = "\n".join(f"{token.id}  {token.name}  {' '.join(token.scopes)}" for token in found)
    say(lines or "This person has no tokens.", [_members(token) for token in found], as_json=json)


@app.command("revoke")
def revoke(
    token_id: Annotated[str, typer.Argument(help="The token's ID, key_….")],
    owner: Owner = None,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """End a token."""

    async def job(place: Workplace) -> PersonalToken:
        account = await owner_of(place, owner)
        async with place.db.transaction() as tx:
            token = await revoke_personal_token(tx, account.id, token_id, place.now)
            if token is None:
                raise CommandFailed(f"{account.email} has no live token with the ID {token_id}.")
            told = {"key": token.id, "name": token.name}
            await record(tx, place, "key.revoked", workspace_id=token.workspace_id, before=told)
        return token

    token = work(database, job)
    say(f"Revoked {token.name} ({token.id}).", {**_members(token), "revoked": True}, as_json=json)
