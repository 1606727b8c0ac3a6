"""The one place where a refusal becomes an answer: JSON for programs, and the entry in the owner's activity
(R88)."""

import traceback
from collections.abc import Mapping

import structlog

from grantline.accounts import PasswordsBusy
from grantline.activity import Entry
from grantline.clients import Client, find_client
from grantline.db import DatabaseUnavailable
from grantline.oauth.errors import (
    InvalidClient,
    InvalidToken,
    OAuthError,
    ServerError,
    TemporarilyUnavailable,
)
from grantline.oauth.responses import render_error_json
from grantline.web import vendor_wire
from grantline.web.call import Answer, Call
from grantline.web.logs import redact
from grantline.web.right_data_center import name_data_centers
from grantline.web.server import Server


def as_oauth_error(error: Exception, request_id: str) -> OAuthError:
    """Any exception as a protocol error: trouble with the database is 503, anything else a bug, logged with
    its trace."""
    if isinstance(error, OAuthError):
        return error
    log = structlog.get_logger()
    if isinstance(error, DatabaseUnavailable):
        log.error("database unavailable", request_id=request_id, problem=type(error).__name__)
        return TemporarilyUnavailable("overloaded", retry_after=2)
    if isinstance(error, PasswordsBusy):
        return TemporarilyUnavailable("overloaded", retry_after=2)
    # Frames without their values: locals may hold secrets (T128).
    frames = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)))
    log.error("unexpected", request_id=request_id, exception=type(error).__name__, trace=frames)
    return ServerError("unexpected")


async def answer_error(server: Server, call: Call, error: Exception) -> Answer:
    """The JSON answer to a failed call, and its entry in the activity."""
    refusal = as_oauth_error(error, call.request_id)
    name_data_centers(refusal, server.mint.data_centers)
    # An app that is switched off here is answered like one that is not known here at all.
    away = refusal.code == "client_wrong_data_center"
    client = await _client_of(server, refusal) if not away else None
    record_failure(
        server,
        refusal,
        endpoint=call.path,
        request_id=call.request_id,
        network=call.peer.shown,
        now=call.now,
        workspace_id=client.workspace_id if client is not None else 0,
    )
    if client is not None and client.vendor_compatible and not isinstance(refusal, InvalidToken):
        return vendor_wire.render_error(client, refusal, call.path)
    headers = []
    if refusal.retry_after is not None:
        headers.append(("retry-after", str(refusal.retry_after)))
    if isinstance(refusal, InvalidClient):
        headers.append(("www-authenticate", 'Basic realm="Grantline", charset="UTF-8"'))
    if refusal.code == "client_wrong_data_center" and call.origin is not None:
        # A browser app's origin is registered where the app lives; this says no more than its own request.
        headers.append(("access-control-allow-origin", "*"))
    return Answer(
        refusal.status,
        render_error_json(refusal, issuer=server.issuer, request_id=call.request_id),
        tuple(headers),
        client_id=client.id if client is not None else None,
    )


async def _client_of(server: Server, error: OAuthError) -> Client | None:
    if error.client_id is None:
        return None
    try:
        return await find_client(server.db, error.client_id)
    except DatabaseUnavailable:
        return None


_WAITING = frozenset({"authorization_pending", "slow_down"})


def record_failure(
    server: Server,
    error: OAuthError,
    *,
    endpoint: str,
    request_id: str,
    network: str,
    now: int,
    workspace_id: int = 0,
) -> None:
    """Put a failure into the activity of the app that it concerns; a device that waits is no failure."""
    if error.code in _WAITING:
        return
    detail: dict[str, str] = {"network": network}
    for name, value in (("hint", error.hint), ("expected", error.expected), ("received", error.received)):
        if value:
            # Who sends a secret in the wrong place must not find it in a database (T54, T128).
            detail[name] = redact(value)[:2000]
    if error.rehearsed:
        detail["rehearsed"] = "yes"
    server.mint.recorder.record(
        Entry(
            id=request_id,
            client_id=error.client_id or "",
            proven=error.proven,
            at=now,
            endpoint=endpoint,
            error=error.error,
            code=error.code,
            status=error.status,
            detail=detail,
            workspace_id=workspace_id,
            app_elsewhere=_app_elsewhere(error),
        )
    )


def _app_elsewhere(error: OAuthError) -> str:
    """The app of another data center that was called with here, where it does not work."""
    return (error.received or "") if error.code == "client_wrong_data_center" else ""


def record_warning(
    server: Server,
    client_id: str,
    code: str,
    sentence: str,
    *,
    proven: bool,
    request_id: str,
    endpoint: str,
    now: int,
    workspace_id: int = 0,
) -> None:
    """Tell the owner about something that worked but should change."""
    detail: Mapping[str, str] = {"hint": sentence}
    server.mint.recorder.record(
        Entry(
            id=request_id,
            client_id=client_id,
            proven=proven,
            at=now,
            endpoint=endpoint,
            error="event",
            code=code,
            status=200,
            detail=detail,
            workspace_id=workspace_id,
        )
    )
