"""Sample contexts of the pages about the sample apps."""

import json
from collections.abc import Iterator
from typing import Any

from grantline.web.console.samples import SAMPLES
from tests.browser.console_samples import FRAME
from tests.browser.samples import CLIENT_ID, CODE, DEVELOPER, NOW, PAGE, SECRET, Sample
from tests.browser.seeing_samples import CLIENT

CARDS = [
    {
        "name": one.name,
        "title": one.title,
        "shows": one.shows,
        "type": one.kind.name,
        "type_title": one.kind.title,
        "command": one.command,
    }
    for one in SAMPLES.values()
]


def _one(name: str, **context: Any) -> dict[str, Any]:
    sample = SAMPLES[name]
    asked = sample.registration(8700, ["us"])
    return {
        "sample": next(card for card in CARDS if card["name"] == name),
        "does": list(sample.does),
        "name": asked.name,
        "addresses": list(asked.redirect_uris),
        "origins": list(asked.origins),
        "scopes": list(asked.scopes),
        "everywhere": sample.everywhere,
        "runs_at": sample.address(8700),
        "unknown": [],
        "registered": [],
        "own": False,
        "may_add_secret": False,
        "problem": "",
        "creation_key": "new_8Jd2Qm",
        "token": "b2f7c1",
        **context,
    }


def _ready(name: str, members: dict[str, Any], **context: Any) -> dict[str, Any]:
    one = _one(name)
    return {
        "sample": one["sample"],
        "runs_at": one["runs_at"],
        "client": CLIENT,
        "secret": True,
        "needs_secret": False,
        "code_until": 0,
        "problem": "",
        "document": json.dumps({"issuer": "https://accounts.eu.example.com", **members}, indent=2),
        "file_name": f"{name}.json",
        "command": f"./examples/run {name} --config ~/Downloads/{name}.json",
        "again": f"./examples/run {name}",
        **context,
    }


def apps() -> Iterator[Sample]:
    """Every page of this area, some in several states."""

    def sample(name: str, template: str, /, **context: Any) -> Sample:
        shown = {"page": PAGE, "person": DEVELOPER, **FRAME, **context}
        return Sample(name, f"console/{template}.html", shown, scripts=True)

    known = [{"client_id": CLIENT_ID, "name": "Lead Board Sample", "created_at": NOW - 90_000}]
    yield sample("samples", "samples", samples=CARDS)
    yield sample("sample", "sample", **_one("browser_app", registered=known))
    own = {"registered": known, "own": True, "may_add_secret": True}
    yield sample("sample-own", "sample", **_one("reporting", **own))
    unknown = list(SAMPLES["accounting_sync"].asked.scopes[-2:])
    told = "This name looks like Grantline's own. Choose a name that is yours."
    yield sample("sample-unknown", "sample", **_one("accounting_sync", unknown=unknown, problem=told))
    members = {
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "scope": "CRM.modules.leads.READ",
        "code": CODE,
    }
    yield sample("sample-ready", "sample_ready", **_ready("reporting", members, code_until=NOW + 600))
    limited = "Ten codes in ten minutes are the limit. Wait 4 minutes."
    less = {"secret": False, "needs_secret": True, "problem": limited}
    bare = {"client_id": CLIENT_ID, "client_secret": "", "scope": "CRM.modules.leads.READ"}
    yield sample("sample-ready-less", "sample_ready", **_ready("lead_desk", bare, **less))
