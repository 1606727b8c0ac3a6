"""A client: an app as Grantline knows it (RFC 6749 §2)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from grantline.clients.client_types import ClientType, get_client_type
from grantline.db import Database, Row, Transaction


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """One of a client's secrets. The value is known to the client alone; we keep its SHA-256."""

    id: str
    """`sec_…`: names the secret on pages and in logs, proves nothing."""
    hash: bytes
    created_at: int
    revoked_at: int | None = None
    expires_at: int | None = None

    def is_live(self, now: int) -> bool:
        """Whether the secret still authenticates."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class Client:
    """A registered app."""

    id: str
    type: ClientType
    name: str
    homepage_url: str
    owner_account_id: int
    organization_id: int
    redirect_uris: tuple[str, ...]
    origins: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    app_scopes: tuple[str, ...]
    data_centers: tuple[str, ...]
    implicit: bool
    vendor_compatible: bool
    secrets: tuple[ClientSecret, ...]
    secrets_text: str
    """The same as the database has them, to the letter."""
    version: int
    created_at: int
    updated_at: int
    disabled_at: int | None

    @property
    def enabled(self) -> bool:
        """Whether the app may be used at all."""
        return self.disabled_at is None

    def live_secrets(self, now: int) -> tuple[ClientSecret, ...]:
        """The secrets that authenticate now."""
        return tuple(secret for secret in self.secrets if secret.is_live(now))


_COLUMNS: Final = (
    "c.id, c.type, c.name, c.homepage_url, c.owner_account_id, c.organization_id, c.redirect_uris, c.origins,"
    " c.post_logout_redirect_uris, c.app_scopes, c.data_centers, c.implicit, c.vendor_compatible,"
    " c.secrets, c.version,"
    " c.created_at, c.updated_at, c.disabled_at"
)
_BY_ID: Final = f"SELECT {_COLUMNS} FROM clients c WHERE c.id = $1 AND c.deleted_at IS NULL"
_READER: Final = json.JSONDecoder()


def _texts(value: str) -> tuple[str, ...]:
    return tuple(_parse(value)) if value != "[]" else ()


def _parse(column: str) -> Any:
    # Every request reads a client: `json.loads` looks for encodings and blanks that our columns never have.
    return _READER.raw_decode(column)[0]


def render_secrets(secrets: Sequence[ClientSecret]) -> str:
    """The secrets as the `secrets` column holds them."""
    return json.dumps(
        [[s.id, s.hash.hex(), s.created_at, s.revoked_at, s.expires_at] for s in secrets],
        separators=(",", ":"),
    )


def parse_secrets(text: str) -> tuple[ClientSecret, ...]:
    """The secrets out of the `secrets` column."""
    rows: list[list[Any]] = _parse(text)
    return tuple(ClientSecret(row[0], bytes.fromhex(row[1]), row[2], row[3], row[4]) for row in rows)


def _client(row: Row) -> Client:
    return Client(
        id=row[0],
        type=get_client_type(row[1]),
        name=row[2],
        homepage_url=row[3],
        owner_account_id=row[4],
        organization_id=row[5],
        redirect_uris=_texts(row[6]),
        origins=_texts(row[7]),
        post_logout_redirect_uris=_texts(row[8]),
        app_scopes=_texts(row[9]),
        data_centers=_texts(row[10]),
        implicit=bool(row[11]),
        vendor_compatible=bool(row[12]),
        secrets=parse_secrets(row[13]),
        secrets_text=row[13],
        version=row[14],
        created_at=row[15],
        updated_at=row[16],
        disabled_at=row[17],
    )


async def find_client(db: Database, client_id: str) -> Client | None:
    """The client of this id, disabled ones too; None when unknown or deleted."""
    row = await db.one(_BY_ID, client_id)
    return _client(row) if row is not None else None


async def find_own_client(db: Database, owner_account_id: int, client_id: str) -> Client | None:
    """The client of this id if this account owns it: foreign is the same as missing (T143)."""
    row = await db.one(
        f"SELECT {_COLUMNS} FROM clients c WHERE c.owner_account_id = $1 AND c.id = $2 AND c.deleted_at IS"
        " NULL"
        " AND c.type <> 'api'",
        owner_account_id,
        client_id,
    )
    return _client(row) if row is not None else None


async def list_own_clients(db: Database, owner_account_id: int) -> Sequence[Client]:
    """The apps of this account, newest first, at most 100."""
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM clients c WHERE c.owner_account_id = $1 AND c.deleted_at IS NULL AND"
        " c.type <> 'api'"
        " ORDER BY c.created_at DESC, c.id LIMIT 100",
        owner_account_id,
    )
    return [_client(row) for row in rows]


async def list_clients(db: Database, *, limit: int = 1000) -> Sequence[Client]:
    """Every app, for the operator's command line, newest first."""
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM clients c WHERE c.deleted_at IS NULL AND c.type <> 'api' ORDER BY"
        " c.created_at DESC, c.id"
        " LIMIT $1",
        limit,
    )
    return [_client(row) for row in rows]


async def find_self_client(
    db: Database | Transaction, owner_account_id: int, organization_id: int
) -> Client | None:
    """The one self client of this account and organization."""
    row = await db.one(
        f"SELECT {_COLUMNS} FROM clients c WHERE c.owner_account_id = $1 AND c.organization_id = $2"
        " AND c.type = 'self-client' AND c.deleted_at IS NULL",
        owner_account_id,
        organization_id,
    )
    return _client(row) if row is not None else None


async def origin_is_registered(db: Database, origin: str) -> bool:
    """Whether any enabled app registered this origin: enough for a pre-flight, which names no client
    (T57)."""
    row = await db.one(
        "SELECT 1 FROM client_origins o JOIN clients c ON c.id = o.client_id"
        " WHERE o.origin = $1 AND c.deleted_at IS NULL AND c.disabled_at IS NULL LIMIT 1",
        origin,
    )
    return row is not None
