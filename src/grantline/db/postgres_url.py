"""The address of a PostgreSQL database, with two options of ours in its query.

    postgresql://grantline@db1:5432,db2:5432/grantline?target_session_attrs=primary&connections=8

Everything but `connections` and `pooler` is the driver's (libpq's names).
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

CONNECTIONS: Final = 8
MOST_CONNECTIONS: Final = 100


@dataclass(frozen=True, slots=True)
class Address:
    """Where the database is, and how it is used."""

    dsn: str
    connections: int
    """Held open by each process, at most."""
    pooled: bool
    """A pooler (PgBouncer in transaction mode) stands before it: nothing may outlive a transaction."""


def parse_address(url: str) -> Address:
    """The address in a `postgresql://` URL. Raises ValueError, which says what to do."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    pooler = options.pop("pooler", "none")
    if pooler not in ("none", "transaction"):
        raise ValueError(
            "`pooler` in the database URL is `transaction` (PgBouncer in transaction mode) or absent."
        )
    connections = options.pop("connections", str(CONNECTIONS))
    if not (connections.isascii() and connections.isdigit()) or not 1 <= int(connections) <= MOST_CONNECTIONS:
        raise ValueError(f"`connections` in the database URL is a number from 1 to {MOST_CONNECTIONS}.")
    dsn = urlunsplit(("postgresql", parts.netloc, parts.path, urlencode(options), ""))
    return Address(dsn, int(connections), pooler == "transaction")
