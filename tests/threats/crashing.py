"""A second process on a site's files that answers calls until it is killed: a crash, as the file sees it."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from grantline.web.templating import Pages
from tests.running import ROOT
from tests.site import open_site

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.threats.crashing"])  # imported once, then forked in milliseconds


class Victim:
    """The process: `post` is a program's call to it, `kill` ends it at once, without warning."""

    def __init__(self, folder: Path) -> None:
        self._ours, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_serve, args=(folder, theirs))
        self._process.start()
        theirs.close()

    def post(self, path: str, data: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self._ours.send((path, data))
        status, members = self._ours.recv()
        return status, members

    def kill(self) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.join()
        self._ours.close()


@contextmanager
def victim(folder: Path) -> Iterator[Victim]:
    """A process to be killed; killed in any case at the end."""
    with pytest.MonkeyPatch.context() as patch:
        # The server that forks starts with the first process and takes its path from here.
        patch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), str(ROOT / "src"))))
        running = Victim(folder)
    try:
        yield running
    finally:
        if running._process.is_alive():
            running.kill()


def _serve(folder: Path, calls: Connection) -> None:
    asyncio.run(_answer(folder, calls))


async def _answer(folder: Path, calls: Connection) -> None:
    async with open_site(folder, pages=Pages(), password_hash="") as site:
        while True:
            path, data = await asyncio.to_thread(calls.recv)
            response = await site.post(path, data)
            calls.send((response.status_code, response.json()))
