"""The manifest of a client: downloaded, compared with another, and applied."""

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from grantline.clients import (
    Change,
    Client,
    FieldProblem,
    Manifest,
    Registration,
    RegistrationRefused,
    check_places,
    check_registration,
    compare_manifest,
    manifest_of,
    parse_manifest,
    registration_of,
    render_manifest,
)
from grantline.web.console.changing import change_client
from grantline.web.console.client_form import tell
from grantline.web.console.confirm import PASSWORD, confirm
from grantline.web.console.place import Place
from grantline.web.headers import page_headers
from grantline.web.languages import _
from grantline.web.visit import Visit


async def download(visit: Visit, place: Place, client: Client) -> Response:
    """GET …/manifest.yaml."""
    headers = page_headers()
    headers["Content-Disposition"] = f'attachment; filename="{client.id}.yaml"'
    return Response(render_manifest(manifest_of(client)), media_type="application/yaml", headers=headers)


async def show_manifest(visit: Visit, place: Place, client: Client) -> Response:
    """GET …/manifest: where another one is pasted."""
    return _page(visit, place, client, render_manifest(manifest_of(client)))


async def take(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/manifest: shows what would change and, with `act` apply, does it."""
    form = await visit.form(f"manifest:{client.id}", fields=frozenset({"manifest", "act", PASSWORD}))
    text = form.get("manifest", "")
    try:
        manifest = _parse(client, text)
        asked = manifest.applied_to(registration_of(client))
        check_registration(client.type, asked)
        await check_places(visit.server.db, client, asked)
        changes = compare_manifest(manifest, registration_of(client))
        if form.get("act") != "apply":
            return _page(visit, place, client, text, changes=changes)
        path = f"/console/clients/{client.id}/manifest"
        if asked_again := await confirm(visit, place, form, back=path):
            return asked_again

        def apply(base: Registration) -> Registration:
            return manifest.applied_to(base)

        await change_client(visit, place, client, apply)
    except RegistrationRefused as refused:
        return _page(visit, place, client, text, problems=[_problem(problem) for problem in refused.problems])
    return visit.redirect(f"/console/clients/{client.id}/settings?done=manifest")


def _parse(client: Client, text: str) -> Manifest:
    """The manifest, if it is of this client's type. Raises RegistrationRefused."""
    manifest = parse_manifest(text)
    if manifest.type_name not in ("", client.type.name):
        raise RegistrationRefused([_other_type(client)])
    return manifest


def _other_type(client: Client) -> FieldProblem:
    text = "This client is %(type)s, and the type can't change. Add another client for another type."
    return FieldProblem("manifest", text, "", {"type": client.type.name})


def _problem(problem: FieldProblem) -> str:
    said = tell(problem)
    return said if problem.field == "manifest" else f"{problem.field}: {said}"


def _page(
    visit: Visit,
    place: Place,
    client: Client,
    text: str,
    *,
    changes: Sequence[Change] | None = None,
    problems: Sequence[str] = (),
) -> Response:
    return visit.render(
        "console/manifest.html",
        status=400 if problems else 200,
        **place.frame(visit),
        form={"manifest": text},
        problem=" ".join(dict.fromkeys(problems)),
        compared=changes is not None,
        changes=[_shown(change) for change in changes or ()],
        token=visit.form_token(f"manifest:{client.id}"),
    )


def _shown(change: Change) -> dict[str, Any]:
    """One key and its lines: what goes and what comes."""
    if change.added or change.removed:
        gone, new = list(change.removed), list(change.added)
    elif isinstance(change.after, tuple):
        gone, new = [], [_("The same, in another order")]
    else:
        gone, new = [_word(change.before)], [_word(change.after)]
    return {"key": change.key, "gone": [line for line in gone if line], "new": [line for line in new if line]}


def _word(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
