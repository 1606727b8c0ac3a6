"""The five client types as one table: the console's form, registration, the token endpoint, the docs and the
tests read it.

Public: Client-based, Non-browser, Mobile. Confidential: Server-based, Self Client (RFC 6749 §2.1). The type
is fixed at
registration; nothing in a request changes it.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

AUTHORIZATION_CODE: Final = "authorization_code"
REFRESH_TOKEN: Final = "refresh_token"
CLIENT_CREDENTIALS: Final = "client_credentials"
DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True, slots=True)
class ClientType:
    """What apps of one type are, need and may do."""

    name: str
    """As in the command line and the database."""
    title: str
    best_for: str
    needs: str
    gets: str
    public: bool
    secret: str
    """`required`, `optional` (checked when sent, needed nowhere) or `none`."""
    grants: frozenset[str]
    may_choose_implicit: bool = False
    pkce_required: bool = False
    redirect_uris: str = "none"
    """`none`, `web` (https, or http on exact loopback) or `native` (custom scheme, https, loopback on any
    port)."""
    origins: bool = False
    refresh_token: str = "offline"
    """When a code yields one: `offline` (only when asked for), `always`, or `unless_online`."""
    rotates: bool = False
    idle_seconds: int | None = None
    absolute_seconds: int | None = None
    remembers_consent: str = "yes"
    """`yes`, `no`, or `https` (only on a claimed https redirect)."""
    needs_homepage: bool = True
    user_present: bool = True
    crosses: bool = True
    """Whether its apps may work for the people of other data centers."""


_DAY: Final = 24 * 3600

SERVER_BASED: Final = ClientType(
    name="server-based",
    title="Server-based",
    best_for="A web app with its own server, used by many people",
    needs="A redirect URI on your server",
    gets="Client ID and secret; access and refresh tokens",
    public=False,
    secret="required",
    grants=frozenset({AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS}),
    redirect_uris="web",
)
CLIENT_BASED: Final = ClientType(
    name="client-based",
    title="Client-based",
    best_for="An app that runs wholly in the browser",
    needs="The origin it is served from, and a redirect URI there",
    gets="Client ID, no secret; short-lived tokens",
    public=True,
    secret="none",
    grants=frozenset({AUTHORIZATION_CODE, REFRESH_TOKEN}),
    may_choose_implicit=True,
    pkce_required=True,
    redirect_uris="web",
    origins=True,
    rotates=True,
    idle_seconds=_DAY,
    absolute_seconds=14 * _DAY,
)
SELF_CLIENT: Final = ClientType(
    name="self-client",
    title="Self client",
    best_for="A job or script that works with your own data alone",
    needs="Nothing: no domain, no redirect URI, no page",
    gets="Client ID and secret; you generate its grant tokens here",
    public=False,
    secret="required",
    grants=frozenset({AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS}),
    refresh_token="always",
    needs_homepage=False,
    user_present=False,
    crosses=False,
)
NON_BROWSER: Final = ClientType(
    name="non-browser",
    title="Non-browser",
    best_for="A TV, a printer or another device without a browser",
    needs="A way to show people a short code",
    gets="Client ID and an optional secret; tokens by device code",
    public=True,
    secret="optional",
    grants=frozenset({DEVICE_CODE, REFRESH_TOKEN}),
    refresh_token="unless_online",
    rotates=True,
    idle_seconds=30 * _DAY,
    remembers_consent="no",
)
MOBILE: Final = ClientType(
    name="mobile",
    title="Mobile",
    best_for="An app for phones, tablets or desktops",
    needs="A custom scheme, an https link or a loopback address",
    gets="Client ID, no secret needed; access and refresh tokens",
    public=True,
    secret="optional",
    grants=frozenset({AUTHORIZATION_CODE, REFRESH_TOKEN}),
    pkce_required=True,
    redirect_uris="native",
    rotates=True,
    idle_seconds=30 * _DAY,
    remembers_consent="https",
)

CLIENT_TYPES: Final = MappingProxyType(
    {kind.name: kind for kind in (SERVER_BASED, CLIENT_BASED, SELF_CLIENT, NON_BROWSER, MOBILE)}
)

RESOURCE_API: Final = ClientType(
    name="api",
    title="API",
    best_for="An API that asks whether tokens are good",
    needs="An identifier",
    gets="Client ID and secret for introspection",
    public=False,
    secret="required",
    grants=frozenset(),
    needs_homepage=False,
    user_present=False,
    crosses=False,
)
"""Not a type that anyone chooses: what `grantline api create` registers."""


def get_client_type(name: str) -> ClientType:
    """The type of this name. Raises KeyError."""
    return RESOURCE_API if name == RESOURCE_API.name else CLIENT_TYPES[name]
