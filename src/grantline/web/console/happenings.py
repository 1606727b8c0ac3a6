"""Activity entries in words: what happened, why, what to do (R85, R88)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from grantline.activity import DENIED, EVENT, Entry
from grantline.clients import Client
from grantline.oauth.errors import CATALOGUE
from grantline.oauth.redirect_difference import closest
from grantline.web.console.offered import offered_uri
from grantline.web.console.standings import WARNINGS
from grantline.web.console.told import say_again
from grantline.web.languages import _, mark
from grantline.web.words import render_difference

STEPS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "sign-in": (
            mark("Sign-in request"),
            (
                "/oauth/v2/auth",
                "/oauth/v2/auth/decision",
                "/oauth/v2/auth/continue",
                "/oauth/v2/auth/refresh",
            ),
        ),
        "token": (mark("Token request"), ("/oauth/v2/token", "token")),
        "introspection": (mark("Introspection"), ("/oauth/v2/introspect",)),
        "userinfo": (mark("User info request"), ("/oauth/v2/userinfo", "/oauth/user/info")),
        "revocation": (mark("Revocation"), ("/oauth/v2/token/revoke", "/oauth/v2/revoke/token")),
        "device": (mark("Device request"), ("/oauth/v3/device/code",)),
        "poll": (mark("Device poll"), ("/oauth/v3/device/token",)),
        "sign-out": (mark("Sign-out request"), ("/oauth/v2/logout",)),
    }
)
"""The steps by which activity can be filtered: the words, and the addresses."""
_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {address: words for words, addresses in STEPS.values() for address in addresses}
)
_ADDRESS_CODES: Final = frozenset({"redirect_uri_mismatch", "code_redirect_uri_mismatch"})


def render_happening(
    entry: Entry, client: Client, *, is_open: bool, may_change: bool = False
) -> dict[str, object]:
    """The entry as `parts/happenings.html` shows it, for the client's owner alone (T9)."""
    explanation = CATALOGUE.get(entry.code)
    if entry.error == EVENT:
        title = _(WARNINGS.get(entry.code, mark("Something to look at")))
    else:
        title = _(explanation.title) if explanation is not None else entry.code
    state, word = _state(entry)
    step = _(_WORDS.get(entry.endpoint, mark("Request")))
    hint = say_again(str(entry.detail.get("hint", "")))
    compared = _compare(entry)
    return {
        "at": entry.at,
        "state": state,
        "word": word,
        "sentence": _("%(step)s: %(what)s", step=step, what=f"{title[0].lower()}{title[1:]}"),
        "request_id": entry.id,
        "happened": _happened(entry, step),
        "why": hint or (_(explanation.cause) if explanation is not None else ""),
        "fix": _(explanation.fix)
        if explanation is not None
        else _("Nothing is broken. Read what happened, and decide."),
        "code": entry.code,
        "has_page": explanation is not None,
        "unproven": not entry.proven and entry.error not in (EVENT, DENIED),
        "difference": compared,
        "facts": [] if compared else _facts(entry),
        "action": _action(entry, client, may_change=may_change),
        "open": is_open,
    }


def _state(entry: Entry) -> tuple[str, str]:
    if entry.detail.get("rehearsed"):
        return "wait", _("Rehearsal")
    if entry.error == EVENT:
        return "wait", _("Warning")
    return ("open", _("Declined")) if entry.error == DENIED else ("stop", _("Refused"))


def _happened(entry: Entry, step: str) -> str:
    network = entry.detail.get("network", "")
    if entry.error == EVENT:
        return _("A request worked, and there is something to know about it.")
    values = {"step": step, "error": entry.error, "status": entry.status, "network": network}
    if network:
        return _("%(step)s from %(network)s: answered with %(error)s, status %(status)d.", **values)
    return _("%(step)s: answered with %(error)s, status %(status)d.", **values)


def _facts(entry: Entry) -> list[dict[str, str]]:
    labels = (("received", _("It sent")), ("expected", _("Expected")))
    return [
        {"label": label, "value": str(entry.detail[name])} for name, label in labels if name in entry.detail
    ]


def _compare(entry: Entry) -> Mapping[str, object] | None:
    """The address that came beside the registered one that is nearest, part by part."""
    sent = str(entry.detail.get("received", ""))
    nearest = closest(sent, str(entry.detail.get("expected", "")).split())
    if entry.code not in _ADDRESS_CODES or not sent or nearest is None or nearest == sent:
        return None
    return render_difference(sent, nearest)


def _action(entry: Entry, client: Client, *, may_change: bool) -> dict[str, str] | None:
    path = f"/console/clients/{client.id}"
    if may_change and offered_uri(entry, client) is not None:
        return {
            "words": _("Add this redirect URI"),
            "href": f"{path}/activity/add?request_id={quote(entry.id)}",
        }
    if entry.code == "redirect_uri_mismatch":
        return {"words": _("Edit the redirect URIs"), "href": f"{path}/redirects"}
    if entry.code.startswith("client_secret_"):
        return {"words": _("See the secrets"), "href": f"{path}/credentials"}
    if entry.code == "old_secret_used":
        return {"words": _("See the secrets"), "href": f"{path}/credentials"}
    if entry.code in ("limit_near", "refresh_token_evicted"):
        return {"words": _("Review tokens"), "href": f"{path}/users"}
    if entry.error == "invalid_grant" and client.type.name == "self-client":
        return {"words": _("Generate a new code"), "href": f"{path}/code"}
    return None
