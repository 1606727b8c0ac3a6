"""What was changed, in words: a sentence for each kind of change, a name for each field."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from grantline.web.console.role_words import role_word
from grantline.web.languages import _, mark

KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "client.created": mark("Added the client"),
        "client.updated": mark("Changed the client"),
        "client.deleted": mark("Deleted the client"),
        "api.created": mark("Declared the API"),
        "api.updated": mark("Changed the API"),
        "api.deleted": mark("Deleted the API"),
        "client.transferred": mark("Gave the client to another workspace"),
        "client.received": mark("Received the client from another workspace"),
        "client.disabled": mark("Switched the client off"),
        "client.enabled": mark("Switched the client on"),
        "secret.added": mark("Added a secret"),
        "secret.reset": mark("Reset the secrets"),
        "secret.revoked": mark("Revoked a secret"),
        "secret.shared": mark("Let the secrets of its home serve in another data center"),
        "code.generated": mark("Generated a code"),
        "code.exchanged": mark("Exchanged a code in the console"),
        "rehearsal.started": mark("Started a rehearsal of failures"),
        "rehearsal.stopped": mark("Ended a rehearsal of failures"),
        "trial.started": mark("Began to try the client in the browser"),
        "trial.ended": mark("Ended a try of the client in the browser"),
        "key.created": mark("Made a personal access token"),
        "key.revoked": mark("Revoked a personal access token"),
        "tokens.revoked": mark("Revoked tokens of the client"),
        "workspace.created": mark("Made the workspace"),
        "workspace.renamed": mark("Renamed the workspace"),
        "member.invited": mark("Invited a person"),
        "member.joined": mark("Joined the workspace"),
        "member.role_changed": mark("Changed a person’s role"),
        "member.removed": mark("Removed a person"),
        "member.left": mark("Left the workspace"),
        "member.moved": mark("Left, because their account moved to another data center"),
        "invitation.sent_again": mark("Sent an invitation again"),
        "invitation.withdrawn": mark("Withdrew an invitation"),
    }
)
"""Every kind that a workspace's people are told of."""

_FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "name": mark("Name"),
        "type": mark("Type"),
        "homepage_url": mark("Homepage"),
        "policy_url": mark("Privacy policy"),
        "terms_url": mark("Terms"),
        "logo_digest": mark("Logo"),
        "redirect_uris": mark("Redirect URIs"),
        "origins": mark("Web origins"),
        "post_logout_redirect_uris": mark("Addresses after sign-out"),
        "app_scopes": mark("Scopes for the app itself"),
        "scopes": mark("Scopes"),
        "scope": mark("Scopes"),
        "data_centers": mark("Data centers"),
        "data_center": mark("Data center"),
        "implicit": mark("Token in the redirect"),
        "vendor_compatible": mark("Vendor-compatible answers"),
        "secret_ids": mark("Secrets"),
        "secret_id": mark("Secret"),
        "minutes": mark("Minutes"),
        "code": mark("Code"),
        "person": mark("Person"),
        "role": mark("Role"),
        "clients": mark("Clients registered by them"),
        "clients_go_to": mark("Their clients go to"),
        "workspace": mark("Workspace"),
        "days": mark("Days"),
        "failure": mark("Failure"),
        "requests": mark("Requests"),
        "identifier": mark("Identifier"),
        "token_format": mark("Access tokens"),
        "token_seconds": mark("Life of its tokens, in seconds"),
        "origins_policy": mark("Web pages that may call it"),
    }
)


def kind_words(kind: str) -> str:
    """The sentence of a kind; one that has none is told by its own name."""
    return _(KINDS[kind]) if kind in KINDS else kind.replace(".", " ").replace("_", " ")


def field_words(name: str) -> str:
    """The name of a field, as forms have it."""
    return _(_FIELDS[name]) if name in _FIELDS else name.replace("_", " ")


def differences(detail: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For each field what went and what came, a line for each value of a list."""
    before, after = _side(detail, "before"), _side(detail, "after")
    rest = {name: value for name, value in detail.items() if name not in ("before", "after")}
    found = []
    for name in dict.fromkeys((*before, *after, *rest)):
        went = _lines(name, before.get(name))
        came = _lines(name, after.get(name, rest.get(name)))
        found.append(
            {
                "field": field_words(name),
                "went": [line for line in went if line not in came],
                "came": [line for line in came if line not in went],
                "both": name in before and name in after,
            }
        )
    return [one for one in found if one["went"] or one["came"]]


def _side(detail: Mapping[str, Any], side: str) -> Mapping[str, Any]:
    value = detail.get(side)
    return value if isinstance(value, dict) else {}


def _lines(name: str, value: Any) -> list[str]:
    if value is None or value == "":
        return []
    if isinstance(value, list):
        return [line for one in value for line in _lines(name, one)]
    if isinstance(value, bool):
        return [_("yes") if value else _("no")]
    if name == "role":
        return [role_word(str(value))]
    return [json.dumps(value) if isinstance(value, dict) else str(value)]
