"""The device's two addresses: its first call (RFC 8628 §3.1) and the vendor's poll, which is the same grant
as at the token endpoint."""

from grantline.device import start_device
from grantline.grants import Exchange, redeem
from grantline.oauth.errors import InvalidRequest, OAuthError, UnsupportedGrantType
from grantline.oauth.requests import DeviceCodeRequest, parse_device_authorization_request
from grantline.web import vendor_wire
from grantline.web.call import Answer, Call, json_answer
from grantline.web.endpoints.counting import count_token
from grantline.web.endpoints.origin import check_call_origin
from grantline.web.endpoints.token import authenticate_call
from grantline.web.server import Server


async def device_code(server: Server, call: Call) -> Answer:
    """POST /oauth/v3/device/code."""
    parameters = call.parameters()
    client = (await authenticate_call(server, call, parameters)).client
    check_call_origin(call, client)
    life_seconds, interval_seconds = vendor_wire.device_times(client)
    try:
        answer = await start_device(
            server.mint,
            client,
            parse_device_authorization_request(parameters),
            network=call.peer.network,
            network_shown=call.peer.shown,
            user_agent=call.headers.get("user-agent", ""),
            life_seconds=life_seconds,
            interval_seconds=interval_seconds,
            scope_aliases=vendor_wire.scope_aliases(client),
            now=call.now,
        )
    except OAuthError as error:
        raise error.concerning(client.id) from None
    return json_answer(vendor_wire.device_members(client, answer), client_id=client.id)


async def device_token(server: Server, call: Call) -> Answer:
    """POST /oauth/v3/device/token: `grant_type=device_token` with the device code in `code`."""
    parameters = call.parameters()
    authenticated = await authenticate_call(server, call, parameters)
    client = authenticated.client
    check_call_origin(call, client)
    grant_type = parameters.get("grant_type")
    code = parameters.get("code") or parameters.get("device_code")
    if grant_type is None:
        raise InvalidRequest("grant_type_missing").concerning(client.id)
    if grant_type not in ("device_token", DeviceCodeRequest.grant_type):
        raise UnsupportedGrantType("grant_type_unknown", received=grant_type).concerning(client.id)
    if code is None:
        raise InvalidRequest("parameter_missing", hint="code").concerning(client.id)
    exchange = Exchange(
        mint=server.mint,
        authenticated=authenticated,
        now=call.now,
        network=call.peer.shown,
        request_id=call.request_id,
        rotate=vendor_wire.rotates(authenticated),
        scope_aliases=vendor_wire.scope_aliases(client),
    )
    response = await redeem(exchange, DeviceCodeRequest(code, parameters.get("code_verifier")))
    count_token(server, call, authenticated, DeviceCodeRequest.grant_type)
    return Answer(200, response.to_json(), client_id=client.id)
