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
    kept = {"token": "b2f7c1", "name": "Dockside Billing"}
    asking = {"action": "/console/clients/new/server-based", "kept": kept, "back": "/console/clients"}
    yield sample("confirm", "confirm", problem="", wait_seconds=0, **asking)
    wrong = "That is not the password of this account. Try again."
    yield sample("confirm-problem", "confirm", problem=wrong, wait_seconds=42, **asking)
