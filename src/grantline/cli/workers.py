"""Workers: several processes that serve one port. This one starts them, replaces one that dies, and ends them
together.

Each worker has a listening socket of its own on the same port, and the kernel spreads connections over them.
The sockets are made here and stay open here, so what waits on a dead worker's is taken by the one after it.
"""

import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from grantline.cli.running import CommandFailed, note

CANNOT_START: Final = 3
"""The exit status of a worker that said why it can't start: the next one couldn't either."""
PAUSE_SECONDS: Final = 1.0
"""A worker that lived for less than this is replaced after it."""
GRACE_SECONDS: Final = 15.0
_STOPPING: Final = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Place:
    """What a worker is given: where it listens, where it says that it is ready, and what ends with this
    process."""

    listening: socket.socket
    ready: int
    parent: int


Work = Callable[[Place], None]


class Workers:
    """The worker processes of one server."""

    def __init__(self, sockets: Sequence[socket.socket], work: Work, ready: Callable[[], None]) -> None:
        self._sockets = sockets
        self._work = work
        self._ready = ready
        self._started: dict[int, tuple[int, float]] = {}
        self._due: dict[int, float] = {}
        self._not_ready = len(sockets)
        self._stop_at: float | None = None
        self._failed = False
        self._told, self._tell = os.pipe()
        self._alive, self._keep_alive = os.pipe()

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, and until every worker finished. Raises CommandFailed when a worker
        can't start."""
        woken, wake = socket.socketpair()
        wake.setblocking(False)
        for number in (*_STOPPING, signal.SIGCHLD):
            signal.signal(number, self._on_signal)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        with selectors.DefaultSelector() as waiting:
            waiting.register(woken, selectors.EVENT_READ)
            waiting.register(self._told, selectors.EVENT_READ)
            self._due = dict.fromkeys(range(len(self._sockets)), 0.0)
            while self._due or self._started:
                self._start_due()
                for key, _ in waiting.select(self._patience()):
                    if key.fileobj is woken:
                        woken.recv(4096)
                    else:
                        self._hear()
                self._reap()
                self._push()
        signal.set_wakeup_fd(-1)
        if self._failed:
            raise CommandFailed("A worker can't start: the reason stands above.")

    def _on_signal(self, number: int, frame: object) -> None:
        if number in _STOPPING:
            self._stop()

    def _stop(self) -> None:
        """Ask every worker to finish; nothing new is accepted from now on."""
        if self._stop_at is None:
            self._stop_at = time.monotonic()
            for listening in self._sockets:
                listening.close()
        self._due.clear()
        for worker in self._started:
            os.kill(worker, signal.SIGTERM)

    def _push(self) -> None:
        """End those that do not finish in time."""
        if self._stop_at is not None and time.monotonic() > self._stop_at + GRACE_SECONDS:
            for worker in self._started:
                os.kill(worker, signal.SIGKILL)

    def _patience(self) -> float | None:
        if self._stop_at is not None:
            return 1.0
        return max(0.0, min(self._due.values()) - time.monotonic()) if self._due else None

    def _start_due(self) -> None:
        now = time.monotonic()
        for index in [index for index, at in self._due.items() if at <= now]:
            del self._due[index]
            sys.stdout.flush()
            sys.stderr.flush()
            worker = os.fork()
            if worker == 0:
                self._be_a_worker(index)
            self._started[worker] = (index, now)

    def _be_a_worker(self, index: int) -> NoReturn:
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (*_STOPPING, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            os.close(self._keep_alive)
            for other in (*self._sockets[:index], *self._sockets[index + 1 :]):
                other.close()
            self._work(Place(self._sockets[index], self._tell, self._alive))
            status = 0
        except CommandFailed as failure:
            note(str(failure))
            status = CANNOT_START
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _hear(self) -> None:
        """A worker is ready; once all are for the first time, the server is."""
        heard = len(os.read(self._told, 4096))
        before, self._not_ready = self._not_ready, max(0, self._not_ready - heard)
        if before and not self._not_ready:
            self._ready()

    def _reap(self) -> None:
        while self._started:
            worker, status = os.waitpid(-1, os.WNOHANG)
            if worker == 0:
                return
            index, started = self._started.pop(worker, (None, 0.0))
            if index is None or self._stop_at is not None:
                continue
            code = os.waitstatus_to_exitcode(status)
            if code == CANNOT_START and self._not_ready:
                self._failed = True
                self._stop()
                continue
            how = f"by signal {-code}" if code < 0 else f"with status {code}"
            note(f"Worker {worker} ended {how}. Another one takes its place.")
            self._due[index] = max(time.monotonic(), started + PAUSE_SECONDS)
