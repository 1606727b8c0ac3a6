"""Sample contexts of the pages about the console's API."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from grantline.clients import Api, ApiDeclaration, ApiRefused, ApiScope, render_api_manifest
from grantline.web.console.api_reference import describe
from grantline.web.console.apis import api_fields, api_row, snippet
from grantline.web.console_api.table import OPERATIONS
from tests.browser.console_samples import FRAME
from tests.browser.samples import DEVELOPER, NOW, PAGE, Sample

_KEY = {
    "id": "key_5b1f09c2ad77",
    "name": "Deploy script on build-3",
    "workspace": "Northgate Tools",
    "scopes": ("clients:read", "clients:write"),
    "created_at": NOW - 900_000,
    "expires_at": NOW + 1_700_000,
    "used_at": NOW - 240,
    "state": "done",
    "word": "Works",
}
_CHOICES = [
    {"name": f"scope:{scope}", "scope": scope, "sentence": sentence, "ticked": ticked}
    for scope, sentence, ticked in (
        ("clients:read", "See clients, their settings and their manifests", True),
        ("clients:write", "Register, change and delete clients, and take access back from people", False),
        ("activity:read", "See what was refused and why, who uses a client, and how much", True),
    )
]


def machines() -> Iterator[Sample]:
    """Keys and CLI in its states, and the reference."""

    def sample(name: str, template: str, **context: object) -> Sample:
        whole = {"page": PAGE, "person": DEVELOPER, **FRAME, **context}
        return Sample(name, f"console/{template}.html", whole, scripts=True)

    given = {
        "form": {"name": "", "days": "30"},
        "choices": _CHOICES,
        "withheld": True,
        "days": ["7", "30", "90", "365"],
        "problems": {},
        "made": None,
        "done": "",
        "keys": [
            _KEY,
            {**_KEY, "id": "key_09c2ad775b1f", "name": "Old laptop", "workspace": "", "used_at": None}
            | {"state": "stop", "word": "You left its workspace"},
        ],
        "token": "b2f7c1",
        "commands": [
            {
                "title": "Read the token into your shell",
                "text": "read -rs GRANTLINE_TOKEN; export GRANTLINE_TOKEN",
            },
            {
                "title": "List your clients",
                "text": 'curl -H "Authorization: Bearer $GRANTLINE_TOKEN" https://accounts.us.grantline.example/console/api/v1/clients',
            },
        ],
    }
    yield sample("keys", "keys", **given)
    yield sample(
        "keys-made",
        "keys",
        **given
        | {
            "made": {
                "id": "key_5b1f09c2ad77",
                "name": "Deploy script",
                "value": f"glp_us_{'7hQ2xK9mB4' * 4}Zr8nWvT3c",
            }
        },
    )
    yield sample(
        "keys-problem",
        "keys",
        **given
        | {
            "keys": [],
            "problems": {
                "name": "Name it with 1 to 60 letters, digits or signs.",
                "scopes": "Choose at least one of the permissions in the list.",
                "days": "Choose 7, 30, 90 or 365 days.",
            },
        },
    )
    groups = [
        {
            "id": name,
            "title": name.title(),
            "operations": [describe(one) for one in OPERATIONS if one.name.partition(".")[0] == name],
        }
        for name in ("clients", "activity")
    ]
    yield sample("api", "api", groups=groups, root="https://accounts.us.grantline.example/console/api/v1")


def apis() -> Iterator[Sample]:
    """The APIs of a workspace."""

    def sample(name: str, template: str, **context: object) -> Sample:
        whole = {"page": PAGE, "person": DEVELOPER, **FRAME, **context}
        return Sample(name, f"console/{template}.html", whole, scripts=template == "api_one")

    said = ApiDeclaration(
        "https://billing.northgate.example/v2",
        "Billing",
        "Northgate Billing",
        (
            ApiScope("Billing.invoices.READ", "See your invoices", 1),
            ApiScope("Billing.invoices.ALL", "See, add, edit and delete your invoices", 5, shows_person=True),
        ),
        "jwt-es256",
        600,
    )
    api = Api(*_members(said), "glc_us_7Hq2mVx81cTnJ0sKeWd4RyZbP6uLgA3f", 0, NOW - 400_000)
    refused = ApiRefused("%(scope)s does not begin with %(prefix)s.", "scopes", scope="CRM.READ", prefix="B")
    row = api_row(api)
    one = {
        "api": row,
        "token": "b2f7c1",
        "secret": None,
        "secrets": [{"id": "sec_09c2ad775b1f", "created_at": NOW - 400_000}] * 2,
        "done": "",
        "problem": "",
        "manifest": render_api_manifest(said),
        "snippet": snippet(api, "https://accounts.us.grantline.example"),
    }
    yield sample("apis", "apis", apis=[row, {**row, "name": "Stock", "scopes": 0}], done="")
    yield sample("apis-none", "apis", apis=[], done="The API was deleted.")
    yield sample("api-new", "api_new", **api_fields(ApiDeclaration("", "", ""), None), token="b2f7c1")
    yield sample("api-refused", "api_new", **api_fields(said, refused), token="b2f7c1")
    yield sample("api", "api_one", **api_fields(said, None), **one)
    made = {"id": "sec_09c2ad775b1f", "value": "gls_us_" + "x" * 49}
    yield sample("api-declared", "api_one", **api_fields(said, None), **{**one, "secret": made})


def _members(said: ApiDeclaration) -> tuple[Any, ...]:
    return tuple(getattr(said, field.name) for field in dataclasses.fields(said))
