"""What went well, counted for the app's owner: in memory, so that it costs the answer nothing."""

from collections.abc import Mapping
from typing import Final

from grantline.activity import ANY_TOKEN, API_CALL, scope_kind, secret_kind, token_kind, workspace_key
from grantline.clients import RESOURCE_API, Authenticated
from grantline.oauth.parameters import Parameters
from grantline.web.call import Call
from grantline.web.errors import record_warning
from grantline.web.server import Server

NEEDED_SCOPE: Final = "needed_scope"
"""An extension parameter of introspection: the scopes that the API needs for the call it was asked for."""
NEEDED_COUNT: Final = "needed_count"
"""Another one: for how many calls an API asks that judges tokens itself and reports them together."""
_MOST_NEEDED: Final = 10
_MOST_TOGETHER: Final = 10_000
_HOUR: Final = 3600


def count_token(server: Server, call: Call, authenticated: Authenticated, grant_type: str) -> None:
    """Count an answer of the token endpoint, and which secret it was asked for with."""
    client, counters = authenticated.client, server.counters
    counters.add(client.id, token_kind(grant_type), call.now)
    if client.workspace_id:  # the copy of an app that serves a trial run is in none
        counters.add(workspace_key(client.workspace_id), ANY_TOKEN, call.now)
    if authenticated.secret_id:
        counters.add(client.id, secret_kind(authenticated.secret_id), call.now)
        if len(client.secrets) > 1:
            _warn_of_old_secret(server, call, authenticated)


def _warn_of_old_secret(server: Server, call: Call, authenticated: Authenticated) -> None:
    """Tell the owner, once an hour, that the app still uses a secret that has a successor."""
    client = authenticated.client
    newest = max(client.live_secrets(call.now), key=lambda one: one.created_at, default=None)
    if newest is None or newest.id == authenticated.secret_id:
        return
    if server.counters.is_first(f"{client.id} {authenticated.secret_id}", call.now - call.now % _HOUR):
        record_warning(
            server,
            client.id,
            "old_secret_used",
            f"Secret {authenticated.secret_id} was used, and {newest.id} is there to take its place.",
            proven=True,
            request_id=call.request_id,
            endpoint=call.path,
            now=call.now,
            workspace_id=client.workspace_id,
        )


def count_introspection(
    server: Server, call: Call, parameters: Parameters, caller: Authenticated, members: Mapping[str, object]
) -> None:
    """Count what an API asked about for the app whose token it is: a call that arrived there."""
    client_id = members.get("client_id")
    if caller.client.type is not RESOURCE_API or not isinstance(client_id, str):
        return
    times = _read_count(parameters.get(NEEDED_COUNT))
    server.counters.add(client_id, API_CALL, call.now, times)
    needed = parameters.get(NEEDED_SCOPE)
    for name in needed.split()[:_MOST_NEEDED] if needed else ():
        scope = server.mint.catalog.find(name)
        if scope is not None:
            server.counters.add(client_id, scope_kind(scope.name), call.now, times)


def _read_count(text: str | None) -> int:
    """The calls that one question stands for; one if it does not say, or says nothing sensible."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 6):
        return 1
    return max(1, min(int(text), _MOST_TOGETHER))
