"""Serving: `grantline serve` on a database, and the echo, each kept to its cores."""

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.cluster import Postgres
from bench.processes import Tree, started


@dataclass(frozen=True, slots=True)
class Engine:
    """A database that Grantline works on: its name in the report, its address, and where its bodies are."""

    name: str
    url: str
    data: Path
    port: int
    cluster: Postgres | None = None
    """None for SQLite, which lives in the server's process."""

    @property
    def issuer(self) -> str:
        """The address that the seeded tokens name."""
        return f"http://127.0.0.1:{self.port}"

    def settings(self) -> dict[str, str]:
        """The settings of the server, which the seed uses too."""
        return {
            "GRANTLINE_DATABASE": self.url,
            "GRANTLINE_MASTER_KEY_FILE": str(self.data / "master.key"),
            "GRANTLINE_PUBLIC_URL": self.issuer,
            "GRANTLINE_PORT": str(self.port),
            "GRANTLINE_LIMITS": "off",
        }


@dataclass(frozen=True, slots=True)
class Serving:
    """Something that is ready to answer at `url`. `cluster` is the PostgreSQL behind it, if there is one."""

    name: str
    url: str
    tree: Tree
    cluster: Postgres | None = None


@contextlib.contextmanager
def serve(
    engine: Engine, cores: Sequence[int], *, port: int | None = None, workers: int = 1
) -> Iterator[Serving]:
    """A server on a seeded database; stopped at the end. Raises NotReady."""
    settings = {**engine.settings(), "GRANTLINE_PORT": str(port or engine.port)}
    options = ["--workers", str(workers)] if workers > 1 else []
    with _python(["grantline", "serve", *options], settings, cores, "is ready") as tree:
        url = f"http://127.0.0.1:{port or engine.port}"
        yield Serving(f"Grantline, {engine.name}", url, tree, engine.cluster)


@contextlib.contextmanager
def serve_echo(port: int, core: int) -> Iterator[Serving]:
    """The echo, in the place of a server."""
    with _python(["bench.echo", str(port)], {}, [core], "is ready") as tree:
        yield Serving("echo", f"http://127.0.0.1:{port}", tree)


def _python(
    module: list[str], settings: Mapping[str, str], cores: Sequence[int], ready: str
) -> contextlib.AbstractContextManager[Tree]:
    return started([sys.executable, "-m", *module], cores=cores, environment=settings, ready=ready)
