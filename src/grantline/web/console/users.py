"""Users and tokens: whose data a client holds tokens for, and ending that (B2)."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from grantline.clients import Client
from grantline.tokens import (
    LIVE_REFRESH_TOKENS,
    REVOKED_BY_OWNER,
    Holding,
    count_holders,
    list_held_authorizations,
    list_holdings,
    revoke_for_client,
    revoke_one,
    revoke_some,
)
from grantline.web.console.changes import record_change
from grantline.web.console.confirm import PASSWORD, confirm
from grantline.web.console.place import Place
from grantline.web.languages import _, mark
from grantline.web.visit import Visit

_SHOWN: Final = 50
_NEAR: Final = LIVE_REFRESH_TOKENS * 4 // 5
_DONE: Final = {
    "one": mark("The token was revoked. It does not work any more."),
    "person": mark("Everything held for this person was revoked. None of it works any more."),
    "all": mark("All tokens of this client were revoked. None of them works any more."),
}


def mask_email(email: str) -> str:
    """Enough to recognise somebody, too little to write to them: "m…a@example.com"."""
    name, at, host = email.rpartition("@")
    if not at:
        return "…"
    return f"{name[:1]}…{name[-1:] if len(name) > 2 else ''}@{host}"


async def show_users(visit: Visit, place: Place, client: Client) -> Response:
    """GET …/users: people page by page, and the tokens of the one who is opened."""
    db, said = visit.server.db, visit.request.query_params
    after = _number(said.get("after", ""))
    opened = _number(said.get("person", ""))
    holders = await count_holders(db, client.id)
    found = await list_holdings(db, client.id, after=-1 if after is None else after, limit=_SHOWN + 1)
    held = await list_held_authorizations(db, client.id, opened) if opened is not None else []
    path = f"/console/clients/{client.id}/users"
    here = f"after={after}&" if after is not None else ""
    return visit.render(
        "console/users.html",
        **place.frame(visit),
        people=[
            {
                **_person(one, visit.now),
                "opened": one.account_id == opened,
                "address": f"{path}?{here}person={one.account_id}#person-{one.account_id}",
            }
            for one in found[:_SHOWN]
        ],
        held=[
            {
                "id": one.id,
                "kind": one.kind,
                "scope": list(one.scope),
                "created_at": one.created_at,
                "seconds_ago": visit.now - one.used_at,
            }
            for one in held
        ],
        holders={"people": holders.people, "busiest": holders.busiest, "more": holders.more},
        limit=LIVE_REFRESH_TOKENS,
        near=_NEAR,
        older=f"{path}?after={found[_SHOWN - 1].account_id}" if len(found) > _SHOWN else "",
        first_page=path if after is not None else "",
        done=_(_DONE[said["done"]]) if said.get("done") in _DONE else "",
        token=visit.form_token(f"users:{client.id}"),
    )


def _person(one: Holding, now: int) -> dict[str, object]:
    return {
        "account_id": one.account_id,
        "shown": mask_email(one.email) if one.account_id else "",
        "itself": one.account_id == 0,
        "since": one.since,
        "seconds_ago": now - one.used_at,
        "refresh_tokens": one.refresh_tokens,
        "filled": min(100, one.refresh_tokens * 100 // LIVE_REFRESH_TOKENS),
        "level": "stop"
        if one.refresh_tokens >= LIVE_REFRESH_TOKENS
        else "wait"
        if one.refresh_tokens >= _NEAR
        else "calm",
    }


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


async def ask_to_revoke(visit: Visit, place: Place, client: Client) -> Response:
    """GET …/users/revoke: what would end, before it does."""
    said = visit.request.query_params
    person, token = _number(said.get("person", "")), _number(said.get("authorization", ""))
    holders = await count_holders(visit.server.db, client.id)
    shown = ""
    if person is not None:
        found = await list_holdings(visit.server.db, client.id, after=person - 1, limit=1)
        if not found or found[0].account_id != person:
            raise HTTPException(404)
        shown = mask_email(found[0].email) if person else client.name
    return visit.render(
        "console/revoke.html",
        **place.frame(visit),
        scope="one" if token is not None else "person" if person is not None else "all",
        shown=shown,
        holders={"people": holders.people, "more": holders.more},
        fields={
            "token": visit.form_token(f"users:{client.id}"),
            "authorization": str(token) if token is not None else "",
            "person": str(person) if person is not None else "",
        },
    )


async def revoke_users(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/users/revoke: one token, all of one person, or all. They die with the next request."""
    form = await visit.form(f"users:{client.id}", fields=frozenset({"authorization", "person", PASSWORD}))
    path = f"/console/clients/{client.id}/users"
    if asked_again := await confirm(visit, place, form, back=path):
        return asked_again
    token, person = _number(form.get("authorization", "")), _number(form.get("person", ""))
    if token is not None:
        return visit.redirect(f"{path}?done=one{await _revoke_one(visit, place, client, token, person)}")
    if form.get("authorization") or (form.get("person") and person is None):
        raise HTTPException(404)
    if person is not None:
        await _revoke_person(visit, place, client, person)
        return visit.redirect(f"{path}?done=person")
    ended = 0
    while some := await revoke_some(visit.server.db, client.id, visit.now):
        ended += some
    await record_change(
        visit.server.db, visit, place, "tokens.revoked", client=client, before={"authorizations": ended}
    )
    return visit.redirect(f"{path}?done=all")


async def _revoke_one(visit: Visit, place: Place, client: Client, token: int, person: int | None) -> str:
    async with visit.server.db.transaction() as tx:
        if not await revoke_one(tx, client.id, token, visit.now):
            raise HTTPException(404)
        await record_change(
            tx, visit, place, "tokens.revoked", client=client, before={"authorization": token}
        )
    return f"&person={person}" if person is not None else ""


async def _revoke_person(visit: Visit, place: Place, client: Client, person: int) -> None:
    async with visit.server.db.transaction() as tx:
        ended = await revoke_for_client(
            tx, account_id=person, client_id=client.id, reason=REVOKED_BY_OWNER, now=visit.now
        )
        await record_change(
            tx,
            visit,
            place,
            "tokens.revoked",
            client=client,
            before={"sub": str(person), "authorizations": ended},
        )
