"""Sample contexts of the pages about data centers: where a client works, and which console is right."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.browser.console_samples import FRAME
from tests.browser.credentials_samples import CLIENT, NIGHTLY
from tests.browser.samples import CLIENT_ID, DEVELOPER, NOW, Sample
from tests.browser.samples import PAGE as WITHOUT_NAME

PAGE = replace(WITHOUT_NAME, data_center="Europe")
PATH = f"/console/clients/{CLIENT_ID}/data-centers"
OTHERS = [
    {
        "name": name,
        "host": f"accounts.{code}.example.com",
        "console": f"https://accounts.{code}.example.com/console",
    }
    for code, name in (("us", "United States"), ("in", "India"), ("au", "Australia and New Zealand"))
]
CROSSING = CLIENT | {"crosses": True}
REACH = {
    "lines": [
        {"name": "United States", "state": "done", "sentence": "Confirmed 2 minutes ago"},
        {
            "name": "India",
            "state": "wait",
            "sentence": "Waiting since 12:04:12 UTC: India does not answer. It is tried again by itself.",
        },
        {
            "name": "Australia and New Zealand",
            "state": "stop",
            "sentence": "Not taken there: It is older than what is there. Waiting since 12:04:12 UTC.",
        },
    ],
    "waiting": True,
    "address": PATH,
}


def _rows(chosen: str) -> list[dict[str, Any]]:
    names = {"eu": "Europe", "us": "United States", "in": "India", "au": "Australia and New Zealand"}
    return [
        {
            "code": code,
            "name": name,
            "host": f"accounts.{code}.example.com",
            "api": f"api.{code}.example.com",
            "home": code == "eu",
            "on": code != "au",
            "listed": True,
            "address": f"{PATH}?center={code}#chosen",
            "chosen": code == chosen,
        }
        for code, name in names.items()
    ]


def _chosen(code: str, name: str, **changes: object) -> dict[str, object]:
    issuer = f"https://accounts.{code}.example.com"
    titles = {
        "Authorization": "/oauth/v2/auth",
        "Token": "/oauth/v2/token",
        "Revocation": "/oauth/v2/token/revoke",
        "Introspection": "/oauth/v2/introspect",
        "Device code": "/oauth/v3/device/code",
        "Userinfo": "/oauth/v2/userinfo",
        "List of data centers (serverinfo)": "/oauth/serverinfo",
    }
    endpoints = [{"title": title, "address": issuer + path} for title, path in titles.items()]
    endpoints.append({"title": "APIs (api_domain)", "address": f"https://api.{code}.example.com"})
    shown = {"code": code, "name": name, "home": code == "eu", "on": True, "endpoints": endpoints}
    secrets: dict[str, object] = {"own": False, "may_have_secret": True, "secrets": [], "may_add": True}
    return {**shown, **secrets, **changes}


def centers() -> Iterator[Sample]:
    """Every page that this area has, in its states."""

    def sample(name: str, template: str, **context: object) -> Sample:
        whole: dict[str, Any] = {"page": PAGE, "person": DEVELOPER, **FRAME, "centers": OTHERS, **context}
        return Sample(name, f"console/{template}.html", whole, scripts=True)

    shown = {"client": CROSSING, "why": "", "done": "", "problem": "", "token": "b2f7c1", "reach": REACH}
    home = _chosen("eu", "Europe")
    yield sample("data-centers", "data_centers", rows=_rows("eu"), chosen=home, **shown)
    same = shown | {"done": "It is switched on. It works there as soon as that data center has confirmed it."}
    same |= {"reach": REACH | {"waiting": False}}
    yield sample(
        "data-centers-same", "data_centers", rows=_rows("us"), chosen=_chosen("us", "United States"), **same
    )
    secrets = [{"id": "sec_4KQ1", "created_at": NOW - 900_000}, {"id": "sec_9MW2", "created_at": NOW - 60}]
    own = _chosen("us", "United States", own=True, secrets=secrets, may_add=False)
    refused = shown | {"problem": "Two secrets are live already. Revoke one first."}
    yield sample("data-centers-own", "data_centers", rows=_rows("us"), chosen=own, **refused)
    off = _chosen("au", "Australia and New Zealand", on=False)
    yield sample("data-centers-off", "data_centers", rows=_rows("au"), chosen=off, **shown)
    viewer = shown | {"workspace": {**FRAME["workspace"], "role": "viewer", "may_change": False}}
    one = _chosen("us", "United States", own=True, secrets=secrets[:1])
    yield sample("data-centers-viewer", "data_centers", rows=_rows("us"), chosen=one, **viewer)
    why = "A self client works with its owner’s data alone, and that is in one data center: here."
    alone = shown | {"client": NIGHTLY, "why": why, "reach": None}
    yield sample("data-centers-self", "data_centers", rows=_rows("eu"), chosen=home, **alone)
    asking = {"client": CROSSING, "center": {"code": "us", "name": "United States"}, "token": "b2f7c1"}
    yield sample("data-center-off", "data_center_off", **asking)
    address = f"https://accounts.us.example.com/console/clients/{CLIENT_ID}/settings"
    where = {"name": "United States", "client_id": CLIENT_ID, "address": address}
    bare = {"page": PAGE, "person": None, "centers": OTHERS, **where}
    yield Sample("other-center", "console/other_center.html", bare, scripts=True)
