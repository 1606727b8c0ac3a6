"""What waits for a person: the request stays here, the browser carries only a handle (T14, T73, T80).

Besides authorization requests a flow may be the device page or one of our own pages that somebody must sign
in for first.
"""

import base64
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from grantline.db import Database, Row, Transaction
from grantline.opaque import digest

FLOW_SECONDS: Final = 1800
MOST_PER_BROWSER: Final = 20


@dataclass(frozen=True, slots=True)
class PendingFlow:
    """Where to go on once the person did what is asked."""

    handle_hash: bytes
    kind: str
    """`authorize` (request: the AuthorizationRequest as JSON), `device` (a user code) or `page` (a path of
    ours)."""
    client_id: str
    redirect_uri: str
    request: str
    created_at: int


_COLUMNS: Final = "handle_hash, kind, client_id, redirect_uri, request, created_at"


def _flow(row: Row, handle: str) -> PendingFlow:
    return PendingFlow(row[0], row[1], row[2], row[3], _open(handle, row[4]), row[5])


def _key(handle: str) -> AESGCM:
    # One message per key, since every handle is made for one flow: a fixed nonce is safe.
    return AESGCM(hmac.digest(handle.encode(), b"grantline pending flow", "sha256"))


def _seal(handle: str, request: str) -> str:
    """The request as the row holds it: whoever reads the database finds no user code, state or address in it
    (T54)."""
    return base64.b64encode(_key(handle).encrypt(bytes(12), request.encode(), None)).decode()


def _open(handle: str, sealed: str) -> str:
    return _key(handle).decrypt(bytes(12), base64.b64decode(sealed), None).decode()


async def park_flow(
    db: Database,
    *,
    browser: str,
    kind: str,
    request: str,
    now: int,
    client_id: str = "",
    redirect_uri: str = "",
) -> str:
    """Keep a flow for this browser; gives its handle. A browser has at most twenty, the oldest goes first
    (T136)."""
    handle = secrets.token_urlsafe(24)
    browser_hash = digest(browser)
    async with db.transaction() as tx:
        await tx.run(
            "DELETE FROM pending_flows WHERE browser_hash = $1 AND (expires_at <= $2 OR handle_hash NOT IN"
            " (SELECT handle_hash FROM pending_flows WHERE browser_hash = $1 ORDER BY created_at DESC LIMIT"
            " $3))",
            browser_hash,
            now,
            MOST_PER_BROWSER - 1,
        )
        await tx.run(
            "INSERT INTO pending_flows (handle_hash, browser_hash, kind, client_id, redirect_uri, request,"
            " created_at, expires_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            digest(handle),
            browser_hash,
            kind,
            client_id,
            redirect_uri,
            _seal(handle, request),
            now,
            now + FLOW_SECONDS,
        )
    return handle


async def find_flow(db: Database, handle: str, browser: str, now: int) -> PendingFlow | None:
    """The flow of this handle, if it is this browser's, live and not answered."""
    row = await db.one(
        f"SELECT {_COLUMNS} FROM pending_flows"
        " WHERE handle_hash = $1 AND browser_hash = $2 AND expires_at > $3 AND consumed_at IS NULL",
        digest(handle),
        digest(browser),
        now,
    )
    return _flow(row, handle) if row is not None else None


async def consume_flow(tx: Transaction, flow: PendingFlow, now: int) -> bool:
    """Take the flow: it is answered once (T83)."""
    changed = await tx.run(
        "UPDATE pending_flows SET consumed_at = $2 WHERE handle_hash = $1 AND consumed_at IS NULL",
        flow.handle_hash,
        now,
    )
    return changed == 1


async def move_flows(db: Database, *, from_browser: str, to_browser: str) -> None:
    """Hand a browser's flows to the new browser id that it gets at sign-in."""
    await db.run(
        "UPDATE pending_flows SET browser_hash = $2 WHERE browser_hash = $1",
        digest(from_browser),
        digest(to_browser),
    )
