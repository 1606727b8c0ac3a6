"""RP-initiated sign-out (OpenID Connect RP-Initiated Logout §2): with a fitting hint at once, else after a
question (T27)."""

from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from grantline.authorize import park_flow
from grantline.clients import Client, find_client
from grantline.oauth import jwt
from grantline.oauth.errors import NotRedirectable, OAuthError
from grantline.oauth.parameters import Parameters, merge, parse_form
from grantline.oauth.redirect_uri import RedirectKind, RedirectUriProblem, check_redirect_uri
from grantline.oauth.responses import render_redirect
from grantline.web.pages.sign_in import sign_out
from grantline.web.pages.stopped import stopped_page
from grantline.web.visit import Visit, form_target, open_visit


async def logout(request: Request) -> Response:
    """GET and POST /oauth/v2/logout."""
    visit = await open_visit(request)
    try:
        parameters = parse_form(request.scope["query_string"])
        if request.method == "POST":
            parameters = merge(parameters, parse_form(await request.body()))
        hint = read_hint(visit, parameters.get("id_token_hint"))
        client = await _client(visit, parameters, hint)
        target = _target(client, parameters)
    except OAuthError as error:
        return await stopped_page(visit, error)
    if visit.session is None and request.method == "POST":
        # Another site's form comes without our cookies; as a link it brings them, and finds the session.
        return visit.redirect(f"/oauth/v2/logout?{urlencode(parameters)}")
    if visit.session is None:
        return (
            visit.leave(target)
            if target and hint is not None
            else visit.render("people/signed_out.html", app=None)
        )
    if hint is not None and hint.get("sid") == visit.session.sid:
        await sign_out(visit)
        return visit.leave(target) if target else visit.render("people/signed_out.html", app=None)
    handle = await park_flow(
        visit.server.db,
        browser=visit.browser,
        kind="logout",
        request="",
        client_id=client.id if client is not None else "",
        redirect_uri=target,
        now=visit.now,
    )
    return visit.render(
        "people/signout_ask.html",
        form_action=form_target(target) if target else "",
        app=client.name if client is not None else None,
        person=visit.person,
        flow=handle,
        token=visit.form_token("signout"),
    )


def read_hint(visit: Visit, text: str | None) -> dict[str, Any] | None:
    """The claims of an id_token that we issued, expired or not. Raises NotRedirectable for any other
    (T27)."""
    if text is None:
        return None
    try:
        return jwt.verify(
            text,
            visit.server.mint.keyring.verification_keys(visit.now),
            algs=("RS256", "ES256"),
            typ="JWT",
            issuer=visit.server.issuer,
            audience=None,
            now=visit.now,
            accept_expired=True,
        )
    except jwt.JwtRefused:
        raise NotRedirectable("id_token_hint_invalid") from None


async def _client(visit: Visit, parameters: Parameters, hint: dict[str, Any] | None) -> Client | None:
    """Who asks: the hint's audience, which `client_id` must equal if it is sent too."""
    named = parameters.get("client_id")
    audience = str(hint["aud"]) if hint is not None else None
    if named is not None and audience is not None and named != audience:
        raise NotRedirectable(
            "id_token_hint_invalid", hint="client_id is not the audience of the id_token_hint."
        )
    client_id = audience or named
    return await find_client(visit.server.db, client_id) if client_id is not None else None


def _target(client: Client | None, parameters: Parameters) -> str:
    """Where to go afterwards: a registered address byte by byte, with the state; empty when none was asked
    for."""
    asked = parameters.get("post_logout_redirect_uri")
    if asked is None:
        return ""
    if client is None or asked not in client.post_logout_redirect_uris:
        raise NotRedirectable("logout_redirect_mismatch", received=asked)
    native = client.type.redirect_uris == "native"
    try:
        # Once more: a row that got its address in some other way must not lead anywhere either (T1).
        check_redirect_uri(asked, kind=RedirectKind.NATIVE if native else RedirectKind.WEB)
    except RedirectUriProblem:
        raise NotRedirectable("logout_redirect_mismatch", received=asked) from None
    state = parameters.get("state")
    return render_redirect(asked, {"state": state}, "query") if state is not None else asked
