"""Authorization codes (the console says *grant token*): one use, short life, bound to client, redirect URI
and challenge."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from grantline.accounts import lock_account
from grantline.clients import Authenticated, Client, confirmation, confirms
from grantline.db import Database, Row, Transaction
from grantline.opaque import AUTHORIZATION_CODE, digest, mint
from grantline.scopes import Resolved
from grantline.tokens.mint import Mint

REDIRECT_CODE_SECONDS: Final = 60
CONSOLE_CODE_MINUTES: Final = (3, 5, 7, 10)
CODE_SPAN_SECONDS: Final = 600
CONSOLE_CODES: Final = 10
"""Codes generated in the console for each client and owner in CODE_SPAN_SECONDS (B1)."""
REDIRECT_CODES: Final = 30
"""Codes by redirect for each person and client in CODE_SPAN_SECONDS."""


class CodeLimitReached(Exception):
    """Too many codes were made lately; the next is possible after `wait_seconds`."""

    def __init__(self, wait_seconds: int) -> None:
        super().__init__(f"the next code is possible in {wait_seconds} s")
        self.wait_seconds = wait_seconds


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """What a code stands for. The code itself is known to its holder alone."""

    code_hash: bytes
    client_id: str
    account_id: int
    organization_id: int
    redirect_uri: str | None
    scope: tuple[str, ...]
    asked_scope: tuple[str, ...]
    resources: tuple[str, ...]
    refresh_token: bool
    code_challenge: str | None
    nonce: str | None
    auth_time: int
    sid: str
    from_console: bool
    description: str
    wrong_verifiers: int
    created_at: int
    expires_at: int
    consumed_at: int | None
    authorization_id: int | None
    sequence: int | None


_COLUMNS: Final = (
    "code_hash, client_id, account_id, organization_id, redirect_uri, scope, asked_scope, resources,"
    " refresh_token, code_challenge, nonce, auth_time, sid, from_console, description, wrong_verifiers,"
    " created_at, expires_at, consumed_at, authorization_id, sequence"
)


def _code(row: Row) -> AuthorizationCode:
    return AuthorizationCode(
        code_hash=row[0],
        client_id=row[1],
        account_id=row[2],
        organization_id=row[3],
        redirect_uri=row[4],
        scope=tuple(row[5].split()),
        asked_scope=tuple(row[6].split()),
        resources=tuple(row[7].split()),
        refresh_token=bool(row[8]),
        code_challenge=row[9],
        nonce=row[10],
        auth_time=row[11],
        sid=row[12],
        from_console=bool(row[13]),
        description=row[14],
        wrong_verifiers=row[15],
        created_at=row[16],
        expires_at=row[17],
        consumed_at=row[18],
        authorization_id=row[19],
        sequence=row[20],
    )


async def issue_authorization_code(
    mint_: Mint,
    tx: Transaction,
    *,
    client_id: str,
    account_id: int,
    organization_id: int,
    scope: tuple[str, ...],
    asked_scope: tuple[str, ...],
    refresh_token: bool,
    now: int,
    life_seconds: int = REDIRECT_CODE_SECONDS,
    redirect_uri: str | None = None,
    resources: tuple[str, ...] = (),
    code_challenge: str | None = None,
    nonce: str | None = None,
    auth_time: int = 0,
    sid: str = "",
    from_console: bool = False,
    description: str = "",
) -> str:
    """A new code. Raises CodeLimitReached when this client and person got too many lately (B1)."""
    await lock_account(tx, account_id)
    row = await tx.one(
        "SELECT COUNT(*), MIN(created_at) FROM authorization_codes"
        " WHERE client_id = $1 AND account_id = $2 AND from_console = $3 AND created_at > $4",
        client_id,
        account_id,
        int(from_console),
        now - CODE_SPAN_SECONDS,
    )
    allowed = int((CONSOLE_CODES if from_console else REDIRECT_CODES) * mint_.limiter.factor)
    if mint_.limiter.factor and row is not None and row[0] >= allowed:
        raise CodeLimitReached(row[1] + CODE_SPAN_SECONDS - now)
    code = mint(AUTHORIZATION_CODE, mint_.home.code)
    await tx.run(
        f"INSERT INTO authorization_codes ({_COLUMNS})"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, $16, $17, NULL,"
        " NULL, NULL)",
        digest(code),
        client_id,
        account_id,
        organization_id,
        redirect_uri,
        " ".join(scope),
        " ".join(asked_scope),
        " ".join(resources),
        int(refresh_token),
        code_challenge,
        nonce,
        auth_time,
        sid,
        int(from_console),
        description,
        now,
        now + life_seconds,
    )
    return code


async def generate_code(
    mint_: Mint,
    tx: Transaction,
    client: Client,
    scope: Resolved,
    *,
    now: int,
    life_seconds: int,
    auth_time: int,
    description: str = "",
) -> str:
    """A grant token that a self client's owner generates: for the owner's own data alone (R42, R45).

    Raises CodeLimitReached.
    """
    return await issue_authorization_code(
        mint_,
        tx,
        client_id=client.id,
        account_id=client.owner_account_id,
        organization_id=client.organization_id,
        scope=scope.names,
        asked_scope=scope.asked,
        refresh_token=True,
        now=now,
        life_seconds=life_seconds,
        from_console=True,
        description=description,
        auth_time=auth_time,
    )


class PresentedCode(NamedTuple):
    """A code, and whether its person may still have what it stands for."""

    code: AuthorizationCode
    account_gone: bool
    """The account is disabled, or there is none."""
    is_member: bool
    """The person belongs to the organization now."""


_OF_CODE: Final = ", ".join(f"q.{name}" for name in _COLUMNS.split(", "))
_CLIENT: Final = confirms(2)
_PRESENTED: Final = (
    f"SELECT {_OF_CODE}, p.id IS NULL OR p.disabled_at IS NOT NULL, m.account_id IS NOT NULL"
    " FROM authorization_codes q LEFT JOIN accounts p ON p.id = q.account_id"
    " LEFT JOIN memberships m ON m.account_id = q.account_id AND m.organization_id = q.organization_id"
    " WHERE q.code_hash = $1"
)
_PRESENTED_BY_REMEMBERED: Final = f"{_PRESENTED} AND {_CLIENT}"


async def find_presented_code(db: Database, asking: Authenticated, code: str) -> PresentedCode | None:
    """What the code stands for, spent and expired ones too. The statement confirms the client, where that is
    needed: then None may also mean that it did not."""
    if asking.confirmed:
        row = await db.one(_PRESENTED, digest(code))
    else:
        row = await db.one(_PRESENTED_BY_REMEMBERED, digest(code), *confirmation(asking.client))
    return PresentedCode(_code(row), bool(row[21]), bool(row[22])) if row is not None else None


async def spend_authorization_code(tx: Transaction, code_hash: bytes, client_id: str, now: int) -> bool:
    """Spend the code: one statement, one winner (T31, T32)."""
    changed = await tx.run(
        "UPDATE authorization_codes SET consumed_at = $3"
        " WHERE code_hash = $1 AND client_id = $2 AND consumed_at IS NULL AND expires_at > $3 AND"
        " wrong_verifiers < 5",
        code_hash,
        client_id,
        now,
    )
    return changed == 1


async def yield_of_code(tx: Transaction, code_hash: bytes, authorization_id: int, sequence: int) -> None:
    """Remember what the code yielded, so that a replay can end it."""
    await tx.run(
        "UPDATE authorization_codes SET authorization_id = $2, sequence = $3 WHERE code_hash = $1",
        code_hash,
        authorization_id,
        sequence,
    )


async def count_wrong_verifier(db: Database, code_hash: bytes) -> int:
    """Count a wrong verifier; gives how many there were. The fifth burns the code (T33)."""
    row = await db.one(
        "UPDATE authorization_codes SET wrong_verifiers = wrong_verifiers + 1 WHERE code_hash = $1"
        " RETURNING wrong_verifiers",
        code_hash,
    )
    return int(row[0]) if row is not None else 0


async def list_console_codes(db: Database, client_id: str, *, limit: int = 20) -> Sequence[AuthorizationCode]:
    """The newest codes generated for a self client."""
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM authorization_codes WHERE client_id = $1 AND from_console = 1"
        " ORDER BY created_at DESC LIMIT $2",
        client_id,
        limit,
    )
    return [_code(row) for row in rows]
