"""What was refused: one client's activity by time or by cause, and the look-up by request ID among all
clients of the person's workspaces (R88)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from grantline.activity import (
    ALLOWED,
    DECLINED,
    OUTCOMES,
    Entry,
    Wanted,
    count_newer,
    find_entry,
    list_causes,
    list_usage,
    page_entries,
)
from grantline.clients import Client, find_client_for
from grantline.web.console.charts import DAY
from grantline.web.console.happenings import STEPS, render_happening
from grantline.web.console.overview import find_causes_elsewhere, render_cause
from grantline.web.console.place import Place
from grantline.web.languages import _, mark
from grantline.web.visit import Visit
from grantline.workspaces import CHANGE

_SHOWN: Final = 50
_OUTCOME_WORDS: Final[Mapping[str, str]] = {
    "refused": mark("Refused"),
    "unproven": mark("Refused, not proven"),
    "declined": mark("Declined"),
    "warning": mark("Warnings"),
}
_MOST_TEXT: Final = 200


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the address of the page asks for."""

    text: str
    outcome: str
    step: str
    view: str
    open_id: str

    @property
    def wanted(self) -> Wanted:
        """The same as a filter of entries."""
        endpoints = STEPS[self.step][1] if self.step else ()
        return Wanted(self.text, self.outcome, endpoints)

    @property
    def filtered(self) -> bool:
        """Whether anything is left out."""
        return bool(self.text or self.outcome or self.step)

    def query(self, **changes: str) -> str:
        """The query of this page with some things changed."""
        kept = {"q": self.text, "outcome": self.outcome, "step": self.step, "view": self.view}
        shown = {name: value for name, value in {**kept, **changes}.items() if value}
        return f"?{urlencode(shown)}" if shown else ""


def _asked(visit: Visit) -> _Asked:
    said = visit.request.query_params
    # The address of a refused request's page names it as request_id.
    text = (said.get("q") or said.get("request_id") or "").replace("\x00", "").strip()[:_MOST_TEXT]
    outcome, step = said.get("outcome", ""), said.get("step", "")
    return _Asked(
        text,
        outcome if outcome in OUTCOMES else "",
        step if step in STEPS else "",
        "causes" if said.get("view") == "causes" else "",
        (said.get("open") or said.get("request_id") or "")[:100],
    )


def _cursor(text: str) -> tuple[int, str] | None:
    at, dot, id = text.partition(".")
    return (int(at), id[:100]) if at.isascii() and at.isdigit() and len(at) < 16 and dot and id else None


def _after(text: str) -> tuple[int, int] | None:
    """The second of the newest entry that a page shows, and how many of that second it shows."""
    found = _cursor(text)
    return (found[0], int(found[1])) if found and re.fullmatch("[0-9]{1,4}", found[1]) else None


async def show_activity(visit: Visit, place: Place, client: Client) -> Response:
    """GET …/activity: filtered, by time or by cause; one page of it, and what is new since `after`."""
    asked = _asked(visit)
    if asked.view:
        return await _show_causes(visit, place, client, asked)
    db, said = visit.server.db, visit.request.query_params
    before = _cursor(said.get("before", ""))
    found = await page_entries(db, client.id, asked.wanted, before=before, limit=_SHOWN + 1)
    entries, older = list(found[:_SHOWN]), ""
    if len(found) > _SHOWN:
        older = asked.query(before=f"{entries[-1].at}.{entries[-1].id}")
    after = _after(said.get("after", ""))
    may_change = place.membership.may(CHANGE)
    elsewhere = () if asked.filtered or before else await find_causes_elsewhere(visit, client)
    return visit.render(
        "console/activity.html",
        **place.frame(visit),
        **_filter(asked),
        **await _answers(visit, client),
        entries=[
            {
                **render_happening(entry, client, is_open=entry.id == asked.open_id, may_change=may_change),
                "address": asked.query(open=entry.id),
            }
            for entry in entries
        ],
        elsewhere=[render_cause(cause, client, visit, is_open=False) for cause in elsewhere],
        older=older,
        newest=(asked.query() or "?") if before else "",
        new_count=await count_newer(db, client.id, asked.wanted, since=after[0], seen=after[1])
        if after
        else 0,
        live=_live(asked, entries, visit) if not before else "",
        done=_("The address is registered. It works from the next request on.")
        if said.get("done") == "added"
        else "",
    )


def _live(asked: _Asked, entries: list[Entry], visit: Visit) -> str:
    """Where the page asks for what is new."""
    since = entries[0].at if entries else visit.now
    return asked.query(after=f"{since}.{sum(entry.at == since for entry in entries)}")


async def _show_causes(visit: Visit, place: Place, client: Client, asked: _Asked) -> Response:
    causes = [*await list_causes(visit.server.db, client.id), *await find_causes_elsewhere(visit, client)]
    causes.sort(key=lambda cause: -cause.last_at)
    return visit.render(
        "console/causes.html",
        **place.frame(visit),
        **_filter(asked),
        **await _answers(visit, client),
        causes=[render_cause(cause, client, visit, is_open=False) for cause in causes],
    )


def _filter(asked: _Asked) -> Mapping[str, Any]:
    return {
        "text": asked.text,
        "outcome": asked.outcome,
        "step": asked.step,
        "filtered": asked.filtered,
        "outcomes": [{"value": value, "words": _(words)} for value, words in _OUTCOME_WORDS.items()],
        "steps": [{"value": value, "words": _(words)} for value, (words, addresses) in STEPS.items()],
    }


async def _answers(visit: Visit, client: Client) -> Mapping[str, Any]:
    """How many people allowed and declined in a day: what worked is counted, not listed."""
    usage = await list_usage(visit.server.db, client.id, visit.now - DAY, (ALLOWED, DECLINED))
    return {
        "allowed": sum(one.count for one in usage if one.kind == ALLOWED),
        "declined": sum(one.count for one in usage if one.kind == DECLINED),
    }


async def find_request(visit: Visit, place: Place) -> Response:
    """GET /console/activity: one request, if a client of this person's workspaces made it (T143)."""
    wanted = visit.request.query_params.get("request_id", "").strip()[:100]
    entry = await _find(visit, wanted) if wanted else None
    found = await find_client_for(visit.server.db, place.account.id, entry.client_id) if entry else None
    shown, client = None, None
    if entry is not None and found is not None:
        client = found[0]
        may_change = place.at(client, found[1]).membership.may(CHANGE)
        shown = render_happening(entry, client, is_open=True, may_change=may_change)
    return visit.render(
        "console/find.html",
        **place.frame(visit),
        request_id=wanted,
        entry=shown,
        its_client={"client_id": client.id, "name": client.name} if client is not None else None,
    )


async def _find(visit: Visit, request_id: str) -> Entry | None:
    """The entry, also while it waits to be written."""
    return visit.server.mint.recorder.find(request_id) or await find_entry(visit.server.db, request_id)
