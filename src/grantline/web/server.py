"""One data center's server: everything that its pages and endpoints share, opened and closed together."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from grantline.accounts import Passwords
from grantline.activity import Recorder
from grantline.clients import list_apis
from grantline.datacenters import DataCenter, DataCenters, Home, settle
from grantline.db import Database, DatabaseUnavailable, open_database
from grantline.keys import Envelope, ensure_keys, load_keyring, load_master_key
from grantline.limits import Limiter
from grantline.scopes import Catalog
from grantline.settings import Settings
from grantline.tokens import Mint, ScopeSets
from grantline.web.background import sweep
from grantline.web.templating import Pages

Clock = Callable[[], int]

WATCH_SECONDS = 0.5
SWEEP_SECONDS = 3600


def system_clock() -> int:
    """Epoch seconds, now."""
    return int(time.time())


@dataclass(slots=True)
class Server:
    """A data center, ready to answer. `mint.keyring` and `mint.catalog` follow what other processes
    change."""

    settings: Settings
    db: Database
    mint: Mint
    envelope: Envelope
    passwords: Passwords
    pages: Pages
    clock: Clock
    https: bool
    requests: dict[tuple[str, int], int] = field(default_factory=dict)
    """Answers by route and status, for the metrics."""
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        """The issuer identifier."""
        return self.mint.home.issuer

    @property
    def code(self) -> str:
        """The data center's code."""
        return self.mint.home.code

    def start(self) -> None:
        """Begin the background work."""
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self.mint.recorder.run()),
            loop.create_task(self._follow_changes()),
            loop.create_task(self._sweep()),
        ]

    async def _follow_changes(self) -> None:
        """Load keys and APIs anew when another process (the command line) committed something."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                if await self.db.changed_elsewhere():
                    await self.reload()
            except DatabaseUnavailable:
                continue

    async def _sweep(self) -> None:
        while True:
            try:
                await sweep(self.db, self.clock())
            except DatabaseUnavailable as problem:
                structlog.get_logger().warning("sweep put off", problem=str(problem))
            await asyncio.sleep(SWEEP_SECONDS)

    async def reload(self) -> None:
        """Take up what changed outside: keys and registered APIs."""
        self.mint.keyring = await load_keyring(self.db, self.envelope)
        self.mint.catalog = await load_catalog(self.db)

    async def close(self) -> None:
        """Finish what was begun and let everything go."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.mint.recorder.flush()
        self.passwords.close()
        await self.db.close()


async def load_catalog(db: Database) -> Catalog:
    """The catalogue of scopes with the APIs that are registered now."""
    return Catalog({api.identifier: (api.scope_prefix, api.name) for api in await list_apis(db)})


async def open_server(
    settings: Settings, *, clock: Clock = system_clock, pages: Pages | None = None
) -> Server:
    """The server of these settings: database migrated, keys there. Raises ValueError, DatabaseUnavailable."""
    if settings.in_the_clear:
        structlog.get_logger().warning(
            "this server can be reached without TLS",
            host=settings.host,
            fix="Give it a certificate, or list the proxy before it in GRANTLINE_TRUSTED_PROXIES.",
        )
    db = await open_database(settings.database)
    await settle(db, Home(settings.data_center, settings.public_url, settings.demo))
    envelope = Envelope(load_master_key(settings.master_key_path, create=True), settings.data_center)
    await ensure_keys(db, envelope, clock())
    mint = Mint(
        db=db,
        data_centers=DataCenters(DataCenter(settings.data_center, settings.public_url, settings.api_base)),
        keyring=await load_keyring(db, envelope),
        catalog=await load_catalog(db),
        scope_sets=ScopeSets(db),
        limiter=Limiter(settings.limit_factor),
        recorder=Recorder(db),
        access_token_seconds=settings.access_token_seconds,
    )
    return Server(
        settings=settings,
        db=db,
        mint=mint,
        envelope=envelope,
        passwords=Passwords(),
        pages=pages or Pages(),
        clock=clock,
        https=settings.public_url.startswith("https://"),
    )
