"""Workspaces: who is in them, who may change that, and that an owner is left at all times."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from grantline.accounts import Account, create_account, disable_account
from grantline.clients import (
    Client,
    Registration,
    TransferRefused,
    find_client,
    find_client_for,
    register_client,
    transfer_client,
)
from grantline.db import Database, open_database
from grantline.workspaces import (
    LastOwner,
    Membership,
    MembershipRefused,
    WorkspaceRefused,
    accept_invitation,
    change_role,
    create_personal_token,
    create_workspace,
    ensure_personal_workspace,
    find_bearer,
    find_invitation_by_token,
    find_member,
    find_membership,
    invite,
    list_invitations,
    list_members,
    list_memberships,
    mask_email,
    remove_member,
    rename_workspace,
    withdraw_invitation,
)

pytestmark = pytest.mark.both_engines
NOW = 1_795_000_000
WEEK = 7 * 24 * 3600


class Team:
    """A workspace with people, and the acts in transactions of their own."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.people: dict[str, Account] = {}
        self.here: Membership

    async def person(self, name: str) -> Account:
        if name not in self.people:
            self.people[name] = await create_account(
                self.db,
                email=f"{name}@example.com",
                password_hash="x",
                given_name=name.title(),
                family_name="",
                now=NOW,
            )
            await ensure_personal_workspace(self.db, self.people[name].id, NOW)
        return self.people[name]

    async def invited(self, name: str, role: str = "viewer", by: str = "ann") -> str:
        key = f"{name}@example.com"
        async with self.db.transaction() as tx:
            _, token = await invite(
                tx,
                self.here.workspace_id,
                email=key,
                email_key=key,
                role=role,
                by=self.people[by].id,
                now=NOW,
            )
        return token

    async def accept(self, token: str, name: str, now: int = NOW) -> None:
        found = await find_invitation_by_token(self.db, token, now)
        if found is None:
            raise MembershipRefused("unknown")
        async with self.db.transaction() as tx:
            await accept_invitation(tx, found, token, self.people[name].id, now)

    async def join(self, name: str, role: str) -> Account:
        account = await self.person(name)
        await self.accept(await self.invited(name, role), name)
        return account

    async def change(self, name: str, role: str, by: str, db: Database | None = None) -> None:
        async with (db or self.db).transaction() as tx:
            await change_role(tx, self.here.workspace_id, self.people[name].id, role, by=self.people[by].id)

    async def remove(self, name: str, by: str, db: Database | None = None) -> Any:
        async with (db or self.db).transaction() as tx:
            return await remove_member(
                tx, self.here.workspace_id, self.people[name].id, by=self.people[by].id, now=NOW
            )

    async def app(self, name: str, type_name: str = "server-based", workspace: int | None = None) -> Client:
        uris = ("https://app.example/cb",) if type_name == "server-based" else ()
        client, _ = await register_client(
            self.db,
            type_name=type_name,
            asked=Registration(name="Lead Desk", redirect_uris=uris),
            owner_account_id=self.people[name].id,
            organization_id=await self.organization(name),
            data_center="us",
            now=NOW,
            workspace_id=self.here.workspace_id if workspace is None else workspace,
        )
        return client

    async def organization(self, name: str) -> int:
        row = await self.db.one(
            "SELECT organization_id FROM memberships WHERE account_id = $1 AND personal = 1",
            self.people[name].id,
        )
        assert row is not None
        return int(row[0])

    async def move(self, client: Client, to: int, by: str) -> Client:
        async with self.db.transaction() as tx:
            await transfer_client(tx, client, to_workspace=to, account_id=self.people[by].id, now=NOW)
        moved = await find_client(self.db, client.id)
        assert moved is not None
        return moved

    async def roles(self) -> dict[str, str]:
        return {
            member.name.lower(): member.role for member in await list_members(self.db, self.here.workspace_id)
        }


@pytest.fixture
async def team(database_url: str) -> AsyncIterator[Team]:
    db = await open_database(database_url)
    team = Team(db)
    ann = await team.person("ann")
    async with db.transaction() as tx:
        team.here = await create_workspace(tx, ann.id, "Northgate Tools", NOW)
    yield team
    await db.close()


async def test_a_new_workspace_has_its_maker_as_owner_and_an_organization_of_its_own(team: Team) -> None:
    assert await team.roles() == {"ann": "owner"}
    row = await team.db.one("SELECT name FROM organizations WHERE id = $1", team.here.workspace_id)
    assert row is not None
    assert row[0] == "Northgate Tools"
    personal, shared = await list_memberships(team.db, team.people["ann"].id)
    assert (personal.personal, shared.personal) == (True, False)


@pytest.mark.parametrize("name", ["", "N", "Grant1ine", "Nоrthgate", "North\r\ngate", "a" * 61, "<b>x</b>"])
async def test_T3_workspaces_are_named_like_apps(team: Team, name: str) -> None:
    ann = team.people["ann"].id
    with pytest.raises(WorkspaceRefused):
        async with team.db.transaction() as tx:
            await create_workspace(tx, ann, name, NOW)
    with pytest.raises(WorkspaceRefused):
        async with team.db.transaction() as tx:
            await rename_workspace(tx, team.here.workspace_id, name, by=ann)
    assert [known.name for known in await list_memberships(team.db, ann)] == ["", "Northgate Tools"]


async def test_only_owners_rename_and_a_personal_workspace_keeps_its_name(team: Team) -> None:
    bob, ann = await team.join("bob", "developer"), team.people["ann"]
    for by, workspace in ((bob.id, team.here.workspace_id), (ann.id, ann.id)):
        with pytest.raises(WorkspaceRefused):
            async with team.db.transaction() as tx:
                await rename_workspace(tx, workspace, "Other name", by=by)
    async with team.db.transaction() as tx:
        assert await rename_workspace(tx, team.here.workspace_id, "Other name", by=ann.id) == (
            "Northgate Tools",
            "Other name",
        )


async def test_the_last_owner_neither_leaves_nor_is_demoted(team: Team) -> None:
    await team.join("bob", "developer")
    with pytest.raises(LastOwner):
        await team.remove("ann", by="ann")
    with pytest.raises(LastOwner):
        await team.change("ann", "viewer", by="ann")
    await team.change("bob", "owner", by="ann")
    await team.change("ann", "viewer", by="ann")
    assert await team.roles() == {"ann": "viewer", "bob": "owner"}


async def test_an_owner_who_cannot_sign_in_does_not_count_as_one(team: Team) -> None:
    bob = await team.join("bob", "owner")
    await disable_account(team.db, bob.id, NOW)
    with pytest.raises(LastOwner):
        await team.remove("ann", by="ann")


@pytest.mark.parametrize("act", ["leave", "demote"])
async def test_of_two_owners_who_go_at_the_same_moment_on_two_nodes_one_stays(
    team: Team, database_url: str, act: str
) -> None:
    other = await open_database(database_url)
    for turn in range(5):
        await team.person(f"bob{turn}")
        await team.accept(await team.invited(f"bob{turn}", "owner", by="ann"), f"bob{turn}")
        pair = ("ann", f"bob{turn}")
        acts = [
            team.remove(name, by=name, db=db)
            if act == "leave"
            else team.change(name, "viewer", by=name, db=db)
            for name, db in zip(pair, (team.db, other), strict=True)
        ]
        done = await asyncio.gather(*acts, return_exceptions=True)
        owners = [name for name, role in (await team.roles()).items() if role == "owner"]
        assert len(owners) == 1, done
        assert sum(isinstance(one, LastOwner) for one in done) == 1, done
        if owners == [f"bob{turn}"]:  # ann owns it again for the next turn
            if act == "leave":
                await team.accept(await team.invited("ann", "owner", by=owners[0]), "ann")
            else:
                await team.change("ann", "owner", by=owners[0])
            await team.remove(owners[0], by="ann")
        elif act == "demote":
            await team.remove(f"bob{turn}", by="ann")
    await other.close()


async def test_T146_only_owners_change_roles_and_remove_others(team: Team) -> None:
    await team.join("bob", "developer")
    await team.join("cid", "viewer")
    for by in ("bob", "cid"):
        with pytest.raises(MembershipRefused):
            await team.change("cid", "owner", by=by)
        with pytest.raises(MembershipRefused):
            await team.remove("ann", by=by)
    stranger = await team.person("eve")
    with pytest.raises(MembershipRefused):
        await team.remove("bob", by="eve")
    with pytest.raises(LookupError):
        await team.change("eve", "owner", by="ann")
    assert await find_membership(team.db, stranger.id, team.here.workspace_id) is None
    assert await team.roles() == {"ann": "owner", "bob": "developer", "cid": "viewer"}
    await team.remove("cid", by="cid")
    await team.remove("bob", by="ann")
    assert await team.roles() == {"ann": "owner"}


async def test_a_personal_workspace_has_one_person_for_ever(team: Team) -> None:
    ann, bob = team.people["ann"], await team.person("bob")
    async with team.db.transaction() as tx:
        with pytest.raises(MembershipRefused):
            await invite(tx, ann.id, email=bob.email, email_key=bob.email, role="viewer", by=ann.id, now=NOW)
        with pytest.raises(MembershipRefused):
            await remove_member(tx, ann.id, ann.id, by=ann.id, now=NOW)
        with pytest.raises(MembershipRefused):
            await change_role(tx, ann.id, ann.id, "viewer", by=ann.id)


async def test_who_is_removed_leaves_the_apps_and_takes_no_key_along(team: Team) -> None:
    bob, ann = await team.join("bob", "owner"), team.people["ann"]
    app = await team.app("bob")
    own = await team.app("bob", "self-client")
    async with team.db.transaction() as tx:
        value, _ = await create_personal_token(
            tx,
            account_id=bob.id,
            workspace_id=team.here.workspace_id,
            name="laptop",
            scopes=["clients:read"],
            days=7,
            data_center="us",
            now=NOW,
        )
    assert await find_bearer(team.db, value, "us", NOW) is not None
    pending = await team.invited("dee", by="bob")
    member = await find_member(team.db, team.here.workspace_id, bob.id)
    assert member is not None
    assert member.clients == 1  # the self client is elsewhere
    gone, successor = await team.remove("bob", by="ann")
    assert (gone.name, successor.name) == ("Bob", "Ann")
    assert await find_bearer(team.db, value, "us", NOW) is None
    assert await find_invitation_by_token(team.db, pending, NOW) is None
    assert await find_client_for(team.db, bob.id, app.id) is None
    kept = await find_client(team.db, app.id)
    assert kept is not None
    assert (kept.owner_account_id, kept.workspace_id) == (ann.id, team.here.workspace_id)
    assert kept.version == app.version + 1
    found = await find_client_for(team.db, bob.id, own.id)
    assert found is not None
    assert found[0] == own
    # Who comes back has no old key either.
    await team.accept(await team.invited("bob", "owner"), "bob")
    assert await find_bearer(team.db, value, "us", NOW) is None


async def test_T144_an_invitation_works_once_for_its_address_and_seven_days(team: Team) -> None:
    await team.person("bob")
    await team.person("eve")
    token = await team.invited("bob", "developer")
    with pytest.raises(MembershipRefused):
        await team.accept(token, "eve")
    with pytest.raises(MembershipRefused):
        await team.accept(token[:-1] + ("A" if token[-1] != "A" else "B"), "bob")
    with pytest.raises(MembershipRefused):
        await team.accept(token, "bob", NOW + WEEK)
    assert await team.roles() == {"ann": "owner"}
    await team.accept(token, "bob", NOW + WEEK - 1)
    assert await team.roles() == {"ann": "owner", "bob": "developer"}
    await team.remove("bob", by="ann")
    with pytest.raises(MembershipRefused):
        await team.accept(token, "bob")


async def test_T144_two_who_accept_at_once_spend_the_token_once(team: Team, database_url: str) -> None:
    other = await open_database(database_url)
    await team.person("bob")
    token = await team.invited("bob", "developer")
    found = await find_invitation_by_token(team.db, token, NOW)
    assert found is not None

    async def accept(db: Database) -> None:
        async with db.transaction() as tx:
            await accept_invitation(tx, found, token, team.people["bob"].id, NOW)

    done = await asyncio.gather(accept(team.db), accept(other), return_exceptions=True)
    assert sum(isinstance(one, MembershipRefused) for one in done) == 1
    await other.close()


async def test_T72_an_address_that_nobody_verified_accepts_nothing(team: Team) -> None:
    bob = await team.person("bob")
    token = await team.invited("bob")
    await team.db.run("UPDATE accounts SET email_verified_at = NULL WHERE id = $1", bob.id)
    with pytest.raises(MembershipRefused):
        await team.accept(token, "bob")
    await team.db.run("UPDATE accounts SET email_verified_at = $2 WHERE id = $1", bob.id, NOW)
    await team.accept(token, "bob")


async def test_T144_an_invitation_ends_with_the_right_of_who_invited(team: Team) -> None:
    await team.join("bob", "owner")
    await team.person("cid")
    token = await team.invited("cid", "owner", by="bob")
    await team.db.run(
        "UPDATE workspace_members SET role = 'viewer' WHERE account_id = $1 AND workspace_id = $2",
        team.people["bob"].id,
        team.here.workspace_id,
    )
    assert await find_invitation_by_token(team.db, token, NOW) is None
    await team.change("bob", "owner", by="ann")
    await team.change("bob", "developer", by="ann")
    assert await list_invitations(team.db, team.here.workspace_id, NOW) == []


async def test_only_owners_invite_and_a_second_invitation_ends_the_first(team: Team) -> None:
    await team.join("bob", "developer")
    await team.person("cid")
    with pytest.raises(MembershipRefused):
        await team.invited("cid", by="bob")
    with pytest.raises(MembershipRefused):
        await team.invited("bob")  # in already
    with pytest.raises(MembershipRefused):
        await team.invited("cid", role="admin")
    first = await team.invited("cid")
    second = await team.invited("cid", "developer")
    [pending] = await list_invitations(team.db, team.here.workspace_id, NOW)
    assert pending.role == "developer"
    with pytest.raises(MembershipRefused):
        await team.accept(first, "cid")
    async with team.db.transaction() as tx:
        assert not await withdraw_invitation(tx, team.people["ann"].id, pending.id)  # another workspace
        assert await withdraw_invitation(tx, team.here.workspace_id, pending.id)
    with pytest.raises(MembershipRefused):
        await team.accept(second, "cid")


async def test_the_database_holds_no_token_of_an_invitation(team: Team) -> None:
    token = await team.invited("bob")
    row = await team.db.one("SELECT * FROM invitations")
    assert row is not None
    assert len(token) >= 43  # 256 bits
    assert not any(token in str(row[column]) for column in range(10))


async def test_an_address_is_masked_for_whom_it_may_not_be() -> None:
    assert mask_email("tomas@mail.example.com") == "t…@m….com"


async def test_T8_an_app_of_a_team_acts_for_the_team_and_never_for_who_registered_it(team: Team) -> None:
    ann = team.people["ann"]
    shared, own = await team.app("ann"), await team.app("ann", workspace=ann.id)
    assert shared.organization_id == team.here.workspace_id
    assert own.organization_id == await team.organization("ann")
    moved = await team.move(own, team.here.workspace_id, by="ann")
    assert moved.organization_id == team.here.workspace_id
    back = await team.move(shared, ann.id, by="ann")
    assert (back.workspace_id, back.organization_id) == (ann.id, await team.organization("ann"))


async def test_a_self_client_never_leaves_its_owner(team: Team) -> None:
    own = await team.app("ann", "self-client")
    assert own.workspace_id == team.people["ann"].id
    with pytest.raises(TransferRefused):
        await team.move(own, team.here.workspace_id, by="ann")
    assert await find_client(team.db, own.id) == own


async def test_T146_an_app_moves_by_an_owner_and_only_to_where_they_may_change_apps(team: Team) -> None:
    bob, cid = await team.join("bob", "developer"), await team.join("cid", "owner")
    ann = team.people["ann"]
    app = await team.app("ann")
    async with team.db.transaction() as tx:
        elsewhere = await create_workspace(tx, cid.id, "Elsewhere", NOW)
    for by, to in (("bob", bob.id), ("ann", elsewhere.workspace_id), ("ann", team.here.workspace_id)):
        with pytest.raises(TransferRefused):
            await team.move(app, to, by=by)
    with pytest.raises(TransferRefused):
        await team.move(app, ann.id, by="cid")  # ann's own workspace, and cid is not in it
    assert await find_client(team.db, app.id) == app
    moved = await team.move(app, elsewhere.workspace_id, by="cid")
    assert (moved.workspace_id, moved.owner_account_id) == (elsewhere.workspace_id, cid.id)
    assert await find_client_for(team.db, ann.id, app.id) is None
