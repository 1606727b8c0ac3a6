"""A store in Redis or Valkey: any number of processes and machines.

A grant is a hash of its version and its sealed bytes; a lock is a hash of its owner, which Redis deletes
after its time. Each change is one script over one key, which Redis carries out alone; so a cluster serves
as well.

Redis keeps what it was told to keep: a grant that it evicts (`maxmemory-policy`), or loses with a machine
before it was on disk or on a replica, is gone, and its person connects again.
"""

import inspect
import math
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from grantline.sdk.errors import StoreRefused
from grantline.sdk.record import Record, Secret
from grantline.sdk.stores.living import is_gone, this_process
from grantline.sdk.stores.sealing import Seal
from grantline.sdk.stores.steps import QUOTED, Steps, awalk, first_line, not_installed, walk

PREFIX: Final = "grantline:"
MOST_AT_ONCE: Final = 1000
PUT: Final = """
local version = redis.call('HGET', KEYS[1], 'version')
if (version or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'sealed', ARGV[3])
return 1"""
TAKE: Final = """
local owner = redis.call('HGET', KEYS[1], 'owner')
if owner and owner ~= ARGV[1] and owner ~= ARGV[4] then
  return {owner, redis.call('HGET', KEYS[1], 'process')}
end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'process', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {}"""
GIVE_BACK: Final = """
if redis.call('HGET', KEYS[1], 'owner') == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0"""


class _Run(NamedTuple):
    """A script, on a key."""

    script: str
    key: str
    arguments: tuple[str | int, ...]


class _Command(NamedTuple):
    """A command of Redis."""

    words: tuple[str, ...]


class _Scan(NamedTuple):
    """All names that begin so."""

    beginning: str


class _Hashes:
    """The rules, without the way to Redis."""

    def __init__(self, seal: Seal, prefix: str) -> None:
        self.seal = seal
        self._grants = prefix + "grant:"
        self._locks = prefix + "lock:"

    def get(self, key: str) -> Steps[Record | None]:
        version, sealed = yield _Command(("HMGET", self._grants + key, "version", "sealed"))
        if version is None or sealed is None:
            return None
        return self.seal.open(key, b64decode(sealed), version=int(version))

    def put(self, key: str, record: Record, expect_version: int) -> Steps[bool]:
        version = expect_version + 1
        sealed = b64encode(self.seal.close(key, replace(record, version=version))).decode()
        done = yield _Run(PUT, self._grants + key, (expect_version, version, sealed))
        return bool(done)

    def delete(self, key: str) -> Steps[None]:
        yield _Command(("DEL", self._grants + key))

    def keys(self) -> Steps[Sequence[str]]:
        names = yield _Scan(self._grants)
        return sorted({_text(name).removeprefix(self._grants) for name in names})

    def try_lock(self, key: str, owner: str, seconds: float) -> Steps[bool]:
        self.seal.check()
        milliseconds = max(1, math.ceil(seconds * 1000))
        taking = (owner, this_process(), milliseconds)
        held = yield _Run(TAKE, self._locks + key, (*taking, ""))
        if held and is_gone(_text(held[1])):
            held = yield _Run(TAKE, self._locks + key, (*taking, _text(held[0])))
        return not held

    def unlock(self, key: str, owner: str) -> Steps[None]:
        yield _Run(GIVE_BACK, self._locks + key, (owner,))


class RedisStore:
    """Keeps grants in Redis or Valkey. `client` is a URL (`redis://…`, `rediss://…`, `unix://…`) or a client
    of redis-py, which is also one of a cluster."""

    def __init__(
        self,
        client: Any,
        *,
        prefix: str = PREFIX,
        key: Secret | None = None,
        insecure_plain_text: bool = False,
    ) -> None:
        self._prefix = prefix
        self._hashes = _Hashes(Seal(key, insecure_plain_text=insecure_plain_text, place=self), prefix)
        self._client, self._own = _client(client, is_async=False)
        self._scripts = _registered(self._client)

    def __repr__(self) -> str:
        return f"RedisStore(prefix={self._prefix!r})"

    def get(self, key: str) -> Record | None:
        """See Store."""
        return walk(self._hashes.get(key), self._perform)

    def put(self, key: str, record: Record, expect_version: int) -> bool:
        """See Store."""
        return walk(self._hashes.put(key, record, expect_version), self._perform)

    def delete(self, key: str) -> None:
        """See Store."""
        walk(self._hashes.delete(key), self._perform)

    def keys(self) -> Sequence[str]:
        """See Store. Looks through all names in Redis."""
        return walk(self._hashes.keys(), self._perform)

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:
        """See Store. That its owner's process is gone is seen on the same machine; elsewhere time passes."""
        return walk(self._hashes.try_lock(key, owner, seconds), self._perform)

    def unlock(self, key: str, owner: str) -> None:
        """See Store."""
        walk(self._hashes.unlock(key, owner), self._perform)

    def close(self) -> None:
        """Let the connections go, if the store made them."""
        if self._own:
            self._client.close()

    def _perform(self, step: _Run | _Command | _Scan) -> Any:
        import redis

        try:
            match step:
                case _Run(script, key, arguments):
                    return self._scripts[script](keys=[key], args=arguments)
                case _Command(words):
                    return self._client.execute_command(*words)
                case _Scan(beginning):
                    return list(self._client.scan_iter(match=_pattern(beginning), count=MOST_AT_ONCE))
        except (redis.RedisError, OSError) as problem:
            raise _refused(problem) from None


class AsyncRedisStore:
    """The same for tasks of one loop, with a client of `redis.asyncio`."""

    def __init__(
        self,
        client: Any,
        *,
        prefix: str = PREFIX,
        key: Secret | None = None,
        insecure_plain_text: bool = False,
    ) -> None:
        self._prefix = prefix
        self._hashes = _Hashes(Seal(key, insecure_plain_text=insecure_plain_text, place=self), prefix)
        self._client, self._own = _client(client, is_async=True)
        self._scripts = _registered(self._client)

    def __repr__(self) -> str:
        return f"AsyncRedisStore(prefix={self._prefix!r})"

    async def get(self, key: str) -> Record | None:
        """See Store."""
        await self._hashes.seal.ready()
        return await awalk(self._hashes.get(key), self._perform)

    async def put(self, key: str, record: Record, expect_version: int) -> bool:
        """See Store."""
        await self._hashes.seal.ready()
        return await awalk(self._hashes.put(key, record, expect_version), self._perform)

    async def delete(self, key: str) -> None:
        """See Store."""
        await awalk(self._hashes.delete(key), self._perform)

    async def keys(self) -> Sequence[str]:
        """See Store. Looks through all names in Redis."""
        return await awalk(self._hashes.keys(), self._perform)

    async def try_lock(self, key: str, owner: str, seconds: float) -> bool:
        """See RedisStore."""
        await self._hashes.seal.ready()
        return await awalk(self._hashes.try_lock(key, owner, seconds), self._perform)

    async def unlock(self, key: str, owner: str) -> None:
        """See Store."""
        await awalk(self._hashes.unlock(key, owner), self._perform)

    async def aclose(self) -> None:
        """Let the connections go, if the store made them."""
        if self._own:
            await self._client.aclose()

    async def _perform(self, step: _Run | _Command | _Scan) -> Any:
        import redis

        try:
            match step:
                case _Run(script, key, arguments):
                    return await self._scripts[script](keys=[key], args=arguments)
                case _Command(words):
                    return await self._client.execute_command(*words)
                case _Scan(beginning):
                    found = self._client.scan_iter(match=_pattern(beginning), count=MOST_AT_ONCE)
                    return [name async for name in found]
        except (redis.RedisError, OSError) as problem:
            raise _refused(problem) from None


def _client(given: Any, *, is_async: bool) -> tuple[Any, bool]:
    """A client, and whether it is the store's own."""
    try:
        import redis
        import redis.asyncio
    except ImportError:
        raise not_installed("redis", "redis") from None
    if isinstance(given, str):
        url = given.replace("valkey", "redis", 1) if given.startswith("valkey") else given
        kind = redis.asyncio.Redis if is_async else redis.Redis
        try:
            return kind.from_url(url), True
        except ValueError:  # whose words may be a part of the password
            raise StoreRefused(
                "This is no address of Redis.", fix=f"Use redis://… or rediss://…. {QUOTED}"
            ) from None
    if inspect.iscoroutinefunction(given.execute_command) is not is_async:
        raise StoreRefused(
            "This client of Redis is for tasks." if not is_async else "This client of Redis is for threads.",
            fix="Give RedisStore a redis.Redis, and AsyncRedisStore a redis.asyncio.Redis.",
        )
    return given, False


def _registered(client: Any) -> Mapping[str, Any]:
    return {script: client.register_script(script) for script in (PUT, TAKE, GIVE_BACK)}


def _pattern(beginning: str) -> str:
    """What names that begin so match, and no others."""
    return "".join("\\" + sign if sign in "*?[]^-\\" else sign for sign in beginning) + "*"


def _text(said: str | bytes) -> str:
    """What Redis gave, for clients that decode answers and those that don't."""
    return said.decode() if isinstance(said, bytes) else said


def _refused(problem: Exception) -> StoreRefused:
    """Only what is said of the connection is told: other refusals quote what was sent."""
    import redis

    told = isinstance(problem, (redis.ConnectionError, redis.TimeoutError, OSError))
    why = first_line(problem) if told else type(problem).__name__
    return StoreRefused(f"Redis can't be used: {why}.", fix="Check that it runs, its address and password.")
