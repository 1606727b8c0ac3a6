"""Stores that many machines share keep to the same rules, on a real Redis and a real PostgreSQL (T123)."""

import secrets
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio
import sqlalchemy
from django.conf import settings
from django.test import override_settings

from grantline.sdk import Store
from grantline.sdk.stores import (
    AsyncRedisStore,
    AsyncSqlAlchemyStore,
    RedisStore,
    SqlAlchemyStore,
)
from grantline.sdk.stores.conformance import CHECKS, Candidate, Check, InLoop
from tests.cluster import Cluster
from tests.sdk.stores.django_app import django_store

IN_PROCESSES = {
    "processes_lose_no_write_and_are_alone_under_the_lock",
    "the_lock_of_a_process_that_died_is_free",
}
WITHIN = tuple(check for check in CHECKS if check.__name__ not in IN_PROCESSES)
BACKENDS = "django.core.cache.backends."


class Opener:
    """Opens stores, and closes them all at the end. Another process gets what opens alone."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make
        self.opened: list[Any] = []

    def __call__(self) -> Any:
        self.opened.append(self.make())
        return self.opened[-1]

    def __reduce__(self) -> Any:
        return partial, (self.make,)

    def close(self) -> None:
        for store in self.opened:
            if hasattr(store, "close"):
                store.close()


def caches(url: str) -> Mapping[str, Any]:
    return {
        "default": {"BACKEND": BACKENDS + "redis.RedisCache", "LOCATION": url},
        "one": {"BACKEND": BACKENDS + "locmem.LocMemCache"},
        "none": {"BACKEND": BACKENDS + "dummy.DummyCache"},
        "files": {"BACKEND": BACKENDS + "filebased.FileBasedCache", "LOCATION": "/nowhere"},
        "table": {"BACKEND": BACKENDS + "db.DatabaseCache", "LOCATION": "cache"},
        "gone": {"BACKEND": BACKENDS + "redis.RedisCache", "LOCATION": "unix:///nowhere"},
    }


class Places:
    """Empty places for stores, each with a name of its own."""

    def __init__(self, redis_url: str, database: str, folder: Path) -> None:
        self.redis_url, self.database, self.folder = redis_url, database, folder
        self.name = "t" + secrets.token_hex(8)
        self.openers: list[Opener] = []

    def candidate(self, kind: str) -> Candidate:
        make, raw = getattr(self, kind)()
        self.openers.append(Opener(make))
        return Candidate(self.openers[-1], raw=raw)

    def redis(self) -> Any:
        return partial(RedisStore, self.redis_url, prefix=self.name), self.in_redis

    def redis_for_tasks(self) -> Any:
        store = partial(AsyncRedisStore, self.redis_url, prefix=self.name)
        return partial(InLoop, store), self.in_redis

    def postgresql(self) -> Any:
        return partial(SqlAlchemyStore, self.url("psycopg"), table=self.name), self.in_database

    def postgresql_for_tasks(self) -> Any:
        store = partial(AsyncSqlAlchemyStore, self.url("asyncpg"), table=self.name)
        return partial(InLoop, store), self.in_database

    def sqlite(self) -> Any:
        return partial(SqlAlchemyStore, f"sqlite:///{self.folder}/one.db"), None

    def sqlite_for_tasks(self) -> Any:
        store = partial(AsyncSqlAlchemyStore, f"sqlite+aiosqlite:///{self.folder}/one.db")
        return partial(InLoop, store), None

    def django(self) -> Any:
        return partial(django_store, caches(self.redis_url), self.name), self.in_cache

    def url(self, driver: str) -> str:
        return self.database.replace("postgresql", f"postgresql+{driver}")

    def in_redis(self) -> Iterator[bytes]:
        with redis.Redis.from_url(self.redis_url) as client:
            for name in client.scan_iter(match=self.name + "*"):
                for field, value in client.hgetall(name).items():
                    yield from (name, field, b64decode(value) if field == b"sealed" else value)

    def in_database(self) -> Iterator[bytes]:
        engine = sqlalchemy.create_engine(self.url("psycopg"))
        with engine.connect() as connection:
            for row in connection.execute(sqlalchemy.text(f"SELECT * FROM {self.name}")):
                yield from (one if isinstance(one, bytes) else str(one).encode() for one in row)
        engine.dispose()

    def in_cache(self) -> Iterator[bytes]:
        with redis.Redis.from_url(self.redis_url) as client:
            for name in client.scan_iter(match=f"*{self.name}*"):
                yield from (name, client.get(name))


@pytest.fixture(scope="module")
def database(postgres: Cluster) -> Iterator[str]:
    name = postgres.new_database()
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture
def places(
    redis_url: str, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Places]:
    monkeypatch.setenv("GRANTLINE_STORE_KEY", secrets.token_urlsafe(32))
    if not settings.configured:
        django_store(caches(redis_url), "first")
    found = Places(redis_url, database, tmp_path)
    with override_settings(CACHES=caches(redis_url)):
        yield found
    for opener in found.openers:
        opener.close()


def opened(places: Places, kind: str) -> Store:
    store: Store = places.candidate(kind).open()
    return store


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", ["redis", "postgresql", "django"])
def test_a_store_of_many_machines_keeps_to_the_rules(places: Places, kind: str, check: Check) -> None:
    check(places.candidate(kind))


@pytest.mark.parametrize("check", WITHIN, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", ["redis_for_tasks", "postgresql_for_tasks", "sqlite"])
def test_a_store_for_tasks_and_one_in_a_file_keep_to_the_rules(
    places: Places, kind: str, check: Check
) -> None:
    check(places.candidate(kind))


@pytest.mark.parametrize("check", WITHIN[:6], ids=lambda check: check.__name__)
def test_a_store_for_tasks_in_a_file_keeps_to_the_rules(places: Places, check: Check) -> None:
    check(places.candidate("sqlite_for_tasks"))
