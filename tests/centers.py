"""Several data centers: in one process over ASGI, or as real processes on real ports.

`open_sites` gives a `Site` for each code, with a registry that all of them read and a sender that reaches the
others over ASGI; nothing is sent by itself there: `carry` does one round. `start_centers` starts `grantline
serve` for each code.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

from grantline.crossing import Courier, Sender
from grantline.datacenters import HEADER
from grantline.web import Neighbours
from grantline.web.templating import Pages
from tests.relay import Relay
from tests.running import PORTS_OF_A_DEMO, Process, answers, free_ports, run_grantline
from tests.site import Clock, Site, open_site

NAMES: Final = {"us": "United States", "eu": "Europe", "in": "India"}


class Wires(httpx2.AsyncBaseTransport):
    """The network between the sites: what is cut answers nothing; every message that passed is kept."""

    def __init__(self) -> None:
        self.sites: dict[str, Site] = {}
        self.cut: set[str] = set()
        """Codes that nobody reaches."""
        self.passed: list[tuple[str, bytes]] = []
        """Address and body of every request."""
        self.lose_answers = False
        """The request arrives, its answer is lost."""
        self.lose_answers_of = ""
        """The same for messages of one kind."""
        self.tokens: dict[bytes, str] = {}
        """What each body was signed with."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        address = str(request.url)
        body = await request.aread()
        site = next(s for s in self.sites.values() if address.startswith(s.server.issuer + "/"))
        if site.server.code in self.cut:
            raise httpx2.ConnectError("cut")
        self.passed.append((address, body))
        token = self.tokens[body] = request.headers.get(HEADER, "")
        response = await site.transport.handle_async_request(request)
        await response.aread()
        if self.lose_answers or (self.lose_answers_of and _kind_of(token) == self.lose_answers_of):
            raise httpx2.ReadError("lost")
        return response


def _kind_of(token: str) -> str:
    """The kind of the message that this signs."""
    return str(json.loads(urlsafe_b64decode(token.split(".")[1] + "==")).get("sub", "")) if token else ""


@dataclass(slots=True)
class Sites:
    """The data centers under test, by code."""

    by_code: Mapping[str, Site]
    registry: Path
    wires: Wires
    clock: Clock
    _couriers: dict[str, Courier] = field(default_factory=dict)

    def __getitem__(self, code: str) -> Site:
        return self.by_code[code]

    async def carry(self, *codes: str) -> dict[str, str]:
        """One round of errands from each of these data centers (all, if none is named) to each other one;
        gives the problems by `from>to`."""
        problems = {}
        for code in codes or tuple(self.by_code):
            site = self.by_code[code]
            for center in site.mint.data_centers.others:
                if problem := await self.courier(code).round(center.code):
                    problems[f"{code}>{center.code}"] = problem
        return problems

    def courier(self, code: str) -> Courier:
        """The courier of one data center, over the wires of the test."""
        if code not in self._couriers:
            mint = self.by_code[code].mint
            self._couriers[code] = Courier(mint, self.clock, self.sender(code))
        return self._couriers[code]

    def sender(self, code: str) -> Sender:
        """A sender of one data center."""
        return Sender(self.by_code[code].mint, self.clock, self.wires)


def render_registry(centers: Sequence[Mapping[str, Any]]) -> str:
    """A registry of these: code, name, accounts, api, keys."""
    return "\n".join(
        f"[{one['code']}]\nname = {json.dumps(one['name'])}\naccounts = {json.dumps(one['accounts'])}\n"
        f"api = {json.dumps(one['api'])}\nkeys = {json.dumps(list(one['keys']))}\n"
        for one in centers
    )


@asynccontextmanager
async def open_sites(
    folder: Path,
    codes: Sequence[str] = ("us", "eu"),
    *,
    pages: Pages,
    password_hash: str,
    databases: Mapping[str, str] = MappingProxyType({}),
    **options: Any,
) -> AsyncIterator[Sites]:
    """Data centers in this process, each with a database of its own, a SQLite file if none is named, and one
    clock for all. Accounts are at 127.0.0.1:8700, 8701, …, APIs at 8710, 8711, …; each has its own Mara, who
    is nobody in the others. What is in the folder already, keys and databases, is used again."""
    wires, clock = Wires(), Clock()
    registry = folder / "data-centers.toml"
    async with AsyncExitStack() as stack:
        listed = []
        for number, code in enumerate(codes):
            settings = {
                "data_center": code,
                "public_url": f"http://127.0.0.1:{8700 + number}",
                "api_domain": f"http://127.0.0.1:{8710 + number}",
                **options,
            }
            place = folder / code
            place.mkdir(exist_ok=True)
            if code in databases:
                settings |= {"database": databases[code], "master_key_file": place / "master.key"}
            site = await stack.enter_async_context(
                open_site(place, clock=clock, pages=pages, password_hash=password_hash, **settings)
            )
            wires.sites[code] = site
            home = site.mint.home
            listed.append(
                {
                    "code": code,
                    "name": NAMES.get(code, code.upper()),
                    "accounts": home.issuer,
                    "api": home.api_domain,
                    "keys": site.mint.keyring.message_keys,
                }
            )
        registry.write_text(render_registry(listed))
        for site in wires.sites.values():
            server = site.server
            server.neighbours = Neighbours(server.db, registry, server.mint.home)
            server.neighbours.open_speaker = partial(Sender, transport=wires)
            server.mint.data_centers = await server.neighbours.start()
        yield Sites(wires.sites, registry, wires, clock)


@dataclass
class Center:
    """One `grantline serve`."""

    code: str
    issuer: str
    api: str
    database: str
    process: Process
    keys: Sequence[str]
    listens_at: int
    """The port of its process; another one than in its address where a relay is between."""

    @property
    def port(self) -> int:
        return urlsplit(self.issuer).port or 0

    def grantline(self, *args: str, input: str | None = None) -> str:
        """Standard output of a command on this data center's database."""
        return run_grantline(*args, database=self.database, input=input)


@dataclass
class Centers:
    """Several, with the registry that they read."""

    by_code: dict[str, Center]
    registry: Path
    folder: Path
    _ports: Iterator[int]
    relays: dict[str, Relay] | None = None
    """What is before each data center, if what the others say to it can be cut."""
    mails: bool = False
    """Mails are kept beside each database."""
    apis: bool = False
    """The APIs of each data center have an address of their own, where nothing listens yet."""
    _stack: ExitStack = field(default_factory=ExitStack)

    def __getitem__(self, code: str) -> Center:
        return self.by_code[code]

    def start(self, code: str) -> Center:
        """List one more in the registry, which the others read while they run, and start it."""
        port = next(self._ports)
        place = self.folder / code
        place.mkdir(exist_ok=True)
        issuer = f"http://127.0.0.1:{port}"
        api = f"http://127.0.0.1:{next(self._ports)}" if self.apis else issuer
        database = f"sqlite:///{place / 'grantline.sqlite3'}"
        run_in = {
            "GRANTLINE_DATABASE": database,
            "GRANTLINE_DATA_CENTER": code,
            "GRANTLINE_PUBLIC_URL": issuer,
            "GRANTLINE_API_DOMAIN": api,
        }
        keys = json.loads(run_grantline("data-centers", "key", "--json", database=database, env=run_in))[
            "keys"
        ]
        settings = {
            **run_in,
            "GRANTLINE_PORT": str(self._listen_at(code, port)),
            "GRANTLINE_LIMITS": "100",
            "GRANTLINE_DATA_CENTERS": str(self.registry),
            **({"GRANTLINE_MAIL_FOLDER": str(place / "mail")} if self.mails else {}),
        }
        process = Process(["serve"], settings, place / "serve.log", start_now=False)
        listens_at = int(settings["GRANTLINE_PORT"])
        center = self.by_code[code] = Center(code, issuer, api, database, process, keys, listens_at)
        self.write()
        process.start()
        process.wait_until(lambda: answers(f"{issuer}/health/ready"))
        return center

    def _listen_at(self, code: str, port: int) -> int:
        """Where the process listens: at its address, or behind a relay there."""
        if self.relays is None:
            return port
        behind = next(self._ports)
        self.relays[code] = self._stack.enter_context(Relay(port, behind))
        return behind

    def remove(self, code: str) -> Center:
        """Take one out of the registry; its process goes on."""
        center = self.by_code.pop(code)
        self.write()
        return center

    def write(self) -> None:
        """Write the registry anew: whoever is in `by_code`."""
        draft = self.registry.with_suffix(".new")
        draft.write_text(
            render_registry(
                [
                    {
                        "code": one.code,
                        "name": NAMES.get(one.code, one.code.upper()),
                        "accounts": one.issuer,
                        "api": one.api,
                        "keys": one.keys,
                    }
                    for one in self.by_code.values()
                ]
            )
        )
        draft.rename(self.registry)


@contextmanager
def start_centers(
    folder: Path,
    codes: Sequence[str] = ("us", "eu"),
    *,
    cuttable: bool = False,
    mails: bool = False,
    apis: bool = False,
) -> Iterator[Centers]:
    """Real processes, one for each code, with SQLite files of their own; all are stopped at the end.
    `cuttable`: a relay is before each, and its own people go to `listens_at`. `apis`: APIs are at addresses
    of their own."""
    first = free_ports(PORTS_OF_A_DEMO)
    centers = Centers({}, folder / "data-centers.toml", folder, iter(range(first, first + PORTS_OF_A_DEMO)))
    centers.relays, centers.mails, centers.apis = {} if cuttable else None, mails, apis
    started = []
    try:
        for code in codes:
            started.append(centers.start(code))
        yield centers
    finally:
        for center in (*started, *(one for one in centers.by_code.values() if one not in started)):
            center.process.stop()
        centers._stack.close()
