"""The workspace, its people, and who is invited."""

import re
from typing import Literal

from pydantic import Field

from grantline.accounts import EmailUnusable, email_key, find_account
from grantline.mail import MailNotSent
from grantline.web.console.invitation_mail import write_invitation
from grantline.web.console.invitations import BY_ONE, OF_ALL, TO_ONE
from grantline.web.console_api.caller import Caller
from grantline.web.console_api.operations import Body, Operation, Reply, Shown, Text
from grantline.web.console_api.problems import not_found, not_possible, refused_fields
from grantline.workspaces import (
    MANAGE,
    Invitation,
    Member,
    MembershipRefused,
    WorkspaceRefused,
    change_role,
    find_invitation,
    find_member,
    invite,
    list_invitations,
    list_members,
    note_mailed,
    remove_member,
    rename_workspace,
    withdraw_invitation,
)

Role = Literal["owner", "developer", "viewer"]


class WorkspaceShown(Shown):
    """The token's workspace, and the role of its person."""

    workspace_id: int
    name: str = Field(description="Empty for a personal workspace.")
    personal: bool
    role: Role


class WorkspaceChanges(Body):
    """What a team calls its workspace."""

    name: Text


class MemberShown(Shown):
    """One person of the workspace."""

    account_id: str
    name: str
    email: str
    role: Role
    joined_at: int
    clients: int = Field(description="How many of its clients this person registered.")


class MembersShown(Shown):
    """Everybody in the workspace."""

    members: list[MemberShown]


class RoleChange(Body):
    """Another role."""

    role: Role


class InvitationShown(Shown):
    """An invitation that waits."""

    invitation_id: str
    email: str
    role: Role
    created_at: int
    expires_at: int
    mailed_at: int | None


class InvitationsShown(Shown):
    """Those that can be accepted."""

    invitations: list[InvitationShown]


class InvitationMade(InvitationShown):
    """A new invitation; where no mail went out, with the link to pass on, this once."""

    link: str | None


class NewInvitation(Body):
    """Whom to invite, and as what."""

    email: Text
    role: Role


def _show(member: Member) -> MemberShown:
    return MemberShown.model_validate(
        {
            "account_id": str(member.account_id),
            "name": member.name,
            "email": member.email,
            "role": member.role,
            "joined_at": member.joined_at,
            "clients": member.clients,
        }
    )


def _show_invitation(invitation: Invitation) -> dict[str, object]:
    return {
        "invitation_id": invitation.id,
        "email": invitation.email,
        "role": invitation.role,
        "created_at": invitation.created_at,
        "expires_at": invitation.expires_at,
        "mailed_at": invitation.mailed_at,
    }


async def read(caller: Caller) -> Reply:
    """GET /workspace."""
    here = caller.membership
    members = {"workspace_id": here.workspace_id, "name": here.name, "personal": here.personal}
    return Reply(WorkspaceShown.model_validate({**members, "role": here.role}))


async def rename(caller: Caller, body: WorkspaceChanges) -> Reply:
    """PATCH /workspace."""
    try:
        async with caller.db.transaction() as tx:
            before, after = await rename_workspace(tx, caller.workspace_id, body.name, by=caller.account_id)
            await caller.record(tx, "workspace.renamed", before={"name": before}, after={"name": after})
    except WorkspaceRefused as refused:
        raise refused_fields([("name", str(refused), "")]) from None
    members = {"workspace_id": caller.workspace_id, "name": after, "personal": False}
    return Reply(WorkspaceShown.model_validate({**members, "role": caller.membership.role}))


async def members(caller: Caller) -> Reply:
    """GET /members."""
    found = await list_members(caller.db, caller.workspace_id)
    return Reply(MembersShown(members=[_show(member) for member in found]))


async def _member(caller: Caller, account_id: str) -> Member:
    """The person of the address, if they are in this workspace (T143). Raises Problem."""
    known = re.fullmatch("[0-9]{1,16}", account_id)
    member = await find_member(caller.db, caller.workspace_id, int(account_id)) if known else None
    if member is None:
        raise not_found()
    return member


async def set_role(caller: Caller, account_id: str, body: RoleChange) -> Reply:
    """PATCH /members/{account_id}."""
    member = await _member(caller, account_id)
    try:
        async with caller.db.transaction() as tx:
            before = await change_role(
                tx, caller.workspace_id, member.account_id, body.role, by=caller.account_id
            )
            if before.role != body.role:
                told = {"person": member.email, "role": before.role}
                await caller.record(tx, "member.role_changed", before=told, after={"role": body.role})
    except MembershipRefused as refused:
        raise not_possible(str(refused)) from None
    except LookupError:
        raise not_found() from None
    return Reply(_show(await _member(caller, account_id)))


async def remove(caller: Caller, account_id: str) -> Reply:
    """DELETE /members/{account_id}: the apps stay, and the person's tokens for this workspace end."""
    member = await _member(caller, account_id)
    try:
        async with caller.db.transaction() as tx:
            gone, successor = await remove_member(
                tx, caller.workspace_id, member.account_id, by=caller.account_id, now=caller.now
            )
            told = {"person": gone.email, "role": gone.role, "clients": gone.clients}
            after = {"clients_go_to": successor.email} if successor is not None else None
            kind = "member.left" if member.account_id == caller.account_id else "member.removed"
            await caller.record(tx, kind, before=told, after=after)
    except MembershipRefused as refused:
        raise not_possible(str(refused)) from None
    except LookupError:
        raise not_found() from None
    return Reply(status=204)


async def invitations(caller: Caller) -> Reply:
    """GET /invitations."""
    found = await list_invitations(caller.db, caller.workspace_id, caller.now)
    shown = [InvitationShown.model_validate(_show_invitation(invitation)) for invitation in found]
    return Reply(InvitationsShown(invitations=shown))


async def invite_person(caller: Caller, body: NewInvitation) -> Reply:
    """POST /invitations. The answer does not depend on whether there is such an account (T149)."""
    try:
        key = email_key(body.email.strip())
    except EmailUnusable as problem:
        raise refused_fields([("email", str(problem), "")]) from None
    for limit, subject in ((OF_ALL, ""), (BY_ONE, str(caller.account_id)), (TO_ONE, key)):
        caller.take(limit, subject)
    try:
        async with caller.db.transaction() as tx:
            invitation, token = await invite(
                tx,
                caller.workspace_id,
                email=body.email.strip(),
                email_key=key,
                role=body.role,
                by=caller.account_id,
                now=caller.now,
            )
            await caller.record(tx, "member.invited", after={"person": invitation.email, "role": body.role})
    except MembershipRefused as refused:
        raise not_possible(str(refused)) from None
    link = f"{caller.server.issuer}/console/invitations/{token}"
    sent = await _send(caller, invitation, link)
    members = {**_show_invitation(invitation), "mailed_at": caller.now if sent else None}
    return Reply(InvitationMade.model_validate({**members, "link": None if sent else link}), 201)


async def _send(caller: Caller, invitation: Invitation, link: str) -> bool:
    """Whether the mail went out; if not, whoever invites passes the link on."""
    inviter, post = await find_account(caller.db, caller.account_id), caller.server.post
    if inviter is None or post is None:
        return False
    try:
        await post.send(write_invitation(caller.server, invitation, link, inviter.email), caller.now)
    except MailNotSent:
        return False
    await note_mailed(caller.db, invitation.id, caller.now)
    return True


async def withdraw(caller: Caller, invitation_id: str) -> Reply:
    """DELETE /invitations/{invitation_id}."""
    found = await find_invitation(caller.db, caller.workspace_id, invitation_id)
    if found is None:
        raise not_found()
    async with caller.db.transaction() as tx:
        if await withdraw_invitation(tx, caller.workspace_id, invitation_id):
            told = {"person": found.email, "role": found.role}
            await caller.record(tx, "invitation.withdrawn", before=told)
    return Reply(status=204)


_READ, _WRITE = "team:read", "team:write"
_MEMBER = "/members/{account_id}"
OPERATIONS = (
    Operation("GET", "/workspace", read, _READ, "Read the token's workspace", WorkspaceShown),
    Operation(
        "PATCH",
        "/workspace",
        rename,
        _WRITE,
        "Rename the workspace of a team",
        WorkspaceShown,
        MANAGE,
        body=WorkspaceChanges,
    ),
    Operation("GET", "/members", members, _READ, "List the people", MembersShown),
    Operation(
        "PATCH",
        _MEMBER,
        set_role,
        _WRITE,
        "Give a person another role",
        MemberShown,
        MANAGE,
        body=RoleChange,
        also=(409,),
    ),
    Operation("DELETE", _MEMBER, remove, _WRITE, "Remove a person", None, MANAGE, status=204, also=(409,)),
    Operation("GET", "/invitations", invitations, _READ, "List who is invited", InvitationsShown, MANAGE),
    Operation(
        "POST",
        "/invitations",
        invite_person,
        _WRITE,
        "Invite a person",
        InvitationMade,
        MANAGE,
        status=201,
        body=NewInvitation,
        also=(409,),
    ),
    Operation(
        "DELETE",
        "/invitations/{invitation_id}",
        withdraw,
        _WRITE,
        "Withdraw an invitation",
        None,
        MANAGE,
        status=204,
    ),
)
