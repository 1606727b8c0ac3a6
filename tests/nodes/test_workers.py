"""`grantline serve --workers N`: one port, several processes, and none that matters."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster import Cluster
from tests.running import ROOT, START_SECONDS, Process, environment, free_ports, start_server


@dataclass
class Crowd:
    """A running server with several workers."""

    process: Process
    port: int

    @property
    def workers(self) -> set[int]:
        pid = self.process.popen.pid
        return {int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}

    def answers(self, path: str = "/health/ready") -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def settings_of(folder: Path, database: str, port: int) -> dict[str, str]:
    return {
        "GRANTLINE_DATABASE": database,
        "GRANTLINE_MASTER_KEY_FILE": str(folder / "master.key"),
        "GRANTLINE_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "GRANTLINE_PORT": str(port),
    }


@pytest.fixture
def crowd(postgres: Cluster, tmp_path: Path) -> Iterator[Crowd]:
    """Three workers on PostgreSQL."""
    name, port = postgres.new_database(), free_ports(1)
    process = Process(
        ["serve", "--workers", "3"], settings_of(tmp_path, postgres.url(name), port), tmp_path / "log"
    )
    process.wait_until(lambda: "is ready at" in process.log())
    yield Crowd(process, port)
    if process.popen.poll() is None:
        process.stop()
    postgres.drop_database(name)


def test_it_is_ready_once_when_every_worker_is(crowd: Crowd) -> None:
    assert crowd.process.log().count("is ready at") == 1
    assert len(crowd.workers) == 3
    assert all(crowd.answers() for _ in range(20))


def test_a_worker_that_is_killed_is_replaced_and_the_others_go_on(crowd: Crowd) -> None:
    before = crowd.workers
    killed = next(iter(before))
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: len(crowd.workers) == 3 and killed not in crowd.workers)
    assert len(before & crowd.workers) == 2
    assert f"Worker {killed} ended by signal 9" in crowd.process.log()
    # What reached the dead one's socket waits for the new one: nobody is turned away.
    assert all(crowd.answers() for _ in range(30))


def test_it_ends_with_all_of_its_workers_and_answers_what_it_accepted(crowd: Crowd) -> None:
    """A request whose body comes after the signal is answered in full."""
    workers = crowd.workers
    body = b"grant_type=client_credentials&client_id=nobody"
    head = (
        f"POST /oauth/v2/token HTTP/1.1\r\nHost: 127.0.0.1:{crowd.port}\r\nContent-Length: {len(body)}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n\r\n"
    ).encode()
    begun = [socket.create_connection(("127.0.0.1", crowd.port), timeout=20) for _ in range(12)]
    for connection in begun:
        connection.sendall(head)
        assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")
    crowd.process.popen.send_signal(signal.SIGTERM)
    wait_for(lambda: not crowd.answers("/health/live"))
    for connection in begun:
        connection.sendall(body)
        assert connection.recv(4096).startswith(b"HTTP/1.1 401 ")
        connection.close()
    assert crowd.process.popen.wait(30) == 0
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


def test_workers_end_when_what_started_them_is_killed(crowd: Crowd) -> None:
    workers = crowd.workers
    crowd.process.kill()
    wait_for(lambda: not any(Path(f"/proc/{worker}/exe").exists() for worker in workers))


def test_a_port_that_is_taken_is_not_shared_with_a_stranger(crowd: Crowd, tmp_path: Path) -> None:
    done = serve(
        {**crowd.process.env, "GRANTLINE_MASTER_KEY_FILE": str(tmp_path / "master.key")}, "--workers", "2"
    )
    assert done.returncode == 1
    assert f"Port {crowd.port} of 127.0.0.1 can't be listened on" in done.stderr


def test_a_worker_that_can_not_start_says_why_once_and_ends_it_all(crowd: Crowd, tmp_path: Path) -> None:
    (tmp_path / "other.key").write_text("0" * 64)
    port = free_ports(1)
    settings = {
        **settings_of(tmp_path, crowd.process.env["GRANTLINE_DATABASE"], port),
        "GRANTLINE_PUBLIC_URL": crowd.process.env["GRANTLINE_PUBLIC_URL"],
        "GRANTLINE_MASTER_KEY_FILE": str(tmp_path / "other.key"),
    }
    done = serve(settings, "--workers", "2")
    assert done.returncode == 1
    assert "does not open the keys in the database" in done.stderr


def serve(settings: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """A server that should not start."""
    return subprocess.run(
        [sys.executable, "-m", "grantline", "serve", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env=environment(settings),
        check=False,
    )


@pytest.mark.parametrize("how", [["--workers", "2"], []])
def test_several_workers_on_a_sqlite_file_are_refused_and_the_remedy_is_named(
    tmp_path: Path, how: list[str]
) -> None:
    settings = settings_of(tmp_path, f"sqlite://{tmp_path}/one.db", free_ports(1))
    done = serve({**settings, "GRANTLINE_WORKERS": "2"} if not how else settings, *how)
    assert done.returncode == 1
    assert "a SQLite file is served by one worker" in done.stderr
    assert "PostgreSQL" in done.stderr
    assert not (tmp_path / "one.db").exists()


def test_a_second_server_on_a_sqlite_file_is_refused_and_the_command_line_is_not(tmp_path: Path) -> None:
    first = start_server(tmp_path)
    try:
        port = free_ports(1)
        settings = settings_of(tmp_path, first.database, port)
        done = serve({**settings, "GRANTLINE_PUBLIC_URL": first.issuer})
        assert done.returncode == 1
        assert "Another server works on" in done.stderr
        assert "PostgreSQL" in done.stderr
        assert "All is well" in first.grantline("doctor")
    finally:
        first.process.kill()
    # The lock died with the process: the next one starts.
    again = start_server(tmp_path)
    assert again.process.stop() == 0


def test_a_server_allows_itself_enough_open_files(tmp_path: Path) -> None:
    """A thousand connections need them, and many systems allow 1,024 unless asked."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < 4096:
        pytest.skip("this machine does not allow as many")
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, most))
    try:
        server = start_server(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    limits = Path(f"/proc/{server.process.popen.pid}/limits").read_text()
    assert server.process.stop() == 0
    assert next(line for line in limits.splitlines() if "open files" in line).split()[3] == "4096"
