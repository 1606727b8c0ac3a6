"""The token endpoint (RFC 6749 §3.2): read, authenticate, redeem, answer."""

from contextlib import suppress

from grantline.clients import Authenticated, authenticate, recall
from grantline.grants import Exchange, redeem
from grantline.oauth.errors import OAuthError
from grantline.oauth.parameters import Parameters
from grantline.oauth.requests import TokenRequest, parse_token_request
from grantline.web import vendor_wire
from grantline.web.call import Answer, Call
from grantline.web.endpoints.counting import count_token
from grantline.web.endpoints.origin import check_call_origin
from grantline.web.errors import record_warning
from grantline.web.server import Server


async def token(server: Server, call: Call) -> Answer:
    """POST /oauth/v2/token."""
    parameters = call.parameters()
    known = recall_client(server, call, parameters)
    if known is not None:
        with suppress(OAuthError):  # whatever it was, the client as it is now decides
            return await _redeem(server, call, parameters, known)
    return await _redeem(server, call, parameters, await authenticate_call(server, call, parameters))


async def _redeem(server: Server, call: Call, parameters: Parameters, authenticated: Authenticated) -> Answer:
    client = authenticated.client
    check_call_origin(call, client)
    exchange = Exchange(
        mint=server.mint,
        authenticated=authenticated,
        now=call.now,
        network=call.peer.shown,
        request_id=call.request_id,
        rotate=vendor_wire.rotates(authenticated),
        scope_aliases=vendor_wire.scope_aliases(client),
    )
    request = parse_for(client.id, parameters)
    response = await redeem(exchange, request)
    count_token(server, call, authenticated, request.grant_type)
    return Answer(200, response.to_json(), client_id=client.id)


def parse_for(client_id: str, parameters: Parameters) -> TokenRequest:
    """The request; its errors are told to the owner of the client."""
    try:
        return parse_token_request(parameters)
    except OAuthError as error:
        raise error.concerning(client_id) from None


def recall_client(server: Server, call: Call, parameters: Parameters) -> Authenticated | None:
    """The client of a call as it is remembered, where nothing about it asks for more."""
    known = recall(server.mint.clients, call.authorization, parameters, call.now)
    return None if parameters.repeated_equal else known


async def authenticate_call(server: Server, call: Call, parameters: Parameters) -> Authenticated:
    """The client of a call; credentials in the query leave a warning in its activity (R18)."""
    authenticated = await authenticate(
        server.db,
        call.authorization,
        parameters,
        issuers=server.mint.data_centers.issuers,
        limiter=server.mint.limiter,
        network=call.peer.network,
        now=call.now,
    )
    server.mint.clients.keep(authenticated.client)
    vendor_wire.check_repeats(authenticated.client, parameters)
    if authenticated.in_query:
        record_warning(
            server,
            authenticated.client.id,
            "credentials_in_query",
            "Credentials came in the query string, where logs on the way keep them. Send them in the body.",
            proven=authenticated.with_secret,
            request_id=call.request_id,
            endpoint=call.path,
            now=call.now,
            workspace_id=authenticated.client.workspace_id,
        )
    return authenticated
