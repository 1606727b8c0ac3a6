"""Adding a client: its type, its details, its credentials, or all of it out of a manifest (R25–R40, R47)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from grantline.accounts import personal_organization
from grantline.clients import (
    CLIENT_TYPES,
    Client,
    ClientType,
    Registration,
    RegistrationRefused,
    creation_key,
    find_created,
    list_workspace_clients,
    parse_manifest,
    register_client,
    registration_of,
)
from grantline.web.console.changes import record_change
from grantline.web.console.client_form import (
    LISTS,
    check_field,
    fields_to_create,
    form_values,
    notes_by_field,
    problems_by_field,
    read_registration,
    tell,
)
from grantline.web.console.clients import NEW_CLIENTS
from grantline.web.console.confirm import PASSWORD, confirm
from grantline.web.console.created import credentials_page
from grantline.web.console.entrance import check_limit
from grantline.web.console.place import Place
from grantline.web.console.preview import render_preview
from grantline.web.console.type_flows import render_flow
from grantline.web.console.type_words import QUESTIONS, TYPE_WORDS, suggest_type, type_cards
from grantline.web.languages import _
from grantline.web.visit import Visit

_LATELY_SECONDS: Final = 600
_LOOKED_AT: Final = 20
_IN_ONE_LINE: Final = ("scopes", "data_centers")


async def choose_type(visit: Visit, place: Place) -> Response:
    """GET /console/clients/new: three questions and five types; with one chosen, on to its details."""
    params = visit.request.query_params
    chosen = params.get("type", "")
    if chosen in CLIENT_TYPES and "show" not in params:
        return visit.redirect(f"/console/clients/new/{chosen}")
    answers = {name: params.get(name, "") for name in QUESTIONS}
    return visit.render(
        "console/add_type.html",
        **place.frame(visit),
        questions=[
            {
                "name": name,
                "words": _(words),
                "choices": [{"value": value, "words": _(choice)} for value, choice in choices],
                "answer": answers[name],
            }
            for name, (words, choices) in QUESTIONS.items()
        ],
        types=type_cards(),
        chosen=chosen if chosen in CLIENT_TYPES else "",
        fits=suggest_type(answers),
        problem=_("Choose one of the five.") if chosen and chosen not in CLIENT_TYPES else "",
    )


async def show_details(visit: Visit, place: Place) -> Response:
    """GET /console/clients/new/{type}."""
    return await _details_page(visit, place, _kind(visit), Registration(name=""), creation_key())


async def show_import(visit: Visit, place: Place) -> Response:
    """GET /console/clients/new/manifest: where a manifest is pasted."""
    return _import_page(visit, place, "", ())


async def take_manifest(visit: Visit, place: Place) -> Response:
    """POST /console/clients/new/manifest: the details that it gives, before anything is made."""
    form = await visit.form("client.manifest", fields=frozenset({"manifest"}))
    text = form.get("manifest", "")
    try:
        manifest = parse_manifest(text)
    except RegistrationRefused as refused:
        return _import_page(visit, place, text, [tell(problem) for problem in refused.problems])
    kind = CLIENT_TYPES.get(manifest.type_name)
    if kind is None:
        return _import_page(visit, place, text, [_("Say the type, such as type: server-based.")])
    asked = manifest.applied_to(_base(kind))
    return await _details_page(visit, place, kind, asked, creation_key(), manifest=text)


async def check(visit: Visit, place: Place) -> Response:
    """GET /console/clients/check: what to say below a field of addresses while it is typed."""
    params = visit.request.query_params
    kind, name = CLIENT_TYPES.get(params.get("type", "")), params.get("field", "")
    if kind is None or name not in LISTS:
        kind, name = CLIENT_TYPES["server-based"], "redirect_uris"
    given = {field: params.get(field, "") for field in LISTS}
    asked = read_registration(given, LISTS, Registration(name=_("Your app")))
    return visit.render("console/check.html", script=True, field=name, notes=check_field(kind, name, asked))


async def preview(visit: Visit, place: Place) -> Response:
    """GET /console/clients/preview: what people will see, while it is typed."""
    params = visit.request.query_params
    kind = CLIENT_TYPES.get(params.get("type", ""), CLIENT_TYPES["server-based"])
    names = ("name", "homepage_url", "redirect_uris")
    asked = read_registration(
        {name: params.get(name, "")[:2000] for name in names}, names, Registration(name="")
    )
    shown = await render_preview(visit, place, kind, asked)
    return visit.render("console/preview.html", script=True, preview=shown)


async def create(visit: Visit, place: Place) -> Response:
    """POST /console/clients/new/{type}: the answer shows the credentials, this once."""
    kind = _kind(visit)
    names = fields_to_create(kind)
    more = {"creation_key", "manifest", "again", "act", PASSWORD}
    form = await visit.form("client.create", fields=frozenset({*names, *more}))
    manifest_text = form.get("manifest", "")
    key = form.get("creation_key", "")[:64] or creation_key()
    base, problems = _manifest_base(kind, manifest_text)
    asked = read_registration(form, names, base)
    if problems or form.get("act") == "look":
        refused = RegistrationRefused(problems) if problems else None
        return await _details_page(visit, place, kind, asked, key, refused, manifest=manifest_text)
    if asked_again := await confirm(visit, place, form, back="/console/clients"):
        return asked_again
    known = await find_created(visit.server.db, place.account.id, key)
    if known is None and "again" not in form and (twin := await _find_twin(visit, place, kind, asked)):
        return _twin_page(visit, place, twin, form)
    try:
        client, secret = await register(visit, place, kind, asked, key)
    except RegistrationRefused as refused:
        visit.server.mint.limiter.give_back(NEW_CLIENTS, str(place.account.id))
        return await _details_page(visit, place, kind, asked, key, refused, manifest=manifest_text)
    return credentials_page(
        visit,
        place,
        client,
        secret=secret,
        secret_id=client.secrets[0].id if client.secrets else "",
        is_new=True,
    )


async def register(
    visit: Visit, place: Place, kind: ClientType, asked: Registration, key: str
) -> tuple[Client, str | None]:
    """The new client and its secret, or the one that this form made before. Raises RegistrationRefused."""
    organization = await personal_organization(visit.server.db, place.account.id)
    check_limit(visit, NEW_CLIENTS, str(place.account.id))
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
    if secret is not None or client.created_at == visit.now:
        after = {"type": kind.name, "name": client.name}
        await record_change(visit.server.db, visit, place, "client.created", client=client, after=after)
    return client, secret


def _kind(visit: Visit) -> ClientType:
    kind = CLIENT_TYPES.get(visit.request.path_params["type"])
    if kind is None:
        raise HTTPException(404)
    return kind


def _base(kind: ClientType) -> Registration:
    return Registration(name="Self client" if kind.name == "self-client" else "")


def _manifest_base(kind: ClientType, text: str) -> tuple[Registration, Sequence[Any]]:
    """What the form starts from: nothing, or the manifest that it came from, read again."""
    if not text:
        return _base(kind), ()
    try:
        manifest = parse_manifest(text)
    except RegistrationRefused as refused:
        return _base(kind), refused.problems
    return manifest.applied_to(_base(kind)), ()


async def _find_twin(visit: Visit, place: Place, kind: ClientType, asked: Registration) -> Client | None:
    """A client just like this one that the same person added a moment ago: then it is probably no second one
    that they want."""
    if kind.name == "self-client":
        return None
    for client in await list_workspace_clients(visit.server.db, place.workspace_id, limit=_LOOKED_AT):
        if client.created_at <= visit.now - _LATELY_SECONDS:
            break
        same = replace(registration_of(client), data_centers=asked.data_centers)
        wanted = replace(asked, name=asked.name.strip(), legacy_secret=same.legacy_secret)
        if client.type is kind and client.owner_account_id == place.account.id and same == wanted:
            return client
    return None


def _twin_page(visit: Visit, place: Place, twin: Client, form: Mapping[str, str]) -> Response:
    kept = {name: value for name, value in form.items() if name != PASSWORD}
    return visit.render(
        "console/add_again.html",
        **place.frame(visit),
        twin={"client_id": twin.id, "name": twin.name, "created_at": twin.created_at},
        action=visit.request.url.path,
        kept={**kept, "again": "yes"},
    )


def _import_page(visit: Visit, place: Place, text: str, problems: Sequence[str]) -> Response:
    return visit.render(
        "console/add_manifest.html",
        status=400 if problems else 200,
        **place.frame(visit),
        form={"manifest": text},
        problem=" ".join(problems),
        token=visit.form_token("client.manifest"),
    )


async def _details_page(
    visit: Visit,
    place: Place,
    kind: ClientType,
    asked: Registration,
    key: str,
    refused: RegistrationRefused | None = None,
    *,
    manifest: str = "",
) -> Response:
    names = fields_to_create(kind)
    found = refused.problems if refused else ()
    problems = problems_by_field(found, asked) if refused else {}
    return visit.render(
        "console/add_details.html",
        status=400 if refused else 200,
        **place.frame(visit),
        type={"value": kind.name, "title": _(kind.title), "who": f"{_(kind.best_for)}."},
        fields=names,
        form=form_values(asked),
        notes=notes_by_field(kind, names, asked, found),
        problems=problems,
        problem=" ".join(problems[name] for name in problems if name not in names),
        receives=[_(thing) for thing in TYPE_WORDS[kind.name].receives],
        absent=_(TYPE_WORDS[kind.name].absent),
        flow=render_flow(kind.name),
        preview=await render_preview(visit, place, kind, asked, scopes=asked.scopes),
        manifest=manifest,
        extras=_extras(names, asked) if manifest else [],
        creation_key=key,
        token=visit.form_token("client.create"),
    )


def _extras(names: Sequence[str], asked: Registration) -> list[dict[str, str]]:
    """What a manifest sets beyond the form's fields."""
    values = form_values(asked)
    others = (
        "policy_url",
        "terms_url",
        "post_logout_redirect_uris",
        "scopes",
        "data_centers",
        "vendor_compatible",
    )
    return [
        {"key": name, "value": ", ".join(getattr(asked, name)) if name in _IN_ONE_LINE else str(values[name])}
        for name in others
        if name not in names and getattr(asked, name)
    ]
