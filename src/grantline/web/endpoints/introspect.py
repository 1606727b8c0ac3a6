"""The introspection endpoint (RFC 7662): for confidential clients and APIs."""

from grantline.oauth.errors import InvalidClient
from grantline.oauth.requests import parse_introspection_request
from grantline.tokens import introspect as introspect_token
from grantline.web.call import Answer, Call, json_answer
from grantline.web.endpoints.token import authenticate_call
from grantline.web.server import Server


async def introspect(server: Server, call: Call) -> Answer:
    """POST /oauth/v2/introspect. A bad token is never an error; bad credentials are 401 (RFC 7662 §2.3)."""
    parameters = call.parameters()
    authenticated = await authenticate_call(server, call, parameters)
    client = authenticated.client
    if client.type.public or not authenticated.with_secret:
        raise InvalidClient("client_secret_missing").concerning(client.id)
    request = parse_introspection_request(parameters)
    return json_answer(await introspect_token(server.mint, client, request.token, call.now))
