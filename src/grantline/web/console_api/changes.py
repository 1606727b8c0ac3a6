"""The audit: every change in the workspace, who made it, and what it was before and after."""

from typing import Any

from pydantic import Field

from grantline.audit import list_workspace_events
from grantline.web.console_api.caller import Caller
from grantline.web.console_api.operations import Operation, Reply, Shown
from grantline.web.console_api.paging import Page, next_place


class EventShown(Shown):
    """One change."""

    event_id: str
    at: int
    kind: str
    account_id: str | None = Field(description="Null: an operator, on the command line.")
    person: str
    client_id: str | None
    client_name: str
    network: str
    detail: dict[str, Any]


class EventsShown(Shown):
    """A page of the audit, newest first."""

    events: list[EventShown]
    next: str | None = Field(description="Where the next page begins; null at the end.")


class AuditPage(Page):
    """Which changes."""

    client_id: str = Field(default="", max_length=100, description="Only of this client.")
    kind: str = Field(default="", max_length=60, description="Only of this kind, such as client.updated.")


async def index(caller: Caller, query: AuditPage) -> Reply:
    """GET /audit."""
    found = await list_workspace_events(
        caller.db,
        caller.workspace_id,
        client_id=query.client_id,
        kind=query.kind,
        before=query.place(),
        limit=query.limit,
    )
    shown = [
        EventShown(
            event_id=event.id,
            at=event.at,
            kind=event.kind,
            account_id=None if event.account_id is None else str(event.account_id),
            person=event.person,
            client_id=event.client_id,
            client_name=event.client_name,
            network=event.network,
            detail=dict(event.detail),
        )
        for event in found
    ]
    end = next_place(query.limit, len(found), found[-1].at, found[-1].id) if found else None
    return Reply(EventsShown(events=shown, next=end))


OPERATIONS = (
    Operation("GET", "/audit", index, "audit:read", "List the changes", EventsShown, query=AuditPage),
)
