"""Organizations: whose data it is. Every account has a personal one from its creation; choosing among several
comes later."""

from dataclasses import dataclass

from grantline.db import Database


@dataclass(frozen=True, slots=True)
class Organization:
    """Something that owns data, with one member or many."""

    id: int
    name: str


async def personal_organization(db: Database, account_id: int) -> Organization:
    """The organization that came with the account. Raises LookupError when the account does not exist."""
    row = await db.one(
        "SELECT o.id, o.name FROM memberships m JOIN organizations o ON o.id = m.organization_id"
        " WHERE m.account_id = $1 AND m.personal = 1",
        account_id,
    )
    if row is None:
        raise LookupError(account_id)
    return Organization(row["id"], row["name"])


async def is_member(db: Database, account_id: int, organization_id: int) -> bool:
    """Whether the person belongs to the organization now."""
    row = await db.one(
        "SELECT 1 FROM memberships WHERE account_id = $1 AND organization_id = $2",
        account_id,
        organization_id,
    )
    return row is not None


async def find_organization(db: Database, organization_id: int) -> Organization | None:
    """The organization of this number."""
    row = await db.one("SELECT id, name FROM organizations WHERE id = $1", organization_id)
    return Organization(row["id"], row["name"]) if row is not None else None
