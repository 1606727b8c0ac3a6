"""Data centers of a client: where it works, with which secret there, how far its last change has got, and the
addresses of each (R14, R24, R70)."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response

from grantline.clients import (
    MOST_LIVE,
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
from grantline.oauth.metadata import authorization_server_metadata
from grantline.web.console.changes import record_change
from grantline.web.console.client_form import tell
from grantline.web.console.confirm import PASSWORD, confirm
from grantline.web.console.created import credentials_page
from grantline.web.console.credentials import RESETS
from grantline.web.console.entrance import check_limit
from grantline.web.console.place import Place
from grantline.web.console.reach import find_reach, name_of
from grantline.web.languages import _, mark
from grantline.web.visit import Visit

Maker = Callable[[Transaction, Client, str, int, int], Awaitable[tuple[str, ClientSecret]]]

_DONE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "on": mark("It is switched on. It works there as soon as that data center has confirmed it."),
        "off": mark("It is switched off. It stops there as soon as that data center has confirmed it."),
        "revoked": mark("The secret was revoked. It stops as soon as that data center has confirmed it."),
        "shared": mark("The secret of its home serves there again, as soon as that is confirmed."),
    }
)
ONLY_HERE: Final = mark(
    "A self client works with its owner’s data alone, and that is in one data center: here. So it has no"
    " switches."
)
_ENDPOINTS: Final = (
    ("authorization_endpoint", mark("Authorization")),
    ("token_endpoint", mark("Token")),
    ("revocation_endpoint", mark("Revocation")),
    ("introspection_endpoint", mark("Introspection")),
    ("device_authorization_endpoint", mark("Device code")),
    ("userinfo_endpoint", mark("Userinfo")),
    ("dc_info", mark("List of data centers (serverinfo)")),
)


async def show_data_centers(visit: Visit, place: Place, client: Client) -> Response:
    """GET …/data-centers?center=…: all of them, and one in full."""
    done = _DONE.get(visit.request.query_params.get("done", ""), "")
    chosen = visit.request.query_params.get("center", "")
    return await _page(visit, place, client, chosen, done=_(done) if done else "")


async def _page(
    visit: Visit, place: Place, client: Client, code: str, *, done: str = "", problem: str = ""
) -> Response:
    centers = visit.server.mint.data_centers
    found = {row.data_center: row for row in await list_elsewhere(visit.server.db, client.id)}
    known = {center.code: center for center in centers.every}
    codes = [*known, *(one for one in found if one not in known)]
    chosen = code if code in codes else centers.home.code
    path = f"/console/clients/{client.id}/data-centers"
    return visit.render(
        "console/data_centers.html",
        status=400 if problem else 200,
        **place.frame(visit),
        why="" if client.type.crosses or not centers.others else _(ONLY_HERE),
        rows=[_row(visit, one, known.get(one), found.get(one), one == chosen, path) for one in codes],
        chosen=_chosen(visit, client, chosen, known.get(chosen), found.get(chosen)),
        reach=await find_reach(visit, client),
        done=done,
        problem=problem,
        token=visit.form_token(f"data-centers:{client.id}"),
    )


def _row(
    visit: Visit, code: str, center: DataCenter | None, row: Elsewhere | None, chosen: bool, path: str
) -> dict[str, Any]:
    """One line of the list; a data center that the registry names no more has no addresses."""
    return {
        "code": code,
        "name": name_of(visit, code),
        "host": center.issuer.partition("://")[2] if center is not None else "",
        "api": center.api_domain.partition("://")[2] if center is not None else "",
        "home": center == visit.server.mint.home,
        "on": row is not None and row.enabled,
        "listed": center is not None,
        "address": f"{path}?center={code}#chosen",
        "chosen": chosen,
    }


def _chosen(
    visit: Visit, client: Client, code: str, center: DataCenter | None, row: Elsewhere | None
) -> dict[str, Any]:
    live = [one for one in (row.secrets or ()) if one.is_live(visit.now)] if row is not None else []
    return {
        "code": code,
        "name": name_of(visit, code),
        "home": center == visit.server.mint.home,
        "on": row is not None and row.enabled,
        "endpoints": endpoints_of(center) if center is not None else [],
        "own": row is not None and row.secrets is not None,
        "may_have_secret": client.type.secret != "none",
        "secrets": [{"id": one.id, "created_at": one.created_at} for one in live],
        "may_add": len(live) < MOST_LIVE,
    }


def endpoints_of(center: DataCenter) -> list[dict[str, str]]:
    """The addresses of a data center that an app needs, by what they are for."""
    document = authorization_server_metadata(center.issuer, ())
    found = [{"title": _(title), "address": document[name]} for name, title in _ENDPOINTS]
    return [*found, {"title": _("APIs (api_domain)"), "address": center.api_domain}]


async def ask_to_switch_off(visit: Visit, place: Place, client: Client) -> Response:
    """GET …/data-centers/off?center=…: what happens to people there, before it does; else the list."""
    code = visit.request.query_params.get("center", "")
    rows = {row.data_center: row for row in await list_elsewhere(visit.server.db, client.id)}
    if code not in rows or not rows[code].enabled:
        return await _page(visit, place, client, code)
    return visit.render(
        "console/data_center_off.html",
        **place.frame(visit),
        center={"code": code, "name": name_of(visit, code)},
        token=visit.form_token(f"data-centers:{client.id}"),
    )


async def switch(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/data-centers/switch: on or off in one data center."""
    form, asked_again = await _form(visit, place, client, "to")
    if asked_again:
        return asked_again
    code, on = form.get("center", ""), form.get("to", "") == "on"
    try:
        async with visit.server.db.transaction() as tx:
            before, after = await switch_data_center(tx, client, code, visit.now, on=on)
            if before != after:
                told = {"data_centers": before}, {"data_centers": after}
                await record_change(
                    tx, visit, place, "client.updated", client=client, before=told[0], after=told[1]
                )
    except RegistrationRefused as refused:
        problem = " ".join(tell(one) for one in refused.problems)
        return await _page(visit, place, client, code, problem=problem)
    except LookupError:
        raise HTTPException(404) from None
    return visit.redirect(_back(client, code, "on" if on else "off"))


async def add_secret(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/data-centers/secrets/add: a secret for there alone; the answer shows it, this once."""
    return await _new_secret(visit, place, client, "secret.added", add_secret_for)


async def reset_secrets(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/data-centers/secrets/reset: one new secret for there, and none of the others."""
    return await _new_secret(visit, place, client, "secret.reset", reset_secrets_for)


async def _new_secret(visit: Visit, place: Place, client: Client, kind: str, make: Maker) -> Response:
    form, asked_again = await _form(visit, place, client)
    if asked_again:
        return asked_again
    if kind == "secret.reset":
        check_limit(visit, RESETS, client.id)
    code, made = form.get("center", ""), []

    async def act(tx: Transaction) -> None:
        made.append(await make(tx, client, code, visit.now, place.account.id))

    if problem := await _change_secrets(visit, place, client, code, kind, act):
        return await _page(visit, place, client, code, problem=problem)
    [(value, secret)] = made
    return credentials_page(
        visit,
        place,
        client,
        secret=value,
        secret_id=secret.id,
        is_new=False,
        ended=kind == "secret.reset",
        center=visit.server.mint.data_centers.find(code),
        reach=await find_reach(visit, client, only=code),
    )


async def revoke_secret(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/data-centers/secrets/revoke: one of the secrets for there ends."""
    form, asked_again = await _form(visit, place, client, "secret_id")
    if asked_again:
        return asked_again
    code = form.get("center", "")

    async def act(tx: Transaction) -> None:
        await revoke_secret_for(tx, client, code, form.get("secret_id", ""), visit.now)

    if problem := await _change_secrets(visit, place, client, code, "secret.revoked", act):
        return await _page(visit, place, client, code, problem=problem)
    return visit.redirect(_back(client, code, "revoked"))


async def share_secret(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/data-centers/secrets/share: the secrets of home serve there again."""
    form, asked_again = await _form(visit, place, client)
    if asked_again:
        return asked_again
    code = form.get("center", "")

    async def act(tx: Transaction) -> None:
        await share_secrets(tx, client, code, visit.now)

    if problem := await _change_secrets(visit, place, client, code, "secret.shared", act):
        return await _page(visit, place, client, code, problem=problem)
    return visit.redirect(_back(client, code, "shared"))


async def _change_secrets(
    visit: Visit,
    place: Place,
    client: Client,
    code: str,
    kind: str,
    act: Callable[[Transaction], Awaitable[None]],
) -> str:
    """A change of the secrets for one data center, with its line in the audit: which lived before and after,
    by their IDs. Gives why not, if it was refused."""
    try:
        async with visit.server.db.transaction() as tx:
            before = await secrets_there(tx, client, code)
            await act(tx)
            after = {**await secrets_there(tx, client, code), "data_center": code}
            await record_change(tx, visit, place, kind, client=client, before=before, after=after)
    except SecretRefused as refused:
        return _(str(refused))
    except LookupError:
        raise HTTPException(404) from None
    return ""


async def _form(
    visit: Visit, place: Place, client: Client, *more: str
) -> tuple[Mapping[str, str], Response | None]:
    """The form of one of the buttons, and the page that asks for the password where that is due."""
    fields = frozenset({"center", PASSWORD, *more})
    form = await visit.form(f"data-centers:{client.id}", fields=fields)
    return form, await confirm(visit, place, form, back=f"/console/clients/{client.id}/data-centers")


def _back(client: Client, code: str, done: str) -> str:
    return f"/console/clients/{client.id}/data-centers?" + urlencode({"center": code, "done": done})
