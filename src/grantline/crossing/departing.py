"""What a person who moved leaves behind: nothing but what is named here, table by table.

`DELETED` runs from top to bottom, in one transaction with the note of where the apps find the person now.
`KEPT` says of each other table why it keeps its rows; a test asks for every table of the schema.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from grantline.accounts import Account, email_key, lock_account, personal_organization
from grantline.audit import record_event
from grantline.clients import end_trial
from grantline.db import Database, Transaction
from grantline.tokens import keep_moved
from grantline.workspaces import LastOwner, remove_member

DELETED: Final[tuple[tuple[str, str, str], ...]] = (
    ("invitations", "DELETE FROM invitations WHERE email_key = $1", "email_key"),
    ("invitations", "DELETE FROM invitations WHERE invited_by = $1", "account"),
    ("attempts", "DELETE FROM attempts WHERE subject = $1", "attempts"),
    ("personal_tokens", "DELETE FROM personal_tokens WHERE account_id = $1", "account"),
    ("trials", "DELETE FROM trials WHERE account_id = $1", "account"),
    ("rehearsals", "DELETE FROM rehearsals WHERE account_id = $1", "account"),
    ("sessions", "DELETE FROM sessions WHERE account_id = $1", "account"),
    ("consents", "DELETE FROM consents WHERE account_id = $1", "account"),
    ("authorization_codes", "DELETE FROM authorization_codes WHERE account_id = $1", "account"),
    ("device_codes", "DELETE FROM device_codes WHERE claimed_account_id = $1", "account"),
    ("authorizations", "DELETE FROM authorizations WHERE account_id = $1", "account"),
    # What the person's own apps got for themselves.
    ("authorizations", "DELETE FROM authorizations WHERE organization_id = $1", "organization"),
    ("client_causes", "DELETE FROM client_causes WHERE workspace_id = $1", "account"),
    # Apps that the person deleted stay as numbers, so that none is ever used again.
    (
        "clients",
        "UPDATE clients SET name = '', homepage_url = '', policy_url = '', terms_url = '', logo_digest = '',"
        " redirect_uris = '[]', origins = '[]', post_logout_redirect_uris = '[]', secrets = '[]',"
        " organization_id = 0, workspace_id = 0 WHERE workspace_id = $1"
        " OR (owner_account_id = $1 AND trial_of <> '')",
        "account",
    ),
    (
        "clients",
        "UPDATE clients SET owner_account_id = 0, creation_key = NULL WHERE owner_account_id = $1",
        "account",
    ),
    ("workspace_members", "DELETE FROM workspace_members WHERE account_id = $1", "account"),
    ("workspaces", "DELETE FROM workspaces WHERE id = $1 AND personal = 1", "account"),
    ("memberships", "DELETE FROM memberships WHERE account_id = $1", "account"),
    ("organizations", "DELETE FROM organizations WHERE id = $1", "organization"),
    ("accounts", "DELETE FROM accounts WHERE id = $1", "account"),
)
"""Table, statement, and what of the person the statement is given."""

_APPS: Final = "tells of apps and what they did, not of people"
_CENTERS: Final = "tells of data centers"
_SERVER: Final = "tells of the server itself"
KEPT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "activity": "why an app was refused, with the network it came from, 30 days; names no account",
        "apis": _APPS,
        "arrivals": "by which move a number came here, so that no move makes two people",
        "audit": "security acts of 400 days, by the account's number; see docs/operators.md",
        "audit_chain": "seals over the audit",
        "causes_elsewhere": _APPS,
        "causes_to_tell": _APPS,
        "client_elsewhere": _APPS,
        "client_firsts": _APPS,
        "client_imports": _APPS,
        "client_origins": _APPS,
        "client_usage": _APPS,
        "data_centers": _CENTERS,
        "home": _SERVER,
        "jobs": _SERVER,
        "keys": _SERVER,
        "logos": "pictures of apps, under the digest of their content",
        "messages_taken": _CENTERS,
        "moved_authorizations": "that a person moved and where to, for the apps that held a token, 30 days",
        "pending_flows": "what waits for a browser, 30 minutes, encrypted with what that browser alone has",
        "scope_sets": "sets of scopes, each once for all",
    }
)
"""Tables that keep all of their rows when a person moves, and why."""


class NotFree(Exception):
    """Something holds the person here; `reasons` are sentences that say what, and what to do."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Departed:
    """What became of what the person had here."""

    refresh_tokens: int
    teams: tuple[str, ...]


async def check_free(tx: Transaction, account: Account) -> None:
    """Raises NotFree while the person has apps of their own, or a team has no other owner."""
    reasons = []
    apps = await tx.all(
        "SELECT id, name FROM clients WHERE workspace_id = $1 AND deleted_at IS NULL AND trial_of = ''"
        " ORDER BY created_at, id LIMIT 100",
        account.id,
    )
    if apps:
        named = ", ".join(f"{app[1]} ({app[0]})" for app in apps)
        reasons.append(
            f"{account.email} owns {named}. Apps stay in the data center of their client ID: delete them"
            " (grantline client delete ID), or have them given to a team in the console, under Settings."
        )
    teams = await tx.all(
        "SELECT w.id, w.name FROM workspace_members m JOIN workspaces w ON w.id = m.workspace_id"
        " WHERE m.account_id = $1 AND m.role = 'owner' AND w.personal = 0 AND NOT EXISTS"
        " (SELECT 1 FROM workspace_members o JOIN accounts p ON p.id = o.account_id"
        " WHERE o.workspace_id = w.id AND o.role = 'owner' AND o.account_id <> $1 AND p.disabled_at IS NULL)"
        " ORDER BY w.name, w.id",
        account.id,
    )
    if teams:
        named = ", ".join(f"{team[1]} ({team[0]})" for team in teams)
        reasons.append(
            f"{account.email} is the only owner of {named}. Make somebody else an owner first (grantline"
            " workspace member role ID EMAIL owner)."
        )
    if reasons:
        raise NotFree(reasons)


async def depart(
    db: Database, account: Account, *, to: str, move_id: str, now: int, network: str = ""
) -> Departed | None:
    """Delete whoever arrived elsewhere. None when another run of the same move did it. Raises NotFree, and
    then nothing was done."""
    organization, key = await _organization(db, account.id), email_key(account.email)
    async with db.transaction() as tx:
        await lock_account(tx, account.id)
        row = await tx.one("SELECT moving_to, move_id FROM accounts WHERE id = $1", account.id)
        if row is None:
            return None
        if (row[0], row[1]) != (to, move_id):
            raise NotFree([f"{account.email} is not on this move any more: it was cancelled meanwhile."])
        await check_free(tx, account)
        teams = await _leave_teams(tx, account, now)
        for trial in await tx.all("SELECT client_id FROM trials WHERE account_id = $1", account.id):
            await end_trial(tx, trial[0], now)
        tokens = await keep_moved(tx, account.id, to, now)
        given = {
            "account": account.id,
            "organization": organization,
            "email_key": key,
            "attempts": f"sign-in:{key}",
        }
        for _table, statement, needs in DELETED:
            await tx.run(statement, given[needs])
        await record_event(
            tx,
            "account.moved",
            now=now,
            account_id=account.id,
            network=network,
            detail={"to": to, "move": move_id, "refresh_tokens": tokens},
        )
    return Departed(tokens, tuple(teams))


async def _organization(db: Database, account_id: int) -> int:
    try:
        return (await personal_organization(db, account_id)).id
    except LookupError:
        return -1  # another run of this move was faster


async def _leave_teams(tx: Transaction, account: Account, now: int) -> list[str]:
    """As when somebody leaves a team: what they registered there goes to another owner. Teams are told
    without the address."""
    left = []
    for row in await tx.all(
        "SELECT w.id, w.name FROM workspace_members m JOIN workspaces w ON w.id = m.workspace_id"
        " WHERE m.account_id = $1 AND w.personal = 0 ORDER BY w.id",
        account.id,
    ):
        try:
            gone, _successor = await remove_member(tx, row[0], account.id, by=account.id, now=now)
        except LastOwner as refused:
            raise NotFree([f"{row[1]} ({row[0]}): {refused}"]) from None
        detail = {"before": {"role": gone.role, "clients": gone.clients}}
        await record_event(
            tx, "member.moved", now=now, account_id=account.id, workspace_id=row[0], detail=detail
        )
        left.append(str(row[1]))
    return left
