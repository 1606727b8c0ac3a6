"""Usage: what people were asked and answered, and what the app got, over a day, a week or three months."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from starlette.responses import Response

from grantline.activity import (
    ALLOWED,
    API_CALL,
    DECLINED,
    FAILED,
    REFUSED,
    REFUSED_UNPROVEN,
    STARTED,
    TOKENS,
    list_usage,
)
from grantline.clients import Client
from grantline.web.console.charts import HOUR, Span, bar_strip, last_days, last_hours, line_chart
from grantline.web.console.place import Place
from grantline.web.languages import _, mark
from grantline.web.visit import Visit

_REFRESHES: Final = ("token.refresh_token",)
_ANSWERED: Final = (ALLOWED, DECLINED, FAILED)
_CALLS: Final = (API_CALL, "userinfo")
_KINDS: Final = (STARTED, *_ANSWERED, *TOKENS, *_CALLS, REFUSED, REFUSED_UNPROVEN)
_RANGES: Final[Mapping[str, str]] = MappingProxyType(
    {"24h": mark("24 hours"), "7d": mark("7 days"), "90d": mark("90 days")}
)


async def show_usage(visit: Visit, place: Place, client: Client) -> Response:
    """GET …/usage."""
    chosen = visit.request.query_params.get("range", "24h")
    chosen = chosen if chosen in _RANGES else "24h"
    span = _span(chosen, visit.now)
    usage = await list_usage(visit.server.db, client.id, span.starts[0], _KINDS)
    sums = {kind: span.sums(usage, (kind,)) for kind in (*_ANSWERED, STARTED)}
    tokens, refreshes = span.sums(usage, TOKENS), span.sums(usage, _REFRESHES)
    calls, refused = span.sums(usage, _CALLS), span.sums(usage, (REFUSED,))
    unproven = span.sums(usage, (REFUSED_UNPROVEN,))
    abandoned = _abandoned(span, sums, visit.now)
    asks = client.type.user_present
    columns = [(_("Tokens"), tokens), (_("Refreshes"), refreshes), (_("API calls"), calls)]
    columns += [(_("Refused"), refused), (_("Refused, not proven"), unproven)]
    if asks:
        columns = [
            (_("Started"), sums[STARTED]),
            (_("Allowed"), sums[ALLOWED]),
            (_("Declined"), sums[DECLINED]),
            (_("Abandoned"), abandoned),
            *columns,
        ]
    return visit.render(
        "console/usage.html",
        **place.frame(visit),
        ranges=[{"value": value, "words": _(words)} for value, words in _RANGES.items()],
        chosen=chosen,
        asks=asks,
        totals=_totals(sums, sum(abandoned), sum(tokens), sum(refused), sum(unproven)),
        authorizations=line_chart("started", span, sums[STARTED]),
        tokens=line_chart("tokens", span, tokens),
        strip=bar_strip([one + other for one, other in zip(refused, unproven, strict=True)]),
        refreshes=line_chart("refreshes", span, refreshes),
        calls=line_chart("calls", span, calls),
        columns=[words for words, values in columns],
        rows=[
            {"at": start, "cells": [values[n] for words, values in columns]}
            for n, start in enumerate(span.starts)
        ],
    )


def _span(chosen: str, now: int) -> Span:
    if chosen == "7d":
        return last_hours(now, 7 * 24, 6 * HOUR)
    return last_days(now, 90) if chosen == "90d" else last_hours(now)


def _abandoned(span: Span, sums: Mapping[str, list[int]], now: int) -> list[int]:
    """Started and not answered. Somebody may still be reading in the part of time that is running, so that
    one has none."""
    return [
        max(0, sums[STARTED][n] - sum(sums[kind][n] for kind in _ANSWERED))
        if start + span.part_seconds <= now
        else 0
        for n, start in enumerate(span.starts)
    ]


def _totals(
    sums: Mapping[str, list[int]], abandoned: int, tokens: int, refused: int, unproven: int
) -> Mapping[str, Any]:
    asked = tokens + refused
    return {
        "started": sum(sums[STARTED]),
        "allowed": sum(sums[ALLOWED]),
        "declined": sum(sums[DECLINED]),
        "abandoned": abandoned,
        "tokens": tokens,
        "refused": refused,
        "unproven": unproven,
        "ratio": _share(refused, asked) if asked else "",
    }


def _share(part: int, whole: int) -> str:
    """A share in percent with one digit after the point, which is a comma elsewhere."""
    percent, tenth = divmod(round(1000 * part / whole), 10)
    return _("%(percent)d.%(tenth)d %%", percent=percent, tenth=tenth)
