"""What was refused: the list of one client, and the look-up by request ID among all of one's own."""

from starlette.responses import Response

from grantline.activity import Entry, find_entry, list_entries
from grantline.clients import Client, find_client_for
from grantline.web.console.happenings import render_happening
from grantline.web.console.place import Place
from grantline.web.visit import Visit


async def show_activity(visit: Visit, place: Place, client: Client) -> Response:
    """GET …/activity, all of it or the one entry of a request ID."""
    wanted = _wanted(visit)
    entries = list(await list_entries(visit.server.db, client.id))
    if wanted:
        entries = [entry for entry in entries if entry.id == wanted]
    return visit.render(
        "console/activity.html",
        **place.frame(visit),
        request_id=wanted,
        entries=[render_happening(entry, client, is_open=bool(wanted)) for entry in entries],
    )


async def find_request(visit: Visit, place: Place) -> Response:
    """GET /console/activity: one request, if a client of this person made it (T143)."""
    wanted = _wanted(visit)
    entry = await _find(visit, wanted) if wanted else None
    found = await find_client_for(visit.server.db, place.account.id, entry.client_id) if entry else None
    client = found[0] if found is not None else None
    shown = (
        render_happening(entry, client, is_open=True) if entry is not None and client is not None else None
    )
    return visit.render(
        "console/find.html",
        **place.frame(visit),
        request_id=wanted,
        entry=shown,
        its_client={"client_id": client.id, "name": client.name} if client is not None else None,
    )


def _wanted(visit: Visit) -> str:
    return visit.request.query_params.get("request_id", "").strip()[:100]


async def _find(visit: Visit, request_id: str) -> Entry | None:
    """The entry, also while it waits to be written."""
    return visit.server.mint.recorder.find(request_id) or await find_entry(visit.server.db, request_id)
