"""Every page with rich sample contexts, rendered and served with the headers that the product sends.

`samples()` gives (name, template, context); the marker test of the templates uses the same contexts, so a template that
has no sample here is noticed by both.
"""

import functools
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from grantline.web.templating import Page, Pages, compare_addresses

NOW = 1_795_274_047
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
CONSOLE_POLICY = f"{POLICY}; script-src 'self'; connect-src 'self'"

PAGE = Page(host="accounts.eu.example.com", data_center="EU", request_id="req_eu_1Pv9Ys")
PERSON = {
    "name": "Tomás Ibarra",
    "email": "tomas.ibarra@harbourlight.example.com",
    "organization": "Harbourlight Freight",
}
DEVELOPER = {"name": "Mara Lindqvist", "email": "mara@northgate.example.com"}
APP = {
    "name": "Lead Desk",
    "host": "leaddesk.northgate.example.com",
    "homepage": "https://leaddesk.northgate.example.com/",
}
CLIENT_ID = "glc_eu_7Q2mZt4VbK9xWd3RhYc5Ln8PsF6GjT0ueA1XoB"
SECRET = "gls_eu_Vn7TqX2mWc9KdR4yHb6LpZ8sJ3fG5tQaE1uNoB0x"  # an invented value
CODE = "glg_eu_R8sV2kNqT6yHwB4mXc9LpZ1dJ3fG5tQaE7uNoB0x"
GROUPS = [
    {"title": "Delete", "sentences": ["Remove products from your list"]},
    {"title": "Change", "sentences": ["Add new leads and edit the ones you have"]},
    {
        "title": "See",
        "sentences": [
            "The names, e-mail addresses and phone numbers of your leads",
            "Your product list and prices",
        ],
    },
]
SCOPES = ["CRM.modules.leads.CREATE", "CRM.modules.leads.UPDATE", "CRM.modules.leads.READ", "openid", "email"]
COULD_NOT = "see your password, delete leads, or open contacts, files or anything else."
FLOW = {"flow": "flw_eu_3Wq8JzT0", "token": "b2f7c1"}
SENT = "https://leaddesk.northgate.example.com/callback/"
REGISTERED = "https://leaddesk.northgate.example.com/callback"


def difference(registered: bool = True) -> dict[str, object]:
    sent, known = compare_addresses(SENT, REGISTERED)
    return {
        "sentence": "Your app sent an extra / at the end. Addresses must match exactly.",
        "sent": sent,
        "registered": known if registered else [],
    }


@dataclass(frozen=True, slots=True)
class Sample:
    """One page: `name` is its address here, `scripts` whether the product lets it run our own scripts."""

    name: str
    template: str
    context: Mapping[str, object]
    scripts: bool = False


def samples() -> list[Sample]:
    """Every page, some of them in several states."""
    return [*people(), *account(), *reference(), *console()]


def people() -> Iterator[Sample]:
    def sample(name: str, template: str, **context: object) -> Sample:
        return Sample(name, f"people/{template}.html", {"page": PAGE, **context})

    signing_in = {"email": PERSON["email"], "problem": "", "wait_seconds": 0, **FLOW}
    yield sample("signin", "signin", app="Lead Desk", **signing_in)
    yield sample("signin-plain", "signin", **(signing_in | {"email": "", "flow": "", "app": None}))
    yield sample("signin-again", "signin", app=None, again=True, **signing_in)
    wrong = {"problem": "That password doesn’t match this e-mail.", "wait_seconds": 90}
    yield sample("signin-problem", "signin", app="Lead Desk", **(signing_in | wrong))

    asked = {"app": APP, "person": PERSON, "groups": GROUPS, "scopes": SCOPES, "could_not": COULD_NOT, **FLOW}
    going_back = {"lasts": "", "return_host": APP["host"]}
    purpose = {"purpose": "work with your CRM data"}
    yield sample("consent", "consent", offline=True, **asked, **going_back, **purpose)
    bare = {"app": APP | {"homepage": "", "host": "com.northgate.fieldnotes"}, "groups": GROUPS[2:], "could_not": ""}
    more = {"already": ["See your name and e-mail address"]}
    yield sample("consent-online", "consent", offline=False, **(asked | bare), **going_back, **more)

    yield sample("device-enter", "device_enter", user_code="", problem="", token="b2f7c1")
    unknown = "No device is waiting with this code. Check each letter, or get a new one on the device."
    yield sample("device-enter-problem", "device_enter", user_code="BKTX-WQRX", problem=unknown, token="b2f7c1")
    device = {
        "user_code": "BKTX-WQRN",
        "device": "Northgate player 4.2",
        "started_at": NOW - 180,
        "seconds_ago": 180,
        "seconds_left": 420,
        "device_network": "2001:db8:4f3a:92c1::7",
        "own_network": "203.0.113.24",
        "warning": "",
    }
    shelf = {"app": {"name": "Shelf display", "host": "", "homepage": ""}}
    yield sample("device-confirm", "device_confirm", **(asked | device | shelf))
    far = {"warning": "You and the device are in different networks. If you don’t know why, choose “No”."}
    yield sample("device-confirm-far", "device_confirm", **(asked | device | far))
    for allowed in (True, False):
        name = f"device-{'allowed' if allowed else 'denied'}"
        yield sample(name, "device_done", allowed=allowed, app="Shelf display", person=PERSON)

    yield sample("signout-ask", "signout_ask", app="Lead Desk", person=PERSON, **FLOW)
    yield sample("signed-out", "signed_out", app={"name": "Lead Desk", "url": APP["homepage"]})
    yield sample("signed-out-plain", "signed_out", app=None)
    stopped = {
        "heading": "Lead Desk sent you here with an address we don’t know",
        "consequence": "So we stopped. You are not signed in to Lead Desk, and nothing was shared with it.",
        "app": APP,
        "person": PERSON,
        "reference": "req_eu_5Tn7Wd",
        "app_side": "at an address that is not registered",
        "code": "redirect_uri_mismatch",
    }
    owner = {
        "fix": "Remove the last / in your app, or add the address to the client.",
        "console_url": f"/console/clients/{CLIENT_ID}",
        "client_id": CLIENT_ID,
    }
    yield sample("stopped-owner", "stopped", difference=difference(), owner=owner, **stopped)
    yield sample("stopped-stranger", "stopped", difference=difference(registered=False), owner=None, **stopped)
    nobody = {
        "heading": "An app sent you here that we don’t know",
        "consequence": "So we stopped. Nothing was shared with anyone.",
        "app": None,
        "person": None,
        "app_side": "",
        "code": "client_unknown",
    }
    yield sample("stopped-unknown", "stopped", difference=None, owner=None, **(stopped | nobody))
    for status in (400, 403, 404, 405, 413, 421, 429, 500, 503):
        incident = "inc_eu_77QK" if status == 500 else ""
        yield sample(f"plain-{status}", "plain", status=status, incident=incident, retry_after=30 if status > 500 else 0)


def account() -> Iterator[Sample]:
    def sample(name: str, template: str, **context: object) -> Sample:
        return Sample(name, f"people/{template}.html", {"page": PAGE, "person": PERSON, **context})

    yield sample("account", "account", apps_count=2, sessions_count=1, may_use_console=True)
    app = {
        "client_id": CLIENT_ID,
        "name": "Lead Desk",
        "host": APP["host"],
        "sentences": [sentence for group in GROUPS for sentence in group["sentences"]],
        "since_at": NOW - 1_500_000,
        "last_used_at": NOW - 4_000,
    }
    unused = app | {"name": "Shelf display", "host": "", "last_used_at": None, "sentences": ["See your product list and prices"]}
    yield sample("apps", "connected_apps", apps=[app, unused], removed="Field Notes", token="b2f7c1")
    yield sample("apps-none", "connected_apps", apps=[], removed="", token="b2f7c1")
    session = {
        "id": "ses_1",
        "browser": "Firefox on Linux",
        "network": "203.0.113.24",
        "started_at": NOW - 80_000,
        "last_seen_at": NOW - 60,
        "current": True,
    }
    other = session | {"id": "ses_2", "browser": "Safari on iPhone", "current": False}
    yield sample("sessions", "sessions", sessions=[session, other], token="b2f7c1")


def reference() -> Iterator[Sample]:
    def sample(name: str, template: str, **context: object) -> Sample:
        return Sample(name, f"reference/{template}.html", {"page": PAGE, "person": None, **context})

    yield sample("start", "start")
    leads = {
        "title": "Leads",
        "scopes": [
            {"name": f"CRM.modules.leads.{operation}", "operation": operation, "sentence": sentence}
            for operation, sentence in (
                ("READ", "See the names, e-mail addresses and phone numbers of your leads"),
                ("CREATE", "Add new leads"),
                ("ALL", "See, add, edit and delete your leads"),
            )
        ],
    }
    openid = {"title": "Identity", "scopes": [{"name": "openid", "operation": "", "sentence": "Know who you are"}]}
    crm = {"code": "CRM", "title": "CRM", "description": "Leads, contacts and products.", "resources": [leads, leads]}
    identity = {"code": "openid", "title": "OpenID Connect", "description": "", "resources": [openid]}
    yield sample("scopes", "scopes", services=[crm, identity])
    grant = [{"code": "code_expired", "title": "The grant token ran out"}, {"code": "code_already_used", "title": "The grant token was used before"}]
    client = [{"code": "client_wrong_data_center", "title": "The client lives in another data center"}]
    groups = [{"error": "invalid_client", "entries": client}, {"error": "invalid_grant", "entries": grant}]
    yield sample("errors", "errors", groups=groups)
    entry = {
        "code": "code_expired",
        "error": "invalid_grant",
        "title": "The grant token ran out",
        "description": "The grant token has expired.",
        "cause": "A grant token works once, within minutes. This one came later than that.",
        "fix": "Generate a new one, exchange it at once, and keep the refresh token.",
    }
    yield sample("error", "error", entry=entry, related=grant[1:])


TYPES = [
    ("server-based", "Server-based", "A web app with its own server, used by many people.", "a redirect URI", "ID, secret, refresh token"),
    ("client-based", "Client-based", "A page that runs wholly in the browser, with no server behind it.", "your web domain and a redirect URI", "ID, short-lived token, no secret"),
    ("self-client", "Self client", "A script or job of yours that works with your own data only.", "nothing", "ID, secret, refresh token"),
    ("non-browser", "Non-browser", "A TV, a printer, a sensor: it can show a code but not a sign-in page.", "nothing", "ID, secret, refresh token"),
    ("mobile", "Mobile", "An app for phones that opens the system browser to sign in.", "a link back to the app", "ID, refresh token, no secret"),
]  # fmt: skip
ALL_FIELDS = ["name", "homepage", "redirect_uris", "origins", "post_logout_redirect_uris", "implicit", "vendor_compatible"]
FORM = {
    "name": "Dockside Billing",
    "homepage": "https://billing.dockside.example.com",
    "redirect_uris": "https://billing.dockside.example.com/oauth/return\nhttp://billing.dockside.example.com/oauth/return",
    "origins": "https://billing.dockside.example.com",
    "post_logout_redirect_uris": "",
    "implicit": False,
    "vendor_compatible": True,
}


def console() -> Iterator[Sample]:
    def sample(name: str, template: str, **context: object) -> Sample:
        return Sample(name, f"console/{template}.html", {"page": PAGE, "person": DEVELOPER, **context}, scripts=True)

    row = {"client_id": CLIENT_ID, "name": "Lead Desk", "type_title": "Server-based", "enabled": True, "refused": 0}
    times = {"created_at": NOW - 1_500_000, "last_used_at": NOW - 60}
    rows = [
        row | times | {"refused": 17},
        row | times | {"name": "Quote calculator", "type_title": "Client-based"},
        row | times | {"name": "Field Notes", "type_title": "Mobile", "last_used_at": None},
        row | times | {"name": "Old import", "type_title": "Self client", "enabled": False},
    ]
    yield sample("clients", "clients", clients=rows, done="Northgate player was deleted.")
    yield sample("clients-none", "clients", clients=[], done="")
    types = [dict(zip(("value", "title", "who", "needs", "gets"), line, strict=True)) for line in TYPES]
    yield sample("add-type", "add_type", types=types, chosen="server-based", problem="")
    yield sample("add-type-problem", "add_type", types=types, chosen="", problem="Choose one of the five.")
    adding = {
        "problem": "",
        "receives": ["A client ID, which is public", "A client secret, shown once", "A refresh token for each person who allows it"],
        "creation_key": "new_8Jd2Qm",
        "token": "b2f7c1",
        "form": FORM,
    }
    http = "Line 2 uses http, which anyone on the way can read. Use https, or remove the line."
    yield sample("add-details", "add_details", type=types[0], fields=ALL_FIELDS[:3], problems={"redirect_uris": http}, **adding)
    yield sample("add-details-browser", "add_details", type=types[1], fields=ALL_FIELDS, problems={}, **adding)
    yield sample("add-details-self", "add_details", type=types[2], fields=[], problems={}, **adding)
    client = {"client_id": CLIENT_ID, "name": "Lead Desk", "type": "server-based", "type_title": "Server-based"}
    secret = {"id": "sec_9MW2", "value": SECRET}
    next_step = {"sentence": "Send people to the authorization endpoint with this client ID.", "words": "Open Lead Desk", "href": "/console"}
    made = {"client": client, "next_step": next_step, "no_secret": ""}
    yield sample("created", "created", secret=secret, is_new=True, replaced=None, **made)
    replaced = {"id": "sec_4KQ1", "until_at": NOW + 86_400}
    yield sample("new-secret", "created", secret=secret, is_new=False, replaced=replaced, **made)
    why = "Anyone could read a secret in the page source, so this type has none."
    yield sample("created-browser", "created", secret=None, is_new=True, replaced=None, **(made | {"no_secret": why}))
    yield from client_pages(sample, client, why)
    yield from code_pages(sample)


def client_pages(sample: functools.partial[Sample] | object, client: dict[str, object], why: str) -> Iterator[Sample]:
    assert callable(sample)
    whole = client | {"created_at": NOW - 1_500_000, "last_used_at": NOW - 60, "homepage": APP["homepage"], "people": 212}
    secrets = [
        {"id": "sec_9MW2", "created_at": NOW - 600_000, "last_used_at": NOW - 60, "until_at": None},
        {"id": "sec_4KQ1", "created_at": NOW - 1_500_000, "last_used_at": None, "until_at": NOW + 600_000},
    ]
    details = {
        "client": whole,
        "form": FORM,
        "problem": "",
        "problems": {},
        "saved": "",
        "flow_sentence": "A person signs in and allows it, your server exchanges the code.",
        "secrets": secrets,
        "may_have_secret": True,
        "may_add_secret": False,
        "no_secret": "",
        "delete_problem": "",
        "token": "b2f7c1",
    }
    yield sample("client", "client", fields=["name", "homepage", "redirect_uris", "vendor_compatible"], **details)
    browser = {
        "client": whole | {"type": "client-based", "type_title": "Client-based", "name": "Quote calculator"},
        "may_have_secret": False,
        "no_secret": why,
        "saved": "Saved. Sign-in works with the new addresses from now on.",
        "delete_problem": "That is not its name. Nothing was deleted.",
    }
    yield sample("client-browser", "client", fields=ALL_FIELDS, **(details | browser))
    entry = {
        "at": NOW,
        "state": "stop",
        "word": "Refused",
        "sentence": "Sign-in request: the redirect address is not on your list",
        "request_id": "req_eu_5Tn7Wd",
        "happened": "Lead Desk asked to send a person to an address that you have not registered, so Grantline stopped.",
        "why": "The address has an extra / at the end. Everything else is the same.",
        "fix": "Remove the last / in your app’s settings. If you need both addresses, add this one too.",
        "code": "redirect_uri_mismatch",
        "difference": difference(),
        "action": {"words": "Edit the redirect URIs", "href": "/console"},
        "open": True,
    }
    declined = {
        "state": "open",
        "word": "Declined",
        "sentence": "A person chose “Don’t allow”",
        "code": "consent_declined",
        "difference": None,
        "action": None,
        "open": False,
    }
    entries = [entry, entry | declined, entry | {"open": False}]
    shown = {"client": client}
    yield sample("activity", "activity", request_id="", entries=entries, older="/console?page=2", **shown)
    yield sample("activity-none", "activity", request_id="", entries=[], older="", **shown)
    yield sample("activity-missing", "activity", request_id="req_eu_0000", entries=[], older="", **shown)
    yield sample("find", "find", request_id="", entry=None, its_client=None)
    yield sample("find-found", "find", request_id="req_eu_5Tn7Wd", entry=entry, its_client=client)
    yield sample("find-missing", "find", request_id="req_eu_0000", entry=None, its_client=None)


def code_pages(sample: functools.partial[Sample] | object) -> Iterator[Sample]:
    assert callable(sample)
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
        "client": {"client_id": CLIENT_ID, "name": "Nightly export", "type": "self-client"},
        "problem": "",
        "problems": {},
        "choices": [3, 5, 7, 10],
        "token": "b2f7c1",
        "table": [{"title": "CRM", "columns": ["Read", "Create", "Update", "Delete"], "rows": lines}],
        "form": {"scope": "CRM.modules.leads.READ, CRM.modules.products.ALL", "minutes": 5, "description": "Nightly export"},
        "earlier": [
            {"description": "Nightly lead export", "scopes": ["CRM.modules.leads.READ"], "made_at": NOW - 80_000, "minutes": 5, "state": "stop", "outcome": "Expired unused"},
            {"description": "", "scopes": ["CRM.modules.ALL", "CRM.users.READ"], "made_at": NOW - 300_000, "minutes": 10, "state": "done", "outcome": "Exchanged after 48 seconds"},
        ],
    }  # fmt: skip
    result = {
        "code": CODE,
        "expires_at": NOW + 252,
        "seconds_left": 252,
        "seconds_whole": 300,
        "command": "curl \\\n  https://accounts.eu.example.com/oauth/v2/token \\\n  -d grant_type=authorization_code \\\n"
        f"  -d client_id={CLIENT_ID} \\\n  -d client_secret=$GRANTLINE_CLIENT_SECRET \\\n  -d code={CODE}",
        "document": '{\n  "client_id": "' + CLIENT_ID + '",\n  "code": "' + CODE + '",\n  "expires_in": 252\n}',
        "file_name": "grantline-code.json",
    }
    yield sample("code-form", "code", result=None, **(making | {"earlier": []}))
    yield sample("code-ready", "code", result=result, **making)
    wrong = {"problems": {"scope": "There is no scope CRM.modules.leeds.READ. Did you mean CRM.modules.leads.READ?"}}
    yield sample("code-problem", "code", result=None, **(making | wrong))
    yield sample("code-last-seconds", "code", result=result | {"seconds_left": 3}, **making)


@contextmanager
def served() -> Iterator[str]:
    """The pages at `{address}/<name>` and their static files, on a free port of this machine."""
    pages = Pages()
    bodies = {
        f"/{sample.name}": (
            pages.render(sample.template, **sample.context).encode(),
            "text/html; charset=utf-8",
            CONSOLE_POLICY if sample.scripts else POLICY,
        )
        for sample in samples()
    }
    bodies.update({path: (content, kind, POLICY) for path, (content, kind) in pages.static_files().items()})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802 - the name that the standard library asks for
            body, kind, policy = bodies.get(self.path.partition("?")[0], (b"", "text/plain", POLICY))
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Security-Policy", policy)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
