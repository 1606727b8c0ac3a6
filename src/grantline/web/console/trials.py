"""What a trial run knows between two pages: kept sealed in its row, bounded, and gone with it."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from grantline.clients import Client, Trial, find_client, keep_trial, update_trial
from grantline.keys import EnvelopeBroken
from grantline.oauth.pkce import s256
from grantline.opaque import digest
from grantline.web.server import Server

MOST_STEPS: Final = 20
MOST_TEXT: Final = 4_000
Pairs = list[list[str]]


@dataclass(slots=True)
class Step:
    """One request and its answer, as pages and scripts may show them: no secret is in here."""

    kind: str
    """`authorize`, `code`, `device`, `exchange`, `poll`, `introspect`, `userinfo`, `crm`, `refresh`,
    `revoke` or `check`."""
    method: str
    url: str
    headers: Pairs
    fields: Pairs
    """The parameters, of the query or the body; values such as $CODE stand for secrets."""
    status: int = 0
    answer_headers: Pairs = field(default_factory=list)
    answer: str = ""
    error: str = ""
    """The exact word of the catalogue, for a refusal."""


@dataclass(slots=True)
class Run:
    """A run: what it was begun with, what it holds, what happened."""

    scope: str
    state: str
    verifier: str
    secret: str = ""
    code: str = ""
    device_code: str = ""
    user_code: str = ""
    verification_uri: str = ""
    access_token: str = ""
    refresh_token: str = ""
    id_token: str = ""
    refused: str = ""
    done: list[str] = field(default_factory=list)
    """The kinds of steps that came to an end."""
    steps: list[Step] = field(default_factory=list)

    @property
    def challenge(self) -> str:
        """The code challenge of the run's verifier (RFC 7636 §4.2)."""
        return s256(self.verifier)

    def masks(self) -> Mapping[str, str]:
        """What stands for each secret on pages and in scripts."""
        held = (
            (self.secret, "$CLIENT_SECRET"),
            (self.verifier, "$CODE_VERIFIER"),
            (self.code, "$CODE"),
            (self.device_code, "$DEVICE_CODE"),
            (self.access_token, "$ACCESS_TOKEN"),
            (self.refresh_token, "$REFRESH_TOKEN"),
        )
        return {value: mask for value, mask in held if value}

    def add(self, step: Step) -> None:
        """Keep a step; of many polls the latest stays."""
        if step.kind == "poll" and self.steps and self.steps[-1].kind == "poll":
            self.steps.pop()
        self.steps.append(step)
        del self.steps[:-MOST_STEPS]


def new_run(scope: str, secret: str | None) -> Run:
    """A run that has not done anything yet."""
    return Run(scope, secrets.token_urlsafe(24), secrets.token_urlsafe(48), secret or "")


def _place(client_id: str) -> str:
    return f"trials|{client_id}|sealed"


def seal_run(server: Server, client_id: str, run: Run) -> bytes:
    """The run as its row holds it."""
    return server.envelope.seal(json.dumps(asdict(run)).encode(), _place(client_id))


def open_run(server: Server, trial: Trial) -> Run | None:
    """The run of this row; None when the row was altered, or sealed with another key."""
    try:
        members: dict[str, Any] = json.loads(server.envelope.open(trial.sealed, _place(trial.client_id)))
    except EnvelopeBroken:
        return None
    steps = [Step(**step) for step in members.pop("steps")]
    return Run(**members, steps=steps)


async def keep_run(server: Server, client: Client, run: Run, now: int) -> None:
    """Write a new run down."""
    sealed = seal_run(server, client.id, run)
    await keep_trial(server.db, client, state_hash=digest(run.state), sealed=sealed, now=now)


async def save_run(server: Server, trial: Trial, run: Run) -> bool:
    """Write down how far it came. False when another step came first."""
    return await update_trial(server.db, trial, seal_run(server, trial.client_id, run))


async def client_of(server: Server, trial: Trial) -> Client | None:
    """The copy of the app that the run uses."""
    return await find_client(server.db, trial.client_id)
