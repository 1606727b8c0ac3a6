"""Processes: started on some cores, and what a whole tree of them has used."""

import contextlib
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_REMEMBERED: Final = 12


class NotReady(RuntimeError):
    """A process ended, or said something else, before it was ready; the message holds what it said."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A process and its children. `said`: the last lines of its error output."""

    pid: int
    said: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def cpu_seconds(self) -> float:
        """User and system time of all of them, so far."""
        return sum(_ticks(Path(f"/proc/{pid}/stat")) for pid in self.pids()) / _TICKS

    def threads(self) -> set[int]:
        """The numbers of the first process's threads."""
        return {int(entry.name) for entry in Path(f"/proc/{self.pid}/task").iterdir()}

    def thread_seconds(self, threads: set[int]) -> float:
        """User and system time of these threads of the first process, so far."""
        return sum(_ticks(Path(f"/proc/{self.pid}/task/{thread}/stat")) for thread in threads) / _TICKS

    def private_megabytes(self) -> float:
        """Memory that is theirs: the proportional set without pages of files."""
        return sum(self._kilobytes(pid) for pid in self.pids()) / 1024

    def written_bytes(self) -> int:
        """What they have sent to the disk, so far."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                total += _field(f"/proc/{pid}/io", "write_bytes:")
        return total

    def pids(self) -> set[int]:
        """The numbers of all of them, now."""
        parents = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    stat = (entry / "stat").read_text()
                    parents[int(entry.name)] = int(stat.rpartition(") ")[2].split()[1])
        tree = {self.pid}
        while found := {pid for pid, parent in parents.items() if parent in tree} - tree:
            tree |= found
        return tree

    @staticmethod
    def _kilobytes(pid: int) -> int:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            return _field(f"/proc/{pid}/smaps_rollup", "Pss_Anon:")
        return 0


def _ticks(stat: Path) -> int:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        fields = stat.read_text().rpartition(") ")[2].split()
        return int(fields[11]) + int(fields[12])
    return 0


def _field(path: str, name: str) -> int:
    for line in Path(path).read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0


def pinned(cores: Sequence[int], command: Sequence[str]) -> list[str]:
    """The command, kept to these cores."""
    return ["taskset", "-c", ",".join(str(core) for core in sorted(set(cores))), *command]


@contextlib.contextmanager
def started(
    command: Sequence[str],
    *,
    cores: Sequence[int],
    environment: Mapping[str, str],
    ready: str,
    folder: Path | None = None,
    user: str | None = None,
) -> Iterator[Tree]:
    """The process once its error output says `ready`; ended by SIGTERM. Raises NotReady."""
    process = subprocess.Popen(
        pinned(cores, command),
        env={**_surroundings(), **environment},
        cwd=folder,
        user=user,
        group=user,
        extra_groups=[] if user else None,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        tree = Tree(process.pid)
        for line in process.stderr:
            tree.said.append(line)
            if ready in line:
                break
        else:
            raise NotReady("".join(tree.said) or f"{command[0]} ended without a word")
        threading.Thread(target=_drain, args=(process.stderr, tree.said), daemon=True).start()
        yield tree
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(30)


def _surroundings() -> dict[str, str]:
    """The environment without settings of Grantline, and with compiled bytecode as an installation has it."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GRANTLINE_") and name != "PYTHONDONTWRITEBYTECODE"
    }


def _drain(pipe: IO[str], said: deque[str]) -> None:
    with contextlib.suppress(ValueError):
        said.extend(pipe)
