"""Workspaces: which one the console shows, new ones, and their names."""

from dataclasses import replace
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from grantline.limits import Limit
from grantline.web import cookies
from grantline.web.console.changes import record_change
from grantline.web.console.entrance import check_limit
from grantline.web.console.place import Place
from grantline.web.languages import _
from grantline.web.visit import Visit
from grantline.workspaces import WorkspaceRefused, create_workspace, rename_workspace

NEW_WORKSPACES: Final = Limit("new-workspaces", 10, 24 * 3600)


async def switch(visit: Visit, place: Place) -> Response:
    """POST /console/workspace: show another workspace from now on, in this browser."""
    form = await visit.form("workspace.switch", fields=frozenset({"workspace"}))
    chosen = next(
        (known for known in place.memberships if str(known.workspace_id) == form.get("workspace")), None
    )
    if chosen is None:
        raise HTTPException(404)
    show_workspace(visit, chosen.workspace_id)
    return visit.redirect("/console")


def show_workspace(visit: Visit, workspace_id: int) -> None:
    """This workspace is the one that the console shows in this browser."""
    visit.set_cookie_line(
        cookies.render(visit.server, "workspace", str(workspace_id), cookies.PREFERENCE_SECONDS)
    )


async def show_new(visit: Visit, place: Place) -> Response:
    """GET /console/workspaces/new."""
    return _new_page(visit, place)


async def create(visit: Visit, place: Place) -> Response:
    """POST /console/workspaces/new: whoever is signed in may have one; they own it."""
    form = await visit.form("workspace.create", fields=frozenset({"name"}))
    name = form.get("name", "")
    check_limit(visit, NEW_WORKSPACES, str(place.account.id))
    try:
        async with visit.server.db.transaction() as tx:
            made = await create_workspace(tx, place.account.id, name, visit.now)
            there = replace(place, membership=made)
            await record_change(tx, visit, there, "workspace.created", after={"name": made.name})
    except WorkspaceRefused as refused:
        visit.server.mint.limiter.give_back(NEW_WORKSPACES, str(place.account.id))
        return _new_page(visit, place, name=name, problem=_(str(refused)))
    show_workspace(visit, made.workspace_id)
    return visit.redirect("/console/team?done=created")


def _new_page(visit: Visit, place: Place, *, name: str = "", problem: str = "") -> Response:
    return visit.render(
        "console/workspace_new.html",
        status=400 if problem else 200,
        **place.frame(visit),
        name=name,
        problem=problem,
        token=visit.form_token("workspace.create"),
    )


async def rename(visit: Visit, place: Place, name: str) -> None:
    """Give the workspace another name. Raises WorkspaceRefused."""
    async with visit.server.db.transaction() as tx:
        before, after = await rename_workspace(tx, place.workspace_id, name, by=place.account.id)
        await record_change(
            tx, visit, place, "workspace.renamed", before={"name": before}, after={"name": after}
        )
