"""A client: an app as Grantline knows it (RFC 6749 §2)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from grantline.clients.client_types import ClientType, get_client_type
from grantline.db import Database, Row, Transaction, placeholders


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """One of a client's secrets. The value is known to the client alone; we keep its SHA-256."""

    id: str
    """`sec_…`: names the secret on pages and in logs, proves nothing."""
    hash: bytes
    created_at: int
    revoked_at: int | None = None
    expires_at: int | None = None
    created_by: int = 0
    """The account that asked for it; 0: the operator, or nobody remembers."""

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
    workspace_id: int = 0
    policy_url: str = ""
    terms_url: str = ""
    logo_digest: str = ""
    """SHA-256 of the logo in hexadecimal digits; empty without one."""
    scopes: tuple[str, ...] = ()
    """What the app says that it asks for: fills snippets and previews, and limits nothing."""
    rehearsal_until: int = 0
    """Until when a failure is rehearsed; 0 or past: none is."""
    trial_of: str = ""
    """The app whose trial run this one serves; empty for every real app."""
    trial_until: int = 0
    """The end of a trial run."""

    @property
    def data_center(self) -> str:
        """The data center where it is registered, as its id says."""
        return self.id.split("_", 2)[1]

    @property
    def enabled(self) -> bool:
        """Whether the app may be used at all."""
        return self.disabled_at is None

    def is_over(self, now: int) -> bool:
        """Whether it served a trial run whose time is over: then it counts as unknown."""
        return bool(self.trial_of) and now >= self.trial_until

    def live_secrets(self, now: int) -> tuple[ClientSecret, ...]:
        """The secrets that authenticate now."""
        return tuple(secret for secret in self.secrets if secret.is_live(now))


_COLUMNS: Final = (
    "c.id, c.type, c.name, c.homepage_url, c.owner_account_id, c.organization_id, c.redirect_uris, c.origins,"
    " c.post_logout_redirect_uris, c.app_scopes, c.data_centers, c.implicit, c.vendor_compatible,"
    " c.secrets, c.version,"
    " c.created_at, c.updated_at, c.disabled_at, c.workspace_id, c.policy_url, c.terms_url, c.logo_digest,"
    " c.scopes, c.rehearsal_until, c.trial_of, c.trial_until"
)
_REAL: Final = "c.deleted_at IS NULL AND c.type <> 'api' AND c.trial_of = ''"
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
        [[s.id, s.hash.hex(), s.created_at, s.revoked_at, s.expires_at, s.created_by] for s in secrets],
        separators=(",", ":"),
    )


def parse_secrets(text: str) -> tuple[ClientSecret, ...]:
    """The secrets out of the `secrets` column."""
    rows: list[list[Any]] = _parse(text)
    return tuple(ClientSecret(row[0], bytes.fromhex(row[1]), *row[2:]) for row in rows)


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
        workspace_id=row[18],
        policy_url=row[19],
        terms_url=row[20],
        logo_digest=row[21],
        scopes=_texts(row[22]),
        rehearsal_until=row[23],
        trial_of=row[24],
        trial_until=row[25],
    )


async def find_client(db: Database | Transaction, client_id: str) -> Client | None:
    """The client of this id, disabled ones too; None when unknown or deleted."""
    row = await db.one(_BY_ID, client_id)
    return _client(row) if row is not None else None


async def find_client_for(db: Database, account_id: int, client_id: str) -> tuple[Client, str] | None:
    """The client of this id and the person's role in its workspace; foreign is the same as missing (T143).

    A personal workspace has its person's number, who owns it even before anything was written of it.
    """
    row = await db.one(
        f"SELECT {_COLUMNS}, COALESCE(m.role, 'owner') AS role FROM clients c"
        " LEFT JOIN workspace_members m ON m.workspace_id = c.workspace_id AND m.account_id = $1"
        f" WHERE c.id = $2 AND {_REAL} AND (m.role IS NOT NULL OR c.workspace_id = $1)",
        account_id,
        client_id,
    )
    return (_client(row), row["role"]) if row is not None else None


async def list_workspace_clients(
    db: Database, workspace_id: int, *, before: tuple[int, str] | None = None, limit: int = 50
) -> Sequence[Client]:
    """The apps of a workspace, newest first; `before`: created_at and id of the last one seen."""
    created_at, client_id = before or (2**62, "")
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM clients c WHERE c.workspace_id = $1 AND {_REAL}"
        " AND (c.created_at < $2 OR (c.created_at = $2 AND c.id > $3))"
        " ORDER BY c.created_at DESC, c.id LIMIT $4",
        workspace_id,
        created_at,
        client_id,
        limit,
    )
    return [_client(row) for row in rows]


async def list_these_clients(
    db: Database, workspace_id: int, client_ids: Sequence[str]
) -> Mapping[str, Client]:
    """Those of these apps that are in this workspace, by id, in one statement."""
    if not client_ids:
        return {}
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM clients c WHERE c.workspace_id = $1 AND {_REAL}"
        f" AND c.id IN ({placeholders(2, len(client_ids))})",
        workspace_id,
        *client_ids,
    )
    return {row[0]: _client(row) for row in rows}


async def list_clients(db: Database, *, limit: int = 1000) -> Sequence[Client]:
    """Every app, for the operator's command line, newest first."""
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM clients c WHERE {_REAL} ORDER BY c.created_at DESC, c.id LIMIT $1",
        limit,
    )
    return [_client(row) for row in rows]


async def find_self_client(
    db: Database | Transaction, owner_account_id: int, organization_id: int
) -> Client | None:
    """The one self client of this account and organization."""
    row = await db.one(
        f"SELECT {_COLUMNS} FROM clients c WHERE c.owner_account_id = $1 AND c.organization_id = $2"
        " AND c.type = 'self-client' AND c.trial_of = '' AND c.deleted_at IS NULL",
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
