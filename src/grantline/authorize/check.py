"""Checking an authorization request, in the one order that is safe (T10).

First size, encoding and duplicates (`oauth/parameters`), then the client, then the redirect URI: what fails
there is shown on our own
page. Only then everything else, whose errors go back to the app.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from grantline.clients import Client, find_client, unknown_client, why_disabled
from grantline.oauth.errors import (
    InvalidClient,
    InvalidRequest,
    InvalidTarget,
    NotRedirectable,
    UnauthorizedClient,
)
from grantline.oauth.parameters import Parameters
from grantline.oauth.redirect_uri import RedirectKind, RedirectUriProblem, check_redirect_uri, matches
from grantline.oauth.requests import AuthorizationRequest, parse_authorization_request
from grantline.oauth.scope import parse_scope
from grantline.tokens import Mint


@dataclass(frozen=True, slots=True)
class Target:
    """Client and redirect URI, both proven: from here on errors may be redirected."""

    client: Client
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class CheckedRequest:
    """A request that may be put to the person."""

    client: Client
    redirect_uri: str
    request: AuthorizationRequest
    scope: tuple[str, ...]
    asked_scope: tuple[str, ...]
    offline: bool
    """A refresh token is asked for and this type may have it."""

    @property
    def openid(self) -> bool:
        """Whether OpenID Connect applies."""
        return "openid" in self.scope


async def check_target(mint: Mint, parameters: Parameters) -> Target:
    """Steps 3 and 4 of T10. Raises NotRedirectable."""
    client_id = parameters.get("client_id")
    if client_id is None:
        raise NotRedirectable("client_id_missing")
    client = await find_client(mint.db, client_id)
    if client is None or client.type.name == "api":
        raise _not_redirectable(unknown_client(client_id, mint.data_centers.issuers), client_id)
    if not client.enabled:
        off = await why_disabled(mint.db, client, mint.data_centers.issuers)
        raise _not_redirectable(off).concerning(client.id)
    return Target(client, _redirect_uri(client, parameters))


def _not_redirectable(error: InvalidClient, client_id: str | None = None) -> NotRedirectable:
    return NotRedirectable(
        error.code, members=error.members, hint=error.hint, received=client_id or error.received
    )


def _redirect_uri(client: Client, parameters: Parameters) -> str:
    """The registered redirect URI that the request names, with the received port where a port is free (T11,
    T12)."""
    received = parameters.get("redirect_uri")
    native = client.type.redirect_uris == "native"
    if received is None:
        wants_openid = "openid" in (parameters.get("scope") or "").replace(",", " ").split()
        if len(client.redirect_uris) != 1 or wants_openid:
            raise NotRedirectable("redirect_uri_missing").concerning(client.id)
        received = client.redirect_uris[0]
    elif not any(matches(one, received, any_loopback_port=native) for one in client.redirect_uris):
        raise NotRedirectable(
            "redirect_uri_mismatch",
            received=received,
            expected=" ".join(client.redirect_uris) or "none registered",
        ).concerning(client.id)
    try:
        # Once more: a row that got its URI in some other way must not lead anywhere either (T1).
        check_redirect_uri(received, kind=RedirectKind.NATIVE if native else RedirectKind.WEB)
    except RedirectUriProblem as problem:
        raise NotRedirectable("redirect_uri_mismatch", received=received, hint=problem.sentence).concerning(
            client.id
        ) from None
    return received


def check_request(
    mint: Mint, target: Target, parameters: Parameters, aliases: Mapping[str, str]
) -> CheckedRequest:
    """Step 5 of T10: everything else. What it raises may be redirected. `aliases`: other service prefixes for
    ours."""
    return judge_request(mint, target, parse_authorization_request(parameters), aliases)


def judge_request(
    mint: Mint, target: Target, request: AuthorizationRequest, aliases: Mapping[str, str]
) -> CheckedRequest:
    """Whether this client may ask this; for a parked request it is asked again, by what is registered by then
    (T14)."""
    client = target.client
    check_response_type(client, request.response_type)
    if request.response_type == "code" and client.type.pkce_required and request.code_challenge is None:
        raise InvalidRequest("pkce_required")
    resolved = mint.catalog.resolve(parse_scope(request.scope or ""), aliases)
    front_channel = request.response_type != "code"
    if front_channel and "openid" in resolved.names and request.nonce is None:
        raise InvalidRequest("nonce_required")
    for resource in request.resource:
        if resource not in mint.catalog.identifiers():
            raise InvalidTarget("resource_unknown", received=resource)
    names, asked = resolved.names, resolved.asked
    if front_channel:
        # There is nothing to keep: offline_access counts only where a code results (OpenID Connect Core §11).
        asked = tuple(spelled for name, spelled in zip(names, asked, strict=True) if name != "offline_access")
        names = tuple(name for name in names if name != "offline_access")
    wanted = request.access_type == "offline" or "offline_access" in names
    return CheckedRequest(client, target.redirect_uri, request, names, asked, wanted and not front_channel)


def check_response_type(client: Client, response_type: str) -> None:
    """Whether this client may get this kind of answer; asked again from the stored row before answering
    (T14)."""
    if "authorization_code" not in client.type.grants or client.type.redirect_uris == "none":
        raise UnauthorizedClient("response_type_not_allowed", received=response_type)
    if response_type != "code" and not (client.type.may_choose_implicit and client.implicit):
        raise UnauthorizedClient("response_type_not_allowed", received=response_type)
