"""How far the last change of a client has got in the other data centers, in words."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from grantline.clients import Client, Elsewhere, list_elsewhere, list_leaving
from grantline.datacenters import Standing, list_standings
from grantline.web.languages import _
from grantline.web.templating import render_ago, render_clock, render_utc
from grantline.web.visit import Visit

_LATELY_SECONDS: Final = 12 * 3600


def name_of(visit: Visit, code: str) -> str:
    """What people call a data center."""
    every = {center.code: center for center in visit.server.mint.data_centers.every}
    return every[code].name if code in every else code.upper()


async def find_reach(visit: Visit, client: Client, *, only: str = "") -> Mapping[str, Any] | None:
    """What `parts/reach.html` shows: a line for each other data center that has to do with the client, or for
    one `only`. None where there is nothing to tell."""
    if not client.type.crosses or not visit.server.mint.data_centers.others:
        return None
    rows = await list_elsewhere(visit.server.db, client.id)
    rows = [row for row in rows if only in ("", row.data_center)]
    standings = await list_standings(visit.server.db, visit.server.code) if rows else {}
    return render_reach(visit, rows, standings, f"/console/clients/{client.id}/data-centers")


def render_reach(
    visit: Visit, rows: Sequence[Elsewhere], standings: Mapping[str, Standing], address: str
) -> Mapping[str, Any] | None:
    """The same of these rows. `address`: the page where the part is found again while something waits."""
    if not rows:
        return None
    return {
        "lines": [_line(visit, row, standings.get(row.data_center)) for row in rows],
        "waiting": any(row.waiting and row.data_center in standings for row in rows),
        "address": address,
    }


async def find_leaving(visit: Visit, workspace_id: int) -> list[dict[str, Any]]:
    """The deleted apps of a workspace of which other data centers still have to hear, each with its lines."""
    db, found = visit.server.db, []
    if not visit.server.mint.data_centers.others or not (gone := await list_leaving(db, workspace_id)):
        return []
    standings = await list_standings(db, visit.server.code)
    for one in gone:
        rows = [row for row in await list_elsewhere(db, one.client_id) if row.data_center in standings]
        lines = [_line(visit, row, standings[row.data_center]) for row in rows]
        found.append({"name": one.name, "client_id": one.client_id, "lines": lines})
    return found


def _line(visit: Visit, row: Elsewhere, standing: Standing | None) -> dict[str, str]:
    name = name_of(visit, row.data_center)
    state, sentence = _told(row, standing, name, visit.now)
    return {"name": name, "state": state, "sentence": sentence}


def _told(row: Elsewhere, standing: Standing | None, name: str, now: int) -> tuple[str, str]:
    if standing is None:
        return "open", _("It is not in the registry any more, so nothing is sent there.")
    if row.waiting_since is None:
        if row.confirmed_at is None:
            return "todo", _("Nothing was sent there yet.")
        return "done", _("Confirmed %(ago)s", ago=render_ago(now - row.confirmed_at))
    since = render_clock(row.waiting_since)
    if row.waiting_since < now - _LATELY_SECONDS:
        since = render_utc(row.waiting_since)
    if row.problem:
        return "stop", _(
            "Not taken there: %(problem)s Waiting since %(since)s.", problem=_(row.problem), since=since
        )
    if standing.problem:
        return "wait", _(
            "Waiting since %(since)s: %(name)s does not answer. It is tried again by itself.",
            since=since,
            name=name,
        )
    return "now", _("Waiting since %(since)s", since=since)
