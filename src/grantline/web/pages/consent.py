"""The consent page: what an app could do, what it could not, for how long, and two equal answers (R13, R53,
R54)."""

from collections.abc import Mapping, Sequence

from starlette.responses import Response

from grantline.accounts import Account, personal_organization
from grantline.authorize import CheckedRequest
from grantline.clients import Client
from grantline.scopes import Catalog, Scope
from grantline.web.languages import _
from grantline.web.pages.logos import logo_address
from grantline.web.visit import Visit, form_target
from grantline.web.words import host_of, render_groups, render_rest


async def consent_page(visit: Visit, checked: CheckedRequest, handle: str) -> Response:
    """The question, for the person who is signed in."""
    assert visit.account is not None
    catalog = visit.server.mint.catalog
    scopes = catalog.get(checked.scope)
    return visit.render(
        "people/consent.html",
        form_action=form_target(checked.redirect_uri),
        opener=checked.client.type.origins,
        app=app_of(checked.client),
        person=await person_of(visit, visit.account),
        purpose=purpose_of(catalog, scopes),
        groups=render_groups(scopes),
        scopes=list(checked.scope),
        could_not=render_rest(catalog, checked.scope),
        offline=checked.offline,
        lasts=_lasts(checked),
        return_host=host_of(checked.redirect_uri),
        flow=handle,
        token=visit.form_token(f"consent {handle}"),
    )


def _lasts(checked: CheckedRequest) -> str:
    """How long, where the usual sentence would not be true."""
    if not checked.offline:
        return ""
    days = (checked.client.type.absolute_seconds or 0) // 86400
    if days:
        return _("It keeps this access for %(days)d days at most, also while you are away.", days=days)
    return ""


def purpose_of(catalog: Catalog, scopes: Sequence[Scope]) -> str:
    """What the app would do, after "Allow … to"."""
    titles = {service.prefix: service.title for service in catalog.services}
    used = [
        titles[scope.service] for scope in scopes if scope.service in titles and scope.service != "AaaServer"
    ]
    if used:
        services = _(" and ").join(dict.fromkeys(_(title) for title in used))
        return _("work with your %(services)s data", services=services)
    return _("know who you are")


def app_of(client: Client) -> Mapping[str, str]:
    """The app as pages show it."""
    return {
        "name": client.name,
        "host": host_of(client.homepage_url),
        "homepage": client.homepage_url,
        "policy": client.policy_url,
        "terms": client.terms_url,
        "logo": logo_address(client.logo_digest),
    }


async def person_of(visit: Visit, account: Account) -> Mapping[str, str]:
    """The person as pages show them."""
    organization = await personal_organization(visit.server.db, account.id)
    personal = organization.name == account.name
    shown = _("Personal organization") if personal else organization.name
    return {"name": account.name, "email": account.email, "organization": shown}
