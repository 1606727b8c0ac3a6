"""Team: who is in the workspace, with which role; how roles change, and how people leave."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from grantline.mail import FolderPost
from grantline.web.console.changes import record_change
from grantline.web.console.confirm import PASSWORD, confirm
from grantline.web.console.place import Place
from grantline.web.console.role_words import role_choices, role_word
from grantline.web.console.workspaces import rename as rename_to
from grantline.web.languages import _, mark
from grantline.web.visit import Visit
from grantline.workspaces import (
    MANAGE,
    Invitation,
    Member,
    MembershipRefused,
    WorkspaceRefused,
    change_role,
    find_member,
    list_invitations,
    list_members,
    remove_member,
)

_DONE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "created": mark("The workspace is there, and you own it. Invite the people you work with."),
        "joined": mark("You are in. The console shows this workspace now."),
        "left": mark("You left the workspace. This is your own."),
        "invited": mark("The invitation is on its way. It works for seven days."),
        "withdrawn": mark("The invitation was withdrawn. Its link stopped working."),
        "changed": mark("The role was changed. It counts from the next request on."),
        "removed": mark("The person was removed. The apps stay, and their keys for this workspace ended."),
        "renamed": mark("The workspace has its new name."),
    }
)


async def show_team(visit: Visit, place: Place) -> Response:
    """GET /console/team."""
    return await team_page(visit, place, done=_DONE.get(visit.request.query_params.get("done", ""), ""))


async def team_page(
    visit: Visit,
    place: Place,
    *,
    done: str = "",
    problems: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
) -> Response:
    """The team; with what was asked for when that was refused."""
    db, given = visit.server.db, form or {}
    members = await list_members(db, place.workspace_id)
    manages = place.membership.may(MANAGE)
    pending = await list_invitations(db, place.workspace_id, visit.now) if manages else ()
    return visit.render(
        "console/team.html",
        status=400 if problems else 200,
        **place.frame(visit),
        members=[_member(member, place) for member in members],
        invitations=[_pending(invitation) for invitation in pending],
        roles=role_choices(given.get("role", "developer")),
        form={"email": given.get("email", ""), "name": given.get("name", place.membership.name)},
        problems=problems or {},
        done=_(done),
        sends=visit.server.post is not None,
        keeps=visit.server.settings.demo and isinstance(visit.server.post, FolderPost),
        tokens={
            act: visit.form_token(f"{act}:{place.workspace_id}") for act in ("invite", "invited", "rename")
        },
    )


def _member(member: Member, place: Place) -> dict[str, Any]:
    return {
        "account_id": member.account_id,
        "name": member.name,
        "email": member.email,
        "role": role_word(member.role),
        "joined_at": member.joined_at,
        "clients": member.clients,
        "you": member.account_id == place.account.id,
    }


def _pending(invitation: Invitation) -> dict[str, Any]:
    return {
        "id": invitation.id,
        "email": invitation.email,
        "role": role_word(invitation.role),
        "until_at": invitation.expires_at,
        "mailed_at": invitation.mailed_at,
    }


async def rename(visit: Visit, place: Place) -> Response:
    """POST /console/team/rename."""
    form = await visit.form(f"rename:{place.workspace_id}", fields=frozenset({"name"}))
    try:
        await rename_to(visit, place, form.get("name", ""))
    except WorkspaceRefused as refused:
        return await team_page(visit, place, problems={"name": _(str(refused))}, form=form)
    return visit.redirect("/console/team?done=renamed")


async def show_member(visit: Visit, place: Place) -> Response:
    """GET /console/team/members/{member}: the role, and what becomes of the apps."""
    member = await _get_member(visit, place)
    return _member_page(visit, place, member)


def _member_page(visit: Visit, place: Place, member: Member, *, problem: str = "") -> Response:
    act = f"{place.workspace_id}:{member.account_id}"
    return visit.render(
        "console/team_member.html",
        status=400 if problem else 200,
        **place.frame(visit),
        member=_member(member, place),
        roles=role_choices(member.role),
        problem=problem,
        tokens={"role": visit.form_token(f"role:{act}"), "remove": visit.form_token(f"remove:{act}")},
    )


async def _get_member(visit: Visit, place: Place) -> Member:
    """The person of the address, if they are in this workspace (T143)."""
    number = visit.request.path_params["member"]
    known = re.fullmatch("[0-9]{1,16}", number)
    member = await find_member(visit.server.db, place.workspace_id, int(number)) if known else None
    if member is None:
        raise HTTPException(404)
    return member


async def set_role(visit: Visit, place: Place) -> Response:
    """POST /console/team/members/{member}/role."""
    member = await _get_member(visit, place)
    path = f"/console/team/members/{member.account_id}"
    form = await visit.form(
        f"role:{place.workspace_id}:{member.account_id}", fields=frozenset({"role", PASSWORD})
    )
    if asked_again := await confirm(visit, place, form, back=path):
        return asked_again
    role = form.get("role", "")
    try:
        async with visit.server.db.transaction() as tx:
            before = await change_role(tx, place.workspace_id, member.account_id, role, by=place.account.id)
            if before.role != role:
                await record_change(
                    tx,
                    visit,
                    place,
                    "member.role_changed",
                    before={"person": member.email, "role": before.role},
                    after={"role": role},
                )
    except MembershipRefused as refused:
        return _member_page(visit, place, member, problem=_(str(refused)))
    except LookupError:
        raise HTTPException(404) from None
    return visit.redirect("/console/team?done=changed")


async def remove(visit: Visit, place: Place) -> Response:
    """POST /console/team/members/{member}/remove."""
    member = await _get_member(visit, place)
    path = f"/console/team/members/{member.account_id}"
    form = await visit.form(f"remove:{place.workspace_id}:{member.account_id}", fields=frozenset({PASSWORD}))
    if asked_again := await confirm(visit, place, form, back=path):
        return asked_again
    try:
        await _remove(visit, place, member.account_id, "member.removed")
    except MembershipRefused as refused:
        return _member_page(visit, place, member, problem=_(str(refused)))
    return visit.redirect("/console/team?done=removed")


async def _remove(visit: Visit, place: Place, account_id: int, kind: str) -> None:
    """Take somebody out. Raises MembershipRefused; 404 when they are gone already."""
    try:
        async with visit.server.db.transaction() as tx:
            gone, successor = await remove_member(
                tx, place.workspace_id, account_id, by=place.account.id, now=visit.now
            )
            await record_change(
                tx,
                visit,
                place,
                kind,
                before={"person": gone.email, "role": gone.role, "clients": gone.clients},
                after={"clients_go_to": successor.email} if successor is not None else None,
            )
    except LookupError:
        raise HTTPException(404) from None


async def show_leave(visit: Visit, place: Place) -> Response:
    """GET /console/team/leave: what stays behind, before it is done."""
    return await _leave_page(visit, place)


async def _leave_page(visit: Visit, place: Place, *, problem: str = "") -> Response:
    members = await list_members(visit.server.db, place.workspace_id)
    me = next((member for member in members if member.account_id == place.account.id), None)
    if me is None or place.membership.personal:
        raise HTTPException(404)
    owners = [member for member in members if member.role == "owner" and member is not me]
    return visit.render(
        "console/team_leave.html",
        status=400 if problem else 200,
        **place.frame(visit),
        clients=me.clients,
        successor=owners[0].name if owners else "",
        last_owner=me.role == "owner" and not owners,
        problem=problem,
        token=visit.form_token(f"leave:{place.workspace_id}"),
    )


async def leave(visit: Visit, place: Place) -> Response:
    """POST /console/team/leave."""
    await visit.form(f"leave:{place.workspace_id}", fields=frozenset())
    try:
        await _remove(visit, place, place.account.id, "member.left")
    except MembershipRefused as refused:
        return await _leave_page(visit, place, problem=_(str(refused)))
    return visit.redirect("/console/team?done=left")
