"""The other data centers, as a running server follows them: the registry is read again when its file changes,
and what waits for them is sent."""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import structlog

from grantline.clients import settle_imports
from grantline.datacenters import (
    Clock,
    DataCenter,
    DataCenters,
    RegistryRefused,
    load_data_centers,
    note_registry_problem,
    read_registry,
    store_data_centers,
)
from grantline.db import Database, DatabaseUnavailable
from grantline.tokens import Mint

LOOK_SECONDS: Final = 0.5


class Speaker(Protocol):
    """What says something to another data center at once (`crossing.Sender`)."""

    async def send(self, receiver: DataCenter, kind: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer. Raises what `crossing.Sender` raises."""

    async def close(self) -> None:
        """Let the connections go."""


def _stamp(path: Path) -> tuple[int, int, int]:
    """What changes when the file does; zeros when it is away."""
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino


class Neighbours:
    """Follows the registry of one server. `problem` says why the newest file was refused; then what was read
    before still counts. `open_speaker` is for pages that have to ask another data center."""

    def __init__(self, db: Database, path: Path | None, home: DataCenter) -> None:
        self.problem = ""
        self.open_speaker: Callable[[Mint, Clock], Speaker] = _open_sender
        self._db = db
        self._path = path
        self._home = home
        self._stamp = (0, 0, 0)

    async def start(self) -> DataCenters:
        """The data centers at the start: a mistake in the file ends it. Raises RegistryRefused."""
        if self._path is None:
            centers = DataCenters(self._home)
        else:
            self._stamp = _stamp(self._path)
            centers = read_registry(self._path, self._home)
        if self._path is not None or (await load_data_centers(self._db, self._home)).others:
            await store_data_centers(self._db, centers)
            await settle_imports(self._db)
            await note_registry_problem(self._db, self._home.code, "")
        return centers

    async def follow(self, mint: Mint, clock: Clock) -> None:
        """Read the file again whenever it changes, and send what waits, until cancelled."""
        courier: asyncio.Task[None] | None = None
        try:
            while True:
                if courier is None and mint.data_centers.others:
                    courier = asyncio.create_task(_send(mint, clock))
                await asyncio.sleep(LOOK_SECONDS)
                try:
                    await self.look(mint)
                except DatabaseUnavailable as problem:
                    self._stamp = (0, 0, 0)
                    structlog.get_logger().warning("registry put off", problem=str(problem))
        finally:
            if courier is not None:
                courier.cancel()
                await asyncio.gather(courier, return_exceptions=True)

    async def look(self, mint: Mint) -> None:
        """Take up the file if it changed. Raises DatabaseUnavailable."""
        if self._path is None or (stamp := _stamp(self._path)) == self._stamp:
            return
        try:
            centers = read_registry(self._path, self._home)
        except RegistryRefused as refused:
            self.problem = str(refused)
            structlog.get_logger().error("registry refused", problem=self.problem)
            await note_registry_problem(self._db, self._home.code, self.problem)
        else:
            await store_data_centers(self._db, centers)
            await settle_imports(self._db)
            await note_registry_problem(self._db, self._home.code, "")
            mint.data_centers = centers
            self.problem = ""
            structlog.get_logger().info("registry read", data_centers=[c.code for c in centers.every])
        self._stamp = stamp


def _open_sender(mint: Mint, clock: Clock) -> Speaker:
    from grantline.crossing import Sender  # most servers have no others

    return Sender(mint, clock)


async def _send(mint: Mint, clock: Clock) -> None:
    from grantline.crossing import Courier, Sender  # most servers have no others

    await Courier(mint, clock, Sender(mint, clock)).run()
