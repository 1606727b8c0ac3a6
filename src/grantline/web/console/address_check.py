"""An authorization request, checked parameter by parameter against what the client registered, and judged by
the very checks that the authorization endpoint makes."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from grantline.authorize import check_request, check_target
from grantline.clients import Client, find_client_for
from grantline.oauth.errors import OAuthError
from grantline.oauth.parameters import parse_form
from grantline.oauth.redirect_difference import closest
from grantline.oauth.redirect_uri import matches
from grantline.web.console.place import Place
from grantline.web.console.recognising import address_members, masked
from grantline.web.languages import _
from grantline.web.vendor_wire import scope_aliases
from grantline.web.visit import Visit
from grantline.web.words import render_difference

ENDPOINT: Final = "/oauth/v2/auth"
_SECRET: Final = ("client_secret", "code_verifier", "refresh_token")
_MOST_SCOPES: Final = 40


@dataclass(frozen=True, slots=True)
class CheckedAddress:
    """The verdict, and what led to it."""

    state: str
    word: str
    checks: Sequence[Mapping[str, Any]]
    fix: str
    client: Client | None


def _check(name: str, state: str, sentence: str, **more: Any) -> Mapping[str, Any]:
    word = {"done": _("Right"), "wait": _("Look at it"), "stop": _("Wrong")}[state]
    return {"name": name, "state": state, "word": word, "sentence": sentence, "difference": None, **more}


async def check_address(visit: Visit, place: Place, address: str) -> CheckedAddress:
    """Check the address of an authorization request. Of a foreign client nothing registered is told (T9)."""
    given = address_members(address)
    checks = [_where(visit, address)]
    mine = await find_client_for(visit.server.db, place.account.id, given.get("client_id", ""))
    if mine is None:
        checks.append(_check("client_id", "stop", _("None of your clients has this ID.")))
        fix = _("Put the client ID of one of your clients into the address.")
        return CheckedAddress("stop", _("It would be refused, or it is not yours"), checks, fix, None)
    client = mine[0]
    checks.append(_check("client_id", "done", _("It is %(name)s.", name=client.name)))
    checks += [
        _response_type(client, given),
        _redirect(client, given),
        *_scopes(visit, client, given),
        _state(given),
        *_pkce(client, given),
        *_secrets(given),
    ]
    refusal = await _refusal(visit, client, address)
    if refusal is not None:
        entry = refusal.explanation
        return CheckedAddress("stop", _(entry.title), checks, _(entry.fix), client)
    return CheckedAddress("done", _("It would be accepted"), checks, "", client)


async def _refusal(visit: Visit, client: Client, address: str) -> OAuthError | None:
    """What the endpoint itself would refuse first."""
    try:
        parameters = parse_form(urlsplit(address).query.encode("utf-8", "surrogatepass"))
        target = await check_target(visit.server.mint, parameters)
        check_request(visit.server.mint, target, parameters, scope_aliases(client))
    except OAuthError as error:
        return error
    return None


def _where(visit: Visit, address: str) -> Mapping[str, Any]:
    parts = urlsplit(address)
    base = f"{parts.scheme}://{parts.netloc}"
    endpoint = f"{visit.server.issuer}{ENDPOINT}"
    if base != visit.server.issuer:
        return _check(
            _("Address"),
            "stop",
            _("It goes to %(base)s. Ours is %(endpoint)s.", base=base, endpoint=endpoint),
        )
    if parts.path != ENDPOINT:
        return _check(
            _("Address"), "stop", _("The authorization endpoint is %(endpoint)s.", endpoint=endpoint)
        )
    return _check(_("Address"), "done", _("It is the authorization endpoint of this data center."))


def _response_type(client: Client, given: Mapping[str, str]) -> Mapping[str, Any]:
    asked = given.get("response_type", "")
    if not asked:
        return _check("response_type", "stop", _("It is missing. Send response_type=code."))
    if client.type.redirect_uris == "none":
        return _check("response_type", "stop", _("This type of client has no browser flow."))
    if asked == "code":
        return _check("response_type", "done", _("code: the app gets a code, and exchanges it."))
    if client.implicit:
        return _check("response_type", "wait", _("The token comes in the redirect. code is safer."))
    return _check("response_type", "stop", _("This client may use code alone."))


def _redirect(client: Client, given: Mapping[str, str]) -> Mapping[str, Any]:
    sent = given.get("redirect_uri", "")
    native = client.type.redirect_uris == "native"
    if not client.redirect_uris:
        return _check("redirect_uri", "stop", _("This client has registered none."))
    if not sent:
        return _check("redirect_uri", "wait", _("It is missing. Send it always, exactly as registered."))
    if any(matches(known, sent, any_loopback_port=native) for known in client.redirect_uris):
        return _check("redirect_uri", "done", _("It is registered, to the letter."))
    nearest = closest(sent, client.redirect_uris)
    assert nearest is not None
    compared = render_difference(sent, nearest) if nearest != sent else None
    sentence = str(compared["sentence"]) if compared is not None else _("It is not registered.")
    return _check("redirect_uri", "stop", sentence, difference=compared)


def _scopes(visit: Visit, client: Client, given: Mapping[str, str]) -> list[Mapping[str, Any]]:
    catalog = visit.server.mint.catalog
    names = given.get("scope", "").replace(",", " ").split()
    if not names:
        return [_check("scope", "stop", _("It is missing. Name at least one scope."))]
    unknown = [name for name in names[:_MOST_SCOPES] if catalog.find(name, scope_aliases(client)) is None]
    if not unknown:
        return [_check("scope", "done", _("Every name is a scope."))]
    spellings = {scope.name.lower(): scope.name for scope in catalog.scopes}
    found = []
    for name in unknown[:5]:
        near = difflib.get_close_matches(name.lower(), spellings, 1, 0.7)
        sentence = _("There is no scope %(name)s.", name=masked(name[:200]))
        if near:
            sentence += " " + _("Did you mean %(name)s?", name=spellings[near[0]])
        passes = "openid" in names and "." not in name
        found.append(_check("scope", "wait" if passes else "stop", sentence))
    return found


def _state(given: Mapping[str, str]) -> Mapping[str, Any]:
    if given.get("state"):
        return _check("state", "done", _("It is there. Compare it when the person comes back."))
    return _check(
        "state", "wait", _("It is missing. Without it, others can slip an answer of theirs into your app.")
    )


def _pkce(client: Client, given: Mapping[str, str]) -> list[Mapping[str, Any]]:
    challenge, method = given.get("code_challenge"), given.get("code_challenge_method")
    if given.get("response_type") not in ("code", None, ""):
        return []
    if not challenge:
        needed = client.type.pkce_required
        sentence = (
            _("It is missing, and this type of client needs it (PKCE).")
            if needed
            else _("It is missing. PKCE is good for every client: send a code challenge.")
        )
        return [_check("code_challenge", "stop" if needed else "wait", sentence)]
    if method != "S256":
        return [
            _check("code_challenge_method", "stop", _("Only S256 is accepted; without it, plain is meant."))
        ]
    return [_check("code_challenge", "done", _("It is there, by S256."))]


def _secrets(given: Mapping[str, str]) -> list[Mapping[str, Any]]:
    return [
        _check(name, "stop", _("It must never stand in an address: logs on the way keep it."))
        for name in _SECRET
        if name in given
    ]
