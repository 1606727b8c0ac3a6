"""Credentials: a client's secrets, which of them are in use, and adding, resetting and revoking them
(R36–R39, R41, T6)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from grantline.accounts import find_account
from grantline.activity import count_since, last_used, secret_kind
from grantline.clients import (
    MOST_LIVE,
    Client,
    ClientSecret,
    SecretRefused,
    add_secret,
    find_client,
    lasting_secrets,
    reset_secrets,
    revoke_secret,
)
from grantline.db import Transaction
from grantline.limits import Limit
from grantline.web.console.changes import record_change
from grantline.web.console.confirm import PASSWORD, confirm
from grantline.web.console.created import credentials_page
from grantline.web.console.entrance import check_limit
from grantline.web.console.place import Place
from grantline.web.console.reach import find_reach
from grantline.web.console.type_words import no_secret
from grantline.web.languages import _, mark
from grantline.web.visit import Visit

RESETS: Final = Limit("secret-reset", 5, 3600)
_DAY: Final = 24 * 3600
ENDINGS: Final[Mapping[str, tuple[int, str]]] = MappingProxyType(
    {
        "": (0, mark("When I revoke it")),
        "day": (_DAY, mark("In a day")),
        "week": (7 * _DAY, mark("In a week")),
        "month": (30 * _DAY, mark("In a month")),
    }
)
"""When the old secret stops after another was added: seconds, and the words of the form."""
_DONE: Final[Mapping[str, str]] = MappingProxyType(
    {"revoked": mark("The secret was revoked. It stopped working.")}
)
_REFUSALS: Final = (
    mark("This type has no secret, because anyone could read it in the page source."),
    mark("Two secrets are live already. Revoke one first."),
    mark("This client has no live secret with that ID."),
    mark("This is the only secret. Add another first, or reset it."),
    mark("The client was changed at the same moment. Try again."),
)
"""What a SecretRefused may say, for the catalogues of the languages."""

Change = Callable[[Transaction, Client], Awaitable[tuple[str, ClientSecret]]]


def check_owner(place: Place, client: Client) -> None:
    """A self client acts for its owner, so its secrets and codes are for that person's eyes alone (R45)."""
    if client.type.name == "self-client" and place.account.id != client.owner_account_id:
        raise HTTPException(404)


async def show_credentials(visit: Visit, place: Place, client: Client) -> Response:
    """GET …/credentials."""
    check_owner(place, client)
    done = _DONE.get(visit.request.query_params.get("done", ""), "")
    return await _page(visit, place, client, done=_(done))


async def _page(visit: Visit, place: Place, client: Client, *, done: str = "", problem: str = "") -> Response:
    kind, live = client.type, lasting_secrets(client, visit.now)
    shown = [await _secret(visit, place, client, one) for one in live]
    old = shown[0] if len(shown) == MOST_LIVE else None
    return visit.render(
        "console/credentials.html",
        status=400 if problem else 200,
        **place.frame(visit),
        secrets=shown,
        old=old,
        done=done,
        problem=problem,
        may_have_secret=kind.secret != "none",
        needs_secret=kind.secret == "required",
        may_add=len(live) < MOST_LIVE,
        no_secret=_(no_secret(kind)),
        endings=[{"value": value, "words": _(words)} for value, (_seconds, words) in ENDINGS.items()],
        token=visit.form_token(f"secrets:{client.id}"),
    )


async def _secret(visit: Visit, place: Place, client: Client, secret: ClientSecret) -> dict[str, Any]:
    """One line of the list: whose it is, and whether anything still uses it."""
    db, now = visit.server.db, visit.now
    used_at = await last_used(db, client.id, secret_kind(secret.id))
    today = await count_since(db, client.id, secret_kind(secret.id), now - now % _DAY)
    quiet = secret.created_at <= now - _DAY and (used_at is None or used_at <= now - _DAY)
    if secret.expires_at is not None:
        state, word = "wait", ""
    elif used_at is None:
        state, word = "todo", _("Not used yet")
    elif quiet:
        state, word = "open", _("Not used for 24 hours")
    else:
        state, word = "done", _("In use")
    return {
        "id": secret.id,
        "created_at": secret.created_at,
        "created_by": await _name(visit, place, secret.created_by),
        "until_at": secret.expires_at,
        "used_at": used_at,
        "today": today,
        "safe": quiet,
        "state": state,
        "word": word,
    }


async def _name(visit: Visit, place: Place, account_id: int) -> str:
    if account_id == place.account.id:
        return place.account.name
    account = await find_account(visit.server.db, account_id) if account_id else None
    return account.name if account is not None else ""


async def add(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/secrets/add: a second secret beside the one in use, which may get an end."""
    check_owner(place, client)
    form = await visit.form(f"secrets:{client.id}", fields=frozenset({"old_ends", PASSWORD}))
    if asked_again := await confirm(visit, place, form, back=f"/console/clients/{client.id}/credentials"):
        return asked_again
    ending = ENDINGS.get(form.get("old_ends", ""))
    if ending is None:
        return await _page(visit, place, client, problem=_("Choose when the old secret stops."))
    seconds = ending[0]

    async def change(tx: Transaction, client: Client) -> tuple[str, ClientSecret]:
        return await add_secret(
            tx,
            client,
            visit.server.code,
            visit.now,
            created_by=place.account.id,
            end_others_at=visit.now + seconds if seconds else None,
        )

    return await _new_secret(visit, place, client, "secret.added", change)


async def reset(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/secrets/reset: one new secret, and none of the others."""
    check_owner(place, client)
    form = await visit.form(f"secrets:{client.id}", fields=frozenset({PASSWORD}))
    if asked_again := await confirm(visit, place, form, back=f"/console/clients/{client.id}/credentials"):
        return asked_again
    check_limit(visit, RESETS, client.id)

    async def change(tx: Transaction, client: Client) -> tuple[str, ClientSecret]:
        return await reset_secrets(tx, client, visit.server.code, visit.now, created_by=place.account.id)

    return await _new_secret(visit, place, client, "secret.reset", change)


async def make_another(visit: Visit, place: Place, client: Client) -> tuple[str, ClientSecret]:
    """One more secret beside the one in use, and its line in the audit. Raises SecretRefused."""
    check_owner(place, client)

    async def change(tx: Transaction, client: Client) -> tuple[str, ClientSecret]:
        return await add_secret(tx, client, visit.server.code, visit.now, created_by=place.account.id)

    return await _make(visit, place, client, "secret.added", change)


async def _make(
    visit: Visit, place: Place, client: Client, kind: str, change: Change
) -> tuple[str, ClientSecret]:
    """The change and its line in the audit, together. Raises SecretRefused."""
    async with visit.server.db.transaction() as tx:
        made = await change(tx, client)
        await _record(visit, place, tx, kind, client, await find_client(tx, client.id))
    return made


async def _new_secret(visit: Visit, place: Place, client: Client, kind: str, change: Change) -> Response:
    """The answer shows the secret, this once."""
    try:
        value, secret = await _make(visit, place, client, kind, change)
    except SecretRefused as refused:
        return await _page(visit, place, client, problem=_(str(refused)))
    return credentials_page(
        visit,
        place,
        client,
        secret=value,
        secret_id=secret.id,
        is_new=False,
        ended=kind == "secret.reset",
        reach=await find_reach(visit, client),
    )


async def revoke(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/secrets/revoke: one secret ends."""
    check_owner(place, client)
    form = await visit.form(f"secrets:{client.id}", fields=frozenset({"secret_id", PASSWORD}))
    path = f"/console/clients/{client.id}/credentials"
    if asked_again := await confirm(visit, place, form, back=path):
        return asked_again
    try:
        async with visit.server.db.transaction() as tx:
            await revoke_secret(tx, client, form.get("secret_id", ""), visit.now)
            await _record(visit, place, tx, "secret.revoked", client, await find_client(tx, client.id))
    except SecretRefused as refused:
        return await _page(visit, place, client, problem=_(str(refused)))
    return visit.redirect(f"{path}?done=revoked")


async def _record(
    visit: Visit, place: Place, tx: Transaction, kind: str, client: Client, changed: Client | None
) -> None:
    """Which secrets lived before and after, by their IDs."""
    before, after = _ids(client, visit.now), _ids(changed or client, visit.now)
    await record_change(tx, visit, place, kind, client=client, before=before, after=after)


def _ids(client: Client, now: int) -> Mapping[str, Sequence[str] | Mapping[str, int]]:
    lasting = lasting_secrets(client, now)
    ends = {one.id: one.expires_at for one in lasting if one.expires_at is not None}
    return {"secret_ids": [one.id for one in lasting], **({"ends_at": ends} if ends else {})}
