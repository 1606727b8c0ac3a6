"""The organizations and people that the CRM knows: those whose tokens have called it."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from grantline.sample_crm.caller import Caller

_INSERT_ORGANIZATION: Final = """
INSERT INTO organization (organization, name, created_at) VALUES (?, ?, ?)
ON CONFLICT (organization) DO NOTHING
"""
_RENAME_ORGANIZATION: Final = "UPDATE organization SET name = ? WHERE organization = ? AND name <> ?"
_ORGANIZATION: Final = "SELECT organization, name, created_at FROM organization WHERE organization = ?"
_SAVE_PERSON: Final = """
INSERT INTO person (organization, subject, is_person, email, name, given_name, family_name, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (organization, subject) DO UPDATE SET
    is_person = excluded.is_person, email = excluded.email, name = excluded.name,
    given_name = excluded.given_name, family_name = excluded.family_name
"""
_PERSON_BY_SUBJECT: Final = """
SELECT id, subject, is_person, email, name, given_name, family_name, created_at FROM person
WHERE organization = ? AND subject = ?
"""
_PERSON_BY_ID: Final = """
SELECT id, subject, is_person, email, name, given_name, family_name, created_at FROM person
WHERE organization = ? AND id = ?
"""
_PEOPLE: Final = """
SELECT id, subject, is_person, email, name, given_name, family_name, created_at FROM person
WHERE organization = ? AND is_person = 1 ORDER BY id
"""
CLIENT_NAME: Final = "API client"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of an organization, or, when `is_person` is false, a client that acts for itself there."""

    id: int
    subject: str
    is_person: bool
    email: str | None
    name: str
    given_name: str | None
    family_name: str
    created_at: int

    def render_short(self, *, named: bool) -> dict[str, object]:
        """How a record names its owner; without `named` it tells neither name nor e-mail address."""
        name, email = (self.name, self.email) if named else (f"User {self.id}", None)
        return {"name": name, "id": str(self.id), "email": email}

    def render(self) -> dict[str, object]:
        """The person as the users endpoints show them; `zuid` is the account's number at the issuer."""
        return {
            "id": str(self.id),
            "zuid": self.subject,
            "email": self.email,
            "full_name": self.name,
            "first_name": self.given_name,
            "last_name": self.family_name,
            "status": "active",
            "confirm": True,
            "role": {"name": "Owner", "id": "4000000000000009001"},
            "profile": {"name": "Administrator", "id": "4000000000000009002"},
            "time_zone": "UTC",
            "created_time": render_time(self.created_at),
        }


@dataclass(frozen=True, slots=True)
class Organization:
    """The organization that a token is bound to; `number` is how the issuer calls it."""

    number: str
    name: str
    created_at: int

    def render(self, primary_email: str | None) -> dict[str, object]:
        return {
            "id": self.number,
            "zgid": self.number,
            "company_name": self.name,
            "primary_email": primary_email,
            "time_zone": "UTC",
            "currency": "Euro",
            "iso_code": "EUR",
            "created_time": render_time(self.created_at),
        }


def note_organization(tx: sqlite3.Connection, caller: Caller, now: int) -> bool:
    """Remember the caller's organization; True when it was not known before."""
    values = (caller.organization, caller.organization_name, now)
    is_new = tx.execute(_INSERT_ORGANIZATION, values).rowcount == 1
    if not is_new:
        name = caller.organization_name
        tx.execute(_RENAME_ORGANIZATION, (name, caller.organization, name))
    return is_new


def note_person(tx: sqlite3.Connection, caller: Caller, now: int) -> Person:
    """Remember who is calling; a name and an address that this token does not tell stay as they were."""
    known = _find(tx, _PERSON_BY_SUBJECT, caller.organization, caller.subject)
    if known and _is_noted(known, caller):
        return known
    tx.execute(_SAVE_PERSON, (caller.organization, caller.subject, *_told(caller), now))
    saved = _find(tx, _PERSON_BY_SUBJECT, caller.organization, caller.subject)
    assert saved is not None
    return saved


def find_noted(tx: sqlite3.Connection, caller: Caller) -> Person | None:
    """Who is calling, or None while there is anything new to remember of them or their organization."""
    row = tx.execute(_ORGANIZATION, (caller.organization,)).fetchone()
    if row is None or row["name"] != caller.organization_name:
        return None
    known = _find(tx, _PERSON_BY_SUBJECT, caller.organization, caller.subject)
    return known if known and _is_noted(known, caller) else None


def find_person(tx: sqlite3.Connection, organization: str, id: int) -> Person | None:
    """The person with this id in this organization."""
    return _find(tx, _PERSON_BY_ID, organization, id)


def list_people(tx: sqlite3.Connection, organization: str) -> list[Person]:
    """Everybody of this organization who has used the API, oldest first; clients are left out."""
    return [_read(row) for row in tx.execute(_PEOPLE, (organization,))]


def get_organization(tx: sqlite3.Connection, number: str) -> Organization:
    """The organization, which `note_organization` has stored before."""
    row = tx.execute(_ORGANIZATION, (number,)).fetchone()
    return Organization(row["organization"], row["name"], row["created_at"])


def render_time(at: int) -> str:
    """Epoch seconds as ISO 8601 with an offset."""
    return datetime.fromtimestamp(at, UTC).isoformat()


def parse_time(text: str) -> int | None:
    """Epoch seconds of a time in the form of HTTP or of ISO 8601 with an offset; None for anything else."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            at = read(text[:40])
            if at.tzinfo is not None:
                return int(at.timestamp())
        except (ValueError, TypeError, OverflowError):
            continue
    return None


def _told(caller: Caller) -> tuple[bool, str | None, str, str | None, str]:
    name = caller.name or caller.email or (f"User {caller.subject}" if caller.is_person else CLIENT_NAME)
    return caller.is_person, caller.email, name, caller.given_name, caller.family_name or name


def _is_noted(known: Person, caller: Caller) -> bool:
    """Whether this call tells nothing new of a person."""
    if caller.name is None and caller.email is None:
        return True
    have = (known.is_person, known.email, known.name, known.given_name, known.family_name)
    return have == _told(caller)


def _find(tx: sqlite3.Connection, sql: str, *values: object) -> Person | None:
    row = tx.execute(sql, values).fetchone()
    return None if row is None else _read(row)


def _read(row: sqlite3.Row) -> Person:
    return Person(
        id=row["id"],
        subject=row["subject"],
        is_person=bool(row["is_person"]),
        email=row["email"],
        name=row["name"],
        given_name=row["given_name"],
        family_name=row["family_name"],
        created_at=row["created_at"],
    )
