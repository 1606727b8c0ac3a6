"""Device codes: what a device polls with, and what its person decided (RFC 8628 §3.2).

The user code is short, so only a keyed MAC of it is stored; the device code is a secret of 256 bits.
"""

import hmac
import secrets
from dataclasses import dataclass
from typing import Final

from grantline.db import Database, Row, Transaction
from grantline.keys import Keyring
from grantline.limits import StoredLimit, is_reached
from grantline.opaque import DEVICE_CODE, digest, mint
from grantline.tokens.mint import Mint

DEVICE_CODE_SECONDS: Final = 600
POLL_SECONDS: Final = 5
SLOWER_SECONDS: Final = 5
MOST_OUTSTANDING: Final = 500
USER_CODE_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""Twenty consonants: no look-alikes, no words (RFC 8628 §6.1)."""
USER_CODE_LENGTH: Final = 8
USER_CODE_EXTRA: Final = 2
"""Letters more while many wrong codes come in."""
WRONG_USER_CODES: Final = StoredLimit("user-code-wrong", 1000, 3600)


class TooManyDeviceCodes(Exception):
    """The client has as many undecided codes as it may have."""


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """One device's wish, and where it stands. `account_id` is 0 until somebody decided."""

    device_code_hash: bytes
    user_code_hash: bytes
    client_id: str
    scope: tuple[str, ...]
    asked_scope: tuple[str, ...]
    resources: tuple[str, ...]
    refresh_token: bool
    code_challenge: str | None
    network: str
    user_agent: str
    created_at: int
    expires_at: int
    interval_seconds: int
    polled_at: int | None
    claimed_account_id: int | None
    claimed_browser_hash: bytes | None
    status: str
    """`pending`, `approved`, `denied`, or `elsewhere`: its person lives in `user_location`."""
    account_id: int
    organization_id: int
    auth_time: int
    sid: str
    consumed_at: int | None
    user_location: str = ""
    """The data center that the wish was handed to, or is being handed to while it is pending."""
    started_in: str = ""
    """The data center where the device asked, when that is another one."""


_COLUMNS: Final = (
    "device_code_hash, user_code_hash, client_id, scope, asked_scope, refresh_token, code_challenge,"
    " network, user_agent,"
    " created_at, expires_at, interval_seconds, polled_at, claimed_account_id, claimed_browser_hash,"
    " status, organization_id,"
    " auth_time, sid, consumed_at, resources, user_location, started_in"
)


def _code(row: Row) -> DeviceCode:
    return DeviceCode(
        device_code_hash=row[0],
        user_code_hash=row[1],
        client_id=row[2],
        scope=tuple(row[3].split()),
        asked_scope=tuple(row[4].split()),
        resources=tuple(row[20].split()),
        refresh_token=bool(row[5]),
        code_challenge=row[6],
        network=row[7],
        user_agent=row[8],
        created_at=row[9],
        expires_at=row[10],
        interval_seconds=row[11],
        polled_at=row[12],
        claimed_account_id=row[13],
        claimed_browser_hash=row[14],
        status=row[15],
        account_id=row[13] or 0,
        organization_id=row[16] or 0,
        auth_time=row[17] or 0,
        sid=row[18] or "",
        consumed_at=row[19],
        user_location=row[21],
        started_in=row[22],
    )


def read_user_code(text: str) -> str | None:
    """What a person typed, as the bare letters: case, spaces and dashes don't matter. None when it can't be
    one."""
    letters = "".join(letter for letter in text.upper() if letter not in " -\u2010\u2011\u2012\u2013\u2014_.")
    if len(letters) not in (USER_CODE_LENGTH, USER_CODE_LENGTH + USER_CODE_EXTRA) or any(
        x not in USER_CODE_LETTERS for x in letters
    ):
        return None
    return letters


def show_user_code(letters: str) -> str:
    """The code as people read it, in two halves."""
    half = len(letters) // 2
    return f"{letters[:half]}-{letters[half:]}"


def hash_user_code(keyring: Keyring, letters: str) -> bytes:
    """The keyed MAC that a user code is stored and found by (T54)."""
    return hmac.digest(keyring.user_code_mac, letters.encode(), "sha256")


async def issue_device_code(
    mint_: Mint,
    *,
    client_id: str,
    scope: tuple[str, ...],
    asked_scope: tuple[str, ...],
    resources: tuple[str, ...],
    refresh_token: bool,
    code_challenge: str | None,
    network: str,
    user_agent: str,
    life_seconds: int,
    interval_seconds: int,
    now: int,
) -> tuple[str, str]:
    """A device code and its user code (bare letters). Raises TooManyDeviceCodes."""
    device_code = mint(DEVICE_CODE, mint_.home.code)
    guessed = await is_reached(mint_.db, WRONG_USER_CODES, "all", now, factor=mint_.limiter.factor)
    length = USER_CODE_LENGTH + (USER_CODE_EXTRA if guessed else 0)
    letters = "".join(secrets.choice(USER_CODE_LETTERS) for _ in range(length))
    async with mint_.db.transaction() as tx:
        await make_room(tx, client_id, now)
        await tx.run(
            "INSERT INTO device_codes (device_code_hash, user_code_hash, client_id, scope, asked_scope,"
            " refresh_token,"
            " code_challenge, network, user_agent, created_at, expires_at, interval_seconds, resources,"
            " status)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'pending')",
            digest(device_code),
            hash_user_code(mint_.keyring, letters),
            client_id,
            " ".join(scope),
            " ".join(asked_scope),
            int(refresh_token),
            code_challenge,
            network,
            user_agent[:200],
            now,
            now + life_seconds,
            interval_seconds,
            " ".join(resources),
        )
    return device_code, letters


async def make_room(tx: Transaction, client_id: str, now: int) -> None:
    """Count the client's undecided codes, and sweep its old ones. Raises TooManyDeviceCodes."""
    await tx.one("SELECT 1 FROM clients WHERE id = $1 FOR UPDATE", client_id)  # its codes are counted
    await tx.run("DELETE FROM device_codes WHERE client_id = $1 AND expires_at <= $2", client_id, now - 86400)
    row = await tx.one(
        "SELECT COUNT(*) FROM device_codes WHERE client_id = $1 AND expires_at > $2 AND status = 'pending'",
        client_id,
        now,
    )
    if row is not None and row[0] >= MOST_OUTSTANDING:
        raise TooManyDeviceCodes


async def find_device_code(db: Database, device_code: str) -> DeviceCode | None:
    """What a device code stands for, dead ones too."""
    row = await db.one(
        f"SELECT {_COLUMNS} FROM device_codes WHERE device_code_hash = $1", digest(device_code)
    )
    return _code(row) if row is not None else None


async def find_by_user_code(db: Database, user_code_hash: bytes, now: int) -> DeviceCode | None:
    """The undecided, unexpired wish behind a user code: unknown, used and expired look alike (T63)."""
    row = await db.one(
        f"SELECT {_COLUMNS} FROM device_codes WHERE user_code_hash = $1 AND status = 'pending' AND"
        " expires_at > $2",
        user_code_hash,
        now,
    )
    return _code(row) if row is not None else None


async def claim_device_code(
    db: Database, code: DeviceCode, *, account_id: int, browser_hash: bytes, now: int
) -> bool:
    """Let this person in this browser, and nobody else, decide: compare and swap (T62)."""
    changed = await db.run(
        "UPDATE device_codes SET claimed_account_id = $2, claimed_browser_hash = $3 WHERE device_code_hash"
        " = $1"
        " AND status = 'pending' AND user_location = '' AND expires_at > $4"
        " AND (claimed_account_id IS NULL OR (claimed_account_id = $2 AND claimed_browser_hash = $3))",
        code.device_code_hash,
        account_id,
        browser_hash,
        now,
    )
    return changed == 1


async def release_device_code(
    db: Database, code: DeviceCode, *, account_id: int, browser_hash: bytes
) -> None:
    """Give the claim up, so that another account can decide in this browser."""
    await db.run(
        "UPDATE device_codes SET claimed_account_id = NULL, claimed_browser_hash = NULL"
        " WHERE device_code_hash = $1 AND status = 'pending'"
        " AND claimed_account_id = $2 AND claimed_browser_hash = $3",
        code.device_code_hash,
        account_id,
        browser_hash,
    )


async def decide_device_code(
    tx: Transaction,
    code: DeviceCode,
    *,
    allow: bool,
    account_id: int,
    browser_hash: bytes,
    organization_id: int,
    auth_time: int,
    sid: str,
    now: int,
) -> bool:
    """Write down the claimer's decision; False when it is not theirs to make, or made already."""
    changed = await tx.run(
        "UPDATE device_codes SET status = $2, organization_id = $3, auth_time = $4, sid = $5, decided_at = $6"
        " WHERE device_code_hash = $1 AND status = 'pending' AND user_location = '' AND expires_at > $6"
        " AND claimed_account_id = $7 AND claimed_browser_hash = $8",
        code.device_code_hash,
        "approved" if allow else "denied",
        organization_id,
        auth_time,
        sid,
        now,
        account_id,
        browser_hash,
    )
    return changed == 1


async def count_poll(db: Database, code: DeviceCode, now: int) -> bool:
    """Whether the poll came in time; a hasty one makes the interval five seconds longer, for good (RFC 8628
    §3.5, T64).

    The first poll is never too early.
    """
    in_time = code.polled_at is None or now >= code.polled_at + code.interval_seconds
    await db.run(
        "UPDATE device_codes SET polled_at = $2, interval_seconds = interval_seconds + $3 WHERE"
        " device_code_hash = $1",
        code.device_code_hash,
        now,
        0 if in_time else SLOWER_SECONDS,
    )
    return in_time


async def spend_device_code(tx: Transaction, device_code_hash: bytes, client_id: str, now: int) -> bool:
    """Spend an approved code: one statement, one winner."""
    changed = await tx.run(
        "UPDATE device_codes SET consumed_at = $3 WHERE device_code_hash = $1 AND client_id = $2"
        " AND status = 'approved' AND consumed_at IS NULL AND expires_at > $3",
        device_code_hash,
        client_id,
        now,
    )
    return changed == 1
