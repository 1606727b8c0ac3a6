"""One client: its facts, its settings, its end (R33, R38, T4)."""

from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from starlette.responses import Response

from grantline.clients import (
    Client,
    Registration,
    RegistrationRefused,
    delete_client,
    registration_of,
    update_client,
)
from grantline.web.console.changes import record_change
from grantline.web.console.client_form import (
    fields_to_change,
    form_values,
    problems_by_field,
    read_registration,
)
from grantline.web.console.confirm import PASSWORD, confirm
from grantline.web.console.place import Place
from grantline.web.console.type_words import TYPE_WORDS
from grantline.web.visit import Visit

_DONE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "saved": "Saved. It holds from the next request on.",
    }
)


async def show_client(visit: Visit, place: Place, client: Client) -> Response:
    """GET /console/clients/{client_id}."""
    return details_page(visit, place, client, done=_DONE.get(visit.request.query_params.get("done", ""), ""))


def details_page(
    visit: Visit,
    place: Place,
    client: Client,
    *,
    asked: Registration | None = None,
    refused: RegistrationRefused | None = None,
    done: str = "",
    delete_problem: str = "",
) -> Response:
    """The page of a client; with what was asked for when that was refused."""
    kind = client.type
    shown = asked or registration_of(client)
    return visit.render(
        "console/client.html",
        status=400 if refused or delete_problem else 200,
        **place.frame(visit),
        fields=fields_to_change(kind),
        form=form_values(shown),
        problems=problems_by_field(refused.problems, shown) if refused else {},
        done=done,
        advice=_advice(client),
        flow_sentence=TYPE_WORDS[kind.name].flow,
        delete_problem=delete_problem,
        tokens={act: visit.form_token(f"{act}:{client.id}") for act in ("settings", "delete")},
    )


def _advice(client: Client) -> str:
    """What works but should change (RFC 8252 §8.3)."""
    if any(urlsplit(uri).hostname == "localhost" for uri in client.redirect_uris):
        return (
            "A redirect URI says localhost, and some devices send that name elsewhere. 127.0.0.1 is the safer"
            " spelling."
        )
    return ""


async def save(visit: Visit, place: Place, client: Client) -> Response:
    """POST /console/clients/{client_id}: the settings."""
    names = fields_to_change(client.type)
    form = await visit.form(f"settings:{client.id}", fields=frozenset({*names, PASSWORD}))
    if asked_again := await confirm(visit, place, form, back=f"/console/clients/{client.id}"):
        return asked_again
    before = registration_of(client)
    asked = read_registration(form, names, before)
    try:
        updated = await update_client(visit.server.db, client, asked, visit.now)
    except RegistrationRefused as refused:
        return details_page(visit, place, client, asked=asked, refused=refused)
    except LookupError:
        return visit.redirect("/console/clients")
    await record_change(
        visit.server.db,
        visit,
        place,
        "client.updated",
        client=client,
        before=asdict(before),
        after=asdict(registration_of(updated)),
    )
    return visit.redirect(f"/console/clients/{client.id}?done=saved")


async def delete(visit: Visit, place: Place, client: Client) -> Response:
    """POST /console/clients/{client_id}/delete: with its name typed."""
    form = await visit.form(f"delete:{client.id}", fields=frozenset({"typed_name", PASSWORD}))
    if form.get("typed_name", "").strip() != client.name:
        return details_page(visit, place, client, delete_problem="That is not its name. Nothing was deleted.")
    if asked_again := await confirm(visit, place, form, back=f"/console/clients/{client.id}"):
        return asked_again
    await delete_client(visit.server.db, client.id, visit.now)
    await record_change(
        visit.server.db, visit, place, "client.deleted", client=client, before={"name": client.name}
    )
    return visit.redirect("/console/clients?deleted")
