"""The audit: security acts, written in the transaction of the act, sealed in a chain, kept 400 days and then
exported.

What failed and why, for the owners of an app, is next door in `activity`.
"""

from grantline.audit.chain import SEAL_PURPOSE, find_break, has_unsealed, seal_events
from grantline.audit.events import (
    AuditEvent,
    list_account_events,
    list_client_events,
    record_event,
    render_change,
)
from grantline.audit.months import drop_old_months, sealed_events
from grantline.audit.workspace_events import WorkspaceEvent, list_workspace_events

__all__ = [
    "SEAL_PURPOSE",
    "AuditEvent",
    "WorkspaceEvent",
    "drop_old_months",
    "find_break",
    "has_unsealed",
    "list_account_events",
    "list_client_events",
    "list_workspace_events",
    "record_event",
    "render_change",
    "seal_events",
    "sealed_events",
]
