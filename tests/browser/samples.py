"""Sample contexts of the pages for people, of a person's own pages, and of the reference."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from grantline.web.templating import Page

NOW = 1_795_274_047
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


def difference(registered: bool = True) -> dict[str, object]:
    """An extra / at the end; strangers are not shown what is registered."""
    start = [
        {"text": "https://leaddesk.northgate.example.com", "kind": "same"},
        {"text": "/callback", "kind": "after"},
    ]
    return {
        "sentence": "Your app sent an extra / at the end. Addresses must match exactly.",
        "sent": [*start, {"text": "/", "kind": "differs"}],
        "registered": [*start, {"text": "", "kind": "missing"}] if registered else [],
    }


@dataclass(frozen=True, slots=True)
class Sample:
    """One page: `name` is its address here, `scripts` whether the product lets it run our own scripts."""

    name: str
    template: str
    context: Mapping[str, object]
    scripts: bool = False


def people() -> Iterator[Sample]:
    def sample(name: str, template: str, **context: object) -> Sample:
        return Sample(name, f"people/{template}.html", {"page": PAGE, **context})

    signing_in = {"email": PERSON["email"], "problem": "", "wait_seconds": 0, **FLOW}
    yield sample("signin", "signin", app="Lead Desk", **signing_in)
    yield sample("signin-plain", "signin", **(signing_in | {"email": "", "flow": "", "app": None}))
    yield sample("signin-again", "signin", app=None, again=True, **signing_in)
    wrong = {"problem": "That password doesn’t match this e-mail.", "wait_seconds": 90}
    yield sample("signin-problem", "signin", app="Lead Desk", **(signing_in | wrong))
    yield from signing_in_elsewhere(signing_in)

    asked = {"app": APP, "person": PERSON, "groups": GROUPS, "scopes": SCOPES, "could_not": COULD_NOT, **FLOW}
    going_back = {"lasts": "", "return_host": APP["host"]}
    purpose = {"purpose": "work with your CRM data"}
    yield sample("consent", "consent", offline=True, **asked, **going_back, **purpose)
    bare = {
        "app": APP | {"homepage": "", "host": "com.northgate.fieldnotes"},
        "groups": GROUPS[2:],
        "could_not": "",
    }
    more = {"already": ["See your name and e-mail address"]}
    yield sample("consent-online", "consent", offline=False, **(asked | bare), **going_back, **more)

    yield sample("device-enter", "device_enter", user_code="", problem="", token="b2f7c1")
    unknown = "No device is waiting with this code. Check each letter, or get a new one on the device."
    yield sample(
        "device-enter-problem", "device_enter", user_code="BKTX-WQRX", problem=unknown, token="b2f7c1"
    )
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
    yield sample("open-in-browser", "open_in_browser", app="Lead Pocket")
    yield sample("open-in-browser-plain", "open_in_browser", app=None)
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
    yield sample(
        "stopped-stranger", "stopped", difference=difference(registered=False), owner=None, **stopped
    )
    nobody = {
        "heading": "An app sent you here that we don’t know",
        "consequence": "So we stopped. Nothing was shared with anyone.",
        "app": None,
        "person": None,
        "app_side": "",
        "code": "client_unknown",
    }
    yield sample("stopped-unknown", "stopped", difference=None, owner=None, **(stopped | nobody))
    away = {
        "heading": "The app can’t be used in United States",
        "app_side": "registered in Europe",
        "code": "client_wrong_data_center",
        "elsewhere": {
            "theirs": "Europe",
            "ours": "United States",
            "issuer": "https://accounts.eu.example.com",
            "switch": f"https://accounts.eu.example.com/console/clients/{CLIENT_ID}/data-centers",
        },
    }
    yield sample("stopped-elsewhere", "stopped", difference=None, owner=None, **(stopped | nobody | away))
    for status in (400, 403, 404, 405, 413, 414, 421, 429, 431, 500, 503):
        incident = "inc_eu_77QK" if status == 500 else ""
        yield sample(
            f"plain-{status}",
            "plain",
            status=status,
            incident=incident,
            retry_after=30 if status > 500 else 0,
        )


def signing_in_elsewhere(signing_in: Mapping[str, object]) -> Iterator[Sample]:
    """Sign-in pages of one data center among several, and what becomes of a device there."""
    india, states = {"code": "in", "name": "India"}, {"code": "us", "name": "United States"}
    offers = {"home": "Europe", "centers": [states, india], "chosen": None, "missing": [], "app": ""}
    some = {**offers, "centers": [states], "missing": ["India"], "app": "Lead Desk"}
    again = {**offers, "centers": [india], "chosen": states}
    wrong = {"problem": "That e-mail and password don’t go together. Check both, then try again."}
    gone = "That data center can’t be chosen any more. Sign in here, or choose another one."
    asked = {"page": PAGE, **signing_in, "failed": False, "elsewhere": "", "app": "Lead Desk"}
    for name, changes in (
        ("signin-elsewhere", {"offers": some}),
        ("signin-elsewhere-again", {"offers": again}),
        ("signin-elsewhere-failed", {"offers": offers, "failed": True, **wrong}),
        ("signin-elsewhere-gone", {"offers": {**offers, "centers": []}, "elsewhere": gone}),
    ):
        yield Sample(name, "people/signin.html", {**asked, **changes})
    center = {"code": "us", "name": "United States", "address": "https://accounts.us.example.com/device"}
    device = {"page": PAGE, "app": "Lead TV", "center": center, "user_code": "BKTX-WQRN", **FLOW}
    for state in ("again", "silent", "refused"):
        yield Sample(f"device-elsewhere-{state}", "people/device_elsewhere.html", {**device, "state": state})


def account() -> Iterator[Sample]:
    def sample(name: str, template: str, **context: object) -> Sample:
        return Sample(name, f"people/{template}.html", {"page": PAGE, "person": PERSON, **context})

    yield sample("account", "account", apps_count=2, sessions_count=1, may_use_console=True)
    app = {
        "client_id": CLIENT_ID,
        "name": "Lead Desk",
        "host": APP["host"],
        "groups": GROUPS,
        "since_at": NOW - 1_500_000,
        "last_used_at": NOW - 4_000,
    }
    unused = app | {"name": "Shelf display", "host": "", "last_used_at": None, "groups": GROUPS[2:]}
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
    openid = {
        "title": "Identity",
        "scopes": [{"name": "openid", "operation": "", "sentence": "Know who you are"}],
    }
    crm = {
        "code": "CRM",
        "title": "CRM",
        "description": "Leads, contacts and products.",
        "resources": [leads, leads],
    }
    identity = {"code": "openid", "title": "OpenID Connect", "description": "", "resources": [openid]}
    yield sample("scopes", "scopes", services=[crm, identity])
    grant = [
        {"code": "code_expired", "title": "The grant token ran out"},
        {"code": "code_already_used", "title": "The grant token was used before"},
    ]
    client = [{"code": "client_wrong_data_center", "title": "The client lives in another data center"}]
    groups = [{"error": "invalid_client", "entries": client}, {"error": "invalid_grant", "entries": grant}]
    yield sample("errors", "errors", asked="", groups=groups)
    entry = {
        "code": "code_expired",
        "error": "invalid_grant",
        "title": "The grant token ran out",
        "description": "The grant token has expired.",
        "cause": "A grant token works once, within minutes. This one came later than that.",
        "fix": "Generate a new one, exchange it at once, and keep the refresh token.",
    }
    yield sample("error", "error", entry=entry, related=grant[1:])
