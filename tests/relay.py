"""A piece of network between two processes that a test can cut: what it stops passing is as good as lost."""

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

_CHUNK: Final = 65_536


class Relay:
    """Passes bytes from a port on to another one, in a thread of its own, and keeps what passed."""

    def __init__(self, port: int, target: int) -> None:
        self.sent: list[bytes] = []
        """What each connection's caller sent, from its first byte on."""
        self.answered: list[bytes] = []
        """What each caller got."""
        self._port = port
        self._target = target
        self._is_cut = False
        self._passing = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._in_loop(self._passing.set)
        serving = asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        asyncio.run_coroutine_threadsafe(self._finish(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self) -> None:
        """Break every connection, and every new one."""

        def now() -> None:
            self._is_cut = True
            self._passing.set()
            for writer in self._writers:
                writer.transport.abort()

        self._in_loop(now)

    def hold(self) -> None:
        """Let connections stand, and pass nothing on: it arrives late."""
        self._in_loop(self._passing.clear)

    def heal(self) -> None:
        """Pass everything on, also what was held."""

        def now() -> None:
            self._is_cut = False
            self._passing.set()

        self._in_loop(now)

    def _in_loop(self, act: Callable[[], object]) -> None:
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (act(), done.set()))
        assert done.wait(10)

    async def _finish(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:  # it has not begun to listen
            writer.transport.abort()
            return
        self._writers |= {writer, back}
        self.sent.append(b"")
        self.answered.append(b"")
        number = len(self.sent) - 1
        for task in (
            asyncio.create_task(self._pump(reader, back, self.sent, number)),
            asyncio.create_task(self._pump(there, writer, self.answered, number)),
        ):
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: list[bytes], number: int
    ) -> None:
        try:
            while data := await reader.read(_CHUNK):
                await self._passing.wait()
                if self._is_cut:
                    break
                kept[number] += data
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
