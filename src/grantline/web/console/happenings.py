"""Activity entries in words: what happened, why, what to do (R85, R88)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from grantline.activity import Entry
from grantline.clients import Client
from grantline.oauth.errors import CATALOGUE
from grantline.oauth.redirect_difference import closest
from grantline.web.words import render_difference

_STEPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "/oauth/v2/auth": "Sign-in request",
        "/oauth/v2/auth/decision": "Sign-in request",
        "/oauth/v2/auth/continue": "Sign-in request",
        "/oauth/v2/token": "Token request",
        "token": "Token request",
        "/oauth/v2/introspect": "Introspection",
        "/oauth/v2/userinfo": "User info request",
        "/oauth/user/info": "User info request",
        "/oauth/v2/token/revoke": "Revocation",
        "/oauth/v2/revoke/token": "Revocation",
        "/oauth/v3/device/code": "Device request",
        "/oauth/v3/device/token": "Device poll",
        "/oauth/v2/logout": "Sign-out request",
    }
)
_ADDRESS_CODES: Final = frozenset({"redirect_uri_mismatch", "code_redirect_uri_mismatch"})


def render_happening(entry: Entry, client: Client, *, is_open: bool) -> dict[str, object]:
    """The entry as `parts/happenings.html` shows it, for the client's owner alone (T9)."""
    explanation = CATALOGUE.get(entry.code)
    title = explanation.title if explanation is not None else "Something to look at"
    state, word = _state(entry)
    step = _STEPS.get(entry.endpoint, "Request")
    hint = str(entry.detail.get("hint", ""))
    compared = _compare(entry)
    return {
        "at": entry.at,
        "state": state,
        "word": word,
        "sentence": f"{step}: {title[0].lower()}{title[1:]}",
        "request_id": entry.id,
        "happened": _happened(entry, client, step),
        "why": hint or (explanation.cause if explanation is not None else ""),
        "fix": explanation.fix
        if explanation is not None
        else "Nothing is broken. Read what happened, and decide.",
        "code": entry.code,
        "has_page": explanation is not None,
        "difference": compared,
        "facts": [] if compared else _facts(entry),
        "action": _action(entry, client),
        "open": is_open,
    }


def _state(entry: Entry) -> tuple[str, str]:
    if entry.error == "event":
        return "wait", "Warning"
    return ("open", "Declined") if entry.error == "access_denied" else ("stop", "Refused")


def _happened(entry: Entry, client: Client, step: str) -> str:
    network = entry.detail.get("network", "")
    source = f" from {network}" if network else ""
    if entry.error == "event":
        return f"A request{source} worked, and there is something to know about it."
    proof = "" if entry.proven else f" Whoever sent it had not proven to be {client.name}."
    return f"{step}{source}: answered with {entry.error}, status {entry.status}.{proof}"


def _facts(entry: Entry) -> list[dict[str, str]]:
    labels = (("received", "It sent"), ("expected", "Expected"))
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


def _action(entry: Entry, client: Client) -> dict[str, str] | None:
    path = f"/console/clients/{client.id}"
    if entry.code == "redirect_uri_mismatch":
        return {"words": "Edit the redirect URIs", "href": f"{path}#redirect_uris"}
    if entry.code.startswith("client_secret_"):
        return {"words": "See the secrets", "href": f"{path}#secrets"}
    if entry.error == "invalid_grant" and client.type.name == "self-client":
        return {"words": "Generate a new code", "href": f"{path}/code"}
    return None
