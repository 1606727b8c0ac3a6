"""A trial run as its page shows it: steps in words, requests and answers as they went, the tokens read."""

import base64
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from grantline.clients import Client
from grantline.oauth.errors import CATALOGUE
from grantline.opaque import recognise
from grantline.tokens import find_live_token
from grantline.web.console.trial_steps import authorization_fields
from grantline.web.console.trials import Run, Step
from grantline.web.languages import _, mark
from grantline.web.templating import render_duration
from grantline.web.visit import Visit

WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "authorize": (
            mark("Send the person to sign in"),
            mark("The browser leaves the app for Grantline, where the person signs in and decides."),
        ),
        "code": (
            mark("Generate a code"),
            mark("A self client needs no page: its owner generates a grant token in the console."),
        ),
        "device": (
            mark("Ask for a code to show"),
            mark("The device asks for two codes: one to show to the person, one to keep."),
        ),
        "poll": (
            mark("Ask whether the person has answered"),
            mark("The device asks every few seconds, until the person has decided."),
        ),
        "exchange": (
            mark("Exchange the code for tokens"),
            mark("The app shows the code once, from its own side, and gets its tokens."),
        ),
        "introspect": (
            mark("Ask what the token is"),
            mark("An access token tells its holder nothing. The server says what it stands for."),
        ),
        "userinfo": (
            mark("Call an API with it: who is this?"),
            mark("The token goes along in the Authorization header, and nowhere else."),
        ),
        "crm": (
            mark("Call an API with it: two leads of the CRM"),
            mark("The API asks Grantline about the token, and answers what its scopes allow."),
        ),
        "refresh": (
            mark("Refresh"),
            mark("When the access token runs out, the refresh token gets the next one, without the person."),
        ),
        "revoke": (
            mark("Revoke"),
            mark("The app signs out: it hands its token back, and everything made of it ends."),
        ),
        "check": (
            mark("Call again with the dead token"),
            mark("It is refused, and that is right: this is how your app learns that access ended."),
        ),
    }
)
"""What each step is, and what happens in it."""


def render_step(step: Step, *, is_open: bool) -> Mapping[str, Any]:
    title, explanation = WORDS[step.kind]
    waiting = step.error in ("authorization_pending", "slow_down")
    failed = step.status >= 400 or bool(step.error) or step.status == 0
    right = not failed or (step.kind == "check" and step.status == 401)
    state = "wait" if waiting else "done" if right else "stop"
    parts = urlsplit(step.url)
    query = step.fields if step.kind == "authorize" else []
    return {
        "title": _(title),
        "explanation": _(explanation),
        "state": state,
        "word": {"wait": _("Not yet"), "done": _("Done"), "stop": _("Refused")}[state],
        "request": _request(
            step, parts.path + (f"?{parts.query}" if parts.query else ""), parts.netloc, query
        ),
        "answer": _answer(step),
        "error": step.error if step.error in CATALOGUE else "",
        "open": is_open,
    }


def _request(step: Step, path: str, host: str, query: list[list[str]]) -> str:
    """The request as it went over the line, each parameter on a line of its own."""
    if not step.method:
        return "\n".join(f"{name} = {value}" for name, value in step.fields)
    if query:
        first, *rest = [f"{name}={value}" for name, value in query]
        return "\n".join([f"GET {path}?{first}", *[f"    &{part}" for part in rest], f"Host: {host}"])
    lines = [f"{step.method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in step.headers]
    body = "\n&".join(f"{name}={value}" for name, value in step.fields)
    return "\n".join([*lines, "", body] if body else lines)


def _answer(step: Step) -> str:
    if not step.method:
        return step.answer
    head = [f"HTTP/1.1 {step.status}", *[f"{name}: {value}" for name, value in step.answer_headers]]
    return "\n".join([*head, "", step.answer])


def render_upcoming(visit: Visit, copy: Client | None, run: Run, kind: str) -> Mapping[str, str] | None:
    """What comes next; for the browser's own step, where it goes."""
    if kind == "over" or copy is None:
        return None
    title, explanation = WORDS[kind]
    href = ""
    if kind == "authorize":
        href = "/oauth/v2/auth?" + urlencode(authorization_fields(copy, run))
    return {"kind": kind, "title": _(title), "explanation": _(explanation), "href": href}


def render_refusal(code: str) -> Mapping[str, str]:
    entry = CATALOGUE.get(code)
    if entry is None:
        return {"code": "", "title": _("The run was refused"), "cause": code, "fix": ""}
    return {"code": entry.code, "title": _(entry.title), "cause": _(entry.cause), "fix": _(entry.fix)}


async def render_facts(visit: Visit, run: Run) -> list[Mapping[str, str]]:
    """What the access token stands for. It is opaque: only the server knows."""
    if not run.access_token:
        return []
    known = recognise(run.access_token)
    live = await find_live_token(visit.server.mint, run.access_token, visit.now)
    facts = [
        {"label": _("Kind"), "value": _("Access token, opaque: its holder can read nothing in it")},
        {"label": _("Data center"), "value": known.data_center.upper() if known is not None else ""},
    ]
    if live is None:
        return [*facts, {"label": _("State"), "value": _("Dead: revoked, replaced or expired")}]
    left = render_duration(live.expires_at - visit.now)
    return [
        *facts,
        {"label": _("State"), "value": _("Works for another %(time)s", time=left)},
        {"label": _("Scopes"), "value": " ".join(live.scope)},
        {"label": _("Audience"), "value": " ".join(live.audience)},
        {"label": _("Person"), "value": str(live.authorization.account_id)},
    ]


def render_claims(id_token: str) -> str:
    """Header and payload of the ID token, readable by anyone who holds it (OpenID Connect Core §2)."""
    parts = id_token.split(".")
    if len(parts) != 3:
        return ""
    read = [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts[:2]]
    return "\n".join(json.dumps(members, indent=2, ensure_ascii=False) for members in read)
