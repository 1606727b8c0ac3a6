"""Real Grantline processes for tests: the demo, a lone server, and the command line that talks to them."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
PORTS_OF_A_DEMO: Final = 10
START_SECONDS: Final = 30
STOP_SECONDS: Final = 15


class DidNotStart(AssertionError):
    """The process ended, or did not become ready in time; the message holds what it printed."""


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without any of its own GRANTLINE_ settings, and with `extra`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GRANTLINE_")}
    return {**kept, "PYTHONUNBUFFERED": "1", **extra}


def free_ports(count: int) -> int:
    """The first of `count` neighbouring TCP ports that were free on 127.0.0.1 a moment ago."""
    chooser = random.SystemRandom()  # not the seeded one: workers must differ
    for _ in range(200):
        first = chooser.randrange(10_000, 30_000, 10)
        if all(_is_free(first + offset) for offset in range(count)):
            return first
    raise DidNotStart(f"found no {count} free ports side by side")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def run_grantline(
    *args: str, database: str, input: str | None = None, env: Mapping[str, str] | None = None
) -> str:
    """Standard output of one `grantline` command; AssertionError with its standard error when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "grantline", *args],
        input=input,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env=environment({"GRANTLINE_DATABASE": database, **(env or {})}),
        check=False,
    )
    if done.returncode != 0:
        told = done.stderr + done.stdout
        raise AssertionError(f"grantline {' '.join(args)} ended with {done.returncode}:\n{told}")
    return done.stdout


@dataclass
class Process:
    """A running `grantline` process, or one of another module; `log_path` holds all that it prints."""

    arguments: list[str]
    env: Mapping[str, str]
    log_path: Path
    start_now: bool = True
    module: str = "grantline"
    """What Python runs."""
    popen: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        if self.start_now:
            self.start()

    def start(self) -> None:
        """Start the process; it may have ended before."""
        with self.log_path.open("ab") as log:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", self.module, *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=environment(self.env),
            )

    def wait_until(self, ready: Callable[[], bool], seconds: float = START_SECONDS) -> None:
        """Return once `ready()` holds; DidNotStart with the log when the process ends or time runs out."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.popen.poll() is not None:
                raise DidNotStart(f"{self.arguments} ended with {self.popen.returncode}:\n{self.log()}")
            if time.monotonic() > deadline:
                self.stop()
                raise DidNotStart(f"{self.arguments} was not ready after {seconds} s:\n{self.log()}")
            time.sleep(0.02)

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def stop(self) -> int:
        """Ask the process to end (SIGTERM) and return its exit status; kill it when it does not listen."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        try:
            return self.popen.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            problem = f"{self.arguments} did not end {STOP_SECONDS} s after SIGTERM:\n{self.log()}"
            raise AssertionError(problem) from None

    def kill(self) -> None:
        """End the process without warning (SIGKILL), as a crash would."""
        self.popen.kill()
        self.popen.wait()


@dataclass
class Demo:
    """A running demo: what its `demo.json` says, and its command line."""

    process: Process
    data_dir: Path

    @property
    def file(self) -> Path:
        return self.data_dir / "demo.json"

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.read_text())
        return found

    @property
    def log_path(self) -> Path:
        return self.process.log_path

    def data_center(self, code: str = "us") -> dict[str, Any]:
        return next(one for one in self.json["data_centers"] if one["code"] == code)

    @property
    def issuer(self) -> str:
        return str(self.data_center()["issuer"])

    @property
    def console(self) -> str:
        return str(self.data_center()["console"])

    @property
    def api_domain(self) -> str:
        return str(self.data_center()["api_domain"])

    @property
    def database(self) -> str:
        return str(self.data_center()["database"])

    def user(self, role: str = "user", data_center: str = "us") -> dict[str, Any]:
        """The seeded person with this role ("developer" or "user"): email, password, data_center, role."""
        wanted = (role, data_center)
        return next(one for one in self.json["users"] if (one["role"], one["data_center"]) == wanted)

    def client(self, key: str) -> dict[str, Any]:
        """The seeded client of this type: server_based, client_based, self_client, non_browser or mobile."""
        found: dict[str, Any] = self.json["clients"][key]
        return found

    def grantline(self, *args: str, input: str | None = None) -> str:
        """Standard output of a `grantline` command on the `us` database; AssertionError when it fails."""
        return run_grantline(*args, database=self.database, input=input)

    def code(self, scope: str = "CRM.modules.ALL,CRM.users.READ,CRM.org.READ", minutes: int = 3) -> str:
        """A fresh grant token of the seeded self client."""
        client_id = self.client("self_client")["client_id"]
        options = ("--client", client_id, "--scope", scope, "--minutes", str(minutes))
        return self.grantline("code", *options).strip()


def start_demo(data_dir: Path, env: Mapping[str, str] | None = None) -> Demo:
    """Start a demo on free ports and wait until it has written its `demo.json`."""
    for attempt in range(3):
        port = free_ports(PORTS_OF_A_DEMO)
        process = Process(
            ["demo", "--port", str(port), "--data", str(data_dir)],
            {"GRANTLINE_LIMITS": "100", **(env or {})},
            data_dir.parent / f"{data_dir.name}.log",
        )
        demo = Demo(process, data_dir)
        try:
            process.wait_until(demo.file.exists)
        except DidNotStart as problem:
            if attempt < 2 and "address already in use" in str(problem).lower():
                continue  # somebody took a port between our look and the start
            raise
        return demo
    raise DidNotStart("no demo after three attempts")


@dataclass
class Server:
    """A running `grantline serve` on a database of its own."""

    process: Process
    issuer: str
    database: str

    @property
    def log_path(self) -> Path:
        return self.process.log_path

    def grantline(self, *args: str, input: str | None = None) -> str:
        """Standard output of a `grantline` command on this server's database, or AssertionError."""
        return run_grantline(*args, database=self.database, input=input)


def start_server(folder: Path, *args: str, env: Mapping[str, str] | None = None) -> Server:
    """Start `grantline serve` on a fresh SQLite file in `folder` and wait until it says that it is ready."""
    port = free_ports(1)
    issuer = f"http://127.0.0.1:{port}"
    database = f"sqlite:///{folder / 'grantline.sqlite3'}"
    settings = {
        "GRANTLINE_DATABASE": database,
        "GRANTLINE_PUBLIC_URL": issuer,
        "GRANTLINE_PORT": str(port),
        "GRANTLINE_LIMITS": "1",
    }
    process = Process(["serve", *args], {**settings, **(env or {})}, folder / "serve.log")
    process.wait_until(lambda: answers(f"{issuer}/health/ready"))
    return Server(process, issuer, database)


def answers(url: str) -> bool:
    """Whether something answers 200 there."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
