"""The data centers us and eu with people, apps and a sample CRM each, in two makes: the demo, which is one
process, and separate processes that know each other by the registry alone.

Separate ones are set up as an operator does it: people, APIs and apps by the command line, and each app is
switched on in eu.
"""

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2

from grantline.sample_crm import CrmConfig
from tests.centers import Center, Centers, start_centers
from tests.command_line import run_command
from tests.data_centers.following import wait_until
from tests.running import Demo, Process, run_grantline
from tests.sample_crm.serving import render_settings

PASSWORD: Final = "correct horse battery"
OWNER: Final = "mara@example.com"
PEOPLE: Final[Mapping[str, Sequence[str]]] = {"us": (OWNER, "tomas@example.com"), "eu": ("ines@example.com",)}
"""The first of each data center owns its self client, the last uses apps."""
PAGE: Final = "https://board.example"
APPS: Final[Mapping[str, Sequence[str]]] = {
    "server_based": ("--redirect-uri", "https://desk.example/callback"),
    "client_based": ("--redirect-uri", f"{PAGE}/callback", "--origin", PAGE, "--implicit"),
    "mobile": (
        *("--redirect-uri", "com.example.pocket:/callback"),
        *("--redirect-uri", "http://127.0.0.1/callback"),
    ),
    "non_browser": (),
}


@dataclass(frozen=True)
class World:
    """Two data centers, and what a story needs to know of them; everything is by code."""

    issuers: Mapping[str, str]
    apis: Mapping[str, str]
    databases: Mapping[str, str]
    people: Mapping[str, Mapping[str, str]]
    """E-mail address and password of somebody who uses apps."""
    owners: Mapping[str, str]
    """E-mail address of whoever has the self client."""
    clients: Mapping[str, Mapping[str, Any]]
    """Apps of us by type; `self_client_eu` is of eu."""

    @property
    def home(self) -> str:
        """The issuer of us, where the apps are registered."""
        return self.issuers["us"]

    def email(self, code: str) -> str:
        """Who uses apps there."""
        return self.people[code]["email"]

    def grantline(self, *args: str, at: str = "us") -> str:
        """Standard output of a command, which is a process of its own."""
        return run_grantline(*args, database=self.databases[at])


def world_of_demo(demo: Demo) -> World:
    """What the demo started with."""
    said = demo.json
    centers = {one["code"]: one for one in said["data_centers"]}
    return World(
        issuers={code: one["issuer"] for code, one in centers.items()},
        apis={code: one["api_domain"] for code, one in centers.items()},
        databases={code: one["database"] for code, one in centers.items()},
        people={code: demo.user("user", code) for code in centers},
        owners={one["data_center"]: one["email"] for one in reversed(said["users"])},
        clients=said["clients"],
    )


@contextmanager
def separate_world(folder: Path) -> Iterator[World]:
    """Two servers and two sample CRMs, each a process; all are stopped at the end."""
    with start_centers(folder, apis=True) as centers, ExitStack() as stack:
        for center in centers.by_code.values():
            crm = start_crm(center, folder)
            stack.callback(crm.stop)
            for email in PEOPLE[center.code]:
                command(center, "user", "create", email, "--password-stdin", input=PASSWORD)
        clients = {key: register(centers["us"], key, *said) for key, said in APPS.items()}
        for client in clients.values():
            command(centers["us"], "client", "data-centers", client["client_id"], "--on", "eu")
        clients["self_client"] = register(centers["us"], "self_client")
        clients["self_client_eu"] = register(centers["eu"], "self_client")
        for client_id in [clients[key]["client_id"] for key in APPS]:
            wait_until(lambda: is_confirmed(centers, client_id))  # noqa: B023
        for center in centers.by_code.values():
            wait_until(lambda: offers_scopes(center))  # noqa: B023
        yield World(
            issuers={code: one.issuer for code, one in centers.by_code.items()},
            apis={code: one.api for code, one in centers.by_code.items()},
            databases={code: one.database for code, one in centers.by_code.items()},
            people={code: {"email": those[-1], "password": PASSWORD} for code, those in PEOPLE.items()},
            owners={code: those[0] for code, those in PEOPLE.items()},
            clients=clients,
        )


def command(center: Center, *args: str, input: str = "") -> Any:
    """What a command says, as JSON."""
    return run_command(*args, "--json", database=center.database, input=input).json


def start_crm(center: Center, folder: Path) -> Process:
    """Register the sample CRM in a data center, and start it."""
    made = command(
        center, "api", "create", "--identifier", center.api, "--scopes", "CRM", "--name", "Sample CRM"
    )
    config = CrmConfig(
        issuer=center.issuer,
        client_id=made["client_id"],
        client_secret=made["client_secret"],
        identifier=center.api,
        database=folder / center.code / "crm" / "crm.sqlite3",
    )
    log = folder / center.code / "crm.log"
    process = Process([], render_settings(config), log, module="tests.sample_crm.serving")
    host, port = center.api.removeprefix("http://").split(":")
    process.wait_until(lambda: listens(host, int(port)))
    return process


def listens(host: str, port: int) -> bool:
    """Whether somebody takes a connection there."""
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True


def register(center: Center, key: str, *said: str) -> Mapping[str, Any]:
    """An app of this type."""
    who = ("--name", "Lead Desk", "--homepage", PAGE, "--owner", PEOPLE[center.code][0])
    made: Mapping[str, Any] = command(
        center, "client", "create", "--type", key.replace("_", "-"), *who, *said
    )
    return made


def is_confirmed(centers: Centers, client_id: str) -> bool:
    """Whether eu took the app as it is."""
    told = command(centers["us"], "client", "data-centers", client_id)["data_centers"]
    there = next(one for one in told if one["data_center"] == "eu")
    return there["confirmed_at"] is not None and there["waiting_since"] is None


def offers_scopes(center: Center) -> bool:
    """Whether the server took up that there is an API."""
    document = httpx2.get(f"{center.issuer}/.well-known/oauth-authorization-server").json()
    return any(scope.startswith("CRM.") for scope in document["scopes_supported"])
