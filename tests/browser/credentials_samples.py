"""Sample contexts of the pages for a client's first steps: its secrets, Quickstart, Generate code."""

from collections.abc import Iterator
from typing import Any

from tests.browser.console_samples import FRAME, Maker
from tests.browser.samples import APP, CLIENT_ID, CODE, DEVELOPER, NOW, PAGE, SECRET, Sample

WHY = "Anyone could read a secret in the page source, so this type has none."
CLIENT = {
    "client_id": CLIENT_ID,
    "name": "Lead Desk",
    "type": "server-based",
    "type_title": "Server-based",
    "redirects": True,
    "secret": "required",
    "enabled": True,
    "created_at": NOW - 1_500_000,
    "homepage": APP["homepage"],
}
NIGHTLY = CLIENT | {
    "name": "Nightly export",
    "type": "self-client",
    "type_title": "Self client",
    "redirects": False,
    "homepage": "",
}
ENV = (
    "GRANTLINE_ISSUER=https://accounts.eu.example.com\n"
    f"GRANTLINE_CLIENT_ID={CLIENT_ID}\n"
    "GRANTLINE_CLIENT_SECRET=\n"
    "GRANTLINE_REDIRECT_URI=https://leaddesk.northgate.example.com/callback\n"
    "GRANTLINE_SCOPE='openid email'\n"
)


def credentials() -> Iterator[Sample]:
    """Every page that this area has, some of them in several states."""

    def sample(name: str, template: str, **context: object) -> Sample:
        whole: dict[str, Any] = {"page": PAGE, "person": DEVELOPER, **FRAME, **context}
        return Sample(name, f"console/{template}.html", whole, scripts=True)

    yield from created_pages(sample)
    yield from secret_pages(sample)
    yield from quickstart_pages(sample)
    yield from code_pages(sample)


def created_pages(sample: Maker) -> Iterator[Sample]:
    secret = {"id": "sec_9MW2", "value": SECRET}
    next_step = {
        "sentence": "Send people to the authorization endpoint with this client ID.",
        "words": "Go to quickstart",
        "href": "/console",
    }
    made = {
        "client": CLIENT,
        "next_step": next_step,
        "missing": None,
        "ended": False,
        "center": "",
        "reach": None,
        "env": ENV,
        "json": "{}",
        "generate": None,
    }
    yield sample("created", "created", secret=secret, is_new=True, **made)
    generate = {"token": "b2f7c1", "scope": "AaaServer.profile.READ"}
    switched_on = made | {"client": NIGHTLY, "generate": generate}
    yield sample("created-self", "created", secret=secret, is_new=True, **switched_on)
    yield sample("new-secret", "created", secret=secret, is_new=False, **(made | {"ended": True}))
    lines = [{"name": "India", "state": "now", "sentence": "Waiting since 12:04:12 UTC"}]
    reach = {"lines": lines, "waiting": True, "address": f"/console/clients/{CLIENT_ID}/data-centers"}
    there = made | {"center": "India", "reach": reach}
    yield sample("new-secret-elsewhere", "created", secret=secret, is_new=False, **there)
    none = {"missing": {"title": "This type has no secret", "sentence": WHY}, "env": "", "json": ""}
    yield sample("created-browser", "created", secret=None, is_new=True, **(made | none))


def secret_pages(sample: Maker) -> Iterator[Sample]:
    used = {
        "id": "sec_4KQ1",
        "created_at": NOW - 1_500_000,
        "created_by": "Mara Lindqvist",
        "until_at": NOW + 600_000,
        "used_at": NOW - 240,
        "today": 112,
        "safe": False,
        "state": "wait",
        "word": "",
    }
    new = used | {
        "id": "sec_9MW2",
        "until_at": None,
        "used_at": NOW - 60,
        "today": 1,
        "state": "done",
        "word": "In use",
    }
    shown = {
        "client": CLIENT,
        "done": "",
        "problem": "",
        "may_have_secret": True,
        "needs_secret": True,
        "no_secret": "",
        "endings": [
            {"value": "", "words": "When I revoke it"},
            {"value": "day", "words": "In a day"},
            {"value": "week", "words": "In a week"},
            {"value": "month", "words": "In a month"},
        ],
        "token": "b2f7c2",
    }
    yield sample("credentials", "credentials", secrets=[used, new], old=used, may_add=False, **shown)
    quiet = used | {"until_at": None, "state": "open", "word": "Not used for 24 hours", "safe": True}
    quiet |= {"today": 0, "used_at": NOW - 200_000}
    done = shown | {"done": "The secret was revoked. It stopped working."}
    yield sample("credentials-safe", "credentials", secrets=[quiet, new], old=quiet, may_add=False, **done)
    fresh = new | {"used_at": None, "today": 0, "state": "todo", "word": "Not used yet", "created_by": ""}
    shown |= {"client": CLIENT | {"crosses": True}}
    refused = shown | {"problem": "This is the only secret. Add another first, or reset it."}
    yield sample("credentials-one", "credentials", secrets=[fresh], old=None, may_add=True, **refused)
    viewer = shown | {"workspace": {**FRAME["workspace"], "role": "viewer", "may_change": False}}
    yield sample("credentials-viewer", "credentials", secrets=[fresh], old=None, may_add=True, **viewer)
    none = shown | {"may_have_secret": False, "no_secret": WHY, "needs_secret": False}
    yield sample("credentials-none", "credentials", secrets=[], old=None, may_add=False, **none)


def quickstart_pages(sample: Maker) -> Iterator[Sample]:
    uris = ["https://leaddesk.northgate.example.com/callback", "http://localhost:8080/callback"]
    titles = {"curl": "curl", "python": "Python", "javascript": "JavaScript", "postman": "Postman"}

    def languages(current: str) -> list[dict[str, object]]:
        return [{"value": key, "title": title, "current": key == current} for key, title in titles.items()]

    shown = {
        "client": CLIENT,
        "flow_sentence": "A person signs in and allows it; then your server exchanges the code for tokens.",
        "languages": languages("curl"),
        "chosen_language": "curl",
        "snippet": "# Save as quickstart.sh, and run: sh quickstart.sh\n"
        "ISSUER=https://accounts.eu.example.com\n"
        f"CLIENT_ID={CLIENT_ID}\n\n"
        "# 1. Ask a person. Your app sends their browser to this address.\n"
        "STATE=$(openssl rand -hex 16)\n" + "printf 'Open this address, and allow it'\n" * 30,
        "file_name": "quickstart.sh",
        "needs": "It prints an address for the browser, and asks where the browser ended.",
        "has_secret": True,
        "generates": False,
        "redirect_uris": uris,
        "redirect_uri": uris[0],
        "scope": "openid email",
        "problem": "",
        "env": ENV,
        "seen": [],
        "refused": None,
    }
    yield sample("quickstart", "quickstart", **shown)
    refused = {"title": "The redirect address is not on your list", "request_id": "req_eu_5Tn7Wd"}
    yield sample("quickstart-refused", "quickstart", **(shown | {"refused": refused}))
    seen = [{"words": "First sign-in request", "at": NOW - 90}, {"words": "First token", "at": NOW - 60}]
    postman = {
        "chosen_language": "postman",
        "languages": languages("postman"),
        "snippet": "",
        "seen": seen,
        "problem": "CRM.modules.leeds.READ: This scope does not exist. Look it up in the list of all scopes.",
    }
    yield sample("quickstart-postman", "quickstart", **(shown | postman))


def code_pages(sample: Maker) -> Iterator[Sample]:
    operations = ("READ", "CREATE", "UPDATE", "DELETE")

    def cells(path: str, offered: tuple[str, ...] = operations) -> list[dict[str, object] | None]:
        return [{"scope": f"{path}.{op}", "ticked": False} if op in offered else None for op in operations]

    lines = [
        {"title": "Modules", "group": True, "child": False, "cells": cells("CRM.modules")},
        {"title": "Leads", "group": False, "child": True, "cells": cells("CRM.modules.leads")},
        {"title": "Products", "group": False, "child": True, "cells": cells("CRM.modules.products")},
        {"title": "Users", "group": False, "child": False, "cells": cells("CRM.users", ("READ", "CREATE"))},
    ]
    making = {
        "client": NIGHTLY,
        "problem": "",
        "problems": {},
        "choices": [3, 5, 7, 10],
        "command": "curl https://accounts.eu.example.com/oauth/v2/token \\\n"
        f'  -d client_id={CLIENT_ID} \\\n  -d code="$CODE"',
        "token": "b2f7c1",
        "table": [{"title": "CRM", "columns": ["Read", "Create", "Update", "Delete"], "rows": lines}],
        "form": {
            "scope": "CRM.modules.leads.READ, CRM.modules.products.ALL",
            "minutes": 5,
            "description": "Nightly export",
        },
        "earlier": [
            {
                "description": "Nightly lead export",
                "scopes": ["CRM.modules.leads.READ"],
                "made_at": NOW - 80_000,
                "minutes": 5,
                "state": "stop",
                "outcome": "Expired unused",
            },
            {
                "description": "",
                "scopes": ["CRM.modules.ALL", "CRM.users.READ"],
                "made_at": NOW - 300_000,
                "minutes": 10,
                "state": "done",
                "outcome": "Exchanged after 48 seconds",
            },
        ],
    }
    result = {
        "code": CODE,
        "expires_at": NOW + 252,
        "seconds_left": 252,
        "seconds_whole": 300,
        "command": "curl \\\n  https://accounts.eu.example.com/oauth/v2/token \\\n"
        "  -d grant_type=authorization_code \\\n"
        f"  -d client_id={CLIENT_ID} \\\n  -d client_secret=$GRANTLINE_CLIENT_SECRET \\\n  -d code={CODE}",
        "document": '{\n  "client_id": "'
        + CLIENT_ID
        + '",\n  "code": "'
        + CODE
        + '",\n  "expires_in": 252\n}',
        "file_name": "grantline-code.json",
    }
    yield sample("code-form", "code", result=None, **(making | {"earlier": []}))
    yield sample("code-ready", "code", result=result, **making)
    wrong = {
        "problems": {
            "scope": "There is no scope CRM.modules.leeds.READ. Did you mean CRM.modules.leads.READ?"
        }
    }
    yield sample("code-problem", "code", result=None, **(making | wrong))
    yield sample("code-last-seconds", "code", result=result | {"seconds_left": 3}, **making)
    tokens = {
        "access_token": "gla_eu_mB7Qx2TqK9xWd3RhYc5Ln8PsF6GjT0ueA1XoBzVn7TqX2mWc9KdR4yHb6LpZ8sJ",
        "refresh_token": "glr_eu_Vn7TqX2mWc9KdR4yHb6LpZ8sJ3fG5tQaE1uNoB0x",
        "expires_in": 3600,
        "scopes": ["AaaServer.profile.READ", "CRM.modules.leads.READ"],
    }
    answer = {
        "line": "GET /oauth/user/info",
        "status": 200,
        "text": '{\n  "First_Name": "Mara",\n  "Email": "mara@northgate.example.com"\n}',
    }
    commands = {
        "call": "curl -sS https://accounts.eu.example.com/oauth/user/info \\\n"
        f"  -H 'Authorization: Bearer {tokens['access_token']}'",
        "refresh": "curl -sS https://accounts.eu.example.com/oauth/v2/token \\\n"
        f"  -d grant_type=refresh_token \\\n  -d refresh_token={tokens['refresh_token']}",
    }
    yield sample("exchanged", "exchanged", client=NIGHTLY, tokens=tokens, answer=answer, **commands)
