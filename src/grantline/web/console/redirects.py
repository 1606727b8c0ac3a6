"""Redirects and origins of a client: each address is explained, tried out and changed here (R33, R85, T5)."""

from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.responses import Response

from grantline.clients import Client, Registration, RegistrationRefused, registration_of
from grantline.tokens import list_used_redirects
from grantline.web.console.changing import change_client
from grantline.web.console.client_form import (
    fields_of_redirects,
    form_values,
    notes_by_field,
    problems_by_field,
    read_registration,
)
from grantline.web.console.confirm import PASSWORD, confirm
from grantline.web.console.place import Place
from grantline.web.languages import _
from grantline.web.visit import Visit


async def show_redirects(visit: Visit, place: Place, client: Client) -> Response:
    """GET …/redirects."""
    return await _page(visit, place, client)


async def save(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/redirects."""
    names = fields_of_redirects(client.type)
    form = await visit.form(f"redirects:{client.id}", fields=frozenset({*names, PASSWORD}))
    path = f"/console/clients/{client.id}/redirects"
    if asked_again := await confirm(visit, place, form, back=path):
        return asked_again
    try:
        await change_client(visit, place, client, lambda base: read_registration(form, names, base))
    except RegistrationRefused as refused:
        asked = read_registration(form, names, registration_of(client))
        return await _page(visit, place, client, asked=asked, refused=refused)
    return visit.redirect(f"{path}?saved")


async def _page(
    visit: Visit,
    place: Place,
    client: Client,
    *,
    asked: Registration | None = None,
    refused: RegistrationRefused | None = None,
) -> Response:
    names = fields_of_redirects(client.type)
    shown = asked or registration_of(client)
    found = refused.problems if refused else ()
    used = await list_used_redirects(visit.server.db, client.id)
    return visit.render(
        "console/redirects.html",
        status=400 if refused else 200,
        **place.frame(visit),
        fields=names,
        form=form_values(shown),
        problems=problems_by_field(found, shown) if refused else {},
        notes=notes_by_field(client.type, names, shown, found),
        done=_("Saved. It holds from the next request on.") if "saved" in visit.request.query_params else "",
        type_title=_(client.type.title),
        registered=[_registered(visit, uri, used.get(uri)) for uri in client.redirect_uris],
        token=visit.form_token(f"redirects:{client.id}"),
    )


def _registered(visit: Visit, uri: str, used_at: int | None) -> dict[str, Any]:
    return {"uri": uri, "used_at": used_at, "test": address_with_test_answer(uri, visit.server.issuer)}


def address_with_test_answer(uri: str, issuer: str) -> str:
    """The address with an answer that only says that it is a test: what an app gets when people decline."""
    answer = {
        "error": "access_denied",
        "error_description": "This is a test from the API console. Nobody was asked, and nothing was shared.",
        "state": "console-test",
        "iss": issuer,
    }
    sign = "&" if urlsplit(uri).query else "" if uri.endswith("?") else "?"
    return f"{uri}{sign}{urlencode(answer)}"
