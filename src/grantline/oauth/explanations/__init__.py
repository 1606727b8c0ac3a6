"""The error catalogue's texts, by the part of the protocol that they belong to.

`requests` malformed or forbidden requests · `clients` who is calling · `grants` codes and refresh tokens ·
`authorization` consent, scopes, targets, sign-in, API calls and load · `console_api` the console's own API.
`grantline.oauth.errors` is next door: it raises them.
"""

from collections.abc import Mapping
from types import MappingProxyType

from grantline.oauth.explanation import Explanation
from grantline.oauth.explanations import authorization, clients, console_api, grants, requests

CATALOGUE: Mapping[str, Explanation] = MappingProxyType(
    {
        entry.code: entry
        for part in (requests, clients, grants, authorization, console_api)
        for entry in part.EXPLANATIONS
    }
)
