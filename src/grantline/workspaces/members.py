"""The people of a workspace: who they are, and how roles change.

Everything that decides by who the owners are holds the workspace's row first, so that two who leave at the
same moment, on two nodes, see one another. The rule and the change are one statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grantline.db import Database, Row, Transaction
from grantline.workspaces.workspace import ROLES

MOST_MEMBERS: Final = 200


class MembershipRefused(ValueError):
    """The change is against a rule, which the message says; nothing was changed."""


class LastOwner(MembershipRefused):
    """A workspace has an owner at all times."""

    def __init__(self) -> None:
        super().__init__("A workspace needs an owner. Make somebody else an owner first.")


@dataclass(frozen=True, slots=True)
class Member:
    """One person of a workspace."""

    account_id: int
    name: str
    email: str
    role: str
    joined_at: int
    clients: int
    """How many of the workspace's apps are registered by this person."""


_SELECT: Final = (
    "SELECT a.id, a.given_name, a.family_name, a.email, m.role, m.joined_at,"
    " COALESCE(k.count, 0) FROM workspace_members m JOIN accounts a ON a.id = m.account_id"
    " LEFT JOIN (SELECT owner_account_id, COUNT(*) AS count FROM clients WHERE workspace_id = $1"
    " AND deleted_at IS NULL AND trial_of = '' GROUP BY owner_account_id) k ON k.owner_account_id = a.id"
    " WHERE m.workspace_id = $1"
)
# Somebody else who owns the workspace and can sign in.
_OTHER_OWNER: Final = (
    "EXISTS (SELECT 1 FROM workspace_members o JOIN accounts p ON p.id = o.account_id"
    " WHERE o.workspace_id = $1 AND o.role = 'owner' AND o.account_id <> $2 AND p.disabled_at IS NULL)"
)
_BY_AN_OWNER: Final = (
    "EXISTS (SELECT 1 FROM workspace_members b"
    " WHERE b.workspace_id = $1 AND b.account_id = $3 AND b.role = 'owner')"
)


def _member(row: Row) -> Member:
    name = f"{row[1]} {row[2]}".strip() or row[3]
    return Member(row[0], name, row[3], row[4], row[5], row[6])


async def list_members(db: Database, workspace_id: int) -> Sequence[Member]:
    """Everybody in the workspace, owners first and then by when they came; MOST_MEMBERS at most."""
    rows = await db.all(
        f"{_SELECT} ORDER BY CASE m.role WHEN 'owner' THEN 0 ELSE 1 END, m.joined_at, a.id LIMIT 200",
        workspace_id,
    )
    return [_member(row) for row in rows]


async def find_member(db: Database | Transaction, workspace_id: int, account_id: int) -> Member | None:
    """This person in this workspace."""
    row = await db.one(f"{_SELECT} AND a.id = $2", workspace_id, account_id)
    return _member(row) if row is not None else None


async def lock_workspace(tx: Transaction, workspace_id: int) -> None:
    """Let what others change about this workspace's people wait until this transaction is over."""
    await tx.one("SELECT 1 FROM workspaces WHERE id = $1 FOR UPDATE", workspace_id)


async def change_role(tx: Transaction, workspace_id: int, account_id: int, role: str, *, by: int) -> Member:
    """Give a person another role; the member as it was before. `by` must be an owner at this moment.

    Raises LookupError when there is no such member, MembershipRefused, LastOwner.
    """
    if role not in ROLES:
        raise MembershipRefused("Choose one of the three roles.")
    await lock_workspace(tx, workspace_id)
    before = await _get_member(tx, workspace_id, account_id)
    changed = await tx.run(
        "UPDATE workspace_members SET role = $4 WHERE workspace_id = $1 AND account_id = $2"
        f" AND {_BY_AN_OWNER} AND ($4 = 'owner' OR role <> 'owner' OR {_OTHER_OWNER})"
        " AND workspace_id IN (SELECT id FROM workspaces WHERE personal = 0)",
        workspace_id,
        account_id,
        by,
        role,
    )
    if not changed:
        raise await _refusal(tx, workspace_id, by)
    if role != "owner":
        await _end_invitations(tx, workspace_id, account_id)
    return before


async def remove_member(
    tx: Transaction, workspace_id: int, account_id: int, *, by: int, now: int
) -> tuple[Member, Member | None]:
    """Take a person out of the workspace; an owner may do so, and everybody with themselves. Gives the member
    as it was, and who answers for its apps from now on, if it had any.

    Apps stay, their keys for the console's API end. Raises LookupError when there is no such member,
    MembershipRefused, LastOwner.
    """
    await lock_workspace(tx, workspace_id)
    before = await _get_member(tx, workspace_id, account_id)
    changed = await tx.run(
        "DELETE FROM workspace_members WHERE workspace_id = $1 AND account_id = $2"
        f" AND ($2 = $3 OR {_BY_AN_OWNER}) AND (role <> 'owner' OR {_OTHER_OWNER})"
        " AND workspace_id IN (SELECT id FROM workspaces WHERE personal = 0)",
        workspace_id,
        account_id,
        by,
    )
    if not changed:
        raise await _refusal(tx, workspace_id, by)
    await tx.run(
        "UPDATE personal_tokens SET revoked_at = $3"
        " WHERE workspace_id = $1 AND account_id = $2 AND revoked_at IS NULL",
        workspace_id,
        account_id,
        now,
    )
    await _end_invitations(tx, workspace_id, account_id)
    return before, await _hand_over(tx, workspace_id, account_id, by) if before.clients else None


async def _hand_over(tx: Transaction, workspace_id: int, account_id: int, by: int) -> Member | None:
    """Apps of who is gone are from now on those of who removed them, else of the longest-standing owner."""
    row = await tx.one(
        f"{_SELECT} AND m.role = 'owner' AND a.disabled_at IS NULL"
        " ORDER BY CASE WHEN a.id = $2 THEN 0 ELSE 1 END, m.joined_at, a.id LIMIT 1",
        workspace_id,
        by,
    )
    if row is None:
        return None
    await tx.run(
        "UPDATE clients SET owner_account_id = $3, version = version + 1"
        " WHERE workspace_id = $1 AND owner_account_id = $2",
        workspace_id,
        account_id,
        row[0],
    )
    return _member(row)


async def _end_invitations(tx: Transaction, workspace_id: int, invited_by: int) -> None:
    """What somebody invited who is no owner any more ends."""
    await tx.run(
        "DELETE FROM invitations WHERE workspace_id = $1 AND invited_by = $2", workspace_id, invited_by
    )


async def _get_member(tx: Transaction, workspace_id: int, account_id: int) -> Member:
    member = await find_member(tx, workspace_id, account_id)
    if member is None:
        raise LookupError(account_id)
    return member


async def _refusal(tx: Transaction, workspace_id: int, by: int) -> MembershipRefused:
    """Why nothing was changed."""
    row = await tx.one(
        "SELECT w.personal, m.role FROM workspaces w"
        " LEFT JOIN workspace_members m ON m.workspace_id = w.id AND m.account_id = $2 WHERE w.id = $1",
        workspace_id,
        by,
    )
    if row is not None and row[0]:
        return MembershipRefused("A personal workspace has one person for ever.")
    if row is None or row[1] is None:
        return MembershipRefused("You are not in this workspace any more.")
    return LastOwner() if row[1] == "owner" else MembershipRefused("You are not an owner any more.")
