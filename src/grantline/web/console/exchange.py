"""Exchange now: the console makes the exchange of a generated code itself, shows the tokens once, and calls
the API with them (R49, B8)."""

import json
import shlex
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from grantline.clients import Authenticated, Client
from grantline.grants import Exchange, redeem
from grantline.oauth.errors import InvalidClient, OAuthError
from grantline.oauth.requests import AuthorizationCodeRequest
from grantline.oauth.responses import TokenResponse
from grantline.web import vendor_wire
from grantline.web.call import Call
from grantline.web.console.changes import record_change
from grantline.web.console.codes import check_generates, code_page
from grantline.web.console.confirm import PASSWORD, confirm
from grantline.web.console.place import Place
from grantline.web.console.snippets import first_call
from grantline.web.endpoints.counting import count_token
from grantline.web.endpoints.userinfo import user_info, userinfo
from grantline.web.errors import record_failure
from grantline.web.languages import _
from grantline.web.visit import Visit

_TOKEN_PATH: Final = "/oauth/v2/token"
_LONGEST_CODE: Final = 200


async def exchange_code(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/code/exchange: the answer shows the tokens, this once. A code works once, here as everywhere."""
    check_generates(place, client)
    form = await visit.form(f"code:{client.id}", fields=frozenset({"code", PASSWORD}))
    if asked_again := await confirm(visit, place, form, back=f"/console/clients/{client.id}/code"):
        return asked_again
    # Who is signed in as the owner, a moment ago, proves as much as the secret would.
    authenticated = Authenticated(client, with_secret=True)
    exchange = Exchange(
        mint=visit.server.mint,
        authenticated=authenticated,
        now=visit.now,
        network=visit.peer.shown,
        request_id=visit.request_id,
        rotate=vendor_wire.rotates(authenticated),
        scope_aliases=vendor_wire.scope_aliases(client),
    )
    code = form.get("code", "").strip()[:_LONGEST_CODE]
    try:
        if not client.enabled:
            raise InvalidClient("client_disabled").concerning(client.id, proven=True)
        tokens = await redeem(exchange, AuthorizationCodeRequest(code, None, None))
    except OAuthError as refused:
        return await _refused(visit, place, client, refused)
    call = _call(visit, "POST", _TOKEN_PATH)
    count_token(visit.server, call, authenticated, AuthorizationCodeRequest.grant_type)
    after = {"scope": tokens.scope.split()}
    await record_change(visit.server.db, visit, place, "code.exchanged", client=client, after=after)
    return visit.render(
        "console/exchanged.html",
        **place.frame(visit),
        **_lines(visit, client, tokens),
        tokens={
            "access_token": tokens.access_token,
            "refresh_token": tokens.refresh_token or "",
            "expires_in": tokens.expires_in,
            "scopes": tokens.scope.split(),
        },
        answer=await _first_answer(visit, tokens),
    )


async def _refused(visit: Visit, place: Place, client: Client, refused: OAuthError) -> Response:
    record_failure(
        visit.server,
        refused,
        endpoint=_TOKEN_PATH,
        request_id=visit.request_id,
        network=visit.peer.shown,
        now=visit.now,
    )
    told = refused.explanation
    problem = f"{_(told.title)}. {_(told.cause)} {_(told.fix)}"
    return await code_page(visit, place, client, problem=problem, status=refused.status)


def _call(visit: Visit, method: str, path: str, headers: Mapping[str, str] | None = None) -> Call:
    return Call(method, path, b"", headers or {}, b"", visit.peer, visit.request_id, visit.now)


def _lines(visit: Visit, client: Client, tokens: TokenResponse) -> dict[str, Any]:
    """The commands that go on from here; the second takes the secret from its variable."""
    base, path = first_call(tokens.scope, visit.server.mint.catalog, tokens.api_domain)
    address = (visit.server.issuer if base == "issuer" else tokens.api_domain) + path
    call = [f"curl -sS {shlex.quote(address)}", f"-H 'Authorization: Bearer {tokens.access_token}'"]
    refresh = [
        f"curl -sS {shlex.quote(visit.server.issuer + _TOKEN_PATH)}",
        "-d grant_type=refresh_token",
        f"-d client_id={client.id}",
        '--data-urlencode client_secret="$GRANTLINE_CLIENT_SECRET"',
        f"-d refresh_token={tokens.refresh_token}",
    ]
    return {"call": " \\\n  ".join(call), "refresh": " \\\n  ".join(refresh)}


async def _first_answer(visit: Visit, tokens: TokenResponse) -> dict[str, Any] | None:
    """What the API says to the new token, where the API is ours: the account's own data."""
    base, path = first_call(tokens.scope, visit.server.mint.catalog, tokens.api_domain)
    if base != "issuer":
        return None
    endpoint = userinfo if path.endswith("/userinfo") else user_info
    headers = {"authorization": f"Bearer {tokens.access_token}"}
    answer = await endpoint(visit.server, _call(visit, "GET", path, headers))
    text = json.dumps(json.loads(answer.body), indent=2, ensure_ascii=False)
    return {"line": f"GET {path}", "status": answer.status, "text": text}
