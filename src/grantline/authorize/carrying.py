"""A parked authorization request: what it means here, and what was sent, so that it can be asked again in
another data center.

What is carried over is the request as it came. Left behind is what names a person: an address that somebody
has here is no business of another data center (T115).
"""

import json
from typing import Final
from urllib.parse import urlencode

from grantline.oauth.parameters import Parameters
from grantline.oauth.requests import AuthorizationRequest

WITHHELD: Final = frozenset({"login_hint", "id_token_hint"})
CARRIED: Final = (
    "client_id",
    "response_type",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "access_type",
    "prompt",
    "max_age",
    "response_mode",
    "resource",
    "display",
    "ui_locales",
    "claims_locales",
    "claims",
    "acr_values",
    "authorization_details",
    "dpop_jkt",
)
"""What RFC 6749, OpenID Connect Core and their extensions define. What nobody defined nobody reads."""
LONGEST_QUERY: Final = 7 * 1024
"""An address with more than this is refused at the edge of many a server, ours too."""
_MEANT: Final = "meant"
_SENT: Final = "sent"


def park_request(request: AuthorizationRequest, parameters: Parameters) -> str:
    """Render both for the row of a pending flow."""
    sent = [[name, value] for name in CARRIED for value in parameters.all(name)]
    return json.dumps({_MEANT: request.to_json(), _SENT: sent}, separators=(",", ":"))


def read_parked(text: str) -> AuthorizationRequest:
    """What the request means here; in a row of before this text was alone."""
    return AuthorizationRequest.from_json(json.loads(text).get(_MEANT, text))


def carried_query(text: str) -> str:
    """The query with which to ask the same elsewhere; empty when it does not fit into an address."""
    query = urlencode([(name, value) for name, value in json.loads(text).get(_SENT, [])])
    return query if len(query) <= LONGEST_QUERY else ""
