"""The audit: security acts, written in the transaction of the act, never altered, kept 400 days.

What failed and why, for the owners of an app, is next door in `activity`.
"""

from grantline.audit.events import AuditEvent, list_account_events, list_client_events, record_event

__all__ = ["AuditEvent", "list_account_events", "list_client_events", "record_event"]
