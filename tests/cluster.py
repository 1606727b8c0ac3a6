"""A real PostgreSQL for tests: a cluster of its own in a temporary folder, gone afterwards.

PostgreSQL does not run as root, so root starts it as another user. `GRANTLINE_TEST_POSTGRES` may name another
folder with PostgreSQL's programs.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.running import free_ports

USER: Final = "grantline"
_QUICK: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_SMALL: Final = {"shared_buffers": "64MB", "max_connections": "200", "listen_addresses": "127.0.0.1"}


def programs() -> Path:
    """The folder of the newest PostgreSQL here. Raises FileNotFoundError, which says what to install."""
    given = os.environ.get("GRANTLINE_TEST_POSTGRES")
    if given:
        return Path(given)
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda at: float(at.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        raise FileNotFoundError(
            "These tests need PostgreSQL. On Debian, as root: apt-get install -y postgresql"
        )
    return Path(on_path).resolve().parent


def as_another(command: list[str]) -> list[str]:
    """The command as a user that PostgreSQL runs as."""
    if os.getuid() != 0:
        return command
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]


@dataclass(slots=True)
class Cluster:
    """One PostgreSQL server and its folder."""

    folder: Path
    port: int
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def pid(self) -> int:
        """The process that all others of the server descend from."""
        return int((self.data / "postmaster.pid").read_text().split("\n")[0])

    @property
    def is_running(self) -> bool:
        """Whether its first process is there."""
        return (self.data / "postmaster.pid").exists() and Path(f"/proc/{self.pid}").exists()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in self.settings.items())
        self._control("start", "-w", "-t", "30", "-l", str(self.folder / "log"), "-o", options)

    def stop(self, mode: str = "fast") -> None:
        self._control("stop", "-w", "-m", mode)

    def promote(self) -> None:
        """Make a standby the one that writes."""
        self._control("promote", "-w")

    def crash(self) -> None:
        """End the server without warning (SIGKILL), and wait until all of its processes are gone."""
        children = self.processes()[1:]
        os.kill(self.pid, signal.SIGKILL)
        while any(Path(f"/proc/{child}").exists() for child in children):
            time.sleep(0.01)

    def processes(self) -> list[int]:
        """Every process of the server, the first one first."""
        found = [self.pid]
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    parent = (entry / "stat").read_text().rpartition(") ")[2].split()[1]
                    if int(parent) == found[0]:
                        found.append(int(entry.name))
        return found

    def _control(self, *arguments: str) -> None:
        run([str(programs() / "pg_ctl"), "-s", "-D", str(self.data), *arguments])

    def remove(self) -> None:
        """Stop it, if it runs, and delete its folder."""
        if self.is_running:
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def backends(self) -> list[int]:
        """The processes that serve connections of ours."""
        found = []
        for child in self.processes()[1:]:
            with contextlib.suppress(OSError):
                if f" {USER} " in Path(f"/proc/{child}/cmdline").read_bytes().decode():
                    found.append(child)
        return found

    def sql(self, text: str, database: str = "postgres") -> str:
        """What psql prints, rows only."""
        command = [str(programs() / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", self.url(database), "-c", text]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def check(self, database: str = "postgres") -> None:
        """Every index agrees with its table. Raises CalledProcessError."""
        self.sql("CREATE EXTENSION IF NOT EXISTS amcheck", database)
        self.sql(
            "SELECT bt_index_check(c.oid, true) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'btree' AND c.relpersistence = 'p'",
            database,
        )

    def new_database(self, template: str = "template0") -> str:
        """The name of a new database, a copy of the template."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log")
        return name

    def drop_database(self, name: str) -> None:
        self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def run(command: list[str]) -> None:
    """Run a program of PostgreSQL's; what it says stands in the error."""
    done = subprocess.run(
        as_another(command),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        close_fds=True,
    )
    if done.returncode:
        raise AssertionError(f"{command[0]} failed: {done.stdout}")


def new_folder() -> Path:
    """A folder that PostgreSQL's user may use."""
    folder = Path(tempfile.mkdtemp(prefix="grantline-pg-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    return folder


def make_cluster(
    *, durable: bool, settings: Mapping[str, str] | None = None, folder: Path | None = None
) -> Cluster:
    """A new cluster, not yet started. Only a durable one syncs to disk."""
    folder = folder or new_folder()
    run([str(programs() / "initdb"), "-D", str(folder / "data"), "-A", "trust", "-U", USER, "-E", "UTF8",
         "--locale=C", "--no-sync"])  # fmt: skip
    port = free_ports(1)
    chosen = {**_SMALL, **({} if durable else _QUICK), **(settings or {})}
    return Cluster(folder, port, {**chosen, "port": str(port), "unix_socket_directories": str(folder)})


def make_standby(primary: Cluster) -> Cluster:
    """A standby of a running cluster, streaming from it, started."""
    folder, port = new_folder(), free_ports(1)
    source = f"host=127.0.0.1 port={primary.port} user={USER}"
    run(
        [
            str(programs() / "pg_basebackup"),
            "-D",
            str(folder / "data"),
            "-R",
            "--checkpoint=fast",
            "-d",
            source,
        ]
    )
    made = Cluster(
        folder,
        port,
        {**primary.settings, "port": str(port), "unix_socket_directories": str(folder)},
    )
    made.start()
    return made


@contextmanager
def cluster(
    *, durable: bool = False, settings: Mapping[str, str] | None = None, folder: Path | None = None
) -> Iterator[Cluster]:
    """A running cluster of one's own."""
    made = make_cluster(durable=durable, settings=settings, folder=folder)
    try:
        made.start()
        yield made
    finally:
        made.remove()
