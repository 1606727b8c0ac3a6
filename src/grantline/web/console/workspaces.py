"""Workspaces: which one the console shows."""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from grantline.web import cookies
from grantline.web.console.place import Place
from grantline.web.visit import Visit


async def switch(visit: Visit, place: Place) -> Response:
    """POST /console/workspace: show another workspace from now on, in this browser."""
    form = await visit.form("workspace.switch", fields=frozenset({"workspace"}))
    chosen = next(
        (known for known in place.memberships if str(known.workspace_id) == form.get("workspace")), None
    )
    if chosen is None:
        raise HTTPException(404)
    visit.set_cookie_line(
        cookies.render(visit.server, "workspace", str(chosen.workspace_id), cookies.PREFERENCE_SECONDS)
    )
    return visit.redirect("/console")
