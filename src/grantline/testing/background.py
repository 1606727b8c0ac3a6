"""The event loop that a server under test lives in: a thread of its own, so that tests with and without a
loop call it alike."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Background:
    """One loop in one thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="grantline-testing", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The work's end, for the thread that calls."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def arun(self, work: Coroutine[Any, Any, T]) -> T:
        """The same for a task. Whoever is cancelled goes away; the work goes on, as a server's does."""
        return await asyncio.shield(asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop)))

    def close(self) -> None:
        """End the thread, when what was begun has ended."""
        self.run(self._finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _finish(self) -> None:
        own = asyncio.current_task()
        await asyncio.gather(
            *(task for task in asyncio.all_tasks() if task is not own), return_exceptions=True
        )
        await self._loop.shutdown_default_executor()
