"""Starting the demo: seed, listen, tell how to begin, and leave nothing secret lying about at the end."""

import json
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grantline.accounts import Account
from grantline.db import held_alone
from grantline.demo.introducing import carry, introduce
from grantline.demo.seed import (
    PEOPLE,
    Ports,
    Seed,
    Seeded,
    seed_clients,
    seed_crm,
    seed_people,
    seed_self_client,
    write_private,
)
from grantline.demo.team import seed_team
from grantline.sample_crm import CrmConfig
from grantline.sample_crm import build_app as build_crm
from grantline.settings import Settings
from grantline.web import Server, build_app, listener, open_server, serve_all, set_up_logs

SCOPES = "CRM.modules.ALL,CRM.settings.ALL,CRM.users.READ,CRM.org.READ"


async def run_demo(base_port: int, folder: Path) -> None:
    """Run the demo until it is stopped. `demo.json` is there exactly while everything listens. Raises
    ValueError, CannotListen."""
    set_up_logs(os.environ.get("GRANTLINE_LOG_LEVEL", "warning"))
    folder = _make_private(folder)
    with _alone_in(folder):
        (folder / "demo.json").unlink(missing_ok=True)  # of one that was killed
        await _run(base_port, folder)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """No second demo works in this folder meanwhile. Raises ValueError."""
    with ExitStack() as stack:
        try:
            stack.enter_context(held_alone(folder / "lock"))
        except BlockingIOError:
            raise ValueError(
                f"A demo is running in {folder} already. Stop it, or give this one a folder with --data."
            ) from None
        yield


@dataclass(frozen=True, slots=True)
class Center:
    """One data center of the demo, opened."""

    server: Server
    people: list[tuple[Account, str, str]]
    crm: CrmConfig
    ports: Ports


async def _run(base_port: int, folder: Path) -> None:
    seed = Seed(folder / "seed.json")
    centers = [
        await _open(code, Ports(base_port, number), folder, seed) for number, code in enumerate(PEOPLE)
    ]
    servers = [center.server for center in centers]
    await introduce(servers, folder / "data-centers.toml")
    us = centers[0]
    clients = await seed_clients(us.server, seed, us.people[0][0], us.ports, tuple(PEOPLE))
    for center in centers[1:]:
        key = f"self_client_{center.server.code}"
        clients[key] = await seed_self_client(center.server, seed, center.people[0][0])
    await seed_team(us.server, seed, [account for account, _, _ in us.people], us.ports)
    apps = [build_app(server) for server in servers]
    await carry(servers, apps)
    listeners = []
    for center, app in zip(centers, apps, strict=True):
        listeners += [
            listener(app, host="127.0.0.1", port=center.ports.accounts),
            listener(build_crm(center.crm), host="127.0.0.1", port=center.ports.crm),
        ]
    facts = folder / "demo.json"
    described = describe(centers, clients)

    def ready() -> None:
        write_private(facts, json.dumps(described, indent=2))
        _say(welcome(described, folder))

    try:
        await serve_all(listeners, ready=ready)
    finally:
        facts.unlink(missing_ok=True)


async def _open(code: str, ports: Ports, folder: Path, seed: Seed) -> Center:
    """A data center with its people and its sample CRM."""
    place = folder / code
    settings = Settings(
        database=f"sqlite://{place}/grantline.db",
        master_key_file=place / "master.key",
        public_url=f"http://127.0.0.1:{ports.accounts}",
        api_domain=f"http://127.0.0.1:{ports.crm}",
        data_center=code,
        port=ports.accounts,
        demo=True,
        mail_folder=place / "mail",
        limits=os.environ.get("GRANTLINE_LIMITS", "100"),
    )
    server = await open_server(settings)
    people = await seed_people(server, seed, PEOPLE[code])
    identifier, client_id, client_secret = await seed_crm(server, seed, ports)
    crm = CrmConfig(
        issuer=server.issuer,
        client_id=client_id,
        client_secret=client_secret,
        identifier=identifier,
        database=place / "crm.db",
    )
    return Center(server, people, crm, ports)


def _say(text: str) -> None:
    """Print, and go on serving when nobody reads any more (`./run | head`)."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _make_private(folder: Path) -> Path:
    """The data folder, for its owner alone."""
    for private in (folder, *(folder / code for code in PEOPLE)):
        private.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder.absolute()


def describe(centers: Sequence[Center], clients: dict[str, Seeded]) -> dict[str, Any]:
    """What demo.json holds."""
    described: dict[str, Any] = {}
    for key, (client, secret) in clients.items():
        home = client.data_center
        members: dict[str, Any] = {"client_id": client.id, "name": client.name, "data_center": home}
        if secret is not None:
            members["client_secret"] = secret
        if client.redirect_uris:
            members["redirect_uris"] = list(client.redirect_uris)
        if client.type.origins:
            members["origins"] = list(client.origins)
            members["implicit"] = client.implicit
        described[key] = members
    return {
        "data_centers": [
            {
                "code": center.server.code,
                "name": center.server.mint.home.name,
                "issuer": center.server.issuer,
                "console": center.server.mint.home.console,
                "api_domain": center.server.mint.home.api_domain,
                "database": center.server.settings.database,
            }
            for center in centers
        ],
        "users": [
            {
                "email": account.email,
                "password": password,
                "name": account.name,
                "sub": account.sub,
                "data_center": center.server.code,
                "role": role,
            }
            for center in centers
            for account, password, role in center.people
        ],
        "clients": described,
    }


def welcome(described: dict[str, Any], folder: Path) -> str:
    """What the terminal says: where the console is, how to sign in, and three lines that work."""
    (center, abroad), (developer, person, foreigner) = described["data_centers"], described["users"]
    client, issuer = described["clients"]["self_client"], center["issuer"]
    here = Path.cwd()
    stored = folder / "tokens.json"
    stored = stored.relative_to(here) if stored.is_relative_to(here) else stored
    # A demo in another folder is not what `./run code` looks for by itself.
    database = "" if folder == here / ".grantline" else f" --database {shlex.quote(center['database'])}"
    credentials = f"-d client_id={client['client_id']} -d client_secret={client['client_secret']}"
    code = f"$(./run code --client {client['client_id']} --scope {SCOPES}{database})"
    exchange = (
        f"curl -sS {issuer}/oauth/v2/token -d grant_type=authorization_code {credentials} -d code={code}"
    )
    leads = f'"{center["api_domain"]}/crm/v8/Leads?fields=Last_Name,Company,Email"'
    refresh = f"curl -sS {issuer}/oauth/v2/token -d grant_type=refresh_token {credentials}"
    lines = (
        f"(umask 077; {exchange} | tee {shlex.quote(str(stored))})",
        f'curl -sS {leads} -H "Authorization: Bearer {_pick(stored, "access_token")}"',
        f"{refresh} -d refresh_token={_pick(stored, 'refresh_token')}",
    )
    return f"""
Grantline is ready.

Console   {center["console"]}
Sign in   {developer["email"]}  {developer["password"]}
Or as     {person["email"]}  {person["password"]}  (a person who uses apps)
Or in     {abroad["issuer"]}, the data center {abroad["code"]}, as
          {foreigner["email"]}  {foreigner["password"]}

Try the self client from another terminal in this folder, in this order:

{chr(10).join(lines)}

Ctrl-C stops it. Everything it keeps is in {folder}.
"""


def _pick(stored: Path, name: str) -> str:
    """Shell words that read one token out of the stored answer."""
    program = f'import json; print(json.load(open({json.dumps(str(stored))}))["{name}"])'
    return f"$(python3 -c {shlex.quote(program)})"
