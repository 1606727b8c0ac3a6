"""The introspection endpoint (RFC 7662): for confidential clients and APIs."""

from contextlib import suppress

from grantline.clients import Authenticated
from grantline.oauth.errors import InvalidClient, OAuthError
from grantline.oauth.parameters import Parameters
from grantline.oauth.requests import parse_introspection_request
from grantline.tokens import introspect as introspect_token
from grantline.web.call import Answer, Call, json_answer
from grantline.web.endpoints.counting import count_introspection
from grantline.web.endpoints.token import authenticate_call, recall_client
from grantline.web.server import Server


async def introspect(server: Server, call: Call) -> Answer:
    """POST /oauth/v2/introspect. A bad token is never an error; bad credentials are 401 (RFC 7662 §2.3)."""
    parameters = call.parameters()
    known = recall_client(server, call, parameters)
    if known is not None:
        with suppress(OAuthError):  # whatever it was, the client as it is now decides
            return await _introspect(server, call, parameters, known)
    return await _introspect(server, call, parameters, await authenticate_call(server, call, parameters))


async def _introspect(
    server: Server, call: Call, parameters: Parameters, authenticated: Authenticated
) -> Answer:
    client = authenticated.client
    if client.type.public or not authenticated.with_secret:
        raise InvalidClient("client_secret_missing").concerning(client.id)
    request = parse_introspection_request(parameters)
    members = await introspect_token(server.mint, authenticated, request.token, call.now)
    count_introspection(server, call, parameters, authenticated, members)
    return json_answer(members, client_id=client.id)
