"""One renewal at a time in a process: the first caller flies, threads and tasks alike wait for it to land."""

import threading
from concurrent.futures import Future


class Abandoned(Exception):
    """Who flew was ended or cancelled."""


class Flights:
    """What is under way, by key. Threads wait on a future by itself, tasks on the same one wrapped."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._flying: dict[object, Future[None]] = {}

    def join(self, key: object) -> tuple[Future[None], bool]:
        """The flight of this key, and whether the caller is the one who flies it; then it must `land`."""
        with self._turn:
            flight = self._flying.get(key)
            if flight is not None:
                return flight, False
            flight = self._flying[key] = Future()
            return flight, True

    def land(self, key: object, flight: Future[None], problem: BaseException | None = None) -> None:
        """The end of a flight; whoever comes later starts another one. A problem that is no Exception ended
        the one who flew, not the flight: the others start again."""
        with self._turn:
            self._flying.pop(key, None)
        if problem is None:
            flight.set_result(None)
        else:
            flight.set_exception(problem if isinstance(problem, Exception) else Abandoned())


FLIGHTS = Flights()
"""Those of this process: sessions that are made anew for each request share it too."""
