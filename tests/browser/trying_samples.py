"""Sample contexts of Try it, Rehearsal and Troubleshoot."""

from collections.abc import Iterator
from typing import Any

from grantline.web.console.rehearsal import COUNTS, LESSONS
from grantline.web.console.trial_view import render_step
from grantline.web.console.trials import Step
from tests.browser.console_samples import FRAME
from tests.browser.samples import CLIENT_ID, DEVELOPER, NOW, PAGE, Sample, difference
from tests.browser.seeing_samples import CLIENT, ENTRY

ISSUER = "https://accounts.eu.example.com"
ANSWER = '{\n  "access_token": "gla_eu_4Rk9…x7Qz",\n  "refresh_token": "glr_eu_81Lm…0aPd"\n}'
STEPS = [
    Step(
        "authorize",
        "GET",
        f"{ISSUER}/oauth/v2/auth",
        [],
        [
            ["response_type", "code"],
            ["client_id", CLIENT_ID],
            ["scope", "openid email CRM.modules.leads.READ"],
        ],
        303,
        [["location", f"{ISSUER}/console/try/callback"]],
        "code=$CODE\nstate=k3Jd",
    ),
    Step(
        "exchange",
        "POST",
        f"{ISSUER}/oauth/v2/token",
        [["Content-Type", "application/x-www-form-urlencoded"]],
        [["grant_type", "authorization_code"], ["client_id", CLIENT_ID], ["client_secret", "$CLIENT_SECRET"]],
        200,
        [["content-type", "application/json"], ["cache-control", "no-store"]],
        ANSWER,
    ),
    Step(
        "userinfo",
        "GET",
        f"{ISSUER}/oauth/v2/userinfo",
        [["Authorization", "Bearer $ACCESS_TOKEN"]],
        [],
        200,
        [["content-type", "application/json"]],
        '{\n  "sub": "7",\n  "email": "mara@northgate.example"\n}',
    ),
]
RUN: dict[str, Any] = {
    "at": 4,
    "ends_at": NOW + 700,
    "client_id": CLIENT_ID,
    "scope": "openid email CRM.modules.leads.READ",
    "steps": [render_step(step, is_open=step is STEPS[-1]) for step in STEPS],
    "next": {
        "kind": "refresh",
        "title": "Refresh",
        "explanation": "The refresh token gets the next access token, without the person.",
        "href": "",
    },
    "refused": None,
    "screen": None,
    "facts": [
        {"label": "Kind", "value": "Access token, opaque: its holder can read nothing in it"},
        {"label": "State", "value": "Works for another 59 minutes 12 seconds"},
        {"label": "Scopes", "value": "openid email CRM.modules.leads.READ"},
    ],
    "claims": '{\n  "alg": "RS256"\n}\n{\n  "iss": "https://accounts.eu.example.com"\n}',
    "script": "#!/bin/sh\nset -eu\nISSUER=https://accounts.eu.example.com",
    "file_name": "try-server-based.sh",
}


def trying() -> Iterator[Sample]:
    """Every page of these, in the states that look unlike."""

    def sample(name: str, template: str, **context: object) -> Sample:
        whole = {"page": PAGE, "person": DEVELOPER, **FRAME, "look_up_token": "b2f7c1", **context}
        return Sample(name, f"console/{template}.html", whole, scripts=True)

    own: dict[str, Any] = {"client": CLIENT, "token": "b2f7c1"}
    try_it = own | {"problem": "", "ended": False}
    yield sample("try-start", "try", run=None, scope="openid email", minutes=15, **(try_it | {"ended": True}))
    yield sample("try-run", "try", run=RUN, **try_it)
    screen = {"user_code": "BCDF-GHJK", "uri": f"{ISSUER}/device"}
    polling = {"kind": "poll", "title": "Ask whether the person has answered", "explanation": "…", "href": ""}
    device = RUN | {"screen": screen, "next": polling, "steps": [], "facts": [], "claims": ""}
    yield sample("try-device", "try", run=device, **try_it)
    refused = {"code": "consent_declined", "title": "The person did not allow it", "cause": "C", "fix": "F"}
    yield sample("try-refused", "try", run=RUN | {"next": None, "refused": refused}, **try_it)
    failures = [
        {"code": code, "title": code.replace("_", " ").capitalize(), "happens": happens, "good": good}
        for code, (happens, good) in LESSONS.items()
    ]
    rehearsal = own | {"failures": failures, "counts": COUNTS, "problem": "", "blocked": False}
    form = {"failure": "throttled", "count": "3"}
    yield sample("rehearsal", "rehearsal", running=None, form=form, **rehearsal)
    running = {"title": "Too many requests", "code": "throttled", "remaining": 3, "ends_at": NOW + 3000}
    client = CLIENT | {"rehearsal_until": NOW + 3000}
    yield sample("rehearsal-on", "rehearsal", running=running, form=form, **(rehearsal | {"client": client}))
    yield sample("rehearsal-blocked", "rehearsal", running=None, form=form, **(rehearsal | {"blocked": True}))
    yield from _troubleshoot(sample)


def _troubleshoot(sample: Any) -> Iterator[Sample]:
    common = [{"code": "code_expired", "title": "This grant token expired"}]
    page = {
        "shown": "",
        "too_long": False,
        "in_address": False,
        "revoked": False,
        "common": common,
        "token": "b2",
    }
    yield sample("troubleshoot", "troubleshoot", found=None, **page)
    found: dict[str, Any] = {
        "what": "A refresh token",
        "state": "wait",
        "word": "It works now",
        "sentences": ["It is a secret: whoever has it can use it. If it got out, end it."],
        "facts": [
            {"label": "Data center", "value": "EU"},
            {"label": "It begins and ends with", "value": "glr_eu_…0aPd"},
            {"label": "Client", "value": "Lead Desk"},
        ],
        "checks": [],
        "fix": "Revoking ends this token, and every other that came of the same permission.",
        "links": [{"words": "Open the client", "href": f"/console/clients/{CLIENT_ID}"}],
        "entry": None,
        "revoke": {"authorization": "71", "token": "b2f7c1"},
    }
    yield sample("troubleshoot-token", "troubleshoot", found=found, **(page | {"in_address": True}))
    checks = [
        {
            "name": "client_id",
            "state": "done",
            "word": "Right",
            "sentence": "It is Lead Desk.",
            "difference": None,
        },
        {
            "name": "redirect_uri",
            "state": "stop",
            "word": "Wrong",
            "sentence": "Your app sent an extra / at the end. Addresses must match exactly.",
            "difference": difference(),
        },
        {
            "name": "state",
            "state": "wait",
            "word": "Look at it",
            "sentence": "It is missing.",
            "difference": None,
        },
    ]
    plain = found | {"sentences": [], "facts": [], "revoke": None}
    address = {
        "what": "An authorization request",
        "state": "stop",
        "word": "The redirect URI is not registered",
    }
    yield sample("troubleshoot-address", "troubleshoot", found=plain | address | {"checks": checks}, **page)
    request = {"what": "A request ID", "word": "", "entry": ENTRY, "fix": ""}
    yield sample("troubleshoot-request", "troubleshoot", found=plain | request, **page)
    compared = {"sent": "https://a.example/cb/", "registered": "https://a.example/cb", "secret": False}
    yield sample("tool-addresses", "tool_addresses", equal=False, difference=difference(), **compared)
    verdict = {"state": "wait", "sentence": "It is 2 minutes behind us."}
    yield sample("tool-clock", "tool_clock", now=NOW, date="1795000000", verdict=verdict)
    yield sample("tool-jwt", "tool_jwt", issuer=ISSUER)
