"""Which web pages may call the API from a browser.

A pre-flight carries no token, so it can only promise the headers that a browser needs. The answer itself
names the page's origin only when the client behind the token registered it, letter for letter; never `null`,
and never with credentials, because no cookie means anything here.
"""

from collections.abc import Mapping

from grantline.oauth.redirect_uri import RedirectUriProblem, check_origin
from grantline.sample_crm.introspection import Caller
from grantline.sample_crm.refusals import no_permission


def preflight_headers(origin: str | None) -> dict[str, str]:
    """What a pre-flight is answered with: nothing unless the origin is https, or http on this computer."""
    if origin is None:
        return {}
    try:
        check_origin(origin)
    except RedirectUriProblem:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
        "Access-Control-Allow-Headers": "authorization, content-type",
        "Access-Control-Max-Age": "600",
    }


def check_page(origin: str | None, caller: Caller) -> Mapping[str, str]:
    """Return the CORS headers of the answer; Refusal when a browser app calls from an unregistered origin.

    Called before anything happens. Clients that are no browser apps get a normal answer without the headers,
    which a browser then keeps from the page.
    """
    if origin is None or caller.origins is None:
        return {}
    if origin == "null" or origin not in caller.origins:
        raise no_permission(
            "The origin of this web page is not registered for the app that holds this token."
        )
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Retry-After, WWW-Authenticate",
    }
