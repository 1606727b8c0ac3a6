"""A PostgreSQL of the bench's own: a new cluster, as durable as PostgreSQL is by default."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bench.processes import Tree
from tests.cluster import Cluster, cluster

SETTINGS: Final = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
}


@dataclass(frozen=True, slots=True)
class Written:
    """What the write-ahead log has taken so far."""

    bytes: int
    syncs: int


@dataclass(frozen=True, slots=True)
class Postgres:
    """A cluster that runs. `tree` holds every process of PostgreSQL."""

    cluster: Cluster
    tree: Tree
    version: str

    def create(self, database: str) -> str:
        """A new, empty database; gives its address."""
        self.cluster.sql(f"CREATE DATABASE {database}")
        return self.cluster.url(database)

    def written(self) -> Written:
        """What the write-ahead log has taken so far."""
        said = self.cluster.sql("SELECT wal_bytes, wal_sync FROM pg_stat_wal").split("|")
        return Written(int(said[0]), int(said[1]))

    def keep_to(self, cores: Sequence[int]) -> None:
        """Move every process to these cores."""
        for pid in self.tree.pids():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(pid, cores)


@contextlib.contextmanager
def postgres(core: int) -> Iterator[Postgres]:
    """A new cluster on one core, gone at the end. Raises FileNotFoundError where PostgreSQL is missing."""
    with cluster(durable=True, settings=SETTINGS) as made:
        running = Postgres(made, Tree(made.pid), made.sql("SHOW server_version").split()[0])
        running.keep_to([core])
        yield running
