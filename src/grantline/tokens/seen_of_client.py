"""What the tokens and codes of one app tell about it: what it asked for, and where its answers went."""

from collections.abc import Mapping, Sequence
from typing import Final

from grantline.db import Database

_MOST_READ: Final = 1000


async def list_asked_scopes(db: Database, client_id: str) -> Sequence[str]:
    """The scopes of what the app holds, in the catalogue's spelling; of very many some tell enough."""
    rows = await db.all(
        "SELECT DISTINCT k.scope FROM (SELECT a.scope FROM authorizations a"
        " WHERE a.client_id = $1 AND a.revoked_at IS NULL LIMIT $2) k",
        client_id,
        _MOST_READ,
    )
    return sorted({name for row in rows for name in row[0].split()})


async def list_used_redirects(db: Database, client_id: str) -> Mapping[str, int]:
    """Redirect URIs that codes were sent to and when that was; codes are kept for a short while alone."""
    rows = await db.all(
        "SELECT k.redirect_uri, MAX(k.created_at) FROM (SELECT c.redirect_uri, c.created_at"
        " FROM authorization_codes c WHERE c.client_id = $1 AND c.redirect_uri IS NOT NULL LIMIT $2) k"
        " GROUP BY k.redirect_uri",
        client_id,
        _MOST_READ,
    )
    return {row[0]: row[1] for row in rows}
