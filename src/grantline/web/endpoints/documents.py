"""What anyone may read: metadata (RFC 8414, OpenID Connect Discovery), keys, the list of data centers,
health."""

from typing import Any

from grantline.db import DatabaseUnavailable
from grantline.oauth.metadata import authorization_server_metadata, openid_configuration
from grantline.web.call import Answer, Call, json_answer
from grantline.web.server import Server

PUBLIC = "public, max-age=300"


def _scopes(server: Server) -> tuple[str, ...]:
    return tuple(scope.name for scope in server.mint.catalog.scopes)


def _with_data_centers(server: Server, document: dict[str, Any]) -> dict[str, Any]:
    """The metadata of one of several data centers names them all, by code; of the only one it says
    nothing."""
    centers = server.mint.data_centers
    return {**document, "data_centers": centers.serverinfo()["locations"]} if centers.others else document


async def openid_document(server: Server, call: Call) -> Answer:
    """GET /.well-known/openid-configuration."""
    document = openid_configuration(server.issuer, _scopes(server))
    return json_answer(_with_data_centers(server, document), cache=PUBLIC)


async def oauth_document(server: Server, call: Call) -> Answer:
    """GET /.well-known/oauth-authorization-server."""
    document = authorization_server_metadata(server.issuer, _scopes(server))
    return json_answer(_with_data_centers(server, document), cache=PUBLIC)


async def keys(server: Server, call: Call) -> Answer:
    """GET /oauth/v2/keys: the JWKS."""
    members = server.mint.keyring.jwks(call.now)
    return json_answer({"keys": [dict(key) for key in members["keys"]]}, cache=PUBLIC)


async def serverinfo(server: Server, call: Call) -> Answer:
    """GET /oauth/serverinfo."""
    return json_answer(server.mint.data_centers.serverinfo(), cache=PUBLIC)


async def live(server: Server, call: Call) -> Answer:
    """GET /health/live: the process answers."""
    return json_answer({"status": "live"})


async def ready(server: Server, call: Call) -> Answer:
    """GET /health/ready: the database answers too, and the clock is right. Why it is not, for peers that
    limits don't apply to (T131)."""
    problem = server.node.problem
    if problem is None:
        try:
            await server.db.one("SELECT 1")
        except DatabaseUnavailable:
            problem = "The database does not answer."
    if problem is None:
        return json_answer({"status": "ready"})
    said = {"status": "not ready"} | ({"reason": problem} if call.peer.network is None else {})
    answer = json_answer(said, status=503)
    return answer._replace(headers=(("retry-after", "2"),))


async def metrics(server: Server, call: Call) -> Answer:
    """GET /metrics: answers by route and status, in the Prometheus text format; for peers that limits don't
    apply to (T131)."""
    if call.peer.network is not None:
        return json_answer({"error": "not_found"}, status=404)
    lines = [
        "# HELP grantline_answers_total Answers by route and status.",
        "# TYPE grantline_answers_total counter",
    ]
    for (route, status), count in sorted(server.requests.items()):
        lines.append(f'grantline_answers_total{{route="{route}",status="{status}"}} {count}')
    lines += [
        "# HELP grantline_registry_refused Whether the newest list of data centers has a mistake.",
        "# TYPE grantline_registry_refused gauge",
        f"grantline_registry_refused {int(bool(server.neighbours.problem))}",
    ]
    return Answer(
        200, ("\n".join(lines) + "\n").encode(), content_type="text/plain; version=0.0.4; charset=utf-8"
    )
