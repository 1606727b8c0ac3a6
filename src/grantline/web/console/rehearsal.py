"""Rehearsal: have the next requests of an app fail in a chosen way, to see how it copes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from starlette.responses import Response

from grantline.clients import (
    MOST_ANSWERS,
    Client,
    RehearsalRefused,
    failures_for,
    find_rehearsal,
    has_other_users,
    start_rehearsal,
    stop_rehearsal,
)
from grantline.oauth.errors import CATALOGUE
from grantline.web.console.changes import record_change
from grantline.web.console.place import Place
from grantline.web.languages import _, mark
from grantline.web.visit import FormRefused, Visit

COUNTS: Final = (1, 3, 10, MOST_ANSWERS)

LESSONS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "code_expired": (
            mark("The next exchange of a grant token finds it expired."),
            mark("starts the flow again, and the person notices nothing but a second page."),
        ),
        "authorization_revoked": (
            mark("The next refresh finds that access was taken back."),
            mark("stops calling, forgets its tokens and offers to connect again."),
        ),
        "device_code_expired": (
            mark("The next poll finds that the device code ran out."),
            mark("shows a new code, and does not go on polling."),
        ),
        "throttled": (
            mark("The next token requests are too many: status 429 with Retry-After."),
            mark("waits as long as Retry-After says, then goes on with the same tokens."),
        ),
        "client_wrong_data_center": (
            mark("The next token requests reach the wrong data center: the answer names the right issuer."),
            mark("reads expected_issuer, asks there, and keeps it for next time."),
        ),
        "overloaded": (
            mark("The next token requests find the server busy: status 503 with Retry-After."),
            mark("tries again later, and neither signs people out nor gives up its refresh token."),
        ),
    }
)
"""What happens in each rehearsal, and what a good app does."""


async def show_rehearsal(visit: Visit, place: Place, client: Client) -> Response:
    """GET …/rehearsal."""
    return await _page(visit, place, client)


async def change_rehearsal(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/rehearsal: start one, or stop the one that is on."""
    form = await visit.form(f"rehearsal:{client.id}", fields=frozenset({"act", "failure", "count"}))
    if form.get("act") == "stop":
        async with visit.server.db.transaction() as tx:
            if await stop_rehearsal(tx, client.id):
                await record_change(tx, visit, place, "rehearsal.stopped", client=client)
        return visit.redirect(f"/console/clients/{client.id}/rehearsal")
    if form.get("act") != "start":
        raise FormRefused(400)
    return await _start(visit, place, client, form)


async def _start(visit: Visit, place: Place, client: Client, form: Mapping[str, str]) -> Response:
    failure, count = form.get("failure", ""), form.get("count", "")
    if failure not in failures_for(client) or count not in {str(one) for one in COUNTS}:
        return await _page(
            visit, place, client, form, problem=_("Choose one of the failures, and how often.")
        )
    try:
        async with visit.server.db.transaction() as tx:
            await start_rehearsal(
                tx, client, code=failure, count=int(count), account_id=place.account.id, now=visit.now
            )
            await record_change(
                tx,
                visit,
                place,
                "rehearsal.started",
                client=client,
                after={"failure": failure, "requests": int(count)},
            )
    except RehearsalRefused:
        return await _page(visit, place, client, form)
    return visit.redirect(f"/console/clients/{client.id}/rehearsal")


async def _page(
    visit: Visit, place: Place, client: Client, form: Mapping[str, str] | None = None, problem: str = ""
) -> Response:
    db = visit.server.db
    running = await find_rehearsal(db, client.id, visit.now) if client.rehearsal_until > visit.now else None
    blocked = await has_other_users(db, client)
    possible = failures_for(client)
    asked = form or {}
    return visit.render(
        "console/rehearsal.html",
        status=400 if problem or (form is not None and blocked) else 200,
        **place.frame(visit),
        failures=[_failure(code) for code in possible],
        counts=COUNTS,
        form={"failure": asked.get("failure", possible[0]), "count": asked.get("count", str(COUNTS[0]))},
        problem=problem,
        blocked=blocked,
        running={
            "title": _(CATALOGUE[running.code].title),
            "code": running.code,
            "remaining": running.remaining,
            "ends_at": running.ends_at,
        }
        if running is not None
        else None,
        token=visit.form_token(f"rehearsal:{client.id}"),
    )


def _failure(code: str) -> Mapping[str, str]:
    happens, good = LESSONS[code]
    return {"code": code, "title": _(CATALOGUE[code].title), "happens": _(happens), "good": _(good)}
