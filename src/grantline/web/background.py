"""The sweep: what is over goes, so that the database stays the size of its users."""

from typing import Final

from grantline.accounts import SESSION_LIFE_SECONDS
from grantline.db import Database

KEPT_SECONDS: Final = 30 * 24 * 3600
"""Dead authorizations, ended sessions and withdrawn consents stay this long, to be explained."""
AUDIT_SECONDS: Final = 400 * 24 * 3600
_DAY: Final = 24 * 3600

_RULES: Final = (
    ("DELETE FROM pending_flows WHERE expires_at <= $1", 0),
    ("DELETE FROM authorization_codes WHERE expires_at <= $1", KEPT_SECONDS),
    ("DELETE FROM device_codes WHERE expires_at <= $1", _DAY),
    ("DELETE FROM attempts WHERE last_at <= $1", _DAY),
    ("DELETE FROM sessions WHERE ended_at <= $1", KEPT_SECONDS),
    ("DELETE FROM sessions WHERE created_at <= $1", SESSION_LIFE_SECONDS + KEPT_SECONDS),
    ("DELETE FROM authorizations WHERE revoked_at <= $1", KEPT_SECONDS),
    ("DELETE FROM authorizations WHERE shared_key IS NOT NULL AND used_at <= $1", KEPT_SECONDS),
    ("DELETE FROM authorizations WHERE refresh_expires_at <= $1", KEPT_SECONDS),
    ("DELETE FROM consents WHERE withdrawn_at <= $1", KEPT_SECONDS),
    ("DELETE FROM audit WHERE at <= $1", AUDIT_SECONDS),
)


async def sweep(db: Database, now: int) -> int:
    """Delete what is over; gives how many rows. Each rule is a transaction of its own."""
    deleted = 0
    for statement, kept_seconds in _RULES:
        deleted += await db.run(statement, now - kept_seconds)
    return deleted
