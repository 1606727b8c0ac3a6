"""Home: the day in a sentence, what needs somebody, and the clients with their health."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from grantline.activity import (
    ANY_TOKEN,
    EVENT,
    REFUSED,
    REFUSED_UNPROVEN,
    Cause,
    list_usage,
    list_workspace_causes,
    list_workspace_causes_elsewhere,
    workspace_key,
)
from grantline.clients import Client, list_these_clients, list_workspace_clients
from grantline.web.console.charts import DAY, last_hours
from grantline.web.console.place import Place
from grantline.web.console.reach import find_leaving
from grantline.web.console.standings import WARNINGS, cause_title, describe_clients, refusals
from grantline.web.languages import _, mark
from grantline.web.visit import Visit

_SHOWN: Final = 10
_LISTED: Final = 25
_LOOKED_AT: Final = 60
_NEEDS: Final = 5
_WHAT_TO_DO: Final = {
    "limit_near": mark("At the limit, the oldest refresh token of that person ends. Nothing else changes."),
    "refresh_token_evicted": mark("Somebody signs in again and again instead of refreshing."),
    "old_secret_used": mark("Put the new secret in its place, then revoke the old one."),
    "credentials_in_query": mark("Addresses are written to logs. Send them in the body."),
}


async def show_home(visit: Visit, place: Place) -> Response:
    """GET /console. Eleven statements, whatever the number of clients; two more where there
    are other data centers."""
    db, now = visit.server.db, visit.now
    clients = await list_workspace_clients(db, place.workspace_id, limit=_SHOWN + 1)
    causes = await list_workspace_causes(db, place.workspace_id, now - DAY, limit=_LOOKED_AT)
    elsewhere: Sequence[Cause] = ()
    if visit.server.mint.data_centers.others:
        elsewhere = await list_workspace_causes_elsewhere(db, place.workspace_id, now - DAY, limit=_LOOKED_AT)
    usage = await list_usage(db, workspace_key(place.workspace_id), last_hours(now).starts[0])
    every = {cause.client_id for cause in (*causes, *elsewhere)}
    named = await list_these_clients(db, place.workspace_id, sorted(every))
    rows = await describe_clients(visit, clients[:_SHOWN])
    causes, elsewhere = (
        [cause for cause in some if cause.client_id in named] for some in (causes, elsewhere)
    )
    refused = sum(one.count for one in usage if one.kind in (REFUSED, REFUSED_UNPROVEN))
    return visit.render(
        "console/home.html",
        **place.frame(visit),
        tokens=sum(one.count for one in usage if one.kind == ANY_TOKEN),
        refused=refused,
        reasons=len({(cause.client_id, cause.code) for cause in refusals(causes)}),
        refused_at=sorted({cause.data_center for cause in refusals(elsewhere)}),
        needs=_needs([*causes, *elsewhere], named),
        clients=rows,
        more=len(clients) > _SHOWN,
        unfinished=next((row for row in rows if row["unfinished"] and row["state"] == "todo"), None),
    )


def _needs(causes: Sequence[Cause], named: Mapping[str, Client]) -> list[dict[str, Any]]:
    """What needs somebody: refused before waiting, what is proven before what anybody may have sent."""
    warnings = [cause for cause in causes if cause.error == EVENT and cause.code in WARNINGS]
    shown = [*refusals(causes)[: _NEEDS if not warnings else _NEEDS - 1], *warnings][:_NEEDS]
    return [_need(cause, named[cause.client_id]) for cause in shown]


def _need(cause: Cause, client: Client) -> dict[str, Any]:
    path = f"/console/clients/{client.id}"
    if cause.error == EVENT:
        words, place = {
            "old_secret_used": (_("See the secrets"), "credentials"),
            "limit_near": (_("Review tokens"), "users"),
            "refresh_token_evicted": (_("Review tokens"), "users"),
        }.get(cause.code, (_("See the cause"), f"activity?q={cause.code}"))
        hint = _(_WHAT_TO_DO[cause.code])
    else:
        words, place = _("See the cause"), f"activity?q={cause.code}"
        if cause.data_center:
            place = "activity?view=causes"
        hint = "" if cause.proven else _("Whoever sent these had not proven to be this client.")
    return {
        "state": "wait" if cause.error == EVENT else "stop",
        "name": client.name,
        "title": cause_title(cause),
        "hint": hint,
        "count": cause.count,
        "first_at": cause.first_at,
        "words": words,
        "href": f"{path}/{place}",
    }


async def show_clients(visit: Visit, place: Place) -> Response:
    """GET /console/clients: all of the workspace, page by page."""
    said = visit.request.query_params
    at, dot, id = said.get("before", "").partition(".")
    before = (int(at), id[:100]) if at.isascii() and at.isdigit() and len(at) < 16 and dot else None
    found = await list_workspace_clients(
        visit.server.db, place.workspace_id, before=before, limit=_LISTED + 1
    )
    last = found[_LISTED - 1] if len(found) > _LISTED else None
    return visit.render(
        "console/clients.html",
        **place.frame(visit),
        clients=await describe_clients(visit, found[:_LISTED]),
        older=f"/console/clients?before={last.created_at}.{last.id}" if last is not None else "",
        first_page="/console/clients" if before is not None else "",
        done=_("The client was deleted. Its tokens stopped working.") if "deleted" in said else "",
        leaving=await find_leaving(visit, place.workspace_id),
    )
