"""What people will see when an app asks them: the consent page, before anybody is asked."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from grantline.clients import Client, ClientType, Registration
from grantline.web.console.place import Place
from grantline.web.languages import _
from grantline.web.pages.consent import person_of, purpose_of
from grantline.web.pages.logos import logo_address
from grantline.web.visit import Visit
from grantline.web.words import host_of, render_groups, render_rest

_EXAMPLES: Final = ("CRM.modules.leads.READ", "openid")


async def render_preview(
    visit: Visit,
    place: Place,
    kind: ClientType,
    asked: Registration,
    *,
    client: Client | None = None,
    scopes: Sequence[str] = (),
) -> Mapping[str, Any]:
    """What `parts/consent_matter.html` needs. Without scopes it shows an example and says so."""
    catalog = visit.server.mint.catalog
    known = catalog.get(scopes)
    example = not known
    if example:
        known = catalog.get([name for name in _EXAMPLES if catalog.find(name)][:1])
    names = [scope.name for scope in known]
    return {
        "app": {
            "name": asked.name or _("Your app"),
            "host": host_of(asked.homepage_url) if asked.homepage_url else "",
            "homepage": asked.homepage_url,
            "policy": asked.policy_url,
            "terms": asked.terms_url,
            "logo": logo_address(client.logo_digest) if client is not None else "",
        },
        "person": await person_of(visit, place.account),
        "purpose": purpose_of(catalog, known),
        "groups": render_groups(known),
        "scopes": names,
        "could_not": render_rest(catalog, names),
        "return_host": host_of(asked.redirect_uris[0]) if asked.redirect_uris else "",
        "example": example,
        "asks": kind.user_present,
    }
