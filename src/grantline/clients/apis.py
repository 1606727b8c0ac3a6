"""APIs: the resource servers that may introspect tokens meant for them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from grantline.clients.checks import Registration
from grantline.clients.client_secrets import mint_secret
from grantline.clients.client_types import RESOURCE_API
from grantline.clients.registration import insert_client
from grantline.db import Database, Transaction, UniqueViolation
from grantline.opaque import CLIENT_ID, mint

_PREFIX: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{1,30}")


class ApiRefused(ValueError):
    """The API can't be registered so; the message says why."""


@dataclass(frozen=True, slots=True)
class Api:
    """A registered API: tokens that carry scopes of its prefix are meant for it."""

    client_id: str
    identifier: str
    scope_prefix: str
    name: str


async def create_api(
    db: Database, *, identifier: str, scope_prefix: str, name: str, data_center: str, now: int
) -> tuple[Api, str]:
    """A new API and its client secret. Raises ApiRefused."""
    parts = urlsplit(identifier)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.fragment
        or not identifier.isascii()
    ):
        raise ApiRefused(
            "The identifier must be an absolute address without a fragment, such as https://api.example.com."
        )
    if not _PREFIX.fullmatch(scope_prefix):
        raise ApiRefused("The scope prefix must be a word of letters and digits, such as CRM.")
    client_id = mint(CLIENT_ID, data_center)
    value, secret = mint_secret(data_center, now)
    try:
        async with db.transaction() as tx:
            await insert_client(
                tx,
                client_id=client_id,
                kind=RESOURCE_API,
                asked=Registration(name=name, data_centers=(data_center,)),
                secret=secret,
                owner_account_id=0,
                organization_id=0,
                creation_key=None,
                now=now,
            )
            await tx.run(
                "INSERT INTO apis (client_id, identifier, scope_prefix, name, created_at) VALUES ($1, $2,"
                " $3, $4, $5)",
                client_id,
                identifier,
                scope_prefix,
                name,
                now,
            )
            await _announce(tx)
    except UniqueViolation:
        raise ApiRefused(f"An API with the identifier {identifier} exists already.") from None
    return Api(client_id, identifier, scope_prefix, name), value


async def move_api(db: Database, client_id: str, identifier: str) -> None:
    """Give an API another identifier. Tokens for the old one are for nobody from then on."""
    async with db.transaction() as tx:
        await tx.run("UPDATE apis SET identifier = $2 WHERE client_id = $1", client_id, identifier)
        await _announce(tx)


async def _announce(tx: Transaction) -> None:
    """Tell every node that the catalogue changes."""
    await tx.run("UPDATE home SET revision = revision + 1 WHERE one = 1")


async def find_api(db: Database, client_id: str) -> Api | None:
    """The API that introspects as this client."""
    row = await db.one(
        "SELECT client_id, identifier, scope_prefix, name FROM apis WHERE client_id = $1", client_id
    )
    return Api(row[0], row[1], row[2], row[3]) if row is not None else None


async def list_apis(db: Database) -> Sequence[Api]:
    """Every registered API, oldest first."""
    rows = await db.all(
        "SELECT a.client_id, a.identifier, a.scope_prefix, a.name FROM apis a JOIN clients c ON c.id ="
        " a.client_id"
        " WHERE c.deleted_at IS NULL ORDER BY a.created_at, a.client_id"
    )
    return [Api(row[0], row[1], row[2], row[3]) for row in rows]
