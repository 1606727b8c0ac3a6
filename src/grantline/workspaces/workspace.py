"""A workspace, and a person's place in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from grantline.db import Database, Row

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
