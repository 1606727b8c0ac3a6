"""The list of clients, and adding one: type, details, credentials (R25–R38, R40, R47)."""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from grantline.accounts import personal_organization
from grantline.activity import list_entries
from grantline.clients import (
    CLIENT_TYPES,
    Client,
    ClientType,
    Registration,
    RegistrationRefused,
    creation_key,
    list_workspace_clients,
    register_client,
)
from grantline.limits import Limit
from grantline.web.console.changes import record_change
from grantline.web.console.client_form import (
    fields_to_create,
    form_values,
    problems_by_field,
    read_registration,
)
from grantline.web.console.confirm import PASSWORD, confirm
from grantline.web.console.created import credentials_page
from grantline.web.console.entrance import check_limit
from grantline.web.console.place import Place
from grantline.web.console.type_words import TYPE_WORDS, type_cards
from grantline.web.visit import Visit

_DAY = 24 * 3600
NEW_CLIENTS = Limit("new-clients", 50, _DAY)
_SHOWN_REFUSALS = 50


async def home(visit: Visit, place: Place) -> Response:
    """GET /console."""
    return visit.redirect("/console/clients")


async def show_clients(visit: Visit, place: Place) -> Response:
    """GET /console/clients."""
    rows = [
        await _row(visit, client)
        for client in await list_workspace_clients(visit.server.db, place.workspace_id)
    ]
    done = (
        "The client was deleted. Its tokens stopped working."
        if "deleted" in visit.request.query_params
        else ""
    )
    return visit.render("console/clients.html", **place.frame(visit), clients=rows, done=done)


async def _row(visit: Visit, client: Client) -> dict[str, object]:
    newest = await list_entries(visit.server.db, client.id, limit=_SHOWN_REFUSALS)
    refused = [entry for entry in newest if entry.error != "event" and entry.at > visit.now - _DAY]
    return {
        "client_id": client.id,
        "name": client.name,
        "type_title": client.type.title,
        "created_at": client.created_at,
        "refused": len(refused),
        "more_refused": len(refused) == _SHOWN_REFUSALS,
        "enabled": client.enabled,
    }


async def choose_type(visit: Visit, place: Place) -> Response:
    """GET /console/clients/new: the five types; with one chosen, on to its details."""
    chosen = visit.request.query_params.get("type", "")
    if chosen in CLIENT_TYPES:
        return visit.redirect(f"/console/clients/new/{chosen}")
    return visit.render(
        "console/add_type.html",
        **place.frame(visit),
        types=type_cards(),
        chosen="",
        problem="Choose one of the five." if chosen else "",
    )


async def show_details(visit: Visit, place: Place) -> Response:
    """GET /console/clients/new/{type}."""
    kind = _kind(visit)
    return _details_page(visit, place, kind, Registration(name=""), creation_key())


async def create(visit: Visit, place: Place) -> Response:
    """POST /console/clients/new/{type}: the answer shows the credentials, this once."""
    kind = _kind(visit)
    names = fields_to_create(kind)
    form = await visit.form("client.create", fields=frozenset({*names, "creation_key", PASSWORD}))
    if asked_again := await confirm(visit, place, form, back="/console/clients"):
        return asked_again
    base = Registration(name="Self client" if kind.name == "self-client" else "")
    asked = read_registration(form, names, base)
    key = form.get("creation_key", "")[:64] or creation_key()
    organization = await personal_organization(visit.server.db, place.account.id)
    check_limit(visit, NEW_CLIENTS, str(place.account.id))
    try:
        client, secret = await register_client(
            visit.server.db,
            type_name=kind.name,
            asked=asked,
            owner_account_id=place.account.id,
            workspace_id=place.workspace_id,
            organization_id=organization.id,
            data_center=visit.server.code,
            now=visit.now,
            creation_key=key,
        )
    except RegistrationRefused as refused:
        visit.server.mint.limiter.give_back(NEW_CLIENTS, str(place.account.id))
        return _details_page(visit, place, kind, asked, key, refused)
    if secret is not None or client.created_at == visit.now:
        await record_change(
            visit.server.db,
            visit,
            place,
            "client.created",
            client=client,
            after={"type": kind.name, "name": client.name},
        )
    return credentials_page(
        visit,
        place,
        client,
        secret=secret,
        secret_id=client.secrets[0].id if client.secrets else "",
        is_new=True,
    )


def _kind(visit: Visit) -> ClientType:
    kind = CLIENT_TYPES.get(visit.request.path_params["type"])
    if kind is None:
        raise HTTPException(404)
    return kind


def _details_page(
    visit: Visit,
    place: Place,
    kind: ClientType,
    asked: Registration,
    key: str,
    refused: RegistrationRefused | None = None,
) -> Response:
    return visit.render(
        "console/add_details.html",
        status=400 if refused else 200,
        **place.frame(visit),
        type={"value": kind.name, "title": kind.title, "who": f"{kind.best_for}."},
        fields=fields_to_create(kind),
        form=form_values(asked),
        problems=problems_by_field(refused.problems, asked) if refused else {},
        problem="",
        receives=TYPE_WORDS[kind.name].receives,
        creation_key=key,
        token=visit.form_token("client.create"),
    )
