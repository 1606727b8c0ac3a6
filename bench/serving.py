"""Serving: `grantline serve` on one core, and the CPU time of its process tree."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PORT: Final = 8790
ISSUER: Final = f"http://127.0.0.1:{PORT}"
_TICKS: Final = os.sysconf("SC_CLK_TCK")


def settings_for(data: Path) -> Mapping[str, str]:
    """The settings of the server, which the seed uses too."""
    return {
        "GRANTLINE_DATABASE": f"sqlite://{data}/grantline.db",
        "GRANTLINE_PUBLIC_URL": ISSUER,
        "GRANTLINE_PORT": str(PORT),
        "GRANTLINE_LIMITS": "off",
    }


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that is ready."""

    url: str
    pid: int

    def cpu_seconds(self) -> float:
        """User and system time of the server and all its children, so far."""
        ticks = 0
        for pid in _tree(self.pid):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / _TICKS

    def private_megabytes(self) -> float:
        """Memory that is the server's alone."""
        total = 0
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss_Anon:"):
                total = int(line.split()[1])
        return total / 1024


def _tree(root: int) -> set[int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(") ")[2].split()[1])
    tree = {root}
    while found := {pid for pid, parent in parents.items() if parent in tree} - tree:
        tree |= found
    return tree


def serve(data: Path, core: int) -> contextlib.AbstractContextManager[Serving]:
    """A server on the seeded database in `data`, pinned to `core`; stopped at the end."""
    return _run(["grantline", "serve"], settings_for(data), core)


def serve_echo(core: int) -> contextlib.AbstractContextManager[Serving]:
    """The echo, in the place of a server."""
    return _run(["bench.echo", str(PORT)], {}, core)


@contextlib.contextmanager
def _run(module: list[str], settings: Mapping[str, str], core: int) -> Iterator[Serving]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRANTLINE_")}
    process = subprocess.Popen(
        ["taskset", "-c", str(core), sys.executable, "-m", *module],
        env={**environment, **settings},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        if "is ready" not in line:
            raise RuntimeError(line + process.stderr.read())
        yield Serving(ISSUER, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
