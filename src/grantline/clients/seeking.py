"""Finding apps among those of a person's workspaces: by name, or by a secret that somebody found."""

from collections.abc import Sequence
from dataclasses import dataclass

from grantline.clients.client import parse_secrets
from grantline.db import Database
from grantline.opaque import digest


@dataclass(frozen=True, slots=True)
class SecretHolder:
    """The app that a secret belongs to."""

    client_id: str
    name: str
    secret_id: str
    live: bool


async def find_secret_holder(db: Database, account_id: int, value: str, now: int) -> SecretHolder | None:
    """The app of one of the person's workspaces that has this secret, or had it lately."""
    hashed = digest(value)
    row = await db.one(
        "SELECT c.id, c.name, c.secrets FROM clients c"
        " JOIN workspace_members m ON m.workspace_id = c.workspace_id AND m.account_id = $1"
        " WHERE c.deleted_at IS NULL AND c.type <> 'api' AND c.trial_of = '' AND c.secrets LIKE $2 LIMIT 1",
        account_id,
        f"%{hashed.hex()}%",
    )
    if row is None:
        return None
    for secret in parse_secrets(row[2]):
        if secret.hash == hashed:
            return SecretHolder(row[0], row[1], secret.id, secret.is_live(now))
    return None


async def seek_clients(
    db: Database, account_id: int, words: str, *, limit: int = 10
) -> Sequence[tuple[str, str]]:
    """Id and name of the apps of the person's workspaces whose name holds these words, in whatever case."""
    escaped = words.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = await db.all(
        "SELECT c.id, c.name FROM clients c"
        " JOIN workspace_members m ON m.workspace_id = c.workspace_id AND m.account_id = $1"
        " WHERE c.deleted_at IS NULL AND c.type <> 'api' AND c.trial_of = ''"
        " AND LOWER(c.name) LIKE $2 ESCAPE '\\' ORDER BY c.name, c.id LIMIT $3",
        account_id,
        f"%{escaped}%",
        limit,
    )
    return [(row[0], row[1]) for row in rows]
