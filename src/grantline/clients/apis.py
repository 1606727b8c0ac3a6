"""APIs: the resource servers that tokens are for. Their owners declare identifier, scopes and the kind of
tokens that they take, and may introspect tokens meant for them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final
from urllib.parse import SplitResult, urlsplit

from grantline.clients.api_scopes import ApiScope, date_scopes, read_scopes, render_scopes
from grantline.clients.checks import Registration
from grantline.clients.client_secrets import mint_secret
from grantline.clients.client_types import RESOURCE_API
from grantline.clients.registration import insert_client
from grantline.db import Database, Row, Transaction, UniqueViolation
from grantline.oauth.scope import OPERATIONS
from grantline.opaque import CLIENT_ID, mint

TOKEN_FORMATS: Final = ("opaque", "jwt-es256", "jwt-rs256")
"""What access tokens for an API are: opaque ones are asked about, JWTs (RFC 9068) may be verified offline."""
ORIGINS_POLICIES: Final = ("registered", "none", "any")
"""Which web pages may call the API: those at the domains that their app registered, none, or any."""
SHORTEST_LIFE: Final = 60
LONGEST_LIFE: Final = 3600
MOST_SCOPES: Final = 100
MOST_APIS: Final = 30
"""Of one workspace: every node holds all of them in memory."""
_PREFIX: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{1,30}")
_SCOPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{1,30}(?:\.[A-Za-z][A-Za-z0-9_]{0,30}){0,4}\.[A-Z]{1,10}")
_LONGEST_SENTENCE: Final = 120
_LONGEST_IDENTIFIER: Final = 500
_RESERVED: Final = frozenset({"openid", "aaaserver", "crm", "zohocrm", "zohofiles", "zohosearch"})
"""Prefixes of what Grantline and its wires know by themselves: the operator alone gives them out."""


class ApiRefused(ValueError):
    """The API can't be registered so; the message says why."""

    def __init__(self, text: str, field: str = "", **values: object) -> None:
        super().__init__(text % values if values else text)
        self.text = text
        """The sentence as translators have it, with `%(name)s` where a value stands."""
        self.values = values
        self.field = field
        """What is wrong, where that is one thing."""


@dataclass(frozen=True, slots=True)
class ApiDeclaration:
    """What may be said about an API."""

    identifier: str
    scope_prefix: str
    name: str
    scopes: tuple[ApiScope, ...] = ()
    token_format: str = "opaque"
    token_seconds: int = 0
    """0: as the data center's."""
    origins_policy: str = "registered"


@dataclass(frozen=True, slots=True)
class Api(ApiDeclaration):
    """A registered API: tokens that carry scopes of its prefix are meant for it."""

    client_id: str = ""
    workspace_id: int = 0
    """Who declared it; 0: the operator."""
    created_at: int = 0

    @property
    def algorithm(self) -> str:
        """What its JWTs are signed with; empty for opaque tokens."""
        return self.token_format.partition("-")[2].upper()

    @property
    def declaration(self) -> ApiDeclaration:
        """What was said about it, to change one thing and leave the rest."""
        return ApiDeclaration(*(getattr(self, one.name) for one in fields(ApiDeclaration)))


def check_declaration(said: ApiDeclaration) -> ApiDeclaration:
    """The declaration with blanks around texts gone. Raises ApiRefused."""
    said = replace(said, identifier=said.identifier.strip(), name=" ".join(said.name.split()))
    _check_identifier(said.identifier)
    if not _PREFIX.fullmatch(said.scope_prefix):
        raise ApiRefused(
            "The scope prefix must be a word of letters and digits, such as CRM.", "scope_prefix"
        )
    if not said.name or len(said.name) > 60 or not said.name.isprintable():
        raise ApiRefused("The name must have 1 to 60 characters.", "name")
    if said.token_format not in TOKEN_FORMATS:
        raise ApiRefused(
            "The token format must be one of %(formats)s.", "token_format", formats=", ".join(TOKEN_FORMATS)
        )
    if said.token_seconds and not SHORTEST_LIFE <= said.token_seconds <= LONGEST_LIFE:
        raise ApiRefused(
            "Tokens must live %(shortest)d to %(longest)d seconds, or 0 for the usual time.",
            "token_seconds",
            shortest=SHORTEST_LIFE,
            longest=LONGEST_LIFE,
        )
    if said.origins_policy not in ORIGINS_POLICIES:
        policies = ", ".join(ORIGINS_POLICIES)
        raise ApiRefused(
            "The policy for web pages must be one of %(policies)s.", "origins_policy", policies=policies
        )
    _check_scopes(said)
    return said


def _check_identifier(identifier: str) -> None:
    try:
        parts = urlsplit(identifier)
    except ValueError:
        parts = urlsplit("")
    good = parts.scheme in ("http", "https") and parts.hostname and not parts.fragment and not parts.username
    good = good and _has_port(parts)
    if not good or not identifier.isascii() or not identifier.isprintable() or " " in identifier:
        raise ApiRefused(
            "The identifier must be an absolute address without a fragment, such as https://api.example.com.",
            "identifier",
        )
    if len(identifier) > _LONGEST_IDENTIFIER:
        raise ApiRefused(
            "The identifier is longer than %(most)d characters.", "identifier", most=_LONGEST_IDENTIFIER
        )


def _check_scopes(said: ApiDeclaration) -> None:
    if len(said.scopes) > MOST_SCOPES:
        raise ApiRefused("At most %(most)d scopes are possible.", "scopes", most=MOST_SCOPES)
    names: set[str] = set()
    for scope in said.scopes:
        _check_scope(scope, said.scope_prefix)
        if scope.name.lower() in names:
            raise ApiRefused("%(scope)s stands there twice.", "scopes", scope=scope.name)
        names.add(scope.name.lower())


def _check_scope(scope: ApiScope, prefix: str) -> None:
    name, sentence = scope.name, scope.sentence
    if not _SCOPE.fullmatch(name) or name.rpartition(".")[2] not in OPERATIONS:
        raise ApiRefused(
            "%(scope)s is not a scope. Write %(prefix)s.resource.OPERATION, with one of %(operations)s.",
            "scopes",
            scope=name[:60],
            prefix=prefix,
            operations=", ".join(OPERATIONS),
        )
    if name.partition(".")[0] != prefix:
        raise ApiRefused("%(scope)s does not begin with %(prefix)s.", "scopes", scope=name, prefix=prefix)
    if not 1 <= scope.sensitivity <= 5:
        raise ApiRefused("The sensitivity of %(scope)s must be 1 to 5.", "scopes", scope=name)
    long_enough = 3 <= len(sentence) <= _LONGEST_SENTENCE
    if not long_enough or not sentence.isprintable() or sentence.strip() != sentence:
        raise ApiRefused(
            "%(scope)s needs a sentence of 3 to %(most)d characters that says what people allow.",
            "scopes",
            scope=name,
            most=_LONGEST_SENTENCE,
        )


async def create_api(
    db: Database,
    *,
    said: ApiDeclaration,
    data_center: str,
    now: int,
    workspace_id: int = 0,
    created_by: int = 0,
) -> tuple[Api, str]:
    """A new API and its client secret. A workspace's prefix must be its own: whoever shares one gets into the
    audience of the others' tokens (T99). Raises ApiRefused."""
    said = check_declaration(said)
    client_id = mint(CLIENT_ID, data_center)
    value, secret = mint_secret(data_center, now, created_by)
    try:
        async with db.transaction() as tx:
            await _announce(tx)  # first: whoever else declares one waits here
            await _check_prefix(tx, said.scope_prefix, workspace_id)
            await _check_room(tx, workspace_id)
            await _check_issuers(tx, said.identifier)
            await insert_client(
                tx,
                client_id=client_id,
                kind=RESOURCE_API,
                asked=Registration(name=said.name, data_centers=(data_center,)),
                secret=secret,
                owner_account_id=created_by,
                organization_id=0,
                creation_key=None,
                now=now,
                workspace_id=workspace_id,
            )
            await tx.run(
                "INSERT INTO apis (client_id, identifier, scope_prefix, name, created_at, workspace_id,"
                " scopes, token_format, token_seconds, origins_policy, updated_at)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $5)",
                client_id,
                said.identifier,
                said.scope_prefix,
                said.name,
                now,
                workspace_id,
                render_scopes(date_scopes(said.scopes, (), now)),
                said.token_format,
                said.token_seconds,
                said.origins_policy,
            )
    except UniqueViolation:
        raise _taken(said.identifier) from None
    created = await find_api(db, client_id)
    assert created is not None
    return created, value


async def update_api(db: Database, api: Api, said: ApiDeclaration, now: int) -> Api:
    """The API with what is said now. Its prefix stays: it is in the names that apps ask for. Raises
    ApiRefused; LookupError when it was deleted meanwhile."""
    said = check_declaration(said)
    if said.scope_prefix != api.scope_prefix:
        raise ApiRefused("The prefix can't change: apps ask for these scopes by name.", "scope_prefix")
    try:
        async with db.transaction() as tx:
            await _announce(tx)
            await _check_issuers(tx, said.identifier)
            present = await find_api(tx, api.client_id)
            scopes = date_scopes(said.scopes, present.scopes if present is not None else (), now)
            changed = await tx.run(
                "UPDATE apis SET identifier = $2, name = $3, scopes = $4, token_format = $5,"
                " token_seconds = $6, origins_policy = $7, updated_at = $8 WHERE client_id = $1",
                api.client_id,
                said.identifier,
                said.name,
                render_scopes(scopes),
                said.token_format,
                said.token_seconds,
                said.origins_policy,
                now,
            )
            await tx.run(
                "UPDATE clients SET name = $2, version = version + 1, updated_at = $3 WHERE id = $1",
                api.client_id,
                said.name,
                now,
            )
    except UniqueViolation:
        raise _taken(said.identifier) from None
    updated = await find_api(db, api.client_id)
    if not changed or updated is None:
        raise LookupError(api.client_id)
    return updated


async def delete_api(db: Database, client_id: str, now: int) -> bool:
    """Delete the API: it introspects nothing more, and its scopes can't be asked for any more. False when
    there is no such API."""
    async with db.transaction() as tx:
        await _announce(tx)
        gone = await tx.run("DELETE FROM apis WHERE client_id = $1", client_id)
        await tx.run(
            "UPDATE clients SET deleted_at = $2, secrets = '[]', version = version + 1 WHERE id = $1"
            " AND type = 'api'",
            client_id,
            now,
        )
    return gone == 1


def _has_port(parts: SplitResult) -> bool:
    """Whether its port, if it names one, is one."""
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


async def _check_issuers(tx: Transaction, identifier: str) -> None:
    """Tokens for the issuer itself are for its userinfo alone: an API of that name could ask about all of
    them (T99). Raises ApiRefused."""
    rows = await tx.all("SELECT issuer FROM home UNION SELECT issuer FROM data_centers")
    parts = urlsplit(identifier)
    bare = parts.path in ("", "/") and not parts.query
    if bare and any(_origin(urlsplit(row[0])) == _origin(parts) for row in rows):
        raise ApiRefused(
            "That address is the authorization server’s own. Give the API its own.", "identifier"
        )


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


async def _check_prefix(tx: Transaction, prefix: str, workspace_id: int) -> None:
    """Raises ApiRefused when the prefix is another's; the operator may give one to several APIs."""
    if not workspace_id:
        return
    taken = await tx.one("SELECT 1 FROM apis WHERE LOWER(scope_prefix) = LOWER($1) LIMIT 1", prefix)
    if prefix.lower() in _RESERVED or taken is not None:
        raise ApiRefused(
            "The prefix %(prefix)s is taken. Choose another, such as My%(prefix)s.",
            "scope_prefix",
            prefix=prefix[:20],
        )


async def _check_room(tx: Transaction, workspace_id: int) -> None:
    """Raises ApiRefused when the workspace has as many as it may; the operator may have any number."""
    row = await tx.one("SELECT COUNT(*) FROM apis WHERE workspace_id = $1", workspace_id)
    if workspace_id and row is not None and row[0] >= MOST_APIS:
        raise ApiRefused("A workspace has at most %(most)d APIs. Delete one first.", most=MOST_APIS)


def _taken(identifier: str) -> ApiRefused:
    return ApiRefused(
        "An API with the identifier %(identifier)s exists already.", "identifier", identifier=identifier
    )


async def _announce(tx: Transaction) -> None:
    """Tell every node that the catalogue changes."""
    await tx.run("UPDATE home SET revision = revision + 1 WHERE one = 1")


_COLUMNS: Final = (
    "a.identifier, a.scope_prefix, a.name, a.scopes, a.token_format, a.token_seconds, a.origins_policy,"
    " a.client_id, a.workspace_id, a.created_at"
)


def _api(row: Row) -> Api:
    return Api(row[0], row[1], row[2], read_scopes(row[3]), row[4], row[5], row[6], row[7], row[8], row[9])


async def find_api(db: Database | Transaction, client_id: str) -> Api | None:
    """The API that introspects as this client."""
    row = await db.one(f"SELECT {_COLUMNS} FROM apis a WHERE a.client_id = $1", client_id)
    return _api(row) if row is not None else None


async def list_apis(db: Database) -> Sequence[Api]:
    """Every registered API, oldest first."""
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM apis a JOIN clients c ON c.id = a.client_id WHERE c.deleted_at IS NULL"
        " ORDER BY a.created_at, a.client_id"
    )
    return [_api(row) for row in rows]


async def list_workspace_apis(db: Database, workspace_id: int) -> Sequence[Api]:
    """The APIs that a workspace declared, oldest first."""
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM apis a JOIN clients c ON c.id = a.client_id"
        " WHERE a.workspace_id = $1 AND c.deleted_at IS NULL ORDER BY a.created_at, a.client_id",
        workspace_id,
    )
    return [_api(row) for row in rows]
