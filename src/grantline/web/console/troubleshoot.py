"""Troubleshoot: paste whatever you have, and see what it is, what happened and what to do; and the tools.

What holds a secret is looked at in the answer to a POST: it gets into no address, no log and no database, and
no page shows it again.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response

from grantline.audit import record_event
from grantline.clients import find_client_for
from grantline.oauth.errors import CATALOGUE
from grantline.tokens import find_authorization, revoke_authorization
from grantline.web.console.findings import look_into
from grantline.web.console.place import Place
from grantline.web.console.recognising import LONGEST, hides_secret, recognise_pasted
from grantline.web.languages import _
from grantline.web.templating import render_duration
from grantline.web.visit import Visit
from grantline.web.words import render_difference
from grantline.workspaces import CHANGE, ROLES

LONGEST_IN_ADDRESS: Final = 2_000
LONGEST_ADDRESS: Final = 2_000
COMMON: Final = (
    "redirect_uri_mismatch",
    "code_already_used",
    "code_expired",
    "client_wrong_data_center",
    "client_secret_wrong",
    "scope_unknown",
)
TOLERATED_SECONDS: Final = 60


async def show_troubleshoot(visit: Visit, place: Place) -> Response:
    """GET /console/troubleshoot?q=…"""
    return await _page(visit, place, visit.request.query_params.get("q", ""))


async def look_up(visit: Visit, place: Place) -> Response:
    """POST /console/troubleshoot: what may stand in an address goes there, so that it can be shared."""
    form = await visit.form("look-up", fields=frozenset({"q"}))
    text = form.get("q", "")
    if len(text) <= LONGEST_IN_ADDRESS and not hides_secret(text):
        return visit.redirect("/console/troubleshoot?" + urlencode({"q": text.strip()}))
    return await _page(visit, place, text, posted=True)


async def _page(visit: Visit, place: Place, text: str, *, posted: bool = False) -> Response:
    too_long, secret = len(text) > LONGEST, hides_secret(text)
    pasted = recognise_pasted("" if too_long else text)
    found = await look_into(visit, place, pasted) if pasted.kind != "nothing" else None
    return visit.render(
        "console/troubleshoot.html",
        **place.frame(visit),
        shown="" if secret or too_long else text,
        too_long=too_long,
        in_address=secret and not posted,
        found=asdict(found) if found is not None else None,
        common=[{"code": code, "title": _(CATALOGUE[code].title)} for code in COMMON],
        revoked="revoked" in visit.request.query_params,
        token=visit.form_token("look-up"),
    )


async def revoke_found(visit: Visit, place: Place) -> Response:
    """POST /console/troubleshoot/revoke: end the permission that a found token came of."""
    form = await visit.read_form()
    number = form.get("authorization", "")
    await visit.form(f"revoke:{number}", fields=frozenset({"authorization"}))
    authorization_id = int(number) if number.isascii() and number.isdecimal() and len(number) < 16 else 0
    found = await find_authorization(visit.server.db, authorization_id)
    mine = await find_client_for(visit.server.db, place.account.id, found.client_id) if found else None
    may_change = mine is not None and CHANGE in ROLES.get(mine[1], frozenset())
    if found is None or not (may_change or found.account_id == place.account.id):
        raise HTTPException(404)
    async with visit.server.db.transaction() as tx:
        if await revoke_authorization(tx, found.id, "revoked_in_console", visit.now):
            await record_event(
                tx,
                "authorization.revoked",
                now=visit.now,
                account_id=found.account_id or None,
                client_id=found.client_id,
                organization_id=found.organization_id,
                workspace_id=mine[0].workspace_id if mine is not None else None,
                network=visit.peer.shown,
                detail={"authorization": found.id, "by": "console"},
            )
    return visit.redirect("/console/troubleshoot?revoked")


async def compare_addresses(visit: Visit, place: Place) -> Response:
    """GET /console/troubleshoot/addresses?sent=…&registered=…: where two addresses differ."""
    query = visit.request.query_params
    sent, registered = (query.get(name, "").strip()[:LONGEST_ADDRESS] for name in ("sent", "registered"))
    secret = hides_secret(sent) or hides_secret(registered)
    both = bool(sent and registered) and not secret
    return visit.render(
        "console/tool_addresses.html",
        **place.frame(visit),
        sent="" if secret else sent,
        registered="" if secret else registered,
        secret=secret,
        equal=both and sent == registered,
        difference=render_difference(sent, registered) if both and sent != registered else None,
    )


async def check_clock(visit: Visit, place: Place) -> Response:
    """GET /console/troubleshoot/clock?date=…: our time beside the browser's, or a Date header's."""
    typed = visit.request.query_params.get("date", "").strip()[:100]
    return visit.render(
        "console/tool_clock.html",
        **place.frame(visit),
        now=visit.now,
        date=typed,
        verdict=_verdict(typed, visit.now) if typed else None,
    )


def _verdict(typed: str, now: int) -> dict[str, Any]:
    """How far the instant is from ours, and what that does."""
    instant = _instant(typed)
    if instant is None:
        problem = _("That is no date. It looks like this: Sun, 22 Nov 2026 06:05:30 GMT.")
        return {"state": "stop", "sentence": problem}
    off = instant - now
    if abs(off) <= TOLERATED_SECONDS:
        return {"state": "done", "sentence": _("That is our time, within a minute.")}
    span = render_duration(abs(off))
    sentence = (
        _("That is %(span)s ahead of us.", span=span)
        if off > 0
        else _("That is %(span)s behind us.", span=span)
    )
    return {"state": "wait", "sentence": sentence}


def _instant(typed: str) -> int | None:
    try:
        return int(typed) if typed.isdecimal() and typed.isascii() else int(_read_date(typed).timestamp())
    except (ValueError, TypeError, OverflowError):
        return None


def _read_date(typed: str) -> datetime:
    """An HTTP date, or ISO 8601; without a zone it is UTC. Raises ValueError."""
    typed = typed.removeprefix("Date:").removeprefix("date:").strip()
    try:
        read = parsedate_to_datetime(typed)
    except ValueError:
        read = datetime.fromisoformat(typed)
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)


async def show_jwt_reader(visit: Visit, place: Place) -> Response:
    """GET /console/troubleshoot/jwt: a reader that works in the page; nothing is sent."""
    return visit.render("console/tool_jwt.html", **place.frame(visit), issuer=visit.server.issuer)
