"""A client's overview: how far it has come, why requests were refused, the last day, the facts (R88)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from grantline.activity import (
    DENIED,
    REFUSED,
    REFUSED_UNPROVEN,
    TOKENS,
    Cause,
    find_entry,
    list_causes,
    list_causes_elsewhere,
    list_firsts,
    list_usage,
    list_used_scopes,
)
from grantline.clients import Client, ClientType
from grantline.datacenters import DataCenter
from grantline.oauth.errors import CATALOGUE
from grantline.tokens import LIVE_REFRESH_TOKENS, count_holders
from grantline.web.console.charts import DAY, bar_strip, last_hours, line_chart
from grantline.web.console.happenings import render_happening
from grantline.web.console.place import Place
from grantline.web.console.standings import cause_title, judge, refusals
from grantline.web.console.type_words import TYPE_WORDS
from grantline.web.languages import _, mark
from grantline.web.visit import Visit
from grantline.workspaces import CHANGE

_SHOWN_CAUSES: Final = 5
_MONTH: Final = 30 * DAY
_DONE: Final[Mapping[str, str]] = {
    "saved": mark("Saved. It holds from the next request on."),
    "revoked": mark("The secret was revoked. It stopped working."),
}


async def show_overview(visit: Visit, place: Place, client: Client) -> Response:
    """GET /console/clients/{client_id}."""
    db, now = visit.server.db, visit.now
    firsts = await list_firsts(db, client.id)
    causes = await list_causes(db, client.id, now - 7 * DAY)
    everywhere = [*causes, *await find_causes_elsewhere(visit, client, now - 7 * DAY)]
    span = last_hours(now)
    usage = await list_usage(db, client.id, span.starts[0], (*TOKENS, REFUSED, REFUSED_UNPROVEN))
    holders = await count_holders(db, client.id)
    used = await list_used_scopes(db, client.id, now - _MONTH)
    tokens, refused = span.sums(usage, TOKENS), span.sums(usage, (REFUSED, REFUSED_UNPROVEN))
    health = judge(client, firsts, [cause for cause in everywhere if cause.last_at >= now - DAY])
    steps = checklist(client, firsts)
    done = _DONE.get(visit.request.query_params.get("done", ""), "")
    return visit.render(
        "console/overview.html",
        **place.frame(visit),
        done=_(done) if done else "",
        health={"state": health.state, "word": health.word},
        flow_sentence=_(TYPE_WORDS[client.type.name].flow),
        steps=steps,
        finished=all(step["state"] == "done" for step in steps),
        causes=await _causes(visit, place, client, everywhere),
        declined=sum(cause.count for cause in causes if cause.error == DENIED),
        chart=line_chart("tokens", span, tokens),
        strip=bar_strip(refused),
        rows=[
            {"at": start, "cells": [issued, bad]}
            for start, issued, bad in zip(span.starts, tokens, refused, strict=True)
        ],
        holders={"people": holders.people, "busiest": holders.busiest, "more": holders.more},
        limit=LIVE_REFRESH_TOKENS,
        secrets=[{"id": secret.id, "expires_at": secret.expires_at} for secret in client.live_secrets(now)],
        redirect_count=len(client.redirect_uris),
        scopes={"asked": len(client.scopes), "used": len(used)},
    )


def checklist(client: Client, firsts: Mapping[str, int]) -> list[dict[str, Any]]:
    """The steps from registration to data, as far as this type of client has them. The first one that was not
    seen yet is open, whatever came after it."""
    path = f"/console/clients/{client.id}"
    steps: list[dict[str, Any]] = [
        {"name": "registered", "title": _("Registered"), "at": client.created_at, "said": ""}
    ]
    for name, title, said, sentence, words, place in _steps(client):
        steps.append(
            {
                "name": name,
                "title": title,
                "at": firsts.get(name),
                "said": said,
                "sentence": sentence,
                "link": {"words": words, "href": f"{path}/{place}"},
            }
        )
    waiting = True
    for step in steps:
        step["state"] = "done" if step["at"] is not None else "now" if waiting else "todo"
        waiting = waiting and step["state"] == "done"
    return steps


def _steps(client: Client) -> list[tuple[str, str, str, str, str, str]]:
    """Of each step: its name, its title, what is said when it is seen, what to do until then, and a link."""
    kind = client.type
    steps = [_asking(kind)] if kind.name == "non-browser" or kind.user_present else []
    owner = kind.name == "self-client"
    generate = _("Generate a grant token, and let your script exchange it.")
    exchange = _("Exchange what your app was given at the token endpoint.")
    call = _("Send the access token to an API. It is seen when the API asks here what the token is worth.")
    renew = _("Access tokens last an hour. A refresh token gets the next one, without asking anyone.")
    return [
        *steps,
        (
            "token",
            _("First token"),
            _("First token seen"),
            generate if owner else exchange,
            _("Generate code") if owner else _("How to exchange it"),
            "code" if owner else "quickstart",
        ),
        (
            "api_call",
            _("First API call"),
            _("First API call seen"),
            call,
            _("How to call an API"),
            "quickstart",
        ),
        ("refresh", _("First refresh"), _("First refresh seen"), renew, _("How to refresh"), "quickstart"),
    ]


def _asking(kind: ClientType) -> tuple[str, str, str, str, str, str]:
    """The step before the first token: somebody is asked."""
    if kind.name == "non-browser":
        title, seen = _("First device code"), _("First device code seen")
        do = _("Let the device ask for a code and show it. This step turns green as soon as it does.")
    else:
        title, seen = _("First sign-in request"), _("First sign-in request seen")
        do = _("Send your browser to the sign-in address of the quickstart. It is seen here at once.")
    return "authorization_request", title, seen, do, _("Open quickstart"), "quickstart"


async def _causes(
    visit: Visit, place: Place, client: Client, causes: Sequence[Cause]
) -> list[dict[str, object]]:
    """The five causes to look at first; the first one is open and shows its newest entry."""
    shown = refusals(causes)[:_SHOWN_CAUSES]
    newest = None
    if shown and not shown[0].data_center:
        recorder = visit.server.mint.recorder
        newest = recorder.find(shown[0].last_id) or await find_entry(visit.server.db, shown[0].last_id)
    return [
        render_cause(
            cause,
            client,
            visit,
            entry=render_happening(newest, client, is_open=True, may_change=place.membership.may(CHANGE))
            if number == 0 and newest is not None and newest.client_id == client.id
            else None,
            is_open=number == 0,
        )
        for number, cause in enumerate(shown)
    ]


async def find_causes_elsewhere(visit: Visit, client: Client, since: int = 0) -> Sequence[Cause]:
    """What was refused to the client in other data centers; nothing is asked where there are none."""
    if not visit.server.mint.data_centers.others:
        return ()
    return await list_causes_elsewhere(visit.server.db, client.id, since)


def render_cause(
    cause: Cause,
    client: Client,
    visit: Visit,
    *,
    entry: Mapping[str, object] | None = None,
    is_open: bool,
) -> dict[str, object]:
    """A cause as `parts/causes.html` shows it; with its newest entry, if that is at hand."""
    explanation = CATALOGUE.get(cause.code)
    path = f"/console/clients/{client.id}"
    why, fix = explain_cause(cause, client, visit.server.mint.home)
    return {
        "title": cause_title(cause),
        "code": cause.code,
        "proven": cause.proven,
        "state": {"event": "wait", DENIED: "open"}.get(cause.error, "stop"),
        "first_at": cause.first_at,
        "last_at": cause.last_at,
        "seconds_ago": visit.now - cause.last_at,
        "count": cause.count,
        "why": why,
        "fix": fix,
        "entry": entry,
        "open": is_open,
        "href": f"{path}/activity?q={cause.code}",
        "has_page": explanation is not None,
        "elsewhere": cause.data_center,
        "endpoint": cause.endpoint,
        "last_id": cause.last_id,
        "centers": f"{path}/data-centers" if cause.data_center and client.type.crosses else "",
    }


def explain_cause(cause: Cause, client: Client, home: DataCenter) -> tuple[str, str]:
    """Why it was refused, and what to do about it."""
    explanation = CATALOGUE.get(cause.code)
    if explanation is None:
        return "", ""
    if not cause.data_center or cause.code != "client_wrong_data_center":
        return _(explanation.cause), _(explanation.fix)
    names = {"theirs": cause.data_center, "ours": home.name, "issuer": home.issuer}
    why = _("%(theirs)s was called with this client’s ID, and the client lives in %(ours)s.", **names)
    if not client.type.crosses:
        return why, _("Let it call %(issuer)s: a client of this type works where it lives alone.", **names)
    return why, _("Let it call %(issuer)s, or turn on %(theirs)s for this client.", **names)
