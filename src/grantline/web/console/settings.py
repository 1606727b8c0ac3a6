"""Settings of a client: what people see of it, how it is answered, its manifest, its place and its end."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from starlette.responses import Response

from grantline.clients import (
    MOST_LOGO_BYTES,
    MOST_LOGO_PIXELS,
    Client,
    Registration,
    RegistrationRefused,
    TransferRefused,
    delete_client,
    manifest_of,
    registration_of,
    render_manifest,
    set_disabled,
    transfer_client,
)
from grantline.consent import MOST_COUNTED, count_people
from grantline.web.console.changes import record_change
from grantline.web.console.changing import change_client
from grantline.web.console.client_form import (
    Notes,
    fields_of_settings,
    form_values,
    notes_by_field,
    problems_by_field,
    read_registration,
)
from grantline.web.console.confirm import PASSWORD, confirm
from grantline.web.console.logo import save_logo
from grantline.web.console.place import Place
from grantline.web.console.reach import find_reach
from grantline.web.languages import _, mark
from grantline.web.pages.logos import logo_address
from grantline.web.visit import Visit
from grantline.workspaces import CHANGE

_DONE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "saved": mark("Saved. It holds from the next request on."),
        "logo": mark("The logo is saved. People see it from now on."),
        "no-logo": mark("The logo is gone."),
        "off": mark("It is switched off. Its requests are refused from now on, and nothing was deleted."),
        "on": mark("It is switched on again."),
        "moved": mark("It was moved to another workspace."),
        "manifest": mark("The manifest was applied. It holds from the next request on."),
    }
)


async def show_settings(visit: Visit, place: Place, client: Client) -> Response:
    """GET …/settings."""
    return await settings_page(visit, place, client)


async def settings_page(
    visit: Visit,
    place: Place,
    client: Client,
    *,
    asked: Registration | None = None,
    refused: RegistrationRefused | None = None,
    problems: Mapping[str, str] = MappingProxyType({}),
    status: int = 0,
) -> Response:
    """The page, with what was typed where that was refused. `problems`: of the other forms, by their name."""
    names = fields_of_settings(client.type)
    shown = asked or registration_of(client)
    found = refused.problems if refused else ()
    told = {**(problems_by_field(found, shown) if refused else {}), **problems}
    notes: Mapping[str, Notes] = notes_by_field(client.type, names, shown, found)
    people = await count_people(visit.server.db, client.id)
    done = _DONE.get(visit.request.query_params.get("done", ""), "")
    return visit.render(
        "console/settings.html",
        status=status or (400 if told else 200),
        **place.frame(visit),
        fields=names,
        form=form_values(shown),
        problems=told,
        notes=notes,
        done=_(done) if done else "",
        logo=logo_address(client.logo_digest),
        logo_limits={"kilobytes": MOST_LOGO_BYTES // 1024, "pixels": MOST_LOGO_PIXELS},
        manifest=render_manifest(manifest_of(client)),
        people={"count": min(people, MOST_COUNTED), "more": people > MOST_COUNTED},
        elsewhere=_elsewhere(place, client),
        reach=await find_reach(visit, client),
        tokens=_tokens(visit, client),
    )


def _tokens(visit: Visit, client: Client) -> dict[str, str]:
    acts = ("settings", "logo", "manifest", "switch", "transfer", "delete")
    return {act: visit.form_token(f"{act}:{client.id}") for act in acts}


def _elsewhere(place: Place, client: Client) -> list[dict[str, Any]]:
    """The other workspaces to which the person may move it; a self client stays with its owner."""
    if client.type.name == "self-client":
        return []
    return [
        {"id": known.workspace_id, "name": place.name_of(known)}
        for known in place.memberships
        if known.workspace_id != client.workspace_id and known.may(CHANGE)
    ]


async def save(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/settings."""
    names = fields_of_settings(client.type)
    form = await visit.form(f"settings:{client.id}", fields=frozenset({*names, PASSWORD}))
    path = f"/console/clients/{client.id}/settings"
    if asked_again := await confirm(visit, place, form, back=path):
        return asked_again
    try:
        await change_client(visit, place, client, lambda base: read_registration(form, names, base))
    except RegistrationRefused as refused:
        asked = read_registration(form, names, registration_of(client))
        return await settings_page(visit, place, client, asked=asked, refused=refused)
    return visit.redirect(f"{path}?done=saved")


async def change_logo(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/logo: a picture, or none."""
    done, problem = await save_logo(visit, place, client)
    if problem:
        return await settings_page(visit, place, client, problems={"logo": problem})
    return visit.redirect(f"/console/clients/{client.id}/settings?done={done}")


async def switch(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/switch: off or on again; neither deletes anything."""
    form = await visit.form(f"switch:{client.id}", fields=frozenset({"to", PASSWORD}))
    path = f"/console/clients/{client.id}/settings"
    if asked_again := await confirm(visit, place, form, back=path):
        return asked_again
    off = form.get("to", "") == "off"
    if off == client.enabled:
        await set_disabled(visit.server.db, client.id, visit.now if off else None, visit.now)
        kind = "client.disabled" if off else "client.enabled"
        before, after = {"enabled": client.enabled}, {"enabled": not off}
        await record_change(visit.server.db, visit, place, kind, client=client, before=before, after=after)
    return visit.redirect(f"{path}?done={'off' if off else 'on'}")


async def transfer(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/transfer: into another workspace of this person."""
    form = await visit.form(f"transfer:{client.id}", fields=frozenset({"workspace", PASSWORD}))
    path = f"/console/clients/{client.id}/settings"
    choices = {str(choice["id"]): choice for choice in _elsewhere(place, client)}
    chosen = choices.get(form.get("workspace", ""))
    if chosen is None:
        problems = {"workspace": _("Choose one of your workspaces.")}
        return await settings_page(visit, place, client, problems=problems)
    if asked_again := await confirm(visit, place, form, back=path):
        return asked_again
    try:
        await _move(visit, place, client, chosen)
    except TransferRefused as refused:
        return await settings_page(visit, place, client, problems={"workspace": _(str(refused))})
    return visit.redirect(f"{path}?done=moved")


async def _move(visit: Visit, place: Place, client: Client, chosen: Mapping[str, Any]) -> None:
    """The move, written to the audit of both workspaces with it. Raises TransferRefused."""
    here = {"workspace": place.name_of(place.membership)}
    there = {"workspace": chosen["name"]}
    async with visit.server.db.transaction() as tx:
        await transfer_client(
            tx, client, to_workspace=chosen["id"], account_id=place.account.id, now=visit.now
        )
        await record_change(tx, visit, place, "client.transferred", client=client, before=here, after=there)
        arrived = next(known for known in place.memberships if known.workspace_id == chosen["id"])
        await record_change(
            tx,
            visit,
            replace(place, membership=arrived, client=None),
            "client.received",
            after={"client": client.id, "name": client.name, "from": here["workspace"]},
        )


async def delete(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/delete: with its name typed."""
    form = await visit.form(f"delete:{client.id}", fields=frozenset({"typed_name", PASSWORD}))
    if form.get("typed_name", "").strip() != client.name:
        problems = {"typed_name": _("That is not its name. Nothing was deleted.")}
        return await settings_page(visit, place, client, problems=problems)
    if asked_again := await confirm(visit, place, form, back=f"/console/clients/{client.id}/settings"):
        return asked_again
    if await delete_client(visit.server.db, client.id, visit.now):
        await record_change(
            visit.server.db, visit, place, "client.deleted", client=client, before={"name": client.name}
        )
    return visit.redirect("/console/clients?deleted")
