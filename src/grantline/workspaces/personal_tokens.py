"""Personal access tokens: with one a person's own programs use the console's API (`glp_…`).

Each is for one workspace and has scopes, but never more rights than its person's role in that workspace at
the moment of the request: the role is read with the token. Access tokens of apps are next door.
"""

import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from grantline.db import Database, Row, Transaction
from grantline.opaque import PERSONAL_TOKEN, body_of, digest, mint
from grantline.workspaces.workspace import CHANGE, MANAGE, VIEW, Membership, Right

SCOPES: Final[Mapping[str, Right]] = MappingProxyType(
    {
        "clients:read": VIEW,
        "clients:write": CHANGE,
        "secrets:write": CHANGE,
        "codes:write": CHANGE,
        "activity:read": VIEW,
        "team:read": VIEW,
        "team:write": MANAGE,
        "audit:read": VIEW,
    }
)
"""What a token may be for, each with the right that its person needs for any of it."""
DAYS: Final = (7, 30, 90, 365)
MOST_LIVE: Final = 50
LONGEST_NAME: Final = 60
_DAY: Final = 24 * 3600
_USE_SECONDS: Final = 60
_KEPT_SECONDS: Final = 30 * _DAY


@dataclass(frozen=True, slots=True)
class PersonalToken:
    """One token. Its value is known to its person alone; we keep its SHA-256."""

    id: str
    """`key_…`: names the token on pages and in the audit, proves nothing."""
    account_id: int
    workspace_id: int
    name: str
    scopes: tuple[str, ...]
    created_at: int
    expires_at: int
    used_at: int | None
    """To the minute: not every use is written."""
    revoked_at: int | None

    def is_live(self, now: int) -> bool:
        """Whether the token still works, as far as it alone decides."""
        return self.revoked_at is None and now < self.expires_at


class PersonalTokenRefused(ValueError):
    """The token can't be made: `field` is what to mend, the message says how."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


_COLUMNS: Final = (
    "t.id, t.account_id, t.workspace_id, t.name, t.scopes, t.created_at, t.expires_at, t.used_at,"
    " t.revoked_at"
)


def _token(row: Row) -> PersonalToken:
    scopes = tuple(row[4].split())
    return PersonalToken(row[0], row[1], row[2], row[3], scopes, row[5], row[6], row[7], row[8])


def check_personal_token(name: str, scopes: Sequence[str], days: int) -> tuple[str, tuple[str, ...]]:
    """The name and the scopes in their stored form. Raises PersonalTokenRefused."""
    name = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(name) <= LONGEST_NAME or any(unicodedata.category(sign)[0] == "C" for sign in name):
        raise PersonalTokenRefused("name", "Name it with 1 to 60 letters, digits or signs.")
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise PersonalTokenRefused("scopes", "Choose at least one of the permissions in the list.")
    if days not in DAYS:
        raise PersonalTokenRefused("days", "Choose 7, 30, 90 or 365 days.")
    return name, tuple(scope for scope in SCOPES if scope in scopes)


async def create_personal_token(
    tx: Transaction,
    *,
    account_id: int,
    workspace_id: int,
    name: str,
    scopes: Sequence[str],
    days: int,
    data_center: str,
    now: int,
) -> tuple[str, PersonalToken]:
    """A new token: its value, known this once, and what we keep. Raises PersonalTokenRefused."""
    name, chosen = check_personal_token(name, scopes, days)
    await tx.one("SELECT 1 FROM accounts WHERE id = $1 FOR UPDATE", account_id)  # one after the other
    await tx.run(
        "DELETE FROM personal_tokens WHERE account_id = $1 AND (expires_at < $2 OR revoked_at < $2)",
        account_id,
        now - _KEPT_SECONDS,
    )
    row = await tx.one(
        "SELECT COUNT(*) FROM personal_tokens"
        " WHERE account_id = $1 AND revoked_at IS NULL AND expires_at > $2",
        account_id,
        now,
    )
    if row is not None and row[0] >= MOST_LIVE:
        raise PersonalTokenRefused("name", f"You have {MOST_LIVE} tokens that work. Revoke one first.")
    value = mint(PERSONAL_TOKEN, data_center)
    token_id = f"key_{secrets.token_hex(6)}"
    token = PersonalToken(
        token_id, account_id, workspace_id, name, chosen, now, now + days * _DAY, None, None
    )
    await tx.run(
        "INSERT INTO personal_tokens (id, account_id, workspace_id, name, token_hash, scopes, created_at,"
        " expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        token.id,
        account_id,
        workspace_id,
        name,
        digest(value),
        " ".join(chosen),
        now,
        token.expires_at,
    )
    return value, token


async def find_bearer(
    db: Database, value: str, data_center: str, now: int
) -> tuple[PersonalToken, Membership] | None:
    """The token and its person's place in its workspace, as they are now.

    None for what is no token of this data center, unknown, expired or revoked, and when its person is
    disabled or no longer in the workspace: who presents it can't tell which.
    """
    if body_of(value, PERSONAL_TOKEN, data_center) is None:
        return None
    row = await db.one(
        f"SELECT {_COLUMNS}, w.name, w.personal, m.role FROM personal_tokens t"
        " JOIN accounts a ON a.id = t.account_id AND a.disabled_at IS NULL"
        " JOIN workspaces w ON w.id = t.workspace_id"
        " JOIN workspace_members m ON m.workspace_id = t.workspace_id AND m.account_id = t.account_id"
        " WHERE t.token_hash = $1 AND t.revoked_at IS NULL AND t.expires_at > $2",
        digest(value),
        now,
    )
    if row is None:
        return None
    token = _token(row)
    return token, Membership(token.account_id, token.workspace_id, row[9], bool(row[10]), row[11])


async def note_use(db: Database, token: PersonalToken, now: int) -> None:
    """Remember that the token was used; written at most once a minute."""
    if token.used_at is None or token.used_at <= now - _USE_SECONDS:
        await db.run(
            "UPDATE personal_tokens SET used_at = $2 WHERE id = $1 AND (used_at IS NULL OR used_at < $2)",
            token.id,
            now,
        )


async def list_personal_tokens(db: Database, account_id: int, now: int) -> Sequence[PersonalToken]:
    """The person's tokens that were not revoked, newest first: those that expired lately too."""
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM personal_tokens t"
        " WHERE t.account_id = $1 AND t.revoked_at IS NULL AND t.expires_at > $2"
        " ORDER BY t.created_at DESC, t.id LIMIT 200",
        account_id,
        now - _KEPT_SECONDS,
    )
    return [_token(row) for row in rows]


async def revoke_personal_token(
    tx: Transaction, account_id: int, token_id: str, now: int
) -> PersonalToken | None:
    """End one of the person's own tokens; None when there is no such live one."""
    row = await tx.one(
        "UPDATE personal_tokens SET revoked_at = $3 WHERE id = $2 AND account_id = $1 AND revoked_at IS NULL"
        " RETURNING id, account_id, workspace_id, name, scopes, created_at, expires_at, used_at, revoked_at",
        account_id,
        token_id,
        now,
    )
    return _token(row) if row is not None else None
