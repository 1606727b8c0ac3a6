"""What the server saw of a client: refusals one by one and by cause, what went well, and the first time of
each step."""

from typing import Annotated, Any

from pydantic import Field

from grantline.activity import (
    Cause,
    Entry,
    find_entry,
    list_causes,
    list_causes_elsewhere,
    list_entries,
    list_firsts,
    list_usage,
    list_used_scopes,
)
from grantline.clients import Client
from grantline.oauth.errors import CATALOGUE
from grantline.web.console_api.caller import Caller
from grantline.web.console_api.operations import Number, Operation, Query, Reply, Shown
from grantline.web.console_api.problems import not_found

_DAY = 24 * 3600


class EntryShown(Shown):
    """One request that was refused, or that the owner should know of."""

    request_id: str
    client_id: str
    at: int
    proven: bool = Field(description="Whether the sender had proven to be this client.")
    endpoint: str
    error: str
    code: str
    status: int
    cause: str
    fix: str
    detail: dict[str, Any]


class EntriesShown(Shown):
    """The newest entries."""

    entries: list[EntryShown]


class CauseShown(Shown):
    """Refusals of one kind, added up."""

    code: str
    error: str
    title: str
    proven: bool
    count: int
    first_at: int
    last_at: int
    last_request_id: str
    data_center: str = Field(description="The other data center where it was refused; empty for this one.")
    endpoint: str = Field(description="Where it was refused; told of other data centers alone.")
    cause: str
    fix: str


class CausesShown(Shown):
    """Why requests were refused, the newest cause first."""

    causes: list[CauseShown]


class UsageEntry(Shown):
    """How often something happened in an hour or a day."""

    kind: str
    starts_at: int
    seconds: int
    count: int


class UsageShown(Shown):
    """What was counted."""

    usage: list[UsageEntry]
    scopes: dict[str, int] = Field(description="How often APIs needed each scope.")


class FirstsShown(Shown):
    """How far the client has come: each step with the time it was first seen, null when it was not."""

    registered: int
    authorization_request: int | None
    token: int | None
    api_call: int | None
    refresh: int | None


class ActivityQuery(Query):
    """Which entries."""

    limit: Annotated[Number, Field(ge=1, le=200, description="How many at most.")] = 50
    code: str = Field(default="", max_length=100, description="Only this error of the catalogue.")


class Days(Query):
    """How far back."""

    days: Annotated[Number, Field(ge=1, le=90, description="How many days back.")] = 7


def _show(entry: Entry) -> EntryShown:
    explanation = CATALOGUE.get(entry.code)
    return EntryShown(
        request_id=entry.id,
        client_id=entry.client_id,
        at=entry.at,
        proven=entry.proven,
        endpoint=entry.endpoint,
        error=entry.error,
        code=entry.code,
        status=entry.status,
        cause=explanation.cause if explanation is not None else "",
        fix=explanation.fix if explanation is not None else "",
        detail=dict(entry.detail),
    )


def _show_cause(cause: Cause) -> CauseShown:
    explanation = CATALOGUE.get(cause.code)
    return CauseShown(
        code=cause.code,
        error=cause.error,
        title=explanation.title if explanation is not None else "Something to look at",
        proven=cause.proven,
        count=cause.count,
        first_at=cause.first_at,
        last_at=cause.last_at,
        last_request_id=cause.last_id,
        data_center=cause.data_center,
        endpoint=cause.endpoint,
        cause=explanation.cause if explanation is not None else "",
        fix=explanation.fix if explanation is not None else "",
    )


async def index(caller: Caller, client: Client, query: ActivityQuery) -> Reply:
    """GET /clients/{client_id}/activity."""
    found = await list_entries(caller.db, client.id, limit=500 if query.code else query.limit)
    shown = [_show(entry) for entry in found if query.code in ("", entry.code)]
    return Reply(EntriesShown(entries=shown[: query.limit]))


async def find(caller: Caller, request_id: str) -> Reply:
    """GET /activity/{request_id}: a request of a client of this workspace (T143)."""
    recorder = caller.server.mint.recorder
    entry = recorder.find(request_id) or await find_entry(caller.db, request_id)
    if entry is None or not entry.client_id:
        raise not_found()
    await caller.client(entry.client_id)
    return Reply(_show(entry))


async def causes(caller: Caller, client: Client, query: Days) -> Reply:
    """GET /clients/{client_id}/causes."""
    since = caller.now - query.days * _DAY
    found = [
        *await list_causes(caller.db, client.id, since),
        *await list_causes_elsewhere(caller.db, client.id, since),
    ]
    found.sort(key=lambda cause: -cause.last_at)
    return Reply(CausesShown(causes=[_show_cause(cause) for cause in found]))


async def usage(caller: Caller, client: Client, query: Days) -> Reply:
    """GET /clients/{client_id}/usage."""
    since = caller.now - query.days * _DAY
    counted = [
        UsageEntry(kind=one.kind, starts_at=one.starts_at, seconds=one.span_seconds, count=one.count)
        for one in await list_usage(caller.db, client.id, since)
    ]
    scopes = dict(await list_used_scopes(caller.db, client.id, since))
    return Reply(UsageShown(usage=counted, scopes=scopes))


async def firsts(caller: Caller, client: Client) -> Reply:
    """GET /clients/{client_id}/firsts."""
    seen = await list_firsts(caller.db, client.id)
    steps = {name: seen.get(name) for name in ("authorization_request", "token", "api_call", "refresh")}
    return Reply(FirstsShown.model_validate({"registered": client.created_at, **steps}))


_ONE = "/clients/{client_id}"
_SCOPE = "activity:read"
OPERATIONS = (
    Operation(
        "GET", f"{_ONE}/activity", index, _SCOPE, "List what was refused", EntriesShown, query=ActivityQuery
    ),
    Operation(
        "GET", f"{_ONE}/causes", causes, _SCOPE, "List why requests were refused", CausesShown, query=Days
    ),
    Operation("GET", f"{_ONE}/usage", usage, _SCOPE, "Read what was counted", UsageShown, query=Days),
    Operation("GET", f"{_ONE}/firsts", firsts, _SCOPE, "Read how far a client has come", FirstsShown),
    Operation("GET", "/activity/{request_id}", find, _SCOPE, "Read one request by its ID", EntryShown),
)
