"""Seeding: a fresh database filled through the product's own functions, and the bodies that wrk sends.

Nothing here knows how a token looks or a row is made: clients are registered, authorizations issued and
tokens minted as the product does. Each line of a file is one form.
"""

import asyncio
import json
import os
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from bench.serving import Engine
from grantline.accounts import Passwords, create_account, personal_organization
from grantline.clients import ApiDeclaration, Client, Registration, create_api, register_client
from grantline.db import Transaction
from grantline.oauth.pkce import s256
from grantline.settings import Settings
from grantline.tokens import (
    AccessToken,
    NewAuthorization,
    issue_authorization,
    issue_authorization_code,
    load_catalog,
    mint_access_token,
    scope_set_for,
)
from grantline.web.server import Server, open_server

SCOPE: Final = "CRM.modules.leads.READ"
API: Final = "https://crm.example.com"
JWT_API: Final = "https://billing.example"
REDIRECT: Final = "https://app.example.com/callback"
VERIFIER: Final = "a-code-verifier-of-forty-three-characters-0"
PASSWORD: Final = "a password of the bench"
PEOPLE_WHO_SIGN_IN: Final = 20
_AT_ONCE: Final = 500
# SQLite walks the list of what a unit may have to undo from its start: short units are faster.
_UNIT: Final = 100
_UNITS_AT_ONCE: Final = 6


@dataclass(frozen=True, slots=True)
class Size:
    """How much is seeded. Codes and rotating tokens work once, so each of the `batches` runs has its own."""

    batches: int
    codes: int
    """For each batch."""
    accounts: int = 10_000
    confidential_clients: int = 1_000
    public_clients: int = 300
    authorizations: int = 100_000
    rotating: int = 6_400
    """For each batch."""
    introspected: int = 50_000


@dataclass(frozen=True, slots=True)
class _Person:
    id: int
    organization_id: int


@dataclass(frozen=True, slots=True)
class _App:
    client: Client
    secret: str | None

    def body(self, **fields: str) -> str:
        """A form with the app's credentials."""
        proof = {"client_secret": self.secret} if self.secret else {}
        return urlencode({**fields, "client_id": self.client.id, **proof})


_Pair = tuple[_Person, _App]


def email(number: int) -> str:
    """The address of a seeded person. The first PEOPLE_WHO_SIGN_IN have PASSWORD."""
    return f"person{number}@example.com"


async def open_engine(engine: Engine) -> Server:
    """The server of an engine, in this process. Raises ValueError, DatabaseUnavailable."""
    engine.data.mkdir(parents=True, exist_ok=True)
    os.environ.update(engine.settings())
    return await open_server(Settings())


async def opaque_token(server: Server, number: int, now: int) -> str:
    """The first access token of the authorization of this number."""
    mint = server.mint
    scope_set = await scope_set_for(mint, (SCOPE,), ())
    token = AccessToken(number, 1, scope_set.id, now + mint.access_token_seconds)
    return mint_access_token(mint.keyring, server.code, token, now)


async def seed(engine: Engine, size: Size) -> None:
    """Fill the engine's new database and write the files of bodies.

    Raises ValueError, DatabaseUnavailable.
    """
    server = await open_engine(engine)
    data, now = engine.data, server.clock()
    choose = random.Random(7).choice
    password_hash = await Passwords().hash(PASSWORD)
    accounts = await _together(
        _person(server, n, password_hash if n < PEOPLE_WHO_SIGN_IN else "", now) for n in range(size.accounts)
    )
    api, api_secret = await create_api(
        server.db, said=ApiDeclaration(API, "CRM", "CRM"), data_center=server.code, now=now
    )
    for_jwts = ApiDeclaration(JWT_API, "Billing", "Billing", token_format="jwt-es256")
    await create_api(server.db, said=for_jwts, data_center=server.code, now=now)
    server.mint.catalog = await load_catalog(server.db)
    confidential = await _apps(server, "server-based", REDIRECT, accounts, size.confidential_clients, now)
    public = await _apps(server, "mobile", "com.example.app:/callback", accounts, size.public_clients, now)

    (data / "apps.json").write_text(json.dumps({app.client.id: app.secret for app in confidential + public}))
    (data / "api.txt").write_text(urlencode({"client_id": api.client_id, "client_secret": api_secret}))
    _write(
        data / "client_credentials.0",
        (app.body(grant_type="client_credentials", scope=SCOPE) for app in confidential),
    )
    _write(
        data / "jwt.0",
        (app.body(grant_type="client_credentials", scope="Billing.READ") for app in confidential),
    )
    held = await _authorize(
        server, [(choose(accounts), choose(confidential)) for _ in range(size.authorizations)], now
    )
    _write(data / "refresh.0", (_refresh(app, token) for app, _, token in held))
    access = [(app, await opaque_token(server, number, now)) for app, number, _ in held[: size.introspected]]
    asker = (data / "api.txt").read_text()
    _write(data / "introspection_api.0", (f"{asker}&token={token}" for _, token in access))
    _write(data / "introspection_app.0", (app.body(token=token) for app, token in access))
    for batch in range(size.batches):
        chains = await _authorize(
            server, [(choose(accounts), choose(public)) for _ in range(size.rotating)], now
        )
        _write(data / f"rotation.{batch}", (_refresh(app, token) for app, _, token in chains))
        pairs = [(choose(accounts), choose(confidential)) for _ in range(size.codes)]
        _write(data / f"codes.{batch}", await _codes(server, pairs, now))
    await server.close()


async def _together(work: Iterable[Awaitable[Any]]) -> list[Any]:
    """The results, many at a time, so that they share commits."""
    results: list[Any] = []
    waiting: list[Awaitable[Any]] = []
    for one in work:
        waiting.append(one)
        if len(waiting) == _AT_ONCE:
            results += await asyncio.gather(*waiting)
            waiting = []
    return results + await asyncio.gather(*waiting)


async def _person(server: Server, number: int, password_hash: str, now: int) -> _Person:
    account = await create_account(
        server.db,
        email=email(number),
        password_hash=password_hash,
        given_name="Ada",
        family_name="Berg",
        now=now,
    )
    return _Person(account.id, (await personal_organization(server.db, account.id)).id)


async def _apps(
    server: Server, type_name: str, redirect: str, owners: list[_Person], count: int, now: int
) -> list[_App]:
    made = await _together(
        register_client(
            server.db,
            type_name=type_name,
            asked=Registration(
                name=f"App {n}", homepage_url="https://app.example.com", redirect_uris=(redirect,)
            ),
            owner_account_id=owners[n].id,
            organization_id=owners[n].organization_id,
            data_center=server.code,
            now=now,
        )
        for n in range(count)
    )
    return [_App(client, secret) for client, secret in made]


async def _authorize(server: Server, pairs: list[_Pair], now: int) -> list[tuple[_App, int, str]]:
    """An authorization with a refresh token for each pair: app, number, refresh token."""

    async def unit(part: list[_Pair]) -> list[tuple[_App, int, str]]:
        async with server.db.transaction() as tx:
            return [await _authorization(tx, server, pair, now) for pair in part]

    return await _in_units(unit, pairs)


async def _authorization(tx: Transaction, server: Server, pair: _Pair, now: int) -> tuple[_App, int, str]:
    account, app = pair
    new = NewAuthorization(
        client_id=app.client.id,
        account_id=account.id,
        organization_id=account.organization_id,
        kind="refresh",
        scope=(SCOPE,),
        asked_scope=(SCOPE,),
        resources=(),
        auth_time=now,
        sid="",
    )
    issued = await issue_authorization(tx, server.mint, app.client, new, now)
    assert issued.refresh_token is not None
    return app, issued.authorization_id, issued.refresh_token


async def _codes(server: Server, pairs: list[_Pair], now: int) -> list[str]:
    """The exchange of one code for each pair."""

    async def unit(part: list[_Pair]) -> list[str]:
        async with server.db.transaction() as tx:
            return [await _code(tx, server, pair, now) for pair in part]

    return await _in_units(unit, pairs)


async def _code(tx: Transaction, server: Server, pair: _Pair, now: int) -> str:
    """A code lives for hours, since the bench gets to it late."""
    account, app = pair
    code = await issue_authorization_code(
        server.mint,
        tx,
        client_id=app.client.id,
        account_id=account.id,
        organization_id=account.organization_id,
        scope=(SCOPE,),
        asked_scope=(SCOPE,),
        refresh_token=True,
        now=now,
        life_seconds=6 * 3600,
        redirect_uri=REDIRECT,
        code_challenge=s256(VERIFIER),
        auth_time=now,
    )
    return app.body(grant_type="authorization_code", code=code, redirect_uri=REDIRECT, code_verifier=VERIFIER)


async def _in_units(unit: Callable[[list[_Pair]], Awaitable[list[Any]]], pairs: list[_Pair]) -> list[Any]:
    """What the unit makes of all pairs, a transaction for each hundred."""
    parts = [pairs[start : start + _UNIT] for start in range(0, len(pairs), _UNIT)]
    made: list[Any] = []
    for first in range(0, len(parts), _UNITS_AT_ONCE):
        together = await asyncio.gather(*(unit(part) for part in parts[first : first + _UNITS_AT_ONCE]))
        made += [one for part in together for one in part]
    return made


def _refresh(app: _App, token: str) -> str:
    return app.body(grant_type="refresh_token", refresh_token=token)


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_text("\n".join(lines) + "\n")
