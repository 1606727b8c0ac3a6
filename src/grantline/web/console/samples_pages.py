"""The samples in the console: the list, what each registers, and one press that does it (R97).

A sample's client is made on the path of *Add client*, with its checks, its limit and its line in the audit.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.responses import Response

from grantline.accounts import personal_organization
from grantline.clients import (
    MOST_LIVE,
    Client,
    RegistrationRefused,
    SecretRefused,
    creation_key,
    find_self_client,
    lasting_secrets,
    list_workspace_clients,
)
from grantline.oauth.errors import InvalidScope
from grantline.tokens import CodeLimitReached
from grantline.web.console.adding import register
from grantline.web.console.client_form import tell
from grantline.web.console.clients import NEW_CLIENTS
from grantline.web.console.codes import issue_code, scope_problem
from grantline.web.console.confirm import PASSWORD, confirm
from grantline.web.console.credentials import make_another
from grantline.web.console.place import Place
from grantline.web.console.samples import BASE_PORT, SAMPLES, Sample
from grantline.web.languages import _
from grantline.web.templating import render_duration
from grantline.web.visit import Visit

CODE_MINUTES: Final = 10
_LOOKED_AT: Final = 200


async def show_samples(visit: Visit, place: Place) -> Response:
    """GET /console/samples."""
    return visit.render(
        "console/samples.html", **place.frame(visit), samples=[_card(sample) for sample in SAMPLES.values()]
    )


async def show_sample(visit: Visit, place: Place) -> Response:
    """GET /console/samples/{sample}."""
    return await _page(visit, place, _sample(visit))


async def register_sample(visit: Visit, place: Place) -> Response:
    """POST /console/samples/{sample}: the answer has the file that starts the sample, this once."""
    sample = _sample(visit)
    form = await visit.form(f"sample:{sample.name}", fields=frozenset({"creation_key", "secret", PASSWORD}))
    if asked_again := await confirm(visit, place, form, back=f"/console/samples/{sample.name}"):
        return asked_again
    if _unknown_scopes(visit, sample):
        return await _page(visit, place, sample)
    key = form.get("creation_key", "")[:64] or creation_key()
    asked = sample.registration(_base_port(visit), _codes(visit))
    try:
        client, secret = await register(visit, place, sample.kind, asked, key)
        if secret is None and sample.kind.name == "self-client" and form.get("secret") == "new":
            secret, _id = await make_another(visit, place, client)
    except RegistrationRefused as refused:
        visit.server.mint.limiter.give_back(NEW_CLIENTS, str(place.account.id))
        said = " ".join(tell(problem) for problem in refused.problems)
        return await _page(visit, place, sample, problem=said)
    except SecretRefused as refused:
        return await _page(visit, place, sample, problem=_(str(refused)))
    return await _ready(visit, place, sample, client, secret)


def _sample(visit: Visit) -> Sample:
    sample = SAMPLES.get(visit.request.path_params["sample"])
    if sample is None:
        raise HTTPException(404)
    return sample


def _card(sample: Sample) -> dict[str, str]:
    return {
        "name": sample.name,
        "title": _(sample.title),
        "shows": _(sample.shows),
        "type": sample.kind.name,
        "type_title": _(sample.kind.title),
        "command": sample.command,
    }


def _base_port(visit: Visit) -> int:
    """Samples run beside a demo's servers; another server is not where the samples are."""
    if not visit.server.settings.demo:
        return BASE_PORT
    issuers = [visit.server.issuer, *(one.issuer for one in visit.server.mint.data_centers.others)]
    return min(urlsplit(issuer).port or BASE_PORT for issuer in issuers)


def _codes(visit: Visit) -> Sequence[str]:
    return [visit.server.code, *(one.code for one in visit.server.mint.data_centers.others)]


def _unknown_scopes(visit: Visit, sample: Sample) -> list[str]:
    """The sample's scopes that no API here answers to."""
    catalog = visit.server.mint.catalog
    return [
        name
        for name in sample.asked.scopes
        if catalog.find(name) is None or (name.startswith("CRM.") and not catalog.audience([name]))
    ]


async def _page(visit: Visit, place: Place, sample: Sample, *, problem: str = "") -> Response:
    asked = sample.registration(_base_port(visit), _codes(visit))
    here = await _registered(visit, place, sample)
    own = here[0] if here and sample.kind.name == "self-client" else None
    return visit.render(
        "console/sample.html",
        status=400 if problem else 200,
        **place.frame(visit),
        sample=_card(sample),
        does=[_(sentence) for sentence in sample.does],
        name=asked.name if own is None else own.name,
        addresses=list(asked.redirect_uris),
        origins=list(asked.origins),
        scopes=list(asked.scopes),
        everywhere=sample.everywhere and len(_codes(visit)) > 1,
        runs_at=sample.address(_base_port(visit)),
        unknown=_unknown_scopes(visit, sample),
        registered=[{"client_id": one.id, "name": one.name, "created_at": one.created_at} for one in here],
        own=own is not None,
        may_add_secret=own is not None and len(lasting_secrets(own, visit.now)) < MOST_LIVE,
        problem=problem,
        creation_key=creation_key(),
        token=visit.form_token(f"sample:{sample.name}"),
    )


async def _registered(visit: Visit, place: Place, sample: Sample) -> list[Client]:
    """The clients that look like this sample's; the person's one self client, whatever it is called."""
    db = visit.server.db
    if sample.kind.name == "self-client":
        organization = await personal_organization(db, place.account.id)
        own = await find_self_client(db, place.account.id, organization.id)
        return [own] if own is not None else []
    found = await list_workspace_clients(db, place.workspace_id, limit=_LOOKED_AT)
    return [one for one in found if one.type is sample.kind and one.name == sample.asked.name]


async def _ready(visit: Visit, place: Place, sample: Sample, client: Client, secret: str | None) -> Response:
    """The page with the file; for a self client a fresh code is in it."""
    scope, code, problem, status = " ".join(sample.asked.scopes), "", "", 200
    if sample.kind.name == "self-client":
        asked = {
            "scope": scope,
            "minutes": str(CODE_MINUTES),
            "description": _("Sample: %(title)s", title=_(sample.title)),
        }
        try:
            code = await issue_code(visit, place, client, asked)
        except CodeLimitReached as limit:
            duration = render_duration(limit.wait_seconds)
            status = 429
            problem = _("Ten codes in ten minutes are the limit. Wait %(duration)s.", duration=duration)
        except InvalidScope as refused:
            status, problem = 400, scope_problem(refused)
    members = _members(visit, sample, client, secret, code)
    return visit.render(
        "console/sample_ready.html",
        status=status,
        **place.at(client, place.membership.role).frame(visit),
        sample=_card(sample),
        secret=secret is not None,
        needs_secret=members.get("client_secret") == "",
        code_until=members.get("expires_at", 0),
        problem=problem,
        document=json.dumps(members, indent=2),
        file_name=f"{sample.name}.json",
        command=f"{sample.command} --config ~/Downloads/{sample.name}.json",
        again=sample.command,
        runs_at=sample.address(_base_port(visit)),
    )


def _members(
    visit: Visit, sample: Sample, client: Client, secret: str | None, code: str
) -> Mapping[str, Any]:
    """The file: all that the sample needs. A secret that nobody here knows any more is empty."""
    base_port = _base_port(visit)
    members: dict[str, Any] = {"issuer": visit.server.issuer, "client_id": client.id}
    if secret is not None or sample.kind.secret == "required":
        members["client_secret"] = secret or ""
    if uri := sample.redirect_uri(base_port):
        members["redirect_uri"] = uri
    members["scope"] = " ".join(sample.asked.scopes)
    members["api_domain"] = visit.server.mint.home.api_domain
    if address := sample.address(base_port):
        members["address"] = address
    if code:
        members |= {"code": code, "expires_at": visit.now + CODE_MINUTES * 60}
    return members
