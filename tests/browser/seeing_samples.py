"""Sample contexts of the pages that show what the server saw: home, overview, activity, users, usage."""

from collections.abc import Iterator

from grantline.activity import Usage
from grantline.web.console.charts import DAY, HOUR, bar_strip, last_hours, line_chart, sparkline
from tests.browser.console_samples import FRAME, Maker
from tests.browser.samples import APP, CLIENT_ID, DEVELOPER, NOW, PAGE, Sample, difference

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
LEAVING = [
    {
        "name": "Old Lead Desk",
        "client_id": CLIENT_ID,
        "lines": [
            {"name": "India", "state": "wait", "sentence": "Waiting since 12:04:12 UTC: India is away."}
        ],
    }
]
ENTRY = {
    "at": NOW,
    "state": "stop",
    "word": "Refused",
    "sentence": "Sign-in request: the redirect address is not on your list",
    "request_id": "req_eu_5Tn7Wd",
    "happened": "Sign-in request from 192.0.2.0/24: answered with invalid_request, status 400.",
    "why": "The address has an extra / at the end. Everything else is the same.",
    "fix": "Remove the last / in your app’s settings. If you need both addresses, add this one too.",
    "code": "redirect_uri_mismatch",
    "unproven": False,
    "difference": difference(),
    "facts": [],
    "has_page": True,
    "action": {"words": "Add this redirect URI", "href": "/console"},
    "open": True,
    "address": "?open=req_eu_5Tn7Wd",
}
DECLINED = ENTRY | {
    "request_id": "req_eu_3Wq8Jz",
    "state": "open",
    "word": "Declined",
    "sentence": "Sign-in request: a person chose “Don’t allow”",
    "code": "consent_declined",
    "facts": [{"label": "It sent", "value": "code_verifier of 12 characters"}],
    "has_page": False,
    "difference": None,
    "action": None,
    "open": False,
}
STRANGER = ENTRY | {"request_id": "req_eu_9Lk3Fb", "open": False, "unproven": True}
CAUSE = {
    "title": "The redirect address is not on your list",
    "code": "redirect_uri_mismatch",
    "proven": True,
    "state": "stop",
    "first_at": NOW - 22_000,
    "last_at": NOW - 720,
    "seconds_ago": 720,
    "count": 17,
    "why": "The address that the app sent is not one of those that are registered.",
    "fix": "Make both the same.",
    "entry": ENTRY,
    "open": True,
    "href": "/console",
    "has_page": True,
    "elsewhere": "",
}
ELSEWHERE = CAUSE | {
    "title": "At Europe: This app lives in another data center",
    "code": "client_wrong_data_center",
    "proven": False,
    "why": "Europe was called with this client’s ID, and the client lives in United States.",
    "fix": "Let it call https://accounts.example.com, or turn on Europe for this client.",
    "entry": None,
    "open": True,
    "elsewhere": "Europe",
    "endpoint": "/oauth/v2/token",
    "last_id": "req_eu_5Tn7Wd",
    "centers": "/console",
}
CAUSES = [
    CAUSE,
    CAUSE
    | {
        "title": "The same grant token was sent twice",
        "code": "code_already_used",
        "count": 6,
        "entry": None,
        "open": False,
    },
    CAUSE | {"proven": False, "count": 1204, "entry": None, "open": False},
    ELSEWHERE | {"open": False},
]
SPAN = last_hours(NOW)
ISSUED = [690, 650, 600, 500, 410, 340, 280, 240, 210, 190, 170, 180, 210, 250, 240, 300, 400, 540]
ISSUED += [660, 730, 760, 710, 700, 560]
BAD = [0, 3, *[0] * 15, 1, 4, 0, 3, 0, 4, 6]
ROWS = [{"at": at, "cells": [a, b]} for at, a, b in zip(SPAN.starts, ISSUED, BAD, strict=True)]


def _step(name: str, title: str, at: int | None, state: str) -> dict[str, object]:
    return {
        "name": name,
        "title": title,
        "at": at,
        "state": state,
        "said": f"{title} seen",
        "sentence": "Access tokens last an hour. A refresh token gets the next one, without asking anyone.",
        "link": {"words": "How to refresh", "href": "/console"},
    }


def _row(name: str, state: str, word: str, **changes: object) -> dict[str, object]:
    return {
        "client_id": CLIENT_ID,
        "name": name,
        "type_title": "Server-based",
        "created_at": NOW - 1_500_000,
        "state": state,
        "word": word,
        "tokens": 11_204,
        "line": sparkline(ISSUED),
        "last_at": NOW - 60,
        "seconds_ago": 60,
        "unfinished": False,
        **changes,
    }


QUIET = {"tokens": 0, "line": "", "last_at": None, "seconds_ago": None, "unfinished": True}
CLIENTS = [
    _row("Lead Desk", "stop", "Some sign-ins refused"),
    _row("Nightly export", "stop", "The grant token has expired", type_title="Self client"),
    _row("Shelf display", "wait", "Near its token limit", type_title="Non-browser"),
    _row("Quote calculator", "done", "Working", type_title="Client-based"),
    _row("Field Notes", "todo", "Set-up not finished", type_title="Mobile", **QUIET),
]


def _need(state: str, name: str, title: str, hint: str) -> dict[str, object]:
    return {
        "state": state,
        "name": name,
        "title": title,
        "hint": hint,
        "count": 26,
        "first_at": NOW - 50_000,
        "words": "See the cause",
        "href": "/console",
    }


NEEDS = [
    _need("stop", "Nightly export", "The grant token has expired", ""),
    _need(
        "stop",
        "Lead Desk",
        "The redirect address is not on your list",
        "Whoever sent these had not proven to be this client.",
    ),
    _need(
        "wait",
        "Lead Desk",
        "Still uses an old secret",
        "Put the new secret in its place, then revoke the old one.",
    ),
]


def seeing() -> Iterator[Sample]:
    """Every page of this area, in the states that differ."""

    def sample(name: str, template: str, **context: object) -> Sample:
        whole = {"page": PAGE, "person": DEVELOPER, **FRAME, **context}
        return Sample(name, f"console/{template}.html", whole, scripts=True)

    day = {"tokens": 14_190, "refused": 49, "reasons": 2, "refused_at": ["Europe", "India"]}
    yield sample("home", "home", needs=NEEDS, clients=CLIENTS, more=True, unfinished=CLIENTS[4], **day)
    nothing = {"tokens": 0, "refused": 0, "reasons": 0, "refused_at": []}
    yield sample("home-new", "home", needs=[], clients=[], more=False, unfinished=None, **nothing)
    yield sample(
        "clients",
        "clients",
        clients=CLIENTS,
        older="/console",
        first_page="/console",
        done="It was deleted.",
        leaving=LEAVING,
        centers=[{"name": "India", "host": "accounts.in.example.com", "console": "/console"}],
    )
    yield sample("clients-none", "clients", clients=[], older="", first_page="", done="", leaving=[])
    yield from _overviews(sample)
    yield from _activities(sample)
    yield from _people(sample)


def _overviews(sample: Maker) -> Iterator[Sample]:
    steps = [
        _step("registered", "Registered", NOW - 90_000, "done"),
        _step("authorization_request", "First sign-in request", NOW - 80_000, "done"),
        _step("token", "First token", NOW - 70_000, "done"),
        _step("api_call", "First API call", NOW - 60_000, "done"),
        _step("refresh", "First refresh", None, "now"),
    ]
    context = {
        "client": CLIENT,
        "done": "",
        "health": {"state": "stop", "word": "The redirect address is not on your list"},
        "flow_sentence": "A person signs in here and allows it.",
        "steps": steps,
        "finished": False,
        "causes": CAUSES,
        "declined": 4,
        "chart": line_chart("tokens", SPAN, ISSUED),
        "strip": bar_strip(BAD),
        "rows": ROWS,
        "holders": {"people": 212, "busiest": 6, "more": False},
        "limit": 20,
        "secrets": [{"id": "sec_9MW2", "expires_at": None}, {"id": "sec_4KQ1", "expires_at": NOW + 600_000}],
        "redirect_count": 2,
        "scopes": {"asked": 6, "used": 2},
    }
    yield sample("overview", "overview", **context)
    empty = {
        "health": {"state": "todo", "word": "Set-up not finished"},
        "steps": [
            steps[0],
            _step("token", "First token", None, "now"),
            _step("refresh", "First refresh", None, "todo"),
        ],
        "causes": [],
        "declined": 0,
        "chart": line_chart("tokens", SPAN, [0] * 24),
        "strip": bar_strip([0] * 24),
        "holders": {"people": 0, "busiest": 0, "more": False},
        "secrets": [],
        "scopes": {"asked": 0, "used": 0},
    }
    self_client = CLIENT | {"type": "self-client", "type_title": "Self client", "redirects": False}
    yield sample("overview-new", "overview", **(context | empty | {"client": self_client}))


def _activities(sample: Maker) -> Iterator[Sample]:
    outcomes = [{"value": "refused", "words": "Refused"}, {"value": "declined", "words": "Declined"}]
    filters = {
        "client": CLIENT,
        "text": "",
        "outcome": "",
        "step": "",
        "filtered": False,
        "outcomes": outcomes,
        "steps": [{"value": "token", "words": "Token request"}],
        "allowed": 1204,
        "declined": 3,
    }
    listing = {
        "entries": [ENTRY, DECLINED, STRANGER],
        "elsewhere": [ELSEWHERE],
        "older": "?before=1.a",
        "newest": "",
        "new_count": 5,
        "live": "?after=1.1",
        "done": "The address is registered. It works from the next request on.",
    }
    yield sample("activity", "activity", **filters, **listing)
    none = {"entries": [], "elsewhere": [], "older": "", "new_count": 0, "done": ""}
    yield sample("activity-none", "activity", **filters, **(listing | none))
    missed = filters | {"text": "req_eu_0000", "filtered": True, "outcome": "declined"}
    yield sample("activity-missing", "activity", **missed, **(listing | none | {"live": ""}))
    yield sample("causes", "causes", **filters, causes=CAUSES)
    yield sample(
        "add-redirect",
        "add_redirect",
        client=CLIENT,
        uri="https://leaddesk.northgate.example.com/callback/",
        host=APP["host"],
        registered=["https://leaddesk.northgate.example.com/callback"],
        request_id="req_eu_5Tn7Wd",
        token="b2f7c1",
    )
    yield sample("find", "find", request_id="", entry=None, its_client=None)
    yield sample("find-found", "find", request_id="req_eu_5Tn7Wd", entry=ENTRY, its_client=CLIENT)
    yield sample("find-missing", "find", request_id="req_eu_0000", entry=None, its_client=None)


def _people(sample: Maker) -> Iterator[Sample]:
    person = {
        "account_id": 7_195_274_047,
        "shown": "m…a@northgate.example.com",
        "itself": False,
        "since": NOW - 1_000_000,
        "seconds_ago": 720,
        "refresh_tokens": 3,
        "filled": 15,
        "level": "calm",
        "opened": False,
        "address": "/console?person=7195274047",
    }
    people = [
        person | {"account_id": 0, "shown": "", "itself": True, "refresh_tokens": 0},
        person | {"opened": True},
        person | {"account_id": 8, "refresh_tokens": 17, "filled": 85, "level": "wait"},
        person | {"account_id": 9, "refresh_tokens": 20, "filled": 100, "level": "stop"},
    ]
    token = {
        "id": 44,
        "kind": "refresh",
        "scope": ["CRM.modules.leads.READ", "CRM.modules.contacts.ALL"],
        "created_at": NOW - 90_000,
        "seconds_ago": 300,
    }
    listing = {
        "client": CLIENT,
        "people": people,
        "held": [token, token | {"id": 45, "kind": "online"}],
        "holders": {"people": 5000, "busiest": 20, "more": True},
        "limit": 20,
        "near": 16,
        "older": "/console",
        "first_page": "/console",
        "done": "The token was revoked. It does not work any more.",
        "token": "b2f7c1",
    }
    yield sample("users", "users", **listing)
    nobody = {"people": [], "held": [], "holders": {"people": 0, "busiest": 0, "more": False}, "done": ""}
    yield sample("users-none", "users", **(listing | nobody))
    asking = {
        "client": CLIENT,
        "holders": {"people": 212, "more": False},
        "fields": {"token": "b2f7c1", "authorization": "", "person": "7"},
    }
    for scope in ("one", "person", "all"):
        yield sample(f"revoke-{scope}", "revoke", scope=scope, shown="m…a@example.com", **asking)
    week = last_hours(NOW, 7 * 24, 6 * HOUR)
    used = [Usage("token", HOUR, NOW - n * 7 * HOUR, 40 + n * 3 % 17) for n in range(1, 24)]
    tokens = week.sums(used, ("token",))
    yield sample(
        "usage",
        "usage",
        client=CLIENT,
        ranges=[{"value": "24h", "words": "24 hours"}, {"value": "7d", "words": "7 days"}],
        chosen="7d",
        asks=True,
        totals={
            "started": 1000,
            "allowed": 800,
            "declined": 40,
            "abandoned": 160,
            "tokens": sum(tokens),
            "refused": 12,
            "unproven": 3,
            "ratio": "1.2 %",
        },
        authorizations=line_chart("started", week, tokens),
        tokens=line_chart("tokens", week, tokens),
        strip=bar_strip([0, 4, *[0] * (len(tokens) - 2)]),
        refreshes=line_chart("refreshes", week, [0] * len(tokens)),
        calls=line_chart("calls", week, tokens),
        columns=["Tokens", "Refused"],
        rows=[{"at": at, "cells": [n, 0]} for at, n in zip(week.starts, tokens, strict=True)],
    )
    assert week.starts[-1] > NOW - DAY
