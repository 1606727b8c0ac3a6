"""Clients: list, create, read, change, delete."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from grantline.accounts import personal_organization
from grantline.clients import (
    Client,
    Registration,
    RegistrationRefused,
    delete_client,
    find_client,
    list_workspace_clients,
    register_client,
    registration_of,
    set_disabled,
    update_client,
)
from grantline.web.console.clients import NEW_CLIENTS
from grantline.web.console_api.caller import Caller
from grantline.web.console_api.operations import Body, Operation, Reply, Shown, Text
from grantline.web.console_api.paging import Page, next_place
from grantline.web.console_api.problems import Problem, not_found, refused_fields
from grantline.workspaces import CHANGE, MANAGE

TypeName = Literal["server-based", "client-based", "self-client", "non-browser", "mobile"]
Texts = Annotated[list[Text], Field(max_length=100)]
IF_MATCH = (("If-Match", "The ETag that was read; without it the change is refused."),)


class ClientShown(Shown):
    """A client. Its secrets are never shown again."""

    client_id: str
    type: TypeName
    name: str
    homepage_url: str
    redirect_uris: list[str]
    origins: list[str]
    post_logout_redirect_uris: list[str]
    scopes: list[str]
    policy_url: str
    terms_url: str
    implicit: bool
    vendor_compatible: bool
    enabled: bool
    data_centers: list[str]
    secret_ids: list[str]
    created_at: int
    updated_at: int


class ClientsShown(Shown):
    """A page of the list of clients."""

    clients: list[ClientShown]
    next: str | None = Field(description="Where the next page begins; null at the end.")


class ClientMade(ClientShown):
    """A new client, with its secret where the type has one: the only time that it is shown."""

    client_secret: str | None


class _Settings(Body):
    homepage_url: Text = ""
    redirect_uris: Texts = Field(default=[])
    origins: Texts = Field(default=[])
    post_logout_redirect_uris: Texts = Field(default=[])
    scopes: Texts = Field(default=[])
    policy_url: Text = ""
    terms_url: Text = ""
    implicit: bool = False
    vendor_compatible: bool = False
    data_centers: Texts = Field(
        default=[], description="Where it works, by their codes; its own is always one of them."
    )


class NewClient(_Settings):
    """What a client is registered with; a field that its type has no use for is refused."""

    type: TypeName
    name: Text = Field(default="", description="Needed, except for a self client.")
    legacy_secret: bool = Field(default=False, description="Mobile alone: issue a secret too.")


class ClientChanges(_Settings):
    """What changes; what is absent stays as it is. Lists are replaced as a whole."""

    name: Text = ""
    enabled: bool = Field(default=True, description="Switch the app off or on.")


def show(client: Client) -> dict[str, object]:
    """The client's members."""
    return {
        "client_id": client.id,
        "type": client.type.name,
        "name": client.name,
        "homepage_url": client.homepage_url,
        "redirect_uris": client.redirect_uris,
        "origins": client.origins,
        "post_logout_redirect_uris": client.post_logout_redirect_uris,
        "scopes": client.scopes,
        "policy_url": client.policy_url,
        "terms_url": client.terms_url,
        "implicit": client.implicit,
        "vendor_compatible": client.vendor_compatible,
        "enabled": client.enabled,
        "data_centers": client.data_centers,
        "secret_ids": [secret.id for secret in client.secrets if secret.revoked_at is None],
        "created_at": client.created_at,
        "updated_at": client.updated_at,
    }


def etag(client: Client) -> tuple[tuple[str, str], ...]:
    """The header that names this version of the client."""
    return (("etag", f'"{client.version}{"" if client.enabled else "-off"}"'),)


def check_version(caller: Caller, client: Client) -> None:
    """The caller changes what it read. Raises Problem."""
    asked = caller.call.headers.get("if-match", "")
    if not asked:
        raise Problem("version_missing", 428)
    if etag(client)[0][1] not in [tag.strip() for tag in asked.split(",")]:
        raise Problem("version_stale", 412)


def _changes(body: _Settings) -> dict[str, object]:
    """The fields that were sent, as a registration has them."""
    sent = {name: getattr(body, name) for name in body.model_fields_set & set(Registration.__slots__)}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in sent.items()}


def refused_registration(refused: RegistrationRefused) -> Problem:
    """The problems of a registration, field by field."""
    return refused_fields([(each.field, each.sentence, each.value) for each in refused.problems])


async def index(caller: Caller, query: Page) -> Reply:
    """GET /clients."""
    found = await list_workspace_clients(
        caller.db, caller.workspace_id, before=query.place(), limit=query.limit
    )
    end = next_place(query.limit, len(found), found[-1].created_at, found[-1].id) if found else None
    shown = [ClientShown.model_validate(show(client)) for client in found]
    return Reply(ClientsShown(clients=shown, next=end))


async def create(caller: Caller, body: NewClient) -> Reply:
    """POST /clients: the same Idempotency-Key gives the client that it made, without its secret (R47)."""
    base = Registration(name="Self client" if body.type == "self-client" else "")
    asked = replace(base, **_changes(body))  # type: ignore[arg-type]
    caller.take(NEW_CLIENTS, str(caller.account_id))
    try:
        client, secret = await register_client(
            caller.db,
            type_name=body.type,
            asked=asked,
            owner_account_id=caller.account_id,
            workspace_id=caller.workspace_id,
            organization_id=(await personal_organization(caller.db, caller.account_id)).id,
            data_center=caller.server.code,
            now=caller.now,
            creation_key=_creation_key(caller),
        )
    except RegistrationRefused as refused:
        caller.server.mint.limiter.give_back(NEW_CLIENTS, str(caller.account_id))
        raise refused_registration(refused) from None
    if client.workspace_id != caller.workspace_id:
        # A self client is in its owner's own workspace, and a key may have been used in another one.
        raise not_found() if body.type == "self-client" else Problem("key_used_before", 422)
    made = secret is not None or (not client.secrets and client.created_at == caller.now)
    if secret is None and (client.type.name, client.name) != (body.type, asked.name):
        raise Problem("key_used_before", 422)
    if made:
        await caller.record(caller.db, "client.created", client=client, after={"type": client.type.name})
    shown = ClientMade.model_validate({**show(client), "client_secret": secret})
    location = ("location", f"{caller.call.path}/{client.id}")
    return Reply(shown, 201 if made else 200, (*etag(client), location))


def _creation_key(caller: Caller) -> str | None:
    key = caller.call.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= 64 or not key.isascii() or not key.isprintable():
        raise refused_fields([("Idempotency-Key", "Use 1 to 64 letters, digits or signs.", "")])
    return f"api:{key}"


async def read(caller: Caller, client: Client) -> Reply:
    """GET /clients/{client_id}."""
    return Reply(ClientShown.model_validate(show(client)), headers=etag(client))


async def update(caller: Caller, client: Client, body: ClientChanges) -> Reply:
    """PATCH /clients/{client_id}."""
    check_version(caller, client)
    before = registration_of(client)
    asked = replace(before, **_changes(body))  # type: ignore[arg-type]
    await change_registration(caller, client, asked)
    if "enabled" in body.model_fields_set and body.enabled != client.enabled:
        await set_disabled(caller.db, client.id, None if body.enabled else caller.now, caller.now)
        kind = "client.enabled" if body.enabled else "client.disabled"
        await caller.record(caller.db, kind, client=client)
    return await read(caller, await _again(caller, client))


async def change_registration(caller: Caller, client: Client, asked: Registration) -> None:
    """Store what was asked, unless the client is another by now. Raises Problem."""
    before = registration_of(client)
    if asked == before:
        return
    try:
        updated = await update_client(caller.db, client, asked, caller.now, only_this_version=True)
    except RegistrationRefused as refused:
        raise refused_registration(refused) from None
    except LookupError:
        raise Problem("version_stale", 412) from None
    after = registration_of(updated)
    changed = [name for name in Registration.__slots__ if getattr(after, name) != getattr(before, name)]
    await caller.record(
        caller.db,
        "client.updated",
        client=client,
        before={name: getattr(before, name) for name in changed},
        after={name: getattr(after, name) for name in changed},
    )


async def _again(caller: Caller, client: Client) -> Client:
    found = await find_client(caller.db, client.id)
    if found is None:
        raise not_found()
    return found


async def delete(caller: Caller, client: Client) -> Reply:
    """DELETE /clients/{client_id}: with the next request none of its tokens works."""
    if not await delete_client(caller.db, client.id, caller.now):
        raise not_found()
    await caller.record(caller.db, "client.deleted", client=client, before={"name": client.name})
    return Reply(status=204)


_ONE = "/clients/{client_id}"
_KEY = (("Idempotency-Key", "A random text: sending the same again makes no second client."),)
OPERATIONS = (
    Operation("GET", "/clients", index, "clients:read", "List the clients", ClientsShown, query=Page),
    Operation(
        "POST",
        "/clients",
        create,
        "clients:write",
        "Register a client",
        ClientMade,
        CHANGE,
        status=201,
        body=NewClient,
        headers=_KEY,
        also=(404,),
    ),
    Operation("GET", _ONE, read, "clients:read", "Read a client", ClientShown),
    Operation(
        "PATCH",
        _ONE,
        update,
        "clients:write",
        "Change a client",
        ClientShown,
        CHANGE,
        body=ClientChanges,
        headers=IF_MATCH,
        also=(412, 428),
    ),
    Operation("DELETE", _ONE, delete, "clients:write", "Delete a client", None, MANAGE, status=204),
)
