"""Accounts: the people whose data it is, developers among them."""

import re
import secrets
import unicodedata
from dataclasses import dataclass
from typing import Final

from grantline.db import Database, Row, Transaction

_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN: Final = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
_NAME_LENGTH: Final = 60


class EmailUnusable(ValueError):
    """The text is not an address that an account can have; the message says why."""


class EmailTaken(Exception):
    """Another account has this address."""


@dataclass(frozen=True, slots=True)
class Account:
    """A person known to this data center."""

    id: int
    email: str
    email_verified: bool
    given_name: str
    family_name: str
    password_hash: str
    password_changed_at: int
    created_at: int
    disabled_at: int | None
    moving_to: str = ""
    """The data center that the person is on the way to; disabled here until they arrived."""

    @property
    def sub(self) -> str:
        """The subject identifier: the account number in decimal."""
        return str(self.id)

    @property
    def name(self) -> str:
        """The full name, or the address when no name is known."""
        return f"{self.given_name} {self.family_name}".strip() or self.email


def email_key(email: str) -> str:
    """The one spelling by which an address is looked up (T71).

    The local part is ASCII and compared in small letters; the domain in its ASCII (IDNA) form. Raises
    EmailUnusable.
    """
    if len(email) > 254 or any(unicodedata.category(character).startswith("C") for character in email):
        raise EmailUnusable("An e-mail address has at most 254 characters, and none that can't be seen.")
    local, at, domain = email.partition("@")
    if not at or not _LOCAL.fullmatch(local) or len(local) > 64:
        raise EmailUnusable(
            "Write the address as name@example.com; before the @ only plain letters, digits and . _ + -."
        )
    if not domain.isascii():
        # The stdlib's IDNA folds compatibility forms; only letters that it leaves alone may pass.
        if unicodedata.normalize("NFKC", domain) != domain:
            raise EmailUnusable("The part after the @ has characters that look like others.")
        try:
            domain = domain.encode("idna").decode()
        except UnicodeError:
            raise EmailUnusable("The part after the @ is not a domain name.") from None
    domain = domain.lower()
    if not _DOMAIN.fullmatch(domain):
        raise EmailUnusable("The part after the @ is not a domain name such as example.com.")
    return f"{local.lower()}@{domain}"


_COLUMNS: Final = (
    "id, email, email_verified_at, given_name, family_name, password_hash, password_changed_at, created_at,"
    " disabled_at, moving_to"
)


def _account(row: Row) -> Account:
    return Account(
        id=row["id"],
        email=row["email"],
        email_verified=row["email_verified_at"] is not None,
        given_name=row["given_name"],
        family_name=row["family_name"],
        password_hash=row["password_hash"],
        password_changed_at=row["password_changed_at"],
        created_at=row["created_at"],
        disabled_at=row["disabled_at"],
        moving_to=row["moving_to"],
    )


async def create_account(
    db: Database, *, email: str, password_hash: str, given_name: str, family_name: str, now: int
) -> Account:
    """A new account with its personal organization. Counts as verified: the operator vouches for it.

    Raises EmailUnusable, EmailTaken.
    """
    async with db.transaction() as tx:
        account_id, _organization = await insert_account(
            tx,
            email=email,
            verified=True,
            password_hash=password_hash,
            given_name=given_name,
            family_name=family_name,
            now=now,
        )
    created = await find_account(db, account_id)
    assert created is not None
    return created


async def insert_account(
    tx: Transaction,
    *,
    email: str,
    verified: bool,
    password_hash: str,
    given_name: str,
    family_name: str,
    now: int,
) -> tuple[int, int]:
    """The numbers of a new account and of its personal organization. Raises EmailUnusable, EmailTaken."""
    key = email_key(email)
    given_name, family_name = given_name.strip()[:_NAME_LENGTH], family_name.strip()[:_NAME_LENGTH]
    account_id = (
        secrets.randbelow(2**53 - 10**12) + 10**12
    )  # always 13 digits or more, so it never looks like a small id
    organization_id = secrets.randbelow(2**53 - 10**12) + 10**12
    made = await tx.run(
        "INSERT INTO accounts (id, email, email_key, email_verified_at, given_name, family_name,"
        " password_hash, password_changed_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)"
        " ON CONFLICT (email_key) DO NOTHING",
        account_id,
        email,
        key,
        now if verified else None,
        given_name,
        family_name,
        password_hash,
        now,
    )
    if not made:
        raise EmailTaken(email)
    await tx.run(
        "INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, $3)",
        organization_id,
        f"{given_name} {family_name}".strip() or email,
        now,
    )
    await tx.run(
        "INSERT INTO memberships (account_id, organization_id, role, personal) VALUES ($1, $2, 'owner', 1)",
        account_id,
        organization_id,
    )
    return account_id, organization_id


async def find_account(db: Database, account_id: int) -> Account | None:
    """The account of this number, disabled ones too."""
    row = await db.one(f"SELECT {_COLUMNS} FROM accounts WHERE id = $1", account_id)
    return _account(row) if row is not None else None


async def lock_account(tx: Transaction, account_id: int) -> None:
    """Let what others write about this person wait until this transaction is over.

    First in a transaction that reads something of theirs and then writes by it, so that locks have one order.
    """
    await tx.one("SELECT 1 FROM accounts WHERE id = $1 FOR UPDATE", account_id)


async def find_account_by_email(db: Database, email: str) -> Account | None:
    """The account with this address in any spelling that means the same; None also for what is no address."""
    try:
        key = email_key(email)
    except EmailUnusable:
        return None
    row = await db.one(f"SELECT {_COLUMNS} FROM accounts WHERE email_key = $1", key)
    return _account(row) if row is not None else None


async def set_password(db: Database, account_id: int, password_hash: str, now: int) -> None:
    """Replace the password and end every session."""
    async with db.transaction() as tx:
        await tx.run(
            "UPDATE accounts SET password_hash = $2, password_changed_at = $3 WHERE id = $1",
            account_id,
            password_hash,
            now,
        )
        await tx.run(
            "UPDATE sessions SET ended_at = $2 WHERE account_id = $1 AND ended_at IS NULL", account_id, now
        )


async def disable_account(db: Database, account_id: int, now: int) -> None:
    """From the next request on the person can't sign in and no token of theirs works."""
    async with db.transaction() as tx:
        await tx.run(
            "UPDATE accounts SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL", account_id, now
        )
        await tx.run(
            "UPDATE sessions SET ended_at = $2 WHERE account_id = $1 AND ended_at IS NULL", account_id, now
        )


async def enable_account(db: Database, account_id: int) -> None:
    """Undo `disable_account`; sessions stay ended. Nothing is done for a person who is moving."""
    await db.run("UPDATE accounts SET disabled_at = NULL WHERE id = $1 AND moving_to = ''", account_id)
