"""Audit: every change in the workspace, with who made it, when, from where, and what it was before (R86)."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from grantline.audit import WorkspaceEvent, list_workspace_events
from grantline.web.console.audit_words import KINDS, differences, kind_words
from grantline.web.console.place import Place
from grantline.web.languages import _
from grantline.web.visit import Visit
from grantline.workspaces import list_members

PAGE: Final = 50


async def show_audit(visit: Visit, place: Place) -> Response:
    """GET /console/audit?client=&kind=&person=&before=: PAGE changes and the way to older ones."""
    db, asked = visit.server.db, _asked(visit.request.query_params)
    found = await list_workspace_events(
        db,
        place.workspace_id,
        client_id=asked["client"],
        kind=asked["kind"],
        account_id=int(asked["person"] or 0),
        before=_before(visit.request.query_params.get("before", "")),
        limit=PAGE + 1,
    )
    events = found[:PAGE]
    members = await list_members(db, place.workspace_id)
    return visit.render(
        "console/audit.html",
        **place.frame(visit),
        events=[_event(event, asked) for event in events],
        asked=asked,
        filtered=any(asked.values()),
        later="before" in visit.request.query_params,
        first=_address(asked, {}),
        older=_address(asked, {"before": f"{events[-1].at}.{events[-1].id}"}) if len(found) > PAGE else "",
        kinds=[{"value": kind, "words": kind_words(kind)} for kind in KINDS],
        people=[{"value": str(member.account_id), "words": member.name} for member in members],
    )


def _asked(query: Mapping[str, str]) -> dict[str, str]:
    """The filters; what can't be one is none."""
    person = query.get("person", "")
    return {
        "client": query.get("client", "").strip()[:100],
        "kind": query.get("kind", "")[:60],
        "person": person if re.fullmatch("[0-9]{1,16}", person) else "",
    }


def _before(text: str) -> tuple[int, str] | None:
    found = re.fullmatch(r"([0-9]{1,12})\.([\w-]{1,40})", text, re.ASCII)
    return (int(found[1]), found[2]) if found else None


def _address(asked: Mapping[str, str], changes: Mapping[str, str]) -> str:
    query = {name: value for name, value in {**asked, **changes}.items() if value}
    return f"/console/audit?{urlencode(query)}" if query else "/console/audit"


def _event(event: WorkspaceEvent, asked: Mapping[str, str]) -> dict[str, Any]:
    changed = differences(event.detail)
    return {
        "id": event.id,
        "at": event.at,
        "words": kind_words(event.kind),
        "fields": ", ".join(one["field"] for one in changed if one["both"]),
        "person": event.person or _("An operator, on the command line"),
        "only_person": _address(asked, {"person": str(event.account_id)}) if event.account_id else "",
        "client_id": event.client_id or "",
        "client": event.client_name or event.client_id or "",
        "only_client": _address(asked, {"client": event.client_id}) if event.client_id else "",
        "network": event.network,
        "changed": changed,
    }
