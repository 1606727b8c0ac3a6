"""Where a client works: the switch of each data center, the secrets for it, and how far a change has got."""

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import Field

from grantline.clients import (
    Client,
    ClientSecret,
    Elsewhere,
    RegistrationRefused,
    SecretRefused,
    add_secret_for,
    list_elsewhere,
    reset_secrets_for,
    revoke_secret_for,
    secrets_there,
    share_secrets,
    switch_data_center,
)
from grantline.datacenters import DataCenter
from grantline.db import Transaction
from grantline.web.console.credentials import RESETS
from grantline.web.console_api.caller import Caller
from grantline.web.console_api.clients import refused_registration
from grantline.web.console_api.operations import Body, Operation, Reply, Shown
from grantline.web.console_api.problems import not_found, not_possible
from grantline.web.console_api.secrets import SecretMade, check_owner, show_secret
from grantline.workspaces import CHANGE

Maker = Callable[[Transaction, Client, str, int, int], Awaitable[tuple[str, ClientSecret]]]


class ClientInDataCenter(Shown):
    """A client in one data center, and how far its last change has got there."""

    data_center: str
    name: str
    issuer: str = Field(description="Empty when the data center is not listed any more.")
    api_domain: str
    console: str
    home: bool = Field(description="Whether the client is registered there.")
    enabled: bool = Field(description="Whether the client is to work there.")
    own_secret_ids: list[str] | None = Field(
        description="The secrets for there alone; null: those of its home."
    )
    confirmed_at: int | None = Field(description="When it last confirmed a change; null at home, or never.")
    waiting_since: int | None = Field(description="Since when a change has not arrived; null: all have.")
    problem: str = Field(description="Why the last change was not taken; empty when it was.")


class ClientInDataCenters(Shown):
    """Every data center, the client's home first."""

    data_centers: list[ClientInDataCenter]


class Switch(Body):
    """Whether the client is to work there."""

    enabled: bool


def _show(
    code: str, center: DataCenter | None, row: Elsewhere | None, home: DataCenter
) -> ClientInDataCenter:
    own = row.secrets if row is not None else None
    return ClientInDataCenter(
        data_center=code,
        name=center.name if center is not None else code.upper(),
        issuer=center.issuer if center is not None else "",
        api_domain=center.api_domain if center is not None else "",
        console=center.console if center is not None else "",
        home=center == home,
        enabled=center == home or (row is not None and row.enabled),
        own_secret_ids=[one.id for one in own] if own is not None else None,
        confirmed_at=row.confirmed_at if row is not None else None,
        waiting_since=row.waiting_since if row is not None else None,
        problem=row.problem if row is not None else "",
    )


async def _list(caller: Caller, client: Client) -> list[ClientInDataCenter]:
    centers = caller.server.mint.data_centers
    known = {center.code: center for center in centers.every}
    rows = {row.data_center: row for row in await list_elsewhere(caller.db, client.id)}
    codes = [*known, *(code for code in rows if code not in known)]
    return [_show(code, known.get(code), rows.get(code), centers.home) for code in codes]


async def index(caller: Caller, client: Client) -> Reply:
    """GET /clients/{client_id}/data-centers."""
    return Reply(ClientInDataCenters(data_centers=await _list(caller, client)))


async def switch(caller: Caller, client: Client, data_center: str, body: Switch) -> Reply:
    """PUT /clients/{client_id}/data-centers/{data_center}."""
    if data_center == client.data_center and not body.enabled:
        raise not_possible("A client always works in the data center where it is registered.")
    try:
        async with caller.db.transaction() as tx:
            before, after = await switch_data_center(tx, client, data_center, caller.now, on=body.enabled)
            if before != after:
                told: dict[str, Any] = {"before": {"data_centers": before}, "after": {"data_centers": after}}
                await caller.record(tx, "client.updated", client=client, **told)
    except RegistrationRefused as refused:
        raise refused_registration(refused) from None
    except LookupError:
        raise not_found() from None
    shown = [one for one in await _list(caller, client) if one.data_center == data_center]
    if not shown:
        raise not_found()
    return Reply(shown[0])


async def add_secret(caller: Caller, client: Client, data_center: str) -> Reply:
    """POST /clients/{client_id}/data-centers/{data_center}/secrets."""
    return await _make(caller, client, data_center, "secret.added", add_secret_for)


async def reset_secrets(caller: Caller, client: Client, data_center: str) -> Reply:
    """POST /clients/{client_id}/data-centers/{data_center}/secrets/reset."""
    check_owner(caller, client)
    caller.take(RESETS, client.id)
    return await _make(caller, client, data_center, "secret.reset", reset_secrets_for)


async def _make(caller: Caller, client: Client, code: str, kind: str, make: Maker) -> Reply:
    made: list[tuple[str, ClientSecret]] = []

    async def act(tx: Transaction) -> None:
        made.append(await make(tx, client, code, caller.now, caller.account_id))

    await _change(caller, client, code, kind, act)
    [(value, secret)] = made
    members = {**show_secret(secret), "client_id": client.id, "client_secret": value}
    return Reply(SecretMade.model_validate(members), 201)


async def revoke_secret(caller: Caller, client: Client, data_center: str, secret_id: str) -> Reply:
    """DELETE /clients/{client_id}/data-centers/{data_center}/secrets/{secret_id}."""
    rows = [row for row in await list_elsewhere(caller.db, client.id) if row.data_center == data_center]
    if all(secret.id != secret_id for row in rows for secret in row.secrets or ()):
        raise not_found()

    async def act(tx: Transaction) -> None:
        await revoke_secret_for(tx, client, data_center, secret_id, caller.now)

    await _change(caller, client, data_center, "secret.revoked", act)
    return Reply(status=204)


async def share(caller: Caller, client: Client, data_center: str) -> Reply:
    """DELETE /clients/{client_id}/data-centers/{data_center}/secrets: those of its home serve there again."""

    async def act(tx: Transaction) -> None:
        await share_secrets(tx, client, data_center, caller.now)

    await _change(caller, client, data_center, "secret.shared", act)
    return Reply(status=204)


async def _change(
    caller: Caller, client: Client, code: str, kind: str, act: Callable[[Transaction], Awaitable[None]]
) -> None:
    """A change of the secrets for one data center, with its line in the audit. Raises Problem."""
    check_owner(caller, client)
    try:
        async with caller.db.transaction() as tx:
            before = await secrets_there(tx, client, code)
            await act(tx)
            after = {**await secrets_there(tx, client, code), "data_center": code}
            await caller.record(tx, kind, client=client, before=before, after=after)
    except SecretRefused as refused:
        raise not_possible(str(refused)) from None
    except LookupError:
        raise not_found() from None


_ALL = "/clients/{client_id}/data-centers"
_ONE = f"{_ALL}/{{data_center}}"
OPERATIONS = (
    Operation("GET", _ALL, index, "clients:read", "List where a client works", ClientInDataCenters),
    Operation(
        "PUT",
        _ONE,
        switch,
        "clients:write",
        "Let a client work in a data center, or no longer",
        ClientInDataCenter,
        CHANGE,
        body=Switch,
        also=(409,),
    ),
    Operation(
        "POST",
        f"{_ONE}/secrets",
        add_secret,
        "secrets:write",
        "Add a secret for one data center alone",
        SecretMade,
        CHANGE,
        status=201,
        also=(409,),
    ),
    Operation(
        "POST",
        f"{_ONE}/secrets/reset",
        reset_secrets,
        "secrets:write",
        "Replace the secrets for one data center by a new one",
        SecretMade,
        CHANGE,
        status=201,
        also=(409,),
    ),
    Operation(
        "DELETE",
        f"{_ONE}/secrets/{{secret_id}}",
        revoke_secret,
        "secrets:write",
        "End a secret for one data center",
        None,
        CHANGE,
        status=204,
        also=(409,),
    ),
    Operation(
        "DELETE",
        f"{_ONE}/secrets",
        share,
        "secrets:write",
        "Let the secrets of its home serve in a data center again",
        None,
        CHANGE,
        status=204,
        also=(409,),
    ),
)
