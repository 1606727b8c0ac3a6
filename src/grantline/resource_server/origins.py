"""Which web pages may call the API from a browser (T57, R60).

A pre-flight carries no token, so it can only promise the headers that a browser needs. The answer itself
names the page's origin only when the client behind the token registered it, letter for letter; never `null`,
and never with credentials, because no cookie means anything here. A refusal names the origin if it was
registered for a token that was good here before, or if the API lists it, so that a page can tell why.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from grantline.oauth.redirect_uri import RedirectUriProblem, check_origin
from grantline.resource_server.refusals import Wording
from grantline.resource_server.token import Token

ANY: Final = "*"
"""What the authorization server says where the API's owner lets every web page in."""
_MOST_KNOWN: Final = 1_000
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_EXPOSED: Final = "Retry-After, WWW-Authenticate"
_METHODS: Final = "GET, POST, PUT, PATCH, DELETE"


class Origins:
    """The origins that one API answers to: those that it lists, and those that its callers registered."""

    def __init__(self, listed: Collection[str], allowed_headers: Collection[str]) -> None:
        for origin in listed:
            if not is_origin(origin):
                raise ValueError(f"not an origin: {origin}")
        self._listed = frozenset(listed)
        self._known: dict[str, None] = {}
        self._allowed = ", ".join(("authorization", "content-type", *allowed_headers))

    def preflight(self, origin: str | None) -> Mapping[str, str]:
        """What a pre-flight is answered with: nothing unless the origin is https, or http on this
        computer."""
        if origin is None or not is_origin(origin):
            return _NOTHING
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": self._allowed,
            "Access-Control-Max-Age": "600",
        }

    def check(self, origin: str | None, token: Token, wording: Wording) -> Mapping[str, str]:
        """The headers of the answer; Refusal when a browser app calls from an origin that it did not
        register.

        Called before anything happens. Clients that are no browser apps get a normal answer, without the
        headers unless the API lists the origin itself; a browser then keeps it from the page.
        """
        if origin is None:
            return _NOTHING
        if token.origins is None:
            return _shared_with(origin) if origin in self._listed else _NOTHING
        registered = is_origin(origin) if ANY in token.origins else origin in token.origins
        if origin == "null" or not registered:
            raise wording.no_permission(
                "The origin of this web page is not registered for the app that holds this token."
            )
        self._learn(origin)
        return _shared_with(origin)

    def without_token(self, origin: str | None) -> Mapping[str, str]:
        """The headers of a refusal that knows no client, so that a page can tell why it was refused."""
        if origin is None or not (origin in self._listed or origin in self._known):
            return _NOTHING
        return _shared_with(origin)

    def _learn(self, origin: str) -> None:
        if origin not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[origin] = None


def is_origin(text: str) -> bool:
    """Whether this is an origin as browsers spell it, https or on this computer."""
    try:
        check_origin(text)
    except RedirectUriProblem:
        return False
    return True


def _shared_with(origin: str) -> Mapping[str, str]:
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _EXPOSED}
