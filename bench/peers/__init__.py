"""Peers: other authorization servers, under the same load in the same run.

Each is configured as its documentation asks for in production, fills itself through its own models, and
writes the bodies that wrk sends. `install` puts them into `bench/.peers`; what is not there is skipped.
"""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench.cases import PEER_CODE_SECONDS, peer_cases
from bench.cluster import Postgres
from bench.load import Cores
from bench.measure import Case
from bench.processes import started
from bench.seed import Size
from bench.serving import Serving

HERE: Final = Path(__file__).parent
INSTALLED: Final = HERE.parent / ".peers"
OIDC_PROVIDER: Final = "oidc-provider"
DJANGO: Final = "Django OAuth Toolkit"
DJANGO_HASHED: Final = "Django OAuth Toolkit, hashed secrets"
AUTHLIB: Final = "Authlib on Flask"
PEERS: Final = (OIDC_PROVIDER, DJANGO, DJANGO_HASHED, AUTHLIB)
_CODES_PER_SECOND: Final = 6000
_PYTHON_CODES: Final = 6
"""Python's peers need so many times fewer codes."""


class Missing(Exception):
    """The peer can't run here; the message says why, as a sentence."""


@dataclass(frozen=True, slots=True)
class _Offer:
    """How a peer is started: the command, what it says when it is ready, and its paths."""

    command: list[str]
    folder: Path
    ready: str
    token: str
    introspection: str
    settings: dict[str, str]


@contextlib.contextmanager
def serve_peer(
    name: str, port: int, data: Path, size: Size, postgres: Postgres | None, where: Cores
) -> Iterator[tuple[Serving, list[Case]]]:
    """A peer that is ready, with the cases that it has. Raises Missing, NotReady."""
    data.mkdir(parents=True)
    offer = _node(port) if name == OIDC_PROVIDER else _python(name, port, postgres, data)
    with started(
        offer.command,
        cores=[where.server],
        environment={**offer.settings, **_amounts(name, port, data, size)},
        ready=offer.ready,
        folder=offer.folder,
    ) as tree:
        cases = [
            case
            for case in peer_cases(offer.token, offer.introspection)
            if (data / f"{case.file}.0").exists()
        ]
        if name == DJANGO_HASHED:  # one answer takes most of a second
            cases = [replace(case, mode="few") for case in cases]
        behind = postgres if name != OIDC_PROVIDER else None
        yield Serving(name, f"http://127.0.0.1:{port}", tree, behind), cases


def _amounts(name: str, port: int, data: Path, size: Size) -> dict[str, str]:
    slower = 1 if name == OIDC_PROVIDER else _PYTHON_CODES
    amounts = {
        "PORT": port,
        "DATA": data,
        "CLIENTS": size.confidential_clients,
        "AUTHORIZATIONS": size.authorizations,
        "INTROSPECTED": size.introspected,
        "BATCHES": size.batches,
        "CODES": min(size.codes, _CODES_PER_SECOND * PEER_CODE_SECONDS) // slower,
        "ROTATING": size.rotating,
    }
    return {f"PEER_{key}": str(value) for key, value in amounts.items()}


def _node(port: int) -> _Offer:
    node = shutil.which("node")
    if node is None or not (INSTALLED / "node_modules" / "oidc-provider").is_dir():
        raise Missing("oidc-provider is not compared: Node or the package is not installed here.")
    # Node looks for packages beside the file that imports them.
    shutil.copy(HERE / "oidc_provider" / "server.mjs", INSTALLED / "server.mjs")
    return _Offer(
        [node, "server.mjs"],
        INSTALLED,
        "is ready",
        "/token",
        "/token/introspection",
        {"NODE_ENV": "production"},
    )


def _python(name: str, port: int, postgres: Postgres | None, data: Path) -> _Offer:
    python = INSTALLED / "venv" / "bin" / "python"
    if not python.exists():
        raise Missing(f"{name} is not compared: its packages are not installed here.")
    if postgres is None:
        raise Missing(f"{name} is not compared: it needs PostgreSQL, which is not installed here.")
    hashed = name == DJANGO_HASHED
    folder = HERE / ("authlib_flask" if name == AUTHLIB else "django_oauth_toolkit")
    settings = {
        "PEER_DATABASE": postgres.create(f"peer{PEERS.index(name)}"),
        "PEER_HASHED": "yes" if hashed else "",
    }
    # One process with a few threads: the bench has one core for it.
    command = [
        str(python), "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "1", "--threads", "4",
        "--worker-class", "gthread", "--keep-alive", "75", "--preload", "--no-control-socket",
        "application:application",
    ]  # fmt: skip
    return _Offer(command, folder, "Booting worker", "/o/token/", "/o/introspect/", settings)


def versions() -> list[str]:
    """What is installed of the peers, as `name version`."""
    found = []
    package = INSTALLED / "node_modules" / "oidc-provider" / "package.json"
    if package.exists():
        found.append(f"oidc-provider {json.loads(package.read_text())['version']}")
        node = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
        found.append(f"Node {node.removeprefix('v')}")
    python = INSTALLED / "venv" / "bin" / "python"
    if python.exists():
        names = ("django-oauth-toolkit", "django", "authlib", "flask", "gunicorn", "psycopg")
        ask = f"from importlib.metadata import version\nfor n in {names}: print(n, version(n))"
        said = subprocess.run([python, "-c", ask], capture_output=True, text=True).stdout
        found += said.splitlines()
    return found
