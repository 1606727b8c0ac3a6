"""One renewal at a time in a process: the first caller flies, threads and tasks alike wait for it to land."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager


class Abandoned(Exception):
    """Who flew was ended or cancelled."""


class Flights:
    """What is under way, by key. Threads wait on a future by itself, tasks on the same one wrapped."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._flying: dict[object, Future[None]] = {}

    def forget(self) -> None:
        """Begin anew, in a process that was forked: who flew is not here."""
        self._turn = threading.Lock()
        self._flying = {}

    def join(self, key: object) -> tuple[Future[None], bool]:
        """The flight of this key, and whether the caller is the one who flies it, within `flying`."""
        with self._turn:
            flight = self._flying.get(key)
            if flight is not None:
                return flight, False
            flight = self._flying[key] = Future()
            return flight, True

    @contextmanager
    def flying(self, key: object, flight: Future[None]) -> Iterator[None]:
        """The flight itself; at its end whoever comes later starts another one. A problem that is no
        Exception ended the one who flew, not the flight: the others start again."""
        try:
            yield
        except BaseException as problem:
            self._end(key)
            flight.set_exception(problem if isinstance(problem, Exception) else Abandoned())
            raise
        self._end(key)
        flight.set_result(None)

    def _end(self, key: object) -> None:
        with self._turn:
            self._flying.pop(key, None)


FLIGHTS = Flights()
"""Those of this process: sessions that are made anew for each request share it too."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=FLIGHTS.forget)
