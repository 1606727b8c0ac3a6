"""Who the person is: the OpenID Connect answer and the vendor's (OpenID Connect Core §5.3)."""

from typing import Final

from grantline.accounts import Account, find_account
from grantline.clients import find_client
from grantline.limits import Limit
from grantline.oauth.bearer import parse_authorization, render_challenge
from grantline.oauth.errors import InsufficientScope, InvalidRequest, InvalidToken, OAuthError, Throttled
from grantline.oauth.parameters import parse_form
from grantline.oauth.scope import covers_all
from grantline.opaque import ACCESS_TOKEN, digest
from grantline.tokens import LiveToken, claims_for, find_holder, find_live_token, issuer_elsewhere
from grantline.web.call import Answer, Call, json_answer
from grantline.web.errors import record_failure
from grantline.web.right_data_center import name_data_centers
from grantline.web.server import Server

PER_TOKEN: Final = Limit("userinfo", 120, 60)
FAILURES: Final = Limit("userinfo-failures", 60, 60)


async def userinfo(server: Server, call: Call) -> Answer:
    """GET or POST /oauth/v2/userinfo: `sub`, and the claims of the scopes that the token has."""
    try:
        token, account = await _token_and_account(server, call)
        if "openid" not in token.scope or server.issuer not in token.audience:
            raise InsufficientScope("scope_insufficient", expected="openid")
    except OAuthError as error:
        return _refuse(server, call, error, needed="openid")
    client = await find_client(server.db, token.authorization.client_id)
    vendor = client is not None and client.vendor_compatible
    members = {"sub": account.sub, **claims_for(account, token.scope, vendor_names=vendor)}
    if "profile" in token.scope:
        members["organization"] = str(token.authorization.organization_id)
    return json_answer(members, client_id=token.authorization.client_id)


async def user_info(server: Server, call: Call) -> Answer:
    """GET /oauth/user/info: the shape that the vendor's sign-in libraries read."""
    needed = "AaaServer.profile.READ"
    try:
        token, account = await _token_and_account(server, call)
        if not covers_all(token.scope, (needed,)) or server.issuer not in token.audience:
            raise InsufficientScope("scope_insufficient", expected=needed)
    except OAuthError as error:
        return _refuse(server, call, error, needed=needed)
    members: dict[str, object] = {
        "First_Name": account.given_name,
        "Email": account.email,
        "Last_Name": account.family_name,
        "Display_Name": account.name,
        "ZUID": account.id,
    }
    return json_answer(members, client_id=token.authorization.client_id)


async def _token_and_account(server: Server, call: Call) -> tuple[LiveToken, Account]:
    """The live token of the call and its person. The token travels in the header alone. Raises InvalidToken,
    Throttled."""
    if "access_token" in parse_form(call.query) or _in_body(call):
        raise InvalidRequest("token_in_two_places") if call.authorization else InvalidToken("token_invalid")
    text = parse_authorization(call.authorization).token if call.authorization else ""
    network = call.peer.network
    if wait := server.mint.limiter.wait_for_network(FAILURES, network, call.now):
        raise Throttled("throttled", retry_after=wait)
    token = await find_live_token(server.mint, text, call.now)
    account = await find_account(server.db, token.authorization.account_id) if token is not None else None
    if token is None or account is None:
        server.mint.limiter.take_for_network(FAILURES, network, call.now)
        raise await _unusable(server, text, call.now)
    if wait := server.mint.limiter.take(PER_TOKEN, digest(text).hex(), call.now):
        raise Throttled("throttled", retry_after=wait).concerning(token.authorization.client_id)
    return token, account


async def _unusable(server: Server, text: str, now: int) -> InvalidToken:
    """The refusal of a token; for one of ours it concerns its app, which may then read it from its own
    origin."""
    if (issuer := issuer_elsewhere(server.mint, text, ACCESS_TOKEN)) is not None:
        return InvalidToken("access_token_wrong_data_center", members={"expected_issuer": issuer})
    holder = await find_holder(server.mint, text, now)
    refusal = InvalidToken("token_invalid")
    return refusal.concerning(holder) if holder is not None else refusal


def _in_body(call: Call) -> bool:
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/x-www-form-urlencoded" and "access_token" in parse_form(call.body)


def _refuse(server: Server, call: Call, error: OAuthError, *, needed: str) -> Answer:
    """The refusal with the challenge of RFC 6750 §3; without any token presented the challenge has no error
    code."""
    record_failure(
        server, error, endpoint=call.path, request_id=call.request_id, network=call.peer.shown, now=call.now
    )
    name_data_centers(error, server.mint.data_centers)
    presented = call.authorization is not None
    challenge = render_challenge(
        "Grantline",
        error if presented else None,
        scope=needed if isinstance(error, InsufficientScope) else None,
        expected_issuer=error.expected_issuer or None,
    )
    members: dict[str, object] = {
        **error.members,
        "error": error.error,
        "error_description": error.description,
        "grantline_code": error.public_code,
        "request_id": call.request_id,
    }
    if call.path.endswith("/user/info"):
        cause = "INVALID_OAUTHSCOPE" if isinstance(error, InsufficientScope) else "INVALID_OAUTHTOKEN"
        members |= {"response": "error", "cause": cause}
    headers: tuple[tuple[str, str], ...] = (("www-authenticate", challenge),)
    if error.retry_after is not None:
        headers = (*headers, ("retry-after", str(error.retry_after)))
    answer = json_answer(members, status=error.status, client_id=error.client_id)
    return Answer(answer.status, answer.body, headers, answer.client_id)
