"""Adding the redirect URI that a refused request brought: offered, asked about, and done (R85)."""

from dataclasses import replace
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from grantline.activity import Entry, find_entry
from grantline.clients import (
    Client,
    Registration,
    RegistrationRefused,
    check_registration,
    registration_of,
    update_client,
)
from grantline.web.console.changes import record_change
from grantline.web.console.confirm import PASSWORD, confirm
from grantline.web.console.place import Place
from grantline.web.visit import Visit
from grantline.web.words import host_of

_CUT: Final = 2000
"""An address of this length was cut off when it was written down."""


def offered_uri(entry: Entry, client: Client) -> str | None:
    """The redirect URI of this entry, if it may be added with one press: somebody of the client's team sent
    it (anybody else's would be a way to have an address of theirs registered, T130), and the checks of the
    form allow it."""
    uri = str(entry.detail.get("received", ""))
    if entry.client_id != client.id or not entry.proven or entry.code != "redirect_uri_mismatch":
        return None
    if not uri or len(uri) >= _CUT or uri in client.redirect_uris:
        return None
    try:
        check_registration(client.type, _with(client, uri))
    except RegistrationRefused:
        return None
    return uri


def _with(client: Client, uri: str) -> Registration:
    asked = registration_of(client)
    return replace(asked, redirect_uris=(*asked.redirect_uris, uri))


async def ask_to_add(visit: Visit, place: Place, client: Client) -> Response:
    """GET …/activity/add: the address, and what adding it means."""
    request_id = visit.request.query_params.get("request_id", "")[:100]
    uri = await _find_offered(visit, client, request_id)
    if uri is None:
        return visit.redirect(f"/console/clients/{client.id}/activity")
    return visit.render(
        "console/add_redirect.html",
        **place.frame(visit),
        uri=uri,
        host=host_of(uri),
        registered=list(client.redirect_uris),
        request_id=request_id,
        token=visit.form_token(f"redirect.add:{client.id}"),
    )


async def add_redirect(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/activity/add: exactly the address that came, after the checks of the form."""
    form = await visit.form(f"redirect.add:{client.id}", fields=frozenset({"request_id", PASSWORD}))
    uri = await _find_offered(visit, client, form.get("request_id", "")[:100])
    if uri is None:
        raise HTTPException(404)
    path = f"/console/clients/{client.id}"
    if asked_again := await confirm(visit, place, form, back=f"{path}/activity"):
        return asked_again
    try:
        changed = await update_client(visit.server.db, client, _with(client, uri), visit.now)
    except (RegistrationRefused, LookupError):
        raise HTTPException(404) from None
    await record_change(
        visit.server.db,
        visit,
        place,
        "client.updated",
        client=client,
        before={"redirect_uris": list(client.redirect_uris)},
        after={"redirect_uris": list(changed.redirect_uris)},
    )
    return visit.redirect(f"{path}/activity?done=added")


async def _find_offered(visit: Visit, client: Client, request_id: str) -> str | None:
    entry = visit.server.mint.recorder.find(request_id) or await find_entry(visit.server.db, request_id)
    return offered_uri(entry, client) if entry is not None else None
