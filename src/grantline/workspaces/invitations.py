"""Invitations: an address, a role, and a token that is sent to that address (T144).

One stands for each address and workspace. The token has 256 random bits, and we keep its hash. Whoever
accepts must be signed in as the account whose verified address is the invited one, and the owner who invited
must be an owner still.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grantline.db import Database, Row, Transaction
from grantline.opaque import digest
from grantline.workspaces.members import MOST_MEMBERS, MembershipRefused, lock_workspace
from grantline.workspaces.workspace import MOST_WORKSPACES, ROLES

INVITATION_SECONDS: Final = 7 * 24 * 3600
MOST_PENDING: Final = 50


@dataclass(frozen=True, slots=True)
class Invitation:
    """One that waits to be accepted."""

    id: str
    workspace_id: int
    workspace_name: str
    email: str
    """As it was written."""
    email_key: str
    role: str
    invited_by: int
    created_at: int
    expires_at: int
    mailed_at: int | None
    """When it was last handed to the mail server; None when it never was."""


_SELECT: Final = (
    "SELECT i.id, i.workspace_id, w.name, i.email, i.email_key, i.role, i.invited_by, i.created_at,"
    " i.expires_at, i.mailed_at FROM invitations i JOIN workspaces w ON w.id = i.workspace_id"
)
_INVITER_IS_OWNER: Final = (
    "EXISTS (SELECT 1 FROM workspace_members b WHERE b.workspace_id = i.workspace_id"
    " AND b.account_id = i.invited_by AND b.role = 'owner')"
)


def _invitation(row: Row) -> Invitation:
    return Invitation(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8], row[9])


async def list_invitations(db: Database, workspace_id: int, now: int) -> Sequence[Invitation]:
    """Those that can be accepted, newest first."""
    rows = await db.all(
        f"{_SELECT} WHERE i.workspace_id = $1 AND i.expires_at > $2"
        " ORDER BY i.created_at DESC, i.id LIMIT 50",
        workspace_id,
        now,
    )
    return [_invitation(row) for row in rows]


async def find_invitation(db: Database, workspace_id: int, invitation_id: str) -> Invitation | None:
    """This invitation, if it is one of this workspace (T143)."""
    row = await db.one(f"{_SELECT} WHERE i.workspace_id = $1 AND i.id = $2", workspace_id, invitation_id)
    return _invitation(row) if row is not None else None


async def find_invitation_by_token(db: Database, token: str, now: int) -> Invitation | None:
    """The invitation of a link; None for one that is unknown, over, used, or withdrawn: nobody can tell
    which."""
    row = await db.one(
        f"{_SELECT} WHERE i.token_hash = $1 AND i.expires_at > $2 AND {_INVITER_IS_OWNER}",
        digest(token),
        now,
    )
    return _invitation(row) if row is not None else None


async def invite(
    tx: Transaction, workspace_id: int, *, email: str, email_key: str, role: str, by: int, now: int
) -> tuple[Invitation, str]:
    """An invitation for this address and its token, known this once. One that stood before is replaced, and
    its link stops working. Raises MembershipRefused."""
    if role not in ROLES:
        raise MembershipRefused("Choose one of the three roles.")
    await lock_workspace(tx, workspace_id)
    await _check_may_invite(tx, workspace_id, email_key, by)
    await tx.run(
        "DELETE FROM invitations WHERE workspace_id = $1 AND (email_key = $2 OR expires_at <= $3)",
        workspace_id,
        email_key,
        now,
    )
    pending = await tx.one("SELECT COUNT(*) FROM invitations WHERE workspace_id = $1", workspace_id)
    if pending is not None and pending[0] >= MOST_PENDING:
        raise MembershipRefused("Fifty invitations wait already. Withdraw one first.")
    token, invitation_id = secrets.token_urlsafe(32), f"inv_{secrets.token_hex(6)}"
    await tx.run(
        "INSERT INTO invitations (id, token_hash, workspace_id, email, email_key, role, invited_by,"
        " created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        invitation_id,
        digest(token),
        workspace_id,
        email,
        email_key,
        role,
        by,
        now,
        now + INVITATION_SECONDS,
    )
    row = await tx.one(f"{_SELECT} WHERE i.id = $1", invitation_id)
    assert row is not None
    return _invitation(row), token


async def _check_may_invite(tx: Transaction, workspace_id: int, email_key: str, by: int) -> None:
    row = await tx.one(
        "SELECT w.personal, b.role, (SELECT COUNT(*) FROM workspace_members m WHERE m.workspace_id = w.id),"
        " (SELECT COUNT(*) FROM workspace_members m JOIN accounts a ON a.id = m.account_id"
        " WHERE m.workspace_id = w.id AND a.email_key = $3) FROM workspaces w"
        " LEFT JOIN workspace_members b ON b.workspace_id = w.id AND b.account_id = $2 WHERE w.id = $1",
        workspace_id,
        by,
        email_key,
    )
    if row is None or row[1] != "owner":
        raise MembershipRefused("You are not an owner any more.")
    if row[0]:
        raise MembershipRefused("A personal workspace has one person for ever.")
    if row[3]:
        raise MembershipRefused("This person is in the workspace already.")
    if row[2] >= MOST_MEMBERS:
        raise MembershipRefused("A workspace has room for two hundred people.")


async def note_mailed(db: Database, invitation_id: str, now: int) -> None:
    """Remember that the mail went out."""
    await db.run("UPDATE invitations SET mailed_at = $2 WHERE id = $1", invitation_id, now)


async def withdraw_invitation(tx: Transaction, workspace_id: int, invitation_id: str) -> bool:
    """End an invitation; False when there is none such in this workspace."""
    return (
        await tx.run(
            "DELETE FROM invitations WHERE workspace_id = $1 AND id = $2", workspace_id, invitation_id
        )
        == 1
    )


async def accept_invitation(
    tx: Transaction, invitation: Invitation, token: str, account_id: int, now: int
) -> None:
    """Spend the token and make the person a member. Raises MembershipRefused when the invitation is over, was
    for another address, or the person has no room."""
    await lock_workspace(tx, invitation.workspace_id)
    room = await tx.one(
        "SELECT (SELECT COUNT(*) FROM workspace_members WHERE workspace_id = $1),"
        " (SELECT COUNT(*) FROM workspace_members WHERE account_id = $2)",
        invitation.workspace_id,
        account_id,
    )
    if room is not None and room[0] >= MOST_MEMBERS:
        raise MembershipRefused("A workspace has room for two hundred people.")
    if room is not None and room[1] >= MOST_WORKSPACES:
        raise MembershipRefused("You are in a hundred workspaces already. Leave one first.")
    spent = await tx.run(
        "DELETE FROM invitations AS i WHERE i.token_hash = $1 AND i.expires_at > $2"
        f" AND {_INVITER_IS_OWNER} AND EXISTS (SELECT 1 FROM accounts a WHERE a.id = $3"
        " AND a.email_key = i.email_key AND a.email_verified_at IS NOT NULL AND a.disabled_at IS NULL)",
        digest(token),
        now,
        account_id,
    )
    if not spent:
        raise MembershipRefused("This invitation does not work any more.")
    await tx.run(
        "INSERT INTO workspace_members (account_id, workspace_id, role, joined_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (account_id, workspace_id) DO NOTHING",
        account_id,
        invitation.workspace_id,
        invitation.role,
        now,
    )


def mask_email(email: str) -> str:
    """An address for whom it may not be: `m…@e….com`."""
    local, _, domain = email.partition("@")
    first, _, last = domain.rpartition(".")
    return f"{local[:1]}…@{first[:1]}….{last}"
