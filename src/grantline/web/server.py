"""One data center's server: everything that its pages and endpoints share, opened and closed together."""

import asyncio
import os
import secrets
import socket
from dataclasses import dataclass, field

import structlog

from grantline.accounts import Passwords
from grantline.activity import Counters, Recorder
from grantline.datacenters import (
    Clock,
    DataCenter,
    Home,
    NodeClock,
    find_pulse,
    settle,
    system_clock,
)
from grantline.db import Database, DatabaseUnavailable, open_database
from grantline.jobs import do_due_jobs
from grantline.keys import Envelope, ensure_keys, load_keyring, load_master_key
from grantline.limits import Limiter
from grantline.mail import Post, open_post
from grantline.settings import Settings
from grantline.tokens import Mint, ScopeSets, load_catalog
from grantline.web.background import jobs
from grantline.web.neighbours import Neighbours
from grantline.web.node import Node
from grantline.web.templating import Pages

JOBS_SECONDS = 1.0


@dataclass(slots=True)
class Server:
    """A data center, ready to answer. `mint.keyring` and `mint.catalog` follow what other nodes change."""

    settings: Settings
    db: Database
    mint: Mint
    envelope: Envelope
    passwords: Passwords
    pages: Pages
    node: Node
    neighbours: Neighbours
    counters: Counters
    https: bool
    post: Post | None
    """Where mails go; None: nowhere."""
    requests: dict[tuple[str, int], int] = field(default_factory=dict)
    """Answers by route and status, for the metrics."""
    documents: dict[str, bytes] = field(default_factory=dict)
    """What is the same for everybody and takes a while to make, by its address."""
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        """The issuer identifier."""
        return self.mint.home.issuer

    @property
    def clock(self) -> Clock:
        """The time, in epoch seconds."""
        return self.node.clock

    @property
    def code(self) -> str:
        """The data center's code."""
        return self.mint.home.code

    def start(self) -> None:
        """Begin the background work."""
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self.mint.recorder.run()),
            loop.create_task(self.counters.run()),
            loop.create_task(self.node.follow()),
            loop.create_task(self._do_jobs()),
            loop.create_task(self.neighbours.follow(self.mint, self.clock)),
        ]

    async def _do_jobs(self) -> None:
        known = jobs(self.db, self.envelope, self.settings.audit_path)
        while True:
            await asyncio.sleep(JOBS_SECONDS)
            try:
                await do_due_jobs(self.db, known, self.node.name, self.clock)
            except DatabaseUnavailable as problem:
                structlog.get_logger().warning("jobs put off", problem=str(problem))

    async def reload(self) -> None:
        """Take up what changed outside: keys and registered APIs."""
        self.mint.keyring = await load_keyring(self.db, self.envelope)
        self.mint.catalog = await load_catalog(self.db)

    async def close(self) -> None:
        """Finish what was begun and let everything go."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            if self._tasks:
                await self.node.write_time()
            await self.mint.recorder.flush()
            await self.counters.flush()
        except DatabaseUnavailable as problem:
            structlog.get_logger().error("the last entries are lost", problem=str(problem))
        self.passwords.close()
        await self.db.close()


def name_node() -> str:
    """A name for this process that no other one has, and that tells people where it runs."""
    return f"{socket.gethostname()[:60]}/{os.getpid()}/{secrets.token_hex(4)}"


async def open_server(
    settings: Settings, *, clock: Clock = system_clock, pages: Pages | None = None
) -> Server:
    """The server of these settings: database migrated, keys there. Raises ValueError, DatabaseUnavailable."""
    post = open_post(settings.smtp_url, settings.mail_sender, settings.mail_folder)
    if settings.in_the_clear:
        structlog.get_logger().warning(
            "this server can be reached without TLS",
            host=settings.host,
            fix="Give it a certificate, or list the proxy before it in GRANTLINE_TRUSTED_PROXIES.",
        )
    db = await open_database(settings.database)
    await settle(db, Home(settings.data_center, settings.public_url, settings.demo))
    envelope = Envelope(load_master_key(settings.master_key_path, create=True), settings.data_center)
    node_clock = NodeClock(clock, node=name_node())
    await ensure_keys(db, envelope, node_clock())
    pulse = await find_pulse(db)  # before what it tells of is loaded
    node = Node(db, node_clock, pulse.revision if pulse is not None else 0)
    home = DataCenter(settings.data_center, settings.public_url, settings.api_base)
    neighbours = Neighbours(db, settings.data_centers, home)
    mint = Mint(
        db=db,
        data_centers=await neighbours.start(),
        keyring=await load_keyring(db, envelope),
        catalog=await load_catalog(db),
        scope_sets=ScopeSets(db),
        limiter=Limiter(settings.limit_factor),
        recorder=Recorder(db, home.code),
        access_token_seconds=settings.access_token_seconds,
        catch_up=node.catch_up,
    )
    server = Server(
        settings=settings,
        db=db,
        mint=mint,
        envelope=envelope,
        passwords=Passwords(),
        pages=pages or Pages(),
        node=node,
        neighbours=neighbours,
        counters=Counters(db),
        https=settings.public_url.startswith("https://"),
        post=post,
    )
    node.on_change(server.reload)
    return server
