"""Consents: one row per person, client and organization."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from grantline.accounts import lock_account
from grantline.audit import record_event
from grantline.clients import Client
from grantline.db import Database, Row, Transaction

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person allowed an app."""

    account_id: int
    client_id: str
    organization_id: int
    scope: tuple[str, ...]
    offline: bool
    redirect_hosts: tuple[str, ...]
    resources: tuple[str, ...]
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What an app asks for now."""

    scope: tuple[str, ...]
    offline: bool
    redirect_uri: str
    """Empty for a device."""
    resources: tuple[str, ...] = ()
    meant_since: Mapping[str, int] = field(default_factory=dict)
    """By scope, since when it means what it means now, for those of which that is known."""


_COLUMNS: Final = (
    "account_id, client_id, organization_id, scope, offline, redirect_hosts, resources, created_at,"
    " updated_at"
)


def _consent(row: Row) -> Consent:
    return Consent(
        account_id=row[0],
        client_id=row[1],
        organization_id=row[2],
        scope=tuple(row[3].split()),
        offline=bool(row[4]),
        redirect_hosts=tuple(json.loads(row[5])),
        resources=tuple(row[6].split()),
        created_at=row[7],
        updated_at=row[8],
    )


def _host(redirect_uri: str) -> str:
    """What a remembered consent is tied to: the host, or the scheme of a private-use one (T85)."""
    parts = urlsplit(redirect_uri)
    return parts.hostname or f"{parts.scheme}:"


def must_ask(consent: Consent | None, client: Client, asked: Asked) -> bool:
    """Whether the person must see the consent page: something is new, or the app can't be told from an
    impostor (T22, T53, T85)."""
    if consent is None or not _may_be_remembered(client, asked.redirect_uri):
        return True
    return not (
        set(asked.scope) <= set(_still_meant(consent, asked))
        and (consent.offline or not asked.offline)
        and _covers_resources(consent.resources, asked.resources)
        and _host(asked.redirect_uri) in consent.redirect_hosts
    )


def _still_meant(consent: Consent, asked: Asked) -> list[str]:
    """The scopes of the consent that mean today what the person read."""
    return [name for name in consent.scope if consent.updated_at >= asked.meant_since.get(name, 0)]


def _covers_resources(allowed: tuple[str, ...], asked: tuple[str, ...]) -> bool:
    """None named means every API of the scopes: that covers any one of them, and is covered by none."""
    return not allowed or (bool(asked) and set(asked) <= set(allowed))


def _may_be_remembered(client: Client, redirect_uri: str) -> bool:
    rule = client.type.remembers_consent
    if rule == "https":
        return redirect_uri.startswith("https://")
    if rule == "yes" and client.type.public:
        return redirect_uri.startswith("https://") or urlsplit(redirect_uri).hostname in _LOOPBACK
    return rule == "yes"


async def find_consent(
    db: Database | Transaction, account_id: int, client_id: str, organization_id: int
) -> Consent | None:
    """The consent that is in force, if any."""
    row = await db.one(
        f"SELECT {_COLUMNS} FROM consents"
        " WHERE account_id = $1 AND client_id = $2 AND organization_id = $3 AND withdrawn_at IS NULL",
        account_id,
        client_id,
        organization_id,
    )
    return _consent(row) if row is not None else None


async def allow(
    tx: Transaction,
    *,
    account_id: int,
    client: Client,
    organization_id: int,
    asked: Asked,
    network: str,
    now: int,
) -> None:
    """Remember that the person said yes, in addition to what they allowed before, and write it into the
    audit."""
    await lock_account(tx, account_id)
    row = await tx.one(
        f"SELECT {_COLUMNS} FROM consents"
        " WHERE account_id = $1 AND client_id = $2 AND organization_id = $3 AND withdrawn_at IS NULL",
        account_id,
        client.id,
        organization_id,
    )
    before = _consent(row) if row is not None else None
    scope = dict.fromkeys((*(_still_meant(before, asked) if before else ()), *asked.scope))
    resources = asked.resources
    if before is not None and resources:
        resources = before.resources and tuple(dict.fromkeys((*before.resources, *resources)))
    hosts = dict.fromkeys((*(before.redirect_hosts if before else ()), _host(asked.redirect_uri)))
    await tx.run(
        f"INSERT INTO consents ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)"
        " ON CONFLICT (account_id, client_id, organization_id) DO UPDATE SET scope = $4, offline = $5,"
        " redirect_hosts = $6, resources = $7, updated_at = $8, withdrawn_at = NULL,"
        " created_at = CASE WHEN consents.withdrawn_at IS NULL THEN consents.created_at ELSE $8 END",
        account_id,
        client.id,
        organization_id,
        " ".join(scope),
        int(asked.offline or (before.offline if before else False)),
        json.dumps(list(hosts)),
        " ".join(resources),
        now,
    )
    await record_event(
        tx,
        "consent.allowed",
        now=now,
        account_id=account_id,
        client_id=client.id,
        organization_id=organization_id,
        network=network,
        detail={"scope": list(asked.scope), "offline": asked.offline},
    )
