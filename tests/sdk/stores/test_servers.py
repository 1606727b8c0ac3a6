"""Stores that many machines share keep to the same rules, on a real Redis and a real PostgreSQL (T123)."""

import secrets
import threading
import time
import traceback
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio
import sqlalchemy
import time_machine
from django.conf import settings
from django.core.cache import cache
from django.test import override_settings
from sqlalchemy.ext.asyncio import create_async_engine

from grantline.sdk import (
    AsyncRedisStore,
    AsyncSqlAlchemyStore,
    DjangoCacheStore,
    ForgetfulCacheWarning,
    RedisStore,
    SqlAlchemyStore,
    Store,
    StoreRefused,
)
from grantline.sdk.stores.conformance import CHECKS, KEY, REFRESH_TOKEN, Candidate, Check, InLoop, a_record
from grantline.sdk.stores.sqlalchemy import table_in
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

    def kept(self, kind: str, key: str) -> bytes:
        """What is kept under a key, sealed."""
        if kind == "redis":
            with redis.Redis.from_url(self.redis_url) as client:
                return b64decode(client.hget(f"{self.name}grant:{key}", "sealed"))
        if kind == "django":
            return bytes(cache.get(f"{self.name}grant:{key}"))
        return bytes(self.sql("SELECT sealed FROM {table} WHERE name = :key", key=key).scalar_one())

    def keep(self, kind: str, key: str, sealed: bytes) -> None:
        """Put that in its place, as somebody may who can write there."""
        if kind == "redis":
            with redis.Redis.from_url(self.redis_url) as client:
                name = f"{self.name}grant:{key}"
                client.hset(name, "sealed", b64encode(sealed))
                client.hsetnx(name, "version", 1)
        elif kind == "django":
            cache.set(f"{self.name}grant:{key}", sealed, timeout=None)
        else:
            self.sql(
                "INSERT INTO {table} (name, version, sealed) VALUES (:key, 1, :sealed)"
                " ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed",
                key=key,
                sealed=sealed,
            )

    def sql(self, statement: str, **values: Any) -> Any:
        engine = sqlalchemy.create_engine(self.url("psycopg"), poolclass=sqlalchemy.NullPool)
        with engine.begin() as connection:
            result = connection.execute(sqlalchemy.text(statement.format(table=self.name)), values)
            return result.freeze()() if result.returns_rows else None


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


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        pytest.param(
            kind,
            check,
            # One store shows the short form what processes do; the long form has all of them.
            marks=[pytest.mark.soak] if check.__name__ in IN_PROCESSES and kind != "redis" else [],
            id=f"{kind}-{check.__name__}",
        )
        for kind in ("redis", "postgresql", "django")
        for check in CHECKS
    ],
)
def test_a_store_of_many_machines_keeps_to_the_rules(places: Places, kind: str, check: Check) -> None:
    check(places.candidate(kind))


@pytest.mark.parametrize("check", WITHIN, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", ["redis_for_tasks", "postgresql_for_tasks"])
def test_a_store_for_tasks_keeps_to_the_rules(places: Places, kind: str, check: Check) -> None:
    check(places.candidate(kind))


@pytest.mark.parametrize("check", WITHIN[:6], ids=lambda check: check.__name__)
def test_a_store_for_tasks_in_a_file_keeps_to_the_rules(places: Places, check: Check) -> None:
    check(places.candidate("sqlite_for_tasks"))


@pytest.mark.parametrize("kind", ["redis", "postgresql", "django"])
def test_T123_what_is_copied_changed_or_older_is_refused(places: Places, kind: str) -> None:
    store, other = opened(places, kind), replace(KEY, subject="1002").text
    assert store.put(KEY.text, a_record(), 0)
    before = places.kept(kind, KEY.text)
    places.keep(kind, other, before)
    with pytest.raises(StoreRefused, match="another key, or was changed"):
        store.get(other)
    places.keep(kind, KEY.text, before[:-1] + bytes([before[-1] ^ 1]))
    with pytest.raises(StoreRefused, match="another key, or was changed"):
        store.get(KEY.text)
    places.keep(kind, KEY.text, before)
    assert store.put(KEY.text, a_record(), 1)
    if kind != "django":  # a cache has no place for a version beside what is sealed
        places.keep(kind, KEY.text, before)
        with pytest.raises(StoreRefused, match="was changed"):
            store.get(KEY.text)


@pytest.mark.parametrize("kind", ["redis", "postgresql", "django"])
def test_the_lock_of_a_process_elsewhere_is_free_after_its_time_alone(
    places: Places, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(places, kind)
    module = {"postgresql": "sqlalchemy"}.get(kind, kind)
    monkeypatch.setattr(f"grantline.sdk.stores.{module}.this_process", lambda: "elsewhere 1 1")
    began = time.monotonic()
    assert store.try_lock(KEY.text, "a", 0.3)
    while not store.try_lock(KEY.text, "b", 60):
        time.sleep(0.02)
    assert time.monotonic() - began > 0.29


def test_a_lock_in_postgresql_ends_by_the_databases_clock(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(places, "postgresql")
    with time_machine.travel(time.time() - 86_400, tick=True):
        assert store.try_lock(KEY.text, "slow clock", 60)
    with time_machine.travel(time.time() + 86_400, tick=True):
        assert not store.try_lock(KEY.text, "fast clock", 60)


def test_a_client_and_an_engine_of_the_apps_own_serve(places: Places) -> None:
    strings = redis.Redis.from_url(places.redis_url, decode_responses=True)
    engine = sqlalchemy.create_engine(places.url("psycopg"), isolation_level="SERIALIZABLE")
    for store in (
        RedisStore(strings, prefix=places.name + "*[x]"),
        SqlAlchemyStore(engine, table=places.name),
    ):
        assert store.put(KEY.text, a_record(), 0)
        assert store.get(KEY.text) == replace(a_record(), version=1)
        assert list(store.keys()) == [KEY.text]
        assert store.try_lock(KEY.text, "a", 60)
        assert not store.try_lock(KEY.text, "b", 60)
        store.close()
    assert RedisStore(strings, prefix=places.name).keys() == [], "a prefix matches itself alone"
    assert strings.ping(), "the app's client is not closed"
    with engine.connect() as connection:
        assert connection.get_isolation_level() == "SERIALIZABLE"
    strings.close()
    engine.dispose()


def test_programs_that_start_at_once_make_one_table(places: Places) -> None:
    store = opened(places, "postgresql")
    engine = sqlalchemy.create_engine(places.url("psycopg"))
    with ThreadPoolExecutor(1) as pool, engine.connect() as first:
        table_in(sqlalchemy.MetaData(), places.name).create(first)
        writing = pool.submit(store.put, KEY.text, a_record(), 0)
        while not places.sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar_one():
            assert not writing.done()
        first.commit()
        assert writing.result(60)
    engine.dispose()
    assert store.get(KEY.text) == replace(a_record(), version=1)


@pytest.mark.parametrize("kind", ["redis", "postgresql", "django"])
def test_one_of_many_gets_the_lock_of_a_process_that_is_gone(
    places: Places, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(places, kind)
    keys = [replace(KEY, name=str(number)).text for number in range(4)]
    for key in keys:
        assert store.try_lock(key, "before", 60)
    module = {"postgresql": "sqlalchemy"}.get(kind, kind)
    monkeypatch.setattr(f"grantline.sdk.stores.{module}.is_gone", lambda process: process != "the heir")
    monkeypatch.setattr(f"grantline.sdk.stores.{module}.this_process", lambda: "the heir")
    together = threading.Barrier(6)

    def ask(number: int) -> list[bool]:
        taken = []
        for key in keys:
            together.wait(60)
            taken.append(store.try_lock(key, f"owner {number}", 60))
        return taken

    with ThreadPoolExecutor(6) as pool:
        assert [sum(one) for one in zip(*pool.map(ask, range(6)), strict=True)] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    "make",
    [
        lambda: RedisStore("redis://:hidden-pass@127.0.0.1:1/0"),
        lambda: InLoop(partial(AsyncRedisStore, "redis://:hidden-pass@127.0.0.1:1/0")),
        lambda: SqlAlchemyStore("postgresql+psycopg://u:hidden-pass@127.0.0.1:1/x"),
        lambda: InLoop(partial(AsyncSqlAlchemyStore, "postgresql+asyncpg://u:hidden-pass@127.0.0.1:1/x")),
        lambda: DjangoCacheStore("gone"),
    ],
)
def test_a_server_that_does_not_answer_is_said_in_two_lines_without_a_password(
    places: Places, make: Callable[[], Any]
) -> None:
    store = make()
    assert "hidden-pass" not in repr(store) + repr(getattr(store, "_store", ""))
    with pytest.raises(StoreRefused) as refused:
        store.put(KEY.text, a_record(), 0)
    assert str(refused.value).count("\n") == 1
    shown = "".join(traceback.TracebackException.from_exception(refused.value).format())
    assert "hidden-pass" not in shown
    assert REFRESH_TOKEN not in shown
    if hasattr(store, "close"):
        store.close()


def test_what_is_no_place_for_grants_is_refused_with_what_to_do(places: Places) -> None:
    client = redis.asyncio.Redis.from_url(places.redis_url)
    engine = create_async_engine(places.url("asyncpg"))
    refused: list[Callable[[], Any]] = [
        *(partial(DjangoCacheStore, alias) for alias in ("none", "files", "table", "never named")),
        *(partial(RedisStore, client), partial(RedisStore, "ftp://x")),
        partial(AsyncRedisStore, redis.Redis.from_url(places.redis_url)),
        *(partial(SqlAlchemyStore, engine), partial(SqlAlchemyStore, "no url"), partial(SqlAlchemyStore, 1)),
        *(partial(SqlAlchemyStore, "nowhere://x"), partial(AsyncSqlAlchemyStore, "sqlite://")),
    ]
    for make in refused:
        with pytest.raises(StoreRefused) as said:
            make()
        assert str(said.value).count("\n") == 1
    with pytest.warns(ForgetfulCacheWarning, match="one process"):
        DjangoCacheStore("one")


@pytest.mark.parametrize(
    "make",
    [
        partial(RedisStore, "redis://:hidden-pass/word@127.0.0.1:1/0"),
        partial(AsyncRedisStore, "rediss://u:hidden-pass?word@127.0.0.1"),
        partial(SqlAlchemyStore, "postgresql://u:word@127.0.0.1:hidden-pass/x"),
        partial(SqlAlchemyStore, "postgresql//u:hidden-pass@127.0.0.1/x"),
        partial(AsyncSqlAlchemyStore, "postgresql+nowhere://u:hidden-pass@127.0.0.1/x"),
    ],
)
def test_an_address_that_cannot_be_read_is_refused_without_its_password(make: Callable[[], Any]) -> None:
    with pytest.raises(StoreRefused) as refused:
        make()
    shown = "".join(traceback.TracebackException.from_exception(refused.value).format())
    assert "hidden-pass" not in shown


def test_a_cache_that_is_too_slow_for_a_turn_writes_nothing(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(places, "django")
    assert store.put(KEY.text, a_record(), 0)
    monkeypatch.setattr("grantline.sdk.stores.django.SURE_SECONDS", 3600)  # every turn is late
    with pytest.raises(StoreRefused, match="too slow"):
        store.put(KEY.text, replace(a_record(), email="late@example.com"), 1)
    assert store.get(KEY.text) == replace(a_record(), version=1)


def test_a_lock_in_a_cache_is_given_back_only_while_it_is_surely_ones_own(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = opened(places, "django"), opened(places, "django")
    assert store.try_lock(KEY.text, "a", 60)
    cache.delete(f"{places.name}lock:{KEY.text}")  # the cache was full
    assert other.try_lock(KEY.text, "b", 60)
    store.unlock(KEY.text, "a")
    assert not store.try_lock(KEY.text, "c", 60)
    monkeypatch.setattr("grantline.sdk.stores.django.SURE_SECONDS", 3600)  # its end is near
    other.unlock(KEY.text, "b")
    assert not store.try_lock(KEY.text, "c", 60), "it may be another's before it is deleted"
