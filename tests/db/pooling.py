"""A real PgBouncer in transaction mode before a cluster, gone afterwards."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from tests.cluster import USER, Cluster, as_another, new_folder
from tests.running import free_ports

_SETTINGS: Final = """
[databases]
* = host=127.0.0.1 port={upstream} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 500
"""


def program() -> str:
    """PgBouncer's path. Raises FileNotFoundError, which says what to install."""
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if found is None:
        raise FileNotFoundError(
            "These tests need PgBouncer. On Debian, as root: apt-get install -y pgbouncer"
        )
    return found


@dataclass(slots=True)
class Pooler:
    """A running PgBouncer."""

    port: int

    def url(self, database: str, options: str = "?pooler=transaction") -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}{options}"


@contextmanager
def pooler(before: Cluster, *, connections: int) -> Iterator[Pooler]:
    """PgBouncer in transaction mode, with so many connections to the server for each database."""
    folder, port = new_folder(), free_ports(1)
    settings = folder / "pgbouncer.ini"
    settings.write_text(_SETTINGS.format(upstream=before.port, port=port, size=connections, user=USER))
    settings.chmod(0o644)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            as_another([program(), str(settings)]), stdout=log, stderr=subprocess.STDOUT, cwd="/"
        )
    try:
        while not _listens(port):
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.02)
        yield Pooler(port)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
