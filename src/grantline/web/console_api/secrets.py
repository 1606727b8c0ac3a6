"""Secrets of a client: list, add with an overlap, reset, revoke. A value is answered once."""

from typing import Literal

from pydantic import Field

from grantline.clients import (
    Client,
    ClientSecret,
    SecretRefused,
    add_secret,
    lasting_secrets,
    reset_secrets,
    revoke_secret,
)
from grantline.web.console.credentials import ENDINGS, RESETS
from grantline.web.console_api.caller import Caller
from grantline.web.console_api.operations import Body, Operation, Reply, Shown
from grantline.web.console_api.problems import not_found, not_possible
from grantline.workspaces import CHANGE


class SecretShown(Shown):
    """One secret. Its ID names it and proves nothing."""

    secret_id: str
    created_at: int
    expires_at: int | None


class SecretsShown(Shown):
    """The secrets that work."""

    secrets: list[SecretShown]


class SecretMade(SecretShown):
    """A new secret, with its value: the only time that it is shown."""

    client_id: str
    client_secret: str


class NewSecret(Body):
    """A second secret, so that one can follow the other."""

    old_ends: Literal["", "day", "week", "month"] = Field(
        default="", description="When the old one stops by itself; empty: when it is revoked."
    )


def show_secret(secret: ClientSecret) -> dict[str, object]:
    return {"secret_id": secret.id, "created_at": secret.created_at, "expires_at": secret.expires_at}


def check_owner(caller: Caller, client: Client) -> None:
    """A self client acts for its owner: its credentials are for that person alone (R45). Raises Problem."""
    if client.type.name == "self-client" and caller.account_id != client.owner_account_id:
        raise not_found()


async def index(caller: Caller, client: Client) -> Reply:
    """GET /clients/{client_id}/secrets."""
    check_owner(caller, client)
    found = lasting_secrets(client, caller.now)
    return Reply(SecretsShown(secrets=[SecretShown.model_validate(show_secret(secret)) for secret in found]))


async def add(caller: Caller, client: Client, body: NewSecret) -> Reply:
    """POST /clients/{client_id}/secrets."""
    check_owner(caller, client)
    seconds = ENDINGS[body.old_ends][0]
    try:
        async with caller.db.transaction() as tx:
            value, secret = await add_secret(
                tx,
                client,
                caller.server.code,
                caller.now,
                created_by=caller.account_id,
                end_others_at=caller.now + seconds if seconds else None,
            )
            await caller.record(tx, "secret.added", client=client, after={"secret_id": secret.id})
    except SecretRefused as refused:
        raise not_possible(str(refused)) from None
    return _made(client, value, secret)


async def reset(caller: Caller, client: Client) -> Reply:
    """POST /clients/{client_id}/secrets/reset: every other secret stops working at once."""
    check_owner(caller, client)
    caller.take(RESETS, client.id)
    before = [secret.id for secret in lasting_secrets(client, caller.now)]
    try:
        async with caller.db.transaction() as tx:
            value, secret = await reset_secrets(
                tx, client, caller.server.code, caller.now, created_by=caller.account_id
            )
            changed = {"before": {"secret_ids": before}, "after": {"secret_ids": [secret.id]}}
            await caller.record(tx, "secret.reset", client=client, **changed)
    except SecretRefused as refused:
        raise not_possible(str(refused)) from None
    return _made(client, value, secret)


def _made(client: Client, value: str, secret: ClientSecret) -> Reply:
    members = {**show_secret(secret), "client_id": client.id, "client_secret": value}
    return Reply(SecretMade.model_validate(members), 201)


async def revoke(caller: Caller, client: Client, secret_id: str) -> Reply:
    """DELETE /clients/{client_id}/secrets/{secret_id}."""
    check_owner(caller, client)
    if all(secret.id != secret_id for secret in lasting_secrets(client, caller.now)):
        raise not_found()
    try:
        async with caller.db.transaction() as tx:
            await revoke_secret(tx, client, secret_id, caller.now)
            await caller.record(tx, "secret.revoked", client=client, before={"secret_id": secret_id})
    except SecretRefused as refused:
        raise not_possible(str(refused)) from None
    return Reply(status=204)


_SECRETS = "/clients/{client_id}/secrets"
OPERATIONS = (
    Operation("GET", _SECRETS, index, "clients:read", "List the secrets that work", SecretsShown),
    Operation(
        "POST",
        _SECRETS,
        add,
        "secrets:write",
        "Add a second secret",
        SecretMade,
        CHANGE,
        status=201,
        body=NewSecret,
        also=(409,),
    ),
    Operation(
        "POST",
        f"{_SECRETS}/reset",
        reset,
        "secrets:write",
        "Replace every secret by a new one",
        SecretMade,
        CHANGE,
        status=201,
        also=(409,),
    ),
    Operation(
        "DELETE",
        f"{_SECRETS}/{{secret_id}}",
        revoke,
        "secrets:write",
        "End a secret",
        None,
        CHANGE,
        status=204,
        also=(409,),
    ),
)
