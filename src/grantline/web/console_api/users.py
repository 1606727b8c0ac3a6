"""Whose data a client holds tokens for, with masked addresses, and ending that (B2)."""

from typing import Annotated

from pydantic import Field

from grantline.clients import Client
from grantline.tokens import (
    LIVE_REFRESH_TOKENS,
    REVOKED_BY_OWNER,
    count_holders,
    list_held_authorizations,
    list_holdings,
    revoke_for_client,
    revoke_one,
    revoke_some,
)
from grantline.web.console.users import mask_email
from grantline.web.console_api.caller import Caller
from grantline.web.console_api.operations import Number, Operation, Query, Reply, Shown
from grantline.web.console_api.problems import not_found
from grantline.workspaces import CHANGE


class UserShown(Shown):
    """One person, or the client itself."""

    account_id: str = Field(description="0: the client itself.")
    email: str = Field(description="Masked: enough to recognise somebody, too little to write to them.")
    since: int
    used_at: int
    refresh_tokens: int
    authorizations: int


class UsersShown(Shown):
    """A page of the people, by the number of their account."""

    users: list[UserShown]
    people: int
    counted_all: bool = Field(description="False: there are more than were counted.")
    refresh_token_limit: int
    next: str | None = Field(description="Where the next page begins; null at the end.")


class AuthorizationShown(Shown):
    """What the client holds for one person, one by one."""

    authorization_id: str
    kind: str
    scope: list[str]
    created_at: int
    used_at: int


class AuthorizationsShown(Shown):
    """The live authorizations of one person."""

    authorizations: list[AuthorizationShown]


class Ended(Shown):
    """How many authorizations ended. Their tokens die with the next request."""

    ended: int


class UsersPage(Query):
    """How many, and from where."""

    limit: Annotated[Number, Field(ge=1, le=200, description="How many at most.")] = 50
    after: str = Field(default="", pattern="^([0-9]{1,16})?$", description="The `next` of the answer before.")


async def index(caller: Caller, client: Client, query: UsersPage) -> Reply:
    """GET /clients/{client_id}/users."""
    holders = await count_holders(caller.db, client.id)
    after = int(query.after) if query.after else -1
    found = await list_holdings(caller.db, client.id, after=after, limit=query.limit)
    shown = [
        UserShown(
            account_id=str(one.account_id),
            email=mask_email(one.email) if one.account_id else "",
            since=one.since,
            used_at=one.used_at,
            refresh_tokens=one.refresh_tokens,
            authorizations=one.authorizations,
        )
        for one in found
    ]
    return Reply(
        UsersShown(
            users=shown,
            people=holders.people,
            counted_all=not holders.more,
            refresh_token_limit=LIVE_REFRESH_TOKENS,
            next=str(found[-1].account_id) if len(found) == query.limit else None,
        )
    )


async def read(caller: Caller, client: Client, account_id: str) -> Reply:
    """GET /clients/{client_id}/users/{account_id}."""
    found = await list_held_authorizations(caller.db, client.id, _number(account_id))
    if not found:
        raise not_found()
    shown = [
        AuthorizationShown(
            authorization_id=str(one.id),
            kind=one.kind,
            scope=list(one.scope),
            created_at=one.created_at,
            used_at=one.used_at,
        )
        for one in found
    ]
    return Reply(AuthorizationsShown(authorizations=shown))


def _number(text: str) -> int:
    """A number of ours. Raises Problem."""
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise not_found()
    return int(text)


async def revoke(caller: Caller, client: Client, account_id: str) -> Reply:
    """DELETE /clients/{client_id}/users/{account_id}: everything that is held for one person."""
    person = _number(account_id)
    async with caller.db.transaction() as tx:
        ended = await revoke_for_client(
            tx, account_id=person, client_id=client.id, reason=REVOKED_BY_OWNER, now=caller.now
        )
        if ended:
            told = {"sub": str(person), "authorizations": ended}
            await caller.record(tx, "tokens.revoked", client=client, before=told)
    if not ended:
        raise not_found()
    return Reply(Ended(ended=ended))


async def revoke_authorization(caller: Caller, client: Client, authorization_id: str) -> Reply:
    """DELETE /clients/{client_id}/authorizations/{authorization_id}: one, with its tokens."""
    number = _number(authorization_id)
    async with caller.db.transaction() as tx:
        ended = await revoke_one(tx, client.id, number, caller.now)
        if ended:
            await caller.record(tx, "tokens.revoked", client=client, before={"authorization": number})
    if not ended:
        raise not_found()
    return Reply(Ended(ended=ended))


async def revoke_all(caller: Caller, client: Client) -> Reply:
    """DELETE /clients/{client_id}/users: everything that the client holds for anybody."""
    ended = 0
    while some := await revoke_some(caller.db, client.id, caller.now):
        ended += some
    await caller.record(caller.db, "tokens.revoked", client=client, before={"authorizations": ended})
    return Reply(Ended(ended=ended))


_USERS = "/clients/{client_id}/users"
_WRITE = "clients:write"
OPERATIONS = (
    Operation(
        "GET", _USERS, index, "activity:read", "List whose data it reaches", UsersShown, query=UsersPage
    ),
    Operation("DELETE", _USERS, revoke_all, _WRITE, "End all of its tokens", Ended, CHANGE),
    Operation(
        "GET", f"{_USERS}/{{account_id}}", read, "activity:read", "Read one person", AuthorizationsShown
    ),
    Operation(
        "DELETE", f"{_USERS}/{{account_id}}", revoke, _WRITE, "End its tokens of one person", Ended, CHANGE
    ),
    Operation(
        "DELETE",
        "/clients/{client_id}/authorizations/{authorization_id}",
        revoke_authorization,
        _WRITE,
        "End one authorization",
        Ended,
        CHANGE,
    ),
)
