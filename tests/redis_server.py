"""A real Redis for tests: a server of its own on a socket in a temporary folder, gone afterwards.

`GRANTLINE_TEST_REDIS` may name the program, as redis-server or valkey-server.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def program() -> str:
    """Raises FileNotFoundError, which says what to install."""
    found = (
        os.environ.get("GRANTLINE_TEST_REDIS")
        or shutil.which("redis-server")
        or shutil.which("valkey-server")
    )
    if not found:
        raise FileNotFoundError("These tests need Redis. On Debian, as root: apt-get install -y redis-server")
    return found


@contextmanager
def redis_server() -> Iterator[str]:
    """The URL of a server that keeps nothing on disk."""
    folder = Path(tempfile.mkdtemp(prefix="grantline-redis-"))
    socket = folder / "socket"
    command = [program(), "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not socket.exists():
            assert process.poll() is None, "redis-server ended"
            time.sleep(0.005)
        yield f"unix://{socket}"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
