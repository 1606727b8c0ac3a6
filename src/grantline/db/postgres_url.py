"""The address of a PostgreSQL database, with two options of ours in its query.

    postgresql://grantline@db1:5432,db2:5432/grantline?target_session_attrs=primary&connections=8

Everything but `connections` and `pooler` is the driver's (libpq's names).
"""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

CONNECTIONS: Final = 8
MOST_CONNECTIONS: Final = 100
_AUTHORITY: Final = re.compile(r"([^@:]*(:[^@]*)?@)?(\[[0-9A-Fa-f:.]+\]|[^@:\[\],]*)(:[0-9]+)?(,[^@]*)?")
_SECRET_OPTIONS: Final = frozenset({"password", "sslpassword"})


@dataclass(frozen=True, slots=True)
class Address:
    """Where the database is, and how it is used."""

    dsn: str = field(repr=False)
    connections: int
    """Held open by each process, at most."""
    pooled: bool
    """A pooler (PgBouncer in transaction mode) stands before it: nothing may outlive a transaction."""
    patient: bool = False
    """Statements may take as long as they need: for migrations, which rewrite whole tables."""


def parse_address(url: str) -> Address:
    """The address in a `postgresql://` URL. Raises ValueError, which says what to do."""
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise _unreadable() from None
    if parts.fragment or not _AUTHORITY.fullmatch(parts.netloc):
        raise _unreadable()
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


def _unreadable() -> ValueError:
    # The driver's own message would show a part of the URL, which may be a part of the password.
    return ValueError(
        "The database URL can't be read. It is postgresql://user:password@host:port/database; signs such as"
        " @ : / ? # % in the password are written as %40 %3A %2F %3F %23 %25."
    )


def without_password(url: str) -> str:
    """The URL as it may be shown, printed and logged: whatever may be a password is left out (T122)."""
    scheme, mark, rest = url.partition("://")
    if scheme not in ("postgresql", "postgres"):
        return url
    # The last @: a password whose signs were not escaped would end at the first.
    user, at, place = rest.rpartition("@")
    place, question, query = place.partition("?")
    options = [
        one for one in query.split("&") if unquote(one.partition("=")[0]).lower() not in _SECRET_OPTIONS
    ]
    kept = question + "&".join(options) if any(options) else ""
    return f"{scheme}{mark}{user.partition(':')[0]}{at}{place}{kept}"
