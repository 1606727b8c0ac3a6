"""A workspace, and a person's place in it."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from grantline.db import Database, Row, Transaction
from grantline.names import check_name

Right = Literal["view", "change", "manage"]
VIEW: Final[Right] = "view"
CHANGE: Final[Right] = "change"
MANAGE: Final[Right] = "manage"

ROLES: Final[Mapping[str, frozenset[Right]]] = MappingProxyType(
    {
        "owner": frozenset({VIEW, CHANGE, MANAGE}),
        "developer": frozenset({VIEW, CHANGE}),
        "viewer": frozenset({VIEW}),
    }
)
"""What each role may do: see, change apps, and manage people and the workspace itself."""

MOST_WORKSPACES: Final = 100
"""So many one person may be in."""


class WorkspaceRefused(ValueError):
    """The workspace can't be made or named so; the message says why."""


@dataclass(frozen=True, slots=True)
class Membership:
    """A person's place in a workspace."""

    account_id: int
    workspace_id: int
    name: str
    """Empty for a personal workspace: it is called after its person."""
    personal: bool
    role: str

    def may(self, right: Right) -> bool:
        """Whether the role has this right."""
        return right in ROLES.get(self.role, frozenset())


_SELECT: Final = (
    "SELECT m.account_id, m.workspace_id, w.name, w.personal, m.role"
    " FROM workspace_members m JOIN workspaces w ON w.id = m.workspace_id"
)


def _membership(row: Row) -> Membership:
    return Membership(row[0], row[1], row[2], bool(row[3]), row[4])


async def list_memberships(db: Database, account_id: int) -> Sequence[Membership]:
    """The workspaces of a person, the personal one first."""
    rows = await db.all(
        f"{_SELECT} WHERE m.account_id = $1 ORDER BY w.personal DESC, w.name, w.id LIMIT 100", account_id
    )
    return [_membership(row) for row in rows]


async def find_membership(db: Database, account_id: int, workspace_id: int) -> Membership | None:
    """The person's place in this workspace."""
    row = await db.one(f"{_SELECT} WHERE m.account_id = $1 AND m.workspace_id = $2", account_id, workspace_id)
    return _membership(row) if row is not None else None


async def ensure_personal_workspace(db: Database, account_id: int, now: int) -> int:
    """The number of the person's own workspace, which is the account's; made when it is not there yet."""
    async with db.transaction() as tx:
        await tx.run(
            "INSERT INTO workspaces (id, name, personal, created_at) VALUES ($1, '', 1, $2)"
            " ON CONFLICT (id) DO NOTHING",
            account_id,
            now,
        )
        await tx.run(
            "INSERT INTO workspace_members (account_id, workspace_id, role, joined_at)"
            " VALUES ($1, $1, 'owner', $2) ON CONFLICT (account_id, workspace_id) DO NOTHING",
            account_id,
            now,
        )
    return account_id


async def create_workspace(tx: Transaction, account_id: int, name: str, now: int) -> Membership:
    """A workspace for a team, with one owner to begin with. Its apps act for an organization of its own,
    which has the same number: nobody's personal data is theirs.

    Raises WorkspaceRefused.
    """
    name = _checked(name)
    await tx.one("SELECT 1 FROM accounts WHERE id = $1 FOR UPDATE", account_id)  # one after the other
    row = await tx.one("SELECT COUNT(*) FROM workspace_members WHERE account_id = $1", account_id)
    if row is not None and row[0] >= MOST_WORKSPACES:
        raise WorkspaceRefused("You are in a hundred workspaces already. Leave one first.")
    workspace_id = secrets.randbelow(2**53 - 10**12) + 10**12  # as accounts and organizations have them
    await tx.run(
        "INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, $3)", workspace_id, name, now
    )
    await tx.run(
        "INSERT INTO workspaces (id, name, personal, created_at) VALUES ($1, $2, 0, $3)",
        workspace_id,
        name,
        now,
    )
    await tx.run(
        "INSERT INTO workspace_members (account_id, workspace_id, role, joined_at)"
        " VALUES ($1, $2, 'owner', $3)",
        account_id,
        workspace_id,
        now,
    )
    return Membership(account_id, workspace_id, name, False, "owner")


async def rename_workspace(tx: Transaction, workspace_id: int, name: str, *, by: int) -> tuple[str, str]:
    """Name a team's workspace anew; gives the name before and the one that it has now. Raises
    WorkspaceRefused."""
    name = _checked(name)
    row = await tx.one("SELECT name FROM workspaces WHERE id = $1 FOR UPDATE", workspace_id)
    changed = await tx.run(
        "UPDATE workspaces SET name = $2 WHERE id = $1 AND personal = 0 AND EXISTS (SELECT 1 FROM"
        " workspace_members WHERE workspace_id = $1 AND account_id = $3 AND role = 'owner')",
        workspace_id,
        name,
        by,
    )
    if row is None or not changed:
        raise WorkspaceRefused("A personal workspace is called after its person, and others by their owners.")
    await tx.run("UPDATE organizations SET name = $2 WHERE id = $1", workspace_id, name)
    return row[0], name


def _checked(name: str) -> str:
    try:
        return check_name(name)
    except ValueError as problem:
        raise WorkspaceRefused(str(problem)) from None
