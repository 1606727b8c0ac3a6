"""Invitations to a workspace: sending, sending again, withdrawing, accepting (T72, T81, T144)."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from grantline.accounts import EmailUnusable, email_key
from grantline.limits import Limit
from grantline.mail import MailNotSent
from grantline.web.console.changes import record_change
from grantline.web.console.confirm import PASSWORD, confirm
from grantline.web.console.entrance import check_limit
from grantline.web.console.invitation_mail import write_invitation
from grantline.web.console.place import Place
from grantline.web.console.role_words import role_word
from grantline.web.console.team import team_page
from grantline.web.console.workspaces import show_workspace
from grantline.web.languages import _, mark
from grantline.web.visit import Visit
from grantline.workspaces import (
    Invitation,
    Membership,
    MembershipRefused,
    accept_invitation,
    find_invitation,
    find_invitation_by_token,
    invite,
    mask_email,
    note_mailed,
    withdraw_invitation,
)

_HOUR: Final = 3600
TO_ONE: Final = Limit("invitations-to", 3, _HOUR)
BY_ONE: Final = Limit("invitations-by", 20, _HOUR)
OF_ALL: Final = Limit("invitations", 500, _HOUR)
_NOT_SENT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "away": mark("The mail server can’t be reached."),
        "slow": mark("The mail server took too long."),
        "untrusted": mark("The mail server’s certificate is not trusted."),
        "password": mark("The mail server refused the password of this data center."),
        "address": mark("The mail server refused the address."),
        "refused": mark("The mail server did not take the mail."),
        "folder": mark("The mail could not be kept in its folder."),
    }
)


async def send(visit: Visit, place: Place) -> Response:
    """POST /console/team/invitations: the same answer whether there is such an account or not (T149)."""
    act = f"invite:{place.workspace_id}"
    form = await visit.form(act, fields=frozenset({"email", "role", PASSWORD}))
    if asked_again := await confirm(visit, place, form, back="/console/team"):
        return asked_again
    email = form.get("email", "").strip()
    try:
        key = email_key(email)
    except EmailUnusable as problem:
        return await team_page(visit, place, problems={"email": _(str(problem))}, form=form)
    return await _invite(visit, place, email, key, form.get("role", ""), "member.invited", form)


async def send_again(visit: Visit, place: Place) -> Response:
    """POST /console/team/invitations/{invitation}/again: a new link; the old one stops working."""
    before = await _get_invitation(visit, place)
    await visit.form(f"invited:{place.workspace_id}", fields=frozenset())
    return await _invite(
        visit, place, before.email, before.email_key, before.role, "invitation.sent_again", {}
    )


async def withdraw(visit: Visit, place: Place) -> Response:
    """POST /console/team/invitations/{invitation}/withdraw."""
    invitation = await _get_invitation(visit, place)
    await visit.form(f"invited:{place.workspace_id}", fields=frozenset())
    async with visit.server.db.transaction() as tx:
        if await withdraw_invitation(tx, place.workspace_id, invitation.id):
            told = {"person": invitation.email, "role": invitation.role}
            await record_change(tx, visit, place, "invitation.withdrawn", before=told)
    return visit.redirect("/console/team?done=withdrawn")


async def _get_invitation(visit: Visit, place: Place) -> Invitation:
    found = await find_invitation(
        visit.server.db, place.workspace_id, visit.request.path_params["invitation"][:100]
    )
    if found is None:
        raise HTTPException(404)
    return found


async def _invite(
    visit: Visit, place: Place, email: str, key: str, role: str, kind: str, form: Mapping[str, str]
) -> Response:
    for limit, subject in ((TO_ONE, key), (BY_ONE, str(place.account.id)), (OF_ALL, "")):
        check_limit(visit, limit, subject)
    try:
        async with visit.server.db.transaction() as tx:
            invitation, token = await invite(
                tx,
                place.workspace_id,
                email=email,
                email_key=key,
                role=role,
                by=place.account.id,
                now=visit.now,
            )
            await record_change(tx, visit, place, kind, after={"person": email, "role": role})
    except MembershipRefused as refused:
        return await team_page(visit, place, problems={"email": _(str(refused))}, form=form)
    link = f"{visit.server.issuer}/console/invitations/{token}"
    if visit.server.post is None:
        return _link_page(visit, place, invitation, link, problem="")
    try:
        mail = write_invitation(visit.server, invitation, link, place.account.email)
        await visit.server.post.send(mail, visit.now)
    except MailNotSent as refused:
        problem = _(_NOT_SENT[refused.reason])
        return _link_page(visit, place, invitation, link, problem=problem)
    await note_mailed(visit.server.db, invitation.id, visit.now)
    return visit.redirect("/console/team?done=invited")


def _link_page(visit: Visit, place: Place, invitation: Invitation, link: str, *, problem: str) -> Response:
    """The link itself, this once: for whoever invites to pass on."""
    return visit.render(
        "console/invitation_link.html",
        **place.frame(visit),
        email=invitation.email,
        role=role_word(invitation.role),
        until_at=invitation.expires_at,
        link=link,
        problem=problem,
    )


async def show_invitation(visit: Visit, place: Place) -> Response:
    """GET /console/invitations/{invitation}: what it is for, if it is for this person."""
    found = await _find(visit)
    return _page(visit, place, found, _state(place, found))


async def _find(visit: Visit) -> Invitation | None:
    return await find_invitation_by_token(
        visit.server.db, visit.request.path_params["invitation"][:100], visit.now
    )


def _state(place: Place, found: Invitation | None) -> str:
    if found is None:
        return "over"
    if email_key(place.account.email) != found.email_key:
        return "other"
    return "yours" if place.account.email_verified else "unverified"


def _page(visit: Visit, place: Place, found: Invitation | None, state: str, *, problem: str = "") -> Response:
    """To somebody else it tells neither the workspace nor the whole address."""
    yours = found if state == "yours" else None
    return visit.render(
        "console/invitation.html",
        status={"over": 404, "yours": 400 if problem else 200}.get(state, 403),
        **place.frame(visit),
        state=state,
        problem=problem,
        masked=mask_email(found.email_key) if found is not None else "",
        name=yours.workspace_name if yours is not None else "",
        role=role_word(yours.role) if yours is not None else "",
        until_at=yours.expires_at if yours is not None else 0,
        path=visit.request.url.path,
        token=visit.form_token("invitation.accept"),
    )


async def accept(visit: Visit, place: Place) -> Response:
    """POST /console/invitations/{invitation}: only by the account whose address it is for."""
    await visit.form("invitation.accept", fields=frozenset())
    found = await _find(visit)
    state = _state(place, found)
    if found is None or state != "yours":
        return _page(visit, place, found, state)
    try:
        async with visit.server.db.transaction() as tx:
            await accept_invitation(
                tx, found, visit.request.path_params["invitation"], place.account.id, visit.now
            )
            joined = Membership(place.account.id, found.workspace_id, found.workspace_name, False, found.role)
            await record_change(
                tx,
                visit,
                replace(place, membership=joined),
                "member.joined",
                after={"person": place.account.email, "role": found.role},
            )
    except MembershipRefused as refused:
        return _page(visit, place, found, state, problem=_(str(refused)))
    show_workspace(visit, found.workspace_id)
    return visit.redirect("/console/team?done=joined")
