"""`grantline workspace …`: workspaces and their people. The operator does what an owner could do."""

from typing import Annotated

import typer

from grantline.accounts import Account, email_key, find_account_by_email
from grantline.cli.clients import owner_of
from grantline.cli.recording import record
from grantline.cli.running import CommandFailed, DatabaseOption, JsonOption, Workplace, say, work
from grantline.workspaces import (
    Member,
    Membership,
    MembershipRefused,
    WorkspaceRefused,
    accept_invitation,
    change_role,
    create_workspace,
    invite,
    list_members,
    list_memberships,
    remove_member,
    rename_workspace,
)

app = typer.Typer(no_args_is_help=True, help="Workspaces: who may see and change which apps.")
member = typer.Typer(no_args_is_help=True, help="The people of a workspace.")
app.add_typer(member, name="member")

Number = Annotated[int, typer.Argument(help="The workspace's number; `workspace list` tells it.")]
Email = Annotated[str, typer.Argument(help="The person's e-mail address.")]
Owner = Annotated[str | None, typer.Option("--owner", help="E-mail of the account.")]
Role = Annotated[str, typer.Option("--role", help="owner, developer or viewer.")]


def _members(here: Membership) -> dict[str, object]:
    return {
        "workspace_id": here.workspace_id,
        "name": here.name,
        "personal": here.personal,
        "role": here.role,
    }


def _person(one: Member) -> dict[str, object]:
    return {
        "account_id": str(one.account_id),
        "name": one.name,
        "email": one.email,
        "role": one.role,
        "joined_at": one.joined_at,
        "clients": one.clients,
    }


async def _account(place: Workplace, email: str) -> Account:
    account = await find_account_by_email(place.db, email)
    if account is None:
        raise CommandFailed(f"There is no account with the address {email}.")
    return account


async def _an_owner(place: Workplace, workspace_id: int) -> int:
    """In whose name it is done: the owner who was there first."""
    people = await list_members(place.db, workspace_id)
    owners = [one.account_id for one in people if one.role == "owner"]
    if not owners:
        raise CommandFailed(f"There is no workspace with the number {workspace_id}.")
    return owners[0]


@app.command("list")
def list_(owner: Owner = None, database: DatabaseOption = None, json: JsonOption = False) -> None:
    """List a person's workspaces."""

    async def job(place: Workplace) -> list[Membership]:
        account = await owner_of(place, owner)
        return list(await list_memberships(place.db, account.id))

    found = work(database, job)
    lines = "\n".join(f"{one.workspace_id}  {one.role:9}  {one.name or 'personal'}" for one in found)
    say(lines or "This person has no workspace yet.", [_members(one) for one in found], as_json=json)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What the team is called.")],
    owner: Owner = None,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Make a workspace for a team, with one owner to begin with."""

    async def job(place: Workplace) -> Membership:
        account = await owner_of(place, owner)
        try:
            async with place.db.transaction() as tx:
                made = await create_workspace(tx, account.id, name, place.now)
                told = {"name": made.name, "owner": account.email}
                await record(tx, place, "workspace.created", workspace_id=made.workspace_id, after=told)
        except WorkspaceRefused as refused:
            raise CommandFailed(str(refused)) from None
        return made

    made = work(database, job)
    say(f"Made the workspace {made.name} ({made.workspace_id}).", _members(made), as_json=json)


@app.command("rename")
def rename(
    workspace_id: Number,
    name: Annotated[str, typer.Argument(help="Its new name.")],
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Rename a workspace."""

    async def job(place: Workplace) -> str:
        try:
            by = await _an_owner(place, workspace_id)
            async with place.db.transaction() as tx:
                before, after = await rename_workspace(tx, workspace_id, name, by=by)
                await record(
                    tx,
                    place,
                    "workspace.renamed",
                    workspace_id=workspace_id,
                    before={"name": before},
                    after={"name": after},
                )
        except WorkspaceRefused as refused:
            raise CommandFailed(str(refused)) from None
        return after

    after = work(database, job)
    say(f"The workspace is called {after}.", {"workspace_id": workspace_id, "name": after}, as_json=json)


@member.command("list")
def list_people(workspace_id: Number, database: DatabaseOption = None, json: JsonOption = False) -> None:
    """List the people of a workspace."""

    async def job(place: Workplace) -> list[Member]:
        await _an_owner(place, workspace_id)
        return list(await list_members(place.db, workspace_id))

    found = work(database, job)
    lines = "\n".join(f"{one.role:9}  {one.email}  {one.name}" for one in found)
    say(lines, [_person(one) for one in found], as_json=json)


@member.command("add")
def add(
    workspace_id: Number,
    email: Email,
    role: Role = "developer",
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Put a person into a workspace, without an invitation by mail: the operator vouches for them."""

    async def job(place: Workplace) -> Account:
        account, by = await _account(place, email), await _an_owner(place, workspace_id)
        try:
            async with place.db.transaction() as tx:
                invitation, link = await invite(
                    tx,
                    workspace_id,
                    email=account.email,
                    email_key=email_key(account.email),
                    role=role,
                    by=by,
                    now=place.now,
                )
                await accept_invitation(tx, invitation, link, account.id, place.now)
                told = {"person": account.email, "role": role}
                await record(tx, place, "member.joined", workspace_id=workspace_id, after=told)
        except MembershipRefused as refused:
            raise CommandFailed(str(refused)) from None
        return account

    account = work(database, job)
    members = {"workspace_id": workspace_id, "email": account.email, "role": role}
    say(f"Added {account.email} as {role}.", members, as_json=json)


@member.command("role")
def set_role(
    workspace_id: Number,
    email: Email,
    role: Role,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Give a person another role."""

    async def job(place: Workplace) -> Account:
        account, by = await _account(place, email), await _an_owner(place, workspace_id)
        try:
            async with place.db.transaction() as tx:
                before = await change_role(tx, workspace_id, account.id, role, by=by)
                told = {"person": account.email, "role": before.role}
                await record(
                    tx,
                    place,
                    "member.role_changed",
                    workspace_id=workspace_id,
                    before=told,
                    after={**told, "role": role},
                )
        except MembershipRefused as refused:
            raise CommandFailed(str(refused)) from None
        except LookupError:
            raise CommandFailed(f"{email} is not in this workspace.") from None
        return account

    account = work(database, job)
    members = {"workspace_id": workspace_id, "email": account.email, "role": role}
    say(f"{account.email} is {role} now.", members, as_json=json)


@member.command("remove")
def remove(
    workspace_id: Number, email: Email, database: DatabaseOption = None, json: JsonOption = False
) -> None:
    """Take a person out of a workspace. Their apps stay, and their tokens for it end."""

    async def job(place: Workplace) -> Account:
        account, by = await _account(place, email), await _an_owner(place, workspace_id)
        try:
            async with place.db.transaction() as tx:
                gone, _successor = await remove_member(tx, workspace_id, account.id, by=by, now=place.now)
                told = {"person": gone.email, "role": gone.role, "clients": gone.clients}
                await record(tx, place, "member.removed", workspace_id=workspace_id, before=told)
        except MembershipRefused as refused:
            raise CommandFailed(str(refused)) from None
        except LookupError:
            raise CommandFailed(f"{email} is not in this workspace.") from None
        return account

    account = work(database, job)
    members = {"workspace_id": workspace_id, "email": account.email, "removed": True}
    say(f"Removed {account.email}.", members, as_json=json)
