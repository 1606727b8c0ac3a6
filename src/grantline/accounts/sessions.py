"""Sessions: who is signed in, in which browser. The cookie holds a random id; the row holds its hash."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grantline.db import Database, Row
from grantline.opaque import digest

SESSION_IDLE_SECONDS: Final = 24 * 3600
SESSION_LIFE_SECONDS: Final = 14 * 24 * 3600
_SEEN_EVERY_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Session:
    """One browser in which a person is signed in."""

    id_hash: bytes
    sid: str
    account_id: int
    created_at: int
    auth_at: int
    seen_at: int
    network: str
    user_agent: str


_COLUMNS: Final = (
    "s.id_hash, s.sid, s.account_id, s.created_at, s.auth_at, s.seen_at, s.network, s.user_agent"
)


def _session(row: Row) -> Session:
    return Session(*(row[index] for index in range(8)))


async def start_session(
    db: Database, *, account_id: int, now: int, network: str, user_agent: str, replaces: bytes | None = None
) -> tuple[str, Session]:
    """Sign a person in: a new random id (the cookie's value) and its session. `replaces` ends the session
    held before (T73)."""
    value = secrets.token_urlsafe(32)
    session = Session(
        digest(value), secrets.token_urlsafe(16), account_id, now, now, now, network, user_agent[:200]
    )
    async with db.transaction() as tx:
        if replaces is not None:
            await tx.run(
                "UPDATE sessions SET ended_at = $2 WHERE id_hash = $1 AND ended_at IS NULL", replaces, now
            )
        await tx.run(
            "INSERT INTO sessions (id_hash, sid, account_id, created_at, auth_at, seen_at, network,"
            " user_agent)"
            " VALUES ($1, $2, $3, $4, $4, $4, $5, $6)",
            session.id_hash,
            session.sid,
            account_id,
            now,
            network,
            session.user_agent,
        )
    return value, session


async def find_session(db: Database, value: str, now: int) -> Session | None:
    """The live session behind a cookie's value: not ended, not idle too long, of an account that is not
    disabled."""
    row = await db.one(
        f"SELECT {_COLUMNS} FROM sessions s JOIN accounts a ON a.id = s.account_id"
        " WHERE s.id_hash = $1 AND s.ended_at IS NULL AND a.disabled_at IS NULL AND s.seen_at > $2 AND"
        " s.created_at > $3",
        digest(value),
        now - SESSION_IDLE_SECONDS,
        now - SESSION_LIFE_SECONDS,
    )
    if row is None:
        return None
    session = _session(row)
    if session.seen_at <= now - _SEEN_EVERY_SECONDS:
        await db.run("UPDATE sessions SET seen_at = $2 WHERE id_hash = $1", session.id_hash, now)
    return session


async def list_sessions(db: Database, account_id: int, now: int) -> Sequence[Session]:
    """The person's live sessions, newest first, at most 100."""
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM sessions s WHERE s.account_id = $1 AND s.ended_at IS NULL"
        " AND s.seen_at > $2 AND s.created_at > $3 ORDER BY s.created_at DESC LIMIT 100",
        account_id,
        now - SESSION_IDLE_SECONDS,
        now - SESSION_LIFE_SECONDS,
    )
    return [_session(row) for row in rows]


async def end_session(db: Database, account_id: int, sid: str, now: int) -> bool:
    """End one session of this account; False when it has no such live session."""
    changed = await db.run(
        "UPDATE sessions SET ended_at = $3 WHERE account_id = $1 AND sid = $2 AND ended_at IS NULL",
        account_id,
        sid,
        now,
    )
    return changed == 1


async def end_other_sessions(db: Database, account_id: int, keep_sid: str, now: int) -> int:
    """End every session of this account but one; gives how many."""
    return await db.run(
        "UPDATE sessions SET ended_at = $3 WHERE account_id = $1 AND sid <> $2 AND ended_at IS NULL",
        account_id,
        keep_sid,
        now,
    )
