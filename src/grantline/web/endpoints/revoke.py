"""The revocation endpoint (RFC 7009), at both of its addresses."""

from grantline.clients import Client
from grantline.oauth.requests import parse_revocation_request
from grantline.tokens import revoke_token
from grantline.web import vendor_wire
from grantline.web.call import Answer, Call
from grantline.web.endpoints.origin import check_call_origin
from grantline.web.endpoints.token import authenticate_call
from grantline.web.server import Server


async def revoke(server: Server, call: Call) -> Answer:
    """POST /oauth/v2/token/revoke and /oauth/v2/revoke/token. Without credentials possession may suffice
    (T49)."""
    parameters = call.parameters()
    client: Client | None = None
    if call.authorization is not None or "client_id" in parameters or "client_secret" in parameters:
        client = (await authenticate_call(server, call, parameters)).client
        check_call_origin(call, client)
    else:
        vendor_wire.check_repeats(None, parameters)
    request = parse_revocation_request(parameters)
    found = await revoke_token(server.mint, client, request.token, call.peer.shown, call.now)
    return vendor_wire.revoked(client, found=found)
