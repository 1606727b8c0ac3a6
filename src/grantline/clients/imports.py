"""Apps of other data centers: what their home says they are, and the rows that they have here.

An import is a row in `clients` without owner, workspace and organization, with the version that its home
gave it, and a row in `client_imports` with the state that its home wants. `clients.disabled_at` follows that
state, our own operator's block, and whether the home is still in the registry: so every statement that serves
a request is the same for both kinds of apps.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from grantline.clients.checks import Registration
from grantline.clients.client import ClientSecret, parse_secrets, render_secrets
from grantline.clients.client_types import ClientType, get_client_type
from grantline.clients.logos import Logo, keep_logo, read_logo, sweep_logo
from grantline.db import Database, Row, Transaction, placeholders

STATES: Final = ("enabled", "disabled", "off", "deleted")
"""What a home may want of its app; `off`: it works in other data centers, not in this one."""
NO_CLIENT: Final = Registration(name="")


@dataclass(frozen=True, slots=True)
class Definition:
    """An app as its home tells it to one other data center: all of it, with its version."""

    id: str
    type: ClientType
    state: str
    version: int
    registration: Registration = NO_CLIENT
    """Empty when the app is off or deleted; nothing of it is needed then."""
    secrets: tuple[ClientSecret, ...] = ()
    logo: Logo | None = None
    handed_over_at: int = 0
    created_at: int = 0
    updated_at: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether it says what the app is, too."""
        return self.state in ("enabled", "disabled")


@dataclass(frozen=True, slots=True)
class Import:
    """What is here of an app of another data center."""

    client_id: str
    data_center: str
    type_name: str
    name: str
    version: int
    state: str
    digest: str
    received_at: int
    blocked_at: int | None
    """Since when our own operator has it blocked."""
    handed_over_at: int
    logo_digest: str


_COLUMNS: Final = (
    "i.client_id, i.data_center, c.type, c.name, c.version, i.state, i.digest, i.received_at, i.blocked_at,"
    " c.handed_over_at, c.logo_digest"
)
_FROM: Final = "FROM client_imports i JOIN clients c ON c.id = i.client_id"


def _import(row: Row) -> Import:
    return Import(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8], row[9], row[10])


async def find_import(db: Database | Transaction, client_id: str) -> Import | None:
    """What is here of this app, if it is another data center's; deleted ones too."""
    row = await db.one(f"SELECT {_COLUMNS} {_FROM} WHERE i.client_id = $1", client_id)
    return _import(row) if row is not None else None


async def load_definition(db: Database | Transaction, client_id: str, code: str) -> Definition | None:
    """An app of ours as this other data center shall have it, in one look; None if it never worked there."""
    row = await db.one(
        "SELECT c.id, c.type, c.version, c.disabled_at, c.deleted_at, e.enabled, c.name, c.homepage_url,"
        " c.redirect_uris, c.origins, c.post_logout_redirect_uris, c.app_scopes, c.implicit,"
        " c.vendor_compatible, c.policy_url, c.terms_url, c.scopes, COALESCE(e.secrets, c.secrets),"
        " c.handed_over_at, c.created_at, c.updated_at, l.content, c.data_centers"
        " FROM client_elsewhere e JOIN clients c ON c.id = e.client_id"
        " LEFT JOIN logos l ON l.digest = c.logo_digest WHERE e.client_id = $1 AND e.data_center = $2",
        client_id,
        code,
    )
    return _definition(row) if row is not None else None


def _definition(row: Row) -> Definition:
    kind = get_client_type(row[1])
    head = {"id": row[0], "type": kind, "version": row[2]}
    if row[4] is not None or not row[5]:
        return Definition(**head, state="deleted" if row[4] is not None else "off")
    texts = [tuple(json.loads(row[column])) for column in (8, 9, 10, 11, 16, 22)]
    return Definition(
        **head,
        state="enabled" if row[3] is None else "disabled",
        registration=Registration(
            name=row[6],
            homepage_url=row[7],
            redirect_uris=texts[0],
            origins=texts[1],
            post_logout_redirect_uris=texts[2],
            app_scopes=texts[3],
            data_centers=texts[5],
            implicit=bool(row[12]),
            vendor_compatible=bool(row[13]),
            policy_url=row[14],
            terms_url=row[15],
            scopes=texts[4],
        ),
        secrets=parse_secrets(row[17]),
        logo=read_logo(bytes(row[21])) if row[21] is not None else None,
        handed_over_at=row[18],
        created_at=row[19],
        updated_at=row[20],
    )


async def hold_import(tx: Transaction, definition: Definition, code: str, now: int) -> Import:
    """What is here of this app, held until the transaction ends; version 0 when nothing was, before now."""
    await tx.run(
        "INSERT INTO clients (id, type, name, homepage_url, owner_account_id, organization_id, redirect_uris,"
        " origins, post_logout_redirect_uris, app_scopes, data_centers, implicit, vendor_compatible, secrets,"
        " version, created_at, updated_at, disabled_at, workspace_id)"
        " VALUES ($1, $2, '', '', 0, 0, '[]', '[]', '[]', '[]', '[]', 0, 0, '[]', 0, $3, $3, $3, 0)"
        " ON CONFLICT (id) DO NOTHING",
        definition.id,
        definition.type.name,
        now,
    )
    await tx.one("SELECT 1 FROM clients WHERE id = $1 FOR UPDATE", definition.id)
    await tx.run(
        "INSERT INTO client_imports (client_id, data_center, state, digest, received_at)"
        " VALUES ($1, $2, 'off', '', $3) ON CONFLICT (client_id) DO NOTHING",
        definition.id,
        code,
        now,
    )
    held = await find_import(tx, definition.id)
    assert held is not None
    return held


async def store_import(tx: Transaction, held: Import, definition: Definition, digest: str, now: int) -> None:
    """The app as its home says that it is now. Deletion ends its tokens and consents, as it does at home."""
    await tx.run(
        "UPDATE client_imports SET state = $2, digest = $3, received_at = $4 WHERE client_id = $1",
        held.client_id,
        definition.state,
        digest,
        now,
    )
    await tx.run("DELETE FROM client_origins WHERE client_id = $1", held.client_id)
    if definition.is_whole:
        await _store_whole(tx, held, definition)
    else:
        await tx.run(
            "UPDATE clients SET secrets = '[]', version = $2, updated_at = $3,"
            " deleted_at = CASE WHEN $4 = 1 THEN COALESCE(deleted_at, $3) ELSE deleted_at END WHERE id = $1",
            held.client_id,
            definition.version,
            now,
            int(definition.state == "deleted"),
        )
    if definition.state == "deleted":
        await end_what_it_holds(tx, held.client_id, now)
    await settle_imports(tx, held.client_id)


async def _store_whole(tx: Transaction, held: Import, definition: Definition) -> None:
    said = definition.registration
    logo = definition.logo
    if logo is not None:
        await keep_logo(tx, logo, definition.updated_at)
    await tx.run(
        "UPDATE clients SET type = $2, name = $3, homepage_url = $4, redirect_uris = $5, origins = $6,"
        " post_logout_redirect_uris = $7, app_scopes = $8, implicit = $9, vendor_compatible = $10,"
        " policy_url = $11, terms_url = $12, scopes = $13, secrets = $14, logo_digest = $15,"
        " handed_over_at = $16, version = $17, created_at = $18, updated_at = $19, data_centers = $20"
        " WHERE id = $1",
        held.client_id,
        definition.type.name,
        said.name,
        said.homepage_url,
        json.dumps(said.redirect_uris),
        json.dumps(said.origins),
        json.dumps(said.post_logout_redirect_uris),
        json.dumps(said.app_scopes),
        int(said.implicit),
        int(said.vendor_compatible),
        said.policy_url,
        said.terms_url,
        json.dumps(said.scopes),
        render_secrets(definition.secrets),
        logo.digest if logo is not None else "",
        definition.handed_over_at,
        definition.version,
        definition.created_at,
        definition.updated_at,
        json.dumps(said.data_centers),
    )
    for origin in said.origins:
        await tx.run("INSERT INTO client_origins (origin, client_id) VALUES ($1, $2)", origin, held.client_id)
    if said.name != held.name or definition.handed_over_at != held.handed_over_at:
        await tx.run("UPDATE consents SET redirect_hosts = '[]' WHERE client_id = $1", held.client_id)
    if held.logo_digest:
        await sweep_logo(tx, held.logo_digest)


async def end_what_it_holds(tx: Transaction, client_id: str, now: int) -> None:
    """Tokens and consents of a deleted app."""
    await tx.run(
        "UPDATE authorizations SET revoked_at = $2, revoked_reason = 'client_deleted'"
        " WHERE client_id = $1 AND revoked_at IS NULL",
        client_id,
        now,
    )
    await tx.run(
        "UPDATE consents SET withdrawn_at = $2 WHERE client_id = $1 AND withdrawn_at IS NULL",
        client_id,
        now,
    )


async def block_import(tx: Transaction, client_id: str, blocked_at: int | None) -> bool:
    """Block an app of another data center in this one (an instant), or let it work again if its home wants it
    to (None). False when it is no such app."""
    blocked = await tx.run(
        "UPDATE client_imports SET blocked_at = $2 WHERE client_id = $1", client_id, blocked_at
    )
    if blocked:
        await settle_imports(tx, client_id)
    return blocked == 1


_SERVES: Final = "i.state = 'enabled' AND i.blocked_at IS NULL AND COALESCE(d.listed, 0) = 1"


async def settle_imports(db: Database | Transaction, client_id: str = "") -> int:
    """Let `disabled_at` follow what decides it, of one app or of all: after a change of state or block, and
    after one of the registry, since the apps of a data center that is not listed count as unknown. Gives how
    many it changed."""
    return await db.run(
        "UPDATE clients SET disabled_at = CASE WHEN disabled_at IS NULL THEN updated_at END"
        " WHERE id IN (SELECT i.client_id FROM client_imports i JOIN clients c ON c.id = i.client_id"
        " LEFT JOIN data_centers d ON d.code = i.data_center"
        f" WHERE (i.client_id = $1 OR $1 = '') AND (c.disabled_at IS NULL) <> ({_SERVES}))",
        client_id,
    )


async def list_imports(
    db: Database | Transaction, code: str, *, after: str = "", limit: int = 1000
) -> list[tuple[str, int]]:
    """Ids and versions of the apps of one data center that work here, or are only disabled; by id."""
    rows = await db.all(
        f"SELECT i.client_id, c.version {_FROM} WHERE i.data_center = $1 AND i.client_id > $2"
        " AND i.state IN ('enabled', 'disabled') ORDER BY i.client_id LIMIT $3",
        code,
        after,
        limit,
    )
    return [(row[0], row[1]) for row in rows]


async def find_import_versions(
    db: Database | Transaction, code: str, client_ids: Sequence[str]
) -> Mapping[str, int]:
    """The versions that are here of those of these apps that this data center ever told."""
    if not client_ids:
        return {}
    rows = await db.all(
        f"SELECT i.client_id, c.version {_FROM} WHERE i.data_center = $1"
        f" AND i.client_id IN ({placeholders(2, len(client_ids))})",
        code,
        *client_ids,
    )
    return {row[0]: row[1] for row in rows}
