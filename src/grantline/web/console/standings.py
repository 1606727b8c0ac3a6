"""How clients are doing, in a word with its reason, for lists of them: a fixed number of statements whatever
the number of clients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from grantline.activity import (
    API_CALL,
    DENIED,
    EVENT,
    STARTED,
    TOKENS,
    Cause,
    Usage,
    list_causes_elsewhere_of,
    list_causes_of,
    list_firsts_of,
    list_last_uses,
    list_usage_of,
)
from grantline.clients import Client
from grantline.oauth.errors import CATALOGUE
from grantline.web.console.charts import DAY, Span, last_hours, sparkline
from grantline.web.languages import _, mark
from grantline.web.visit import Visit

WARNINGS: Final = {
    "limit_near": mark("Near its token limit"),
    "refresh_token_evicted": mark("Over its token limit"),
    "old_secret_used": mark("Still uses an old secret"),
    "credentials_in_query": mark("Sends credentials in the address"),
}


@dataclass(frozen=True, slots=True)
class Health:
    """A state of the line, and the word for it."""

    state: str
    word: str


def cause_title(cause: Cause) -> str:
    """What a cause is called; with the data center where it was, if that is another one."""
    explanation = CATALOGUE.get(cause.code)
    title = explanation.title if explanation is not None else cause.code
    if cause.error == EVENT:
        title = WARNINGS.get(cause.code, mark("Something to look at"))
    if not cause.data_center:
        return _(title)
    return _("At %(data_center)s: %(what)s", data_center=cause.data_center, what=_(title))


def refusals(causes: Sequence[Cause]) -> list[Cause]:
    """What was refused: no warning, and no answer of a person. What is proven comes first (T130)."""
    refused = [cause for cause in causes if cause.error not in (EVENT, DENIED)]
    return sorted(refused, key=lambda cause: (not cause.proven, -cause.last_at))


def judge(client: Client, firsts: Mapping[str, int], causes: Sequence[Cause]) -> Health:
    """The health of a client, from what was seen in the last day."""
    refused = refusals(causes)
    warnings = [cause for cause in causes if cause.error == EVENT and cause.code in WARNINGS]
    if not client.enabled:
        return Health("open", _("Switched off"))
    if refused and refused[0].proven:
        return Health("stop", cause_title(refused[0]))
    if refused:
        return Health("stop", _("Some sign-ins refused"))
    if warnings:
        return Health("wait", cause_title(warnings[0]))
    if "token" not in firsts:
        return Health("todo", _("Set-up not finished"))
    return Health("done", _("Working"))


async def describe_clients(visit: Visit, clients: Sequence[Client]) -> list[dict[str, Any]]:
    """Each client as a list shows it. Four statements, and one more where there are other data centers."""
    db, now = visit.server.db, visit.now
    ids = [client.id for client in clients]
    span = last_hours(now)
    firsts = await list_firsts_of(db, ids)
    causes = await list_causes_of(db, ids, now - DAY)
    elsewhere: Mapping[str, Sequence[Cause]] = {}
    if visit.server.mint.data_centers.others:
        elsewhere = await list_causes_elsewhere_of(db, ids, now - DAY)
    usage = await list_usage_of(db, ids, span.starts[0], TOKENS)
    last = await list_last_uses(db, ids, (*TOKENS, API_CALL, STARTED))
    return [
        _describe(
            client,
            firsts.get(client.id, {}),
            [*causes.get(client.id, ()), *elsewhere.get(client.id, ())],
            usage.get(client.id, ()),
            last.get(client.id),
            span,
            now,
        )
        for client in clients
    ]


def _describe(
    client: Client,
    firsts: Mapping[str, int],
    causes: Sequence[Cause],
    usage: Sequence[Usage],
    last: int | None,
    span: Span,
    now: int,
) -> dict[str, Any]:
    health = judge(client, firsts, causes)
    tokens = span.sums(usage, TOKENS)
    return {
        "client_id": client.id,
        "name": client.name,
        "type_title": _(client.type.title),
        "created_at": client.created_at,
        "state": health.state,
        "word": health.word,
        "tokens": sum(tokens),
        "line": sparkline(tokens),
        "last_at": last,
        "seconds_ago": now - last if last is not None else None,
        "unfinished": "token" not in firsts,
    }
