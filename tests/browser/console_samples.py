"""Sample contexts of the console's pages."""

from collections.abc import Callable, Iterator
from typing import Any

from tests.browser.samples import DEVELOPER, PAGE, Sample

Maker = Callable[..., Sample]
FRAME: dict[str, Any] = {
    "workspace": {
        "id": 71,
        "name": "Northgate Tools",
        "personal": False,
        "role": "owner",
        "may_change": True,
        "may_manage": True,
    },
    "workspaces": [{"id": 7, "name": "Mara Lindqvist"}, {"id": 71, "name": "Northgate Tools"}],
    "switch_token": "b2f7c1",
    "client": None,
}
"""What `console/place.py` gives to every page of the console."""
TYPES = [
    {
        "value": value,
        "title": title,
        "who": who,
        "needs": needs,
        "gets": gets,
    }
    for value, title, who, needs, gets in (
        (
            "server-based",
            "Server-based",
            "A web app with its own server, used by many people.",
            "a redirect URI",
            "ID, secret, refresh token",
        ),
        (
            "client-based",
            "Client-based",
            "A page that runs wholly in the browser, with no server behind it.",
            "your web domain and a redirect URI",
            "ID, short-lived token, no secret",
        ),
        (
            "self-client",
            "Self client",
            "A script or job of yours that works with your own data only.",
            "nothing",
            "ID, secret, refresh token",
        ),
        (
            "non-browser",
            "Non-browser",
            "A TV, a printer, a sensor: it can show a code but not a sign-in page.",
            "nothing",
            "ID, secret, refresh token",
        ),
        (
            "mobile",
            "Mobile",
            "An app for phones that opens the system browser to sign in.",
            "a link back to the app",
            "ID, refresh token, no secret",
        ),
    )
]
ALL_FIELDS = [
    "name",
    "homepage_url",
    "redirect_uris",
    "origins",
    "post_logout_redirect_uris",
    "implicit",
    "legacy_secret",
    "vendor_compatible",
]
FORM = {
    "name": "Dockside Billing",
    "homepage_url": "https://billing.dockside.example.com",
    "redirect_uris": "https://billing.dockside.example.com/oauth/return\nhttp://billing.dockside.example.com/oauth/return",
    "origins": "https://billing.dockside.example.com",
    "post_logout_redirect_uris": "",
    "implicit": False,
    "legacy_secret": False,
    "vendor_compatible": True,
}


def console() -> Iterator[Sample]:
    def sample(name: str, template: str, **context: object) -> Sample:
        return Sample(
            name,
            f"console/{template}.html",
            {"page": PAGE, "person": DEVELOPER, **FRAME, **context},
            scripts=True,
        )

    yield sample("not-allowed", "not_allowed", workspace={**FRAME["workspace"], "role": "viewer"})
    yield sample("add-type", "add_type", types=TYPES, chosen="server-based", problem="")
    yield sample("add-type-problem", "add_type", types=TYPES, chosen="", problem="Choose one of the five.")
    adding = {
        "problem": "",
        "receives": [
            "A client ID, which is public",
            "A client secret, shown once",
            "A refresh token for each person who allows it",
        ],
        "creation_key": "new_8Jd2Qm",
        "token": "b2f7c1",
        "form": FORM,
    }
    http = "Line 2 uses http, which anyone on the way can read. Use https, or remove the line."
    yield sample(
        "add-details",
        "add_details",
        type=TYPES[0],
        fields=ALL_FIELDS[:3],
        problems={"redirect_uris": http},
        **adding,
    )
    yield sample(
        "add-details-browser", "add_details", type=TYPES[1], fields=ALL_FIELDS, problems={}, **adding
    )
    yield sample("add-details-self", "add_details", type=TYPES[2], fields=[], problems={}, **adding)
    kept = {"token": "b2f7c1", "name": "Dockside Billing"}
    asking = {"action": "/console/clients/new/server-based", "kept": kept, "back": "/console/clients"}
    yield sample("confirm", "confirm", problem="", wait_seconds=0, **asking)
    wrong = "That is not the password of this account. Try again."
    yield sample("confirm-problem", "confirm", problem=wrong, wait_seconds=42, **asking)
