"""A store in a cache of Django's, for apps that have Redis or Memcached behind it anyway.

A cache compares no versions, so a write looks and writes within a turn that `cache.add` gives to one. That
holds while a turn lasts longer than a look and a write; one that took too long writes nothing. A cache may
also forget: Memcached when it is full or starts anew, Redis as it is set up. What is forgotten is a grant
whose person connects again. `RedisStore` and `SqlAlchemyStore` promise more, and are as easy to have.
"""

import json
import math
import secrets
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from grantline.sdk.errors import GrantlineError, StoreRefused
from grantline.sdk.record import Record, Secret
from grantline.sdk.stores.living import is_gone, this_process
from grantline.sdk.stores.sealing import Seal
from grantline.sdk.stores.steps import not_installed

PREFIX: Final = "grantline:"
TURN_SECONDS: Final = 20
SURE_SECONDS: Final = 0.5
"""How long before its end a lock or a turn counts as lost: between a look and a write time passes."""
PATIENCE_SECONDS: Final = 40.0
LOOK_SECONDS: Final = 0.005
LISTS: Final = tuple(f"{number:02x}" for number in range(256))


class ForgetfulCacheWarning(UserWarning):
    """The cache is that of one process."""


class DjangoCacheStore:
    """Keeps grants in the cache of this alias. Refuses caches that give one lock to two, or that throw
    entries away after a few hundred; warns of the one that each process has for itself."""

    def __init__(
        self,
        alias: str = "default",
        *,
        prefix: str = PREFIX,
        key: Secret | None = None,
        insecure_plain_text: bool = False,
    ) -> None:
        self._alias, self._prefix = alias, prefix
        self._seal = Seal(key, insecure_plain_text=insecure_plain_text, place=self)
        self._ends: dict[tuple[str, str], float] = {}
        """Until when the locks are surely ours that this store took."""
        with self._refusing():
            _check(self._cache(), alias)

    def __repr__(self) -> str:
        return f"DjangoCacheStore({self._alias!r}, prefix={self._prefix!r})"

    def get(self, key: str) -> Record | None:
        """See Store."""
        with self._refusing():
            data = self._cache().get(self._name("grant", key))
        return self._seal.open(key, bytes(data)) if data is not None else None

    def put(self, key: str, record: Record, expect_version: int) -> bool:
        """See Store."""
        sealed = self._seal.close(key, replace(record, version=expect_version + 1))
        with self._turn(key) as in_time:
            present = self.get(key)
            if (present.version if present is not None else 0) != expect_version:
                return False
            if present is None:
                self._list(key, is_there=True)
            in_time()
            self._cache().set(self._name("grant", key), sealed, timeout=None)
            return True

    def delete(self, key: str) -> None:
        """See Store."""
        with self._turn(key):
            self._cache().delete(self._name("grant", key))
            self._list(key, is_there=False)

    def keys(self) -> Sequence[str]:
        """See Store."""
        with self._refusing():
            found = self._cache().get_many([self._name("keys", one) for one in LISTS])
        return sorted(key for keys in found.values() for key in json.loads(keys))

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:
        """See Store. That its owner's process is gone is seen on the same machine; elsewhere time passes.
        Caches count whole seconds."""
        self._seal.check()
        name, timeout = self._name("lock", key), math.ceil(seconds)
        lock = json.dumps([owner, this_process()])
        with self._refusing():
            began = time.monotonic()
            taken = self._cache().add(name, lock, timeout=timeout)
            if not taken and _may_take(self._cache().get(name), owner):
                with self._turn(key) as in_time:
                    taken = _may_take(self._cache().get(name), owner)
                    in_time()
                    if taken:
                        self._cache().set(name, lock, timeout=timeout)
        if taken:
            self._ends[key, owner] = began + timeout
        return bool(taken)

    def unlock(self, key: str, owner: str) -> None:
        """See Store. A lock that is about to end by its time is left to it: it may be another's by now."""
        end = self._ends.pop((key, owner), 0.0)
        if time.monotonic() > end - SURE_SECONDS:
            return
        name = self._name("lock", key)
        with self._refusing():
            present = self._cache().get(name)
            if present is not None and json.loads(present)[0] == owner:
                self._cache().delete(name)

    def _cache(self) -> Any:
        try:
            from django.core.cache import caches
        except ImportError:
            raise not_installed("Django", "django") from None
        return caches[self._alias]  # each thread has its own

    def _name(self, kind: str, key: str) -> str:
        return f"{self._prefix}{kind}:{key}"

    def _list(self, key: str, *, is_there: bool) -> None:
        """A cache can't say what is in it: the keys stand in lists, by their first two digits."""
        name = self._name("keys", key[:2])
        with self._turn("keys:" + key[:2]) as in_time:
            keys = set(json.loads(self._cache().get(name) or "[]"))
            changed = keys | {key} if is_there else keys - {key}
            in_time()
            if changed != keys:
                self._cache().set(name, json.dumps(sorted(changed)), timeout=None)

    @contextmanager
    def _turn(self, key: str) -> Iterator[Callable[[], None]]:
        """Be the one who changes what is under a key. What is yielded is called before each write: it raises
        StoreRefused when the turn may be another's by now."""
        cache, name, mine = self._cache(), self._name("turn", key), secrets.token_hex(8)
        with self._refusing():
            patience = time.monotonic() + PATIENCE_SECONDS
            while True:
                end = time.monotonic() + TURN_SECONDS - SURE_SECONDS
                if cache.add(name, mine, timeout=TURN_SECONDS):
                    break
                if time.monotonic() > patience:
                    raise StoreRefused(f"Another program holds {self!r}.")
                time.sleep(LOOK_SECONDS)

            def in_time() -> None:
                if time.monotonic() > end:
                    raise StoreRefused(f"{self!r} is too slow: nothing was written.")

            try:
                yield in_time
            finally:
                if time.monotonic() < end and cache.get(name) == mine:
                    cache.delete(name)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except GrantlineError:
            raise
        except Exception as problem:  # each cache has errors of its own
            raise StoreRefused(
                f"{self!r} can't be used ({type(problem).__name__}).", fix="Check CACHES in the settings."
            ) from None


def _may_take(present: Any, owner: str) -> bool:
    """Whether a lock that is there is this owner's, or of a process that is gone; or it went meanwhile."""
    if present is None:
        return True
    whose, process = json.loads(present)
    return whose == owner or is_gone(process)


def _check(cache: Any, alias: str) -> None:
    """Raises StoreRefused for a cache in which grants would be lost."""
    from django.core.cache.backends.db import DatabaseCache
    from django.core.cache.backends.dummy import DummyCache
    from django.core.cache.backends.filebased import FileBasedCache
    from django.core.cache.backends.locmem import LocMemCache

    refused: tuple[tuple[type, str, str], ...] = (
        (DummyCache, "keeps nothing", "Use one of Redis or Memcached, or FileStore."),
        (FileBasedCache, "may give one lock to two", "Use FileStore."),
        (DatabaseCache, "forgets what a request wrote that failed", "Use SqlAlchemyStore on the database."),
    )
    for kind, why, fix in refused:
        if isinstance(cache, kind):
            raise StoreRefused(f"The cache {alias!r} is no place for grants: it {why}.", fix=fix)
    if isinstance(cache, LocMemCache):
        warnings.warn(
            f"The cache {alias!r} is that of one process: others don't see its grants; its end is theirs.",
            ForgetfulCacheWarning,
            stacklevel=3,
        )
