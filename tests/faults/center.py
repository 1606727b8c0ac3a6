"""One data center on real processes: some nodes on one database, with people and apps in it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from grantline.accounts import create_account, personal_organization
from grantline.clients import register_client
from grantline.settings import Settings
from grantline.tokens import issue_authorization_code
from grantline.web.server import open_server
from tests.faults.calling import Caller
from tests.running import Process, free_ports
from tests.site import REGISTRATIONS, App

OWNER: Final = "mara@example.com"
TYPES: Final = ("server-based", "mobile", "non-browser", "self-client")


@dataclass
class Node:
    """One `grantline serve`, which may be killed and started again."""

    env: Mapping[str, str]
    log_path: Path
    caller: Caller
    process: Process | None = None

    def begin(self) -> None:
        """Start the process, without waiting for it."""
        assert self.process is None or self.process.popen.poll() is not None
        self.process = Process(["serve"], self.env, self.log_path)

    @property
    def running(self) -> Process:
        assert self.process is not None
        return self.process

    async def until_ready(self) -> None:
        """Return once it answers and its database does."""
        while (await self.caller.call("GET", "/health/ready")).status != 200:
            assert self.running.popen.poll() is None, self.running.log()
            await asyncio.sleep(0.02)

    def workers(self) -> list[int]:
        """The processes that this one started, to share its port."""
        parent = self.running.popen.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        return [int(child) for child in children.split()]

    async def kill(self) -> None:
        """End it without warning."""
        await asyncio.to_thread(self.running.kill)

    async def stop(self) -> int:
        """Ask it to end; its exit status."""
        return await asyncio.to_thread(self.running.stop)


@dataclass
class Center:
    """The nodes, and what is in their database."""

    settings: Settings
    nodes: list[Node]
    apps: Mapping[str, App]
    people: list[str]
    """Addresses of people who can sign in with PASSWORD."""

    @property
    def issuer(self) -> str:
        return self.settings.public_url

    async def until_ready(self) -> None:
        """Return once every node is ready."""
        for node in self.nodes:
            await node.until_ready()

    def problems(self) -> list[str]:
        """What the nodes logged as bugs."""
        return [
            line
            for node in self.nodes
            if node.log_path.exists()
            for line in node.log_path.read_text(errors="replace").splitlines()
            if '"unexpected"' in line or "Traceback" in line or "never retrieved" in line
        ]


async def _fill(settings: Settings, password_hash: str, people: int) -> tuple[Mapping[str, App], list[str]]:
    """Register what the load needs, straight into the database."""
    server = await open_server(settings)
    try:
        now = server.clock()
        addresses = [OWNER, *(f"person{number}@example.com" for number in range(1, people))]
        accounts = [
            await create_account(
                server.db, email=email, password_hash=password_hash, given_name="A", family_name="B", now=now
            )
            for email in addresses
        ]
        organization = await personal_organization(server.db, accounts[0].id)
        apps = {}
        for name in TYPES:
            client, secret = await register_client(
                server.db,
                type_name=name,
                asked=REGISTRATIONS[name],
                owner_account_id=accounts[0].id,
                organization_id=organization.id,
                data_center=server.code,
                now=now,
            )
            apps[name] = App(client, secret)
        return apps, addresses
    finally:
        await server.close()


async def make_codes(center: Center, count: int) -> list[str]:
    """So many grant tokens of the self client, good for ten minutes."""
    app = center.apps["self-client"]
    server = await open_server(center.settings)
    try:
        now, scope = server.clock(), ("CRM.modules.leads.READ",)
        async with server.db.transaction() as tx:
            return [
                await issue_authorization_code(
                    server.mint,
                    tx,
                    client_id=app.id,
                    account_id=app.client.owner_account_id,
                    organization_id=app.client.organization_id,
                    scope=scope,
                    asked_scope=scope,
                    refresh_token=False,
                    now=now,
                    life_seconds=600,
                    from_console=True,
                )
                for _ in range(count)
            ]
    finally:
        await server.close()


@asynccontextmanager
async def open_center(
    folder: Path,
    database: str,
    password_hash: str,
    *,
    nodes: int = 2,
    people: int = 8,
    seed_at: str = "",
    env: Mapping[str, str] | None = None,
) -> AsyncIterator[Center]:
    """A data center that is ready; all of its processes are gone afterwards. `seed_at` is another way to the
    same database."""
    first = free_ports(nodes)
    issuer = f"http://127.0.0.1:{first}"
    settings = Settings(
        database=seed_at or database,
        public_url=issuer,
        master_key_file=folder / "master.key",
        limits="off",
        log_level="error",
    )
    apps, addresses = await _fill(settings, password_hash, people)
    made = []
    for port in range(first, first + nodes):
        given = {
            "GRANTLINE_DATABASE": database,
            "GRANTLINE_PUBLIC_URL": issuer,
            "GRANTLINE_MASTER_KEY_FILE": str(folder / "master.key"),
            "GRANTLINE_LIMITS": "off",
            "GRANTLINE_PORT": str(port),
            **(env or {}),
        }
        made.append(Node(given, folder / f"node-{port}.log", Caller(port, issuer)))
    center = Center(settings, made, apps, addresses)
    try:
        for node in made:
            node.begin()
        await center.until_ready()
        yield center
    finally:
        for node in made:
            node.caller.close()
            if node.process is not None and node.process.popen.poll() is None:
                await node.kill()
