"""What is asked of a store, as plain functions that any store can be held to:

    from functools import partial
    from grantline.sdk.stores.conformance import CHECKS, Candidate

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_store(check, tmp_path):
        check(Candidate(partial(MyStore, tmp_path / "grants")))

Each raises AssertionError with what is wrong. Each wants a place that is empty. A store for tasks is checked
as `Candidate(partial(InLoop, partial(MyAsyncStore, place)))`; what it opens is to be closed at the end.
"""

import asyncio
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from typing import Any, Final, TypeVar

from grantline.sdk.record import AccessToken, Key, Record, Secret
from grantline.sdk.stores.protocol import AsyncStore, Store

T = TypeVar("T")
THREADS: Final = 8
WRITES: Final = 12
PROCESSES: Final = 3
WRITES_OF_A_PROCESS: Final = 6
SHORT_SECONDS: Final = 0.3
LONG_SECONDS: Final = 300.0
PATIENCE_SECONDS: Final = 90.0
REFRESH_TOKEN: Final = "glr_us_conformance_refresh_Zk3vQ9"
ACCESS_TOKEN: Final = "gla_us_conformance_access_x7Lw2T"
KEY: Final = Key("https://us.example", "glc_us_conformance", "1001", "2002", "first")
ODD: Final = "Zoë “x” \\ \x00 \x1b[0m\r\n\u2028 \U0001f511 \ud800 ' OR 1=1 -- %s {} ../../etc"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A store to be checked."""

    open: Callable[[], Store]
    """Gives another handle on one and the same place. A store of several processes can be pickled so."""
    processes: bool = True
    """Whether several processes may share the place."""
    notices_death: bool = True
    """Whether a lock is free as soon as its owner's process is gone; else only after its time."""
    raw: Callable[[], Iterable[bytes]] | None = None
    """All bytes that it keeps, for a store that seals them."""


class InLoop:
    """A store for tasks as one for threads: its calls run in a loop of its own."""

    def __init__(self, make: Callable[[], AsyncStore]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._store = self._wait(_made_in_loop(make))

    def get(self, key: str) -> Record | None:
        """See Store."""
        return self._wait(self._store.get(key))

    def put(self, key: str, record: Record, expect_version: int) -> bool:
        """See Store."""
        return self._wait(self._store.put(key, record, expect_version))

    def delete(self, key: str) -> None:
        """See Store."""
        self._wait(self._store.delete(key))

    def keys(self) -> Sequence[str]:
        """See Store."""
        return self._wait(self._store.keys())

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:
        """See Store."""
        return self._wait(self._store.try_lock(key, owner, seconds))

    def unlock(self, key: str, owner: str) -> None:
        """See Store."""
        self._wait(self._store.unlock(key, owner))

    def close(self) -> None:
        """Close the store, if it has an `aclose`, and end the loop."""
        close = getattr(self._store, "aclose", None)
        if close is not None:
            self._wait(close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, call: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(call, self._loop).result(PATIENCE_SECONDS)


def a_record(key: Key = KEY) -> Record:
    """A grant with a token of each kind."""
    token = AccessToken(Secret(ACCESS_TOKEN), ("CRM.read", "CRM.write"), 2_000_000_000, 1_999_996_400)
    return Record(
        key,
        ("CRM.read", "CRM.write"),
        "https://api.us.example",
        "mara@example.com",
        refresh_token=Secret(REFRESH_TOKEN),
        access_tokens=(token, replace(token, secret=Secret(ACCESS_TOKEN + "2"), scope=("CRM.read",))),
        extra={"locale": "de", "depth": [1, None, {"x": True}]},
    )


def what_is_written_is_read_back(candidate: Candidate) -> None:
    """By every handle, to the letter, with the next version."""
    one, other = candidate.open(), candidate.open() if candidate.processes else None
    key = KEY.text
    assert one.get(key) is None, "an empty place gives None"
    assert list(one.keys()) == [], "an empty place has no keys"
    assert one.put(key, a_record(), 0) is True, "the first write is taken"
    for store in (one, other):
        if store is not None:
            assert store.get(key) == replace(a_record(), version=1), "what is read is what was written"
            assert list(store.keys()) == [key], "the key is listed"


def versions_are_compared_before_a_write(candidate: Candidate) -> None:
    """A write over another version than the expected one is refused, and leaves what is there."""
    store, key = candidate.open(), KEY.text
    assert store.put(key, a_record(), 7) is False, "no version but 0 is there at first"
    assert store.get(key) is None, "a refused write writes nothing"
    assert store.put(key, a_record(), 0), "the first write is taken"
    assert store.put(key, replace(a_record(), email="other@example.com"), 0) is False, "it is there by now"
    assert store.put(key, replace(a_record(), version=40, email="new@example.com"), 1), (
        "the version that counts is the expected one, not that of the record"
    )
    assert store.put(key, a_record(), 1) is False, "the version was used"
    found = store.get(key)
    assert found is not None, "the record is there"
    assert (found.email, found.version) == ("new@example.com", 2), "the write that was taken is the one there"


def what_is_deleted_is_gone(candidate: Candidate) -> None:
    """And versions begin again; deleting what is not there does nothing."""
    store, key = candidate.open(), KEY.text
    store.delete(key)
    other = replace(KEY, name="second")
    assert store.put(key, a_record(), 0), "the first write is taken"
    assert store.put(other.text, a_record(other), 0), "another key is another record"
    store.delete(key)
    assert store.get(key) is None, "what was deleted is gone"
    assert list(store.keys()) == [other.text], "the other one stays"
    assert store.put(key, a_record(), 0), "it can be written anew"


def odd_texts_come_back_to_the_letter(candidate: Candidate) -> None:
    """Signs of every script, control signs, halves of signs, and what is a word in some language."""
    store = candidate.open()
    record = replace(a_record(), email=ODD, ended=ODD, extra={ODD: [ODD]}, scope=(ODD, ""))
    assert store.put(KEY.text, record, 0), "odd texts are taken"
    assert store.get(KEY.text) == replace(record, version=1), "odd texts come back"
    long = replace(record, extra={"long": "ä" * 200_000})
    assert store.put(KEY.text, long, 1), "a long record is taken"
    assert store.get(KEY.text) == replace(long, version=2), "a long record comes back"


def a_lock_has_one_owner(candidate: Candidate) -> None:
    """Who may take it again and alone gives it back; every key has a lock of its own."""
    one, other = candidate.open(), candidate.open() if candidate.processes else None
    other = other if other is not None else one
    key = KEY.text
    assert one.try_lock(key, "a", LONG_SECONDS) is True, "a free lock is taken"
    assert one.try_lock(key, "a", LONG_SECONDS) is True, "its owner may take it again"
    assert one.try_lock(key, "b", LONG_SECONDS) is False, "another owner may not"
    assert other.try_lock(key, "b", LONG_SECONDS) is False, "nor by another handle"
    assert other.try_lock(replace(KEY, name="second").text, "b", LONG_SECONDS), "another key is free"
    other.unlock(key, "b")
    assert other.try_lock(key, "b", LONG_SECONDS) is False, "only its owner gives it back"
    one.unlock(key, "a")
    assert other.try_lock(key, "b", LONG_SECONDS) is True, "it is free afterwards"
    one.unlock(key, "a")
    assert one.try_lock(key, "a", LONG_SECONDS) is False, "giving back twice gives back nobody else's"
    other.unlock(key, "b")
    one.unlock(key, "never had it")
    assert one.get(key) is None, "a lock is no record"
    assert list(one.keys()) == [], "and is not listed as one"


def a_lock_ends_with_its_time(candidate: Candidate) -> None:
    """And its first owner, who comes back late, gives nothing back."""
    one, other = candidate.open(), candidate.open() if candidate.processes else None
    other = other if other is not None else one
    key = KEY.text
    assert one.try_lock(key, "a", SHORT_SECONDS), "a free lock is taken"
    _until(lambda: other.try_lock(key, "b", LONG_SECONDS), "a lock is free after its time")
    one.unlock(key, "a")
    assert one.try_lock(key, "c", LONG_SECONDS) is False, "who lost it by time does not give it back"
    other.unlock(key, "b")
    assert one.try_lock(key, "c", LONG_SECONDS), "its owner gives it back"
    one.unlock(key, "c")


def threads_lose_no_write(candidate: Candidate) -> None:
    """Of writes over one version one is taken; each that is taken is there."""
    store = candidate.open()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda _: _count_up(store, WRITES), range(THREADS)))
    _counted(store, THREADS * WRITES)


def one_of_many_threads_gets_the_lock(candidate: Candidate) -> None:
    """However many ask at once."""
    store, ready = candidate.open(), threading.Barrier(THREADS)

    def ask(number: int) -> bool:
        ready.wait(PATIENCE_SECONDS)
        return store.try_lock(KEY.text, f"owner {number}", LONG_SECONDS)

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(ask, range(THREADS))) == 1, "one and only one gets it"


def processes_lose_no_write_and_are_alone_under_the_lock(candidate: Candidate) -> None:
    """As threads; then each writes under the lock without a look at the version, and none is lost if the
    lock is one."""
    if candidate.processes:
        _ends_well([_started(_count_in_a_process, candidate) for _ in range(PROCESSES)])
        _counted(candidate.open(), 2 * PROCESSES * WRITES_OF_A_PROCESS)


def the_lock_of_a_process_that_died_is_free(candidate: Candidate) -> None:
    """At once where the store notices it, else after its time; what it wrote before is there."""
    if not candidate.processes:
        return
    seconds = LONG_SECONDS if candidate.notices_death else SHORT_SECONDS
    dying = _started(_die_with_the_lock, candidate, seconds)
    dying.join(PATIENCE_SECONDS)
    assert dying.exitcode == 9, "the process that dies had the lock"
    store = candidate.open()
    _until(lambda: store.try_lock(KEY.text, "heir", LONG_SECONDS), "the lock is free after its owner's death")
    assert store.get(KEY.text) is not None, "what was written before the death is there"
    store.unlock(KEY.text, "heir")


def readers_see_whole_records(candidate: Candidate) -> None:
    """While others write: the one before or the one after, nothing between."""
    store, done = candidate.open(), threading.Event()
    assert store.put(KEY.text, _sized(0), 0), "the first write is taken"

    def look() -> int:
        seen = 0
        while not done.is_set():
            found = store.get(KEY.text)
            assert found is not None, "a record that is replaced is there all the time"
            assert found == replace(_sized(int(found.email)), version=found.version), "and is whole"
            seen += 1
        return seen

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(look) for _ in range(3)]
        try:
            for number in range(1, WRITES):
                assert store.put(KEY.text, _sized(number), number), "each write is taken"
        finally:
            done.set()
        assert all(reader.result() >= 0 for reader in readers)


def no_secret_is_in_what_is_kept(candidate: Candidate) -> None:
    """For a store that says that it seals: no token in its bytes, nothing of the person either."""
    if candidate.raw is None:
        return
    store = candidate.open()
    assert store.put(KEY.text, a_record(), 0), "the first write is taken"
    kept = list(candidate.raw())
    assert any(kept), "there is something to look into"
    for text in (REFRESH_TOKEN, ACCESS_TOKEN, "mara@example.com", "api.us.example", "1001"):
        assert not any(text.encode() in data for data in kept), f"{text} is in what the store keeps"


Check = Callable[[Candidate], None]
CHECKS: Final[tuple[Check, ...]] = (
    what_is_written_is_read_back,
    versions_are_compared_before_a_write,
    what_is_deleted_is_gone,
    odd_texts_come_back_to_the_letter,
    a_lock_has_one_owner,
    a_lock_ends_with_its_time,
    threads_lose_no_write,
    one_of_many_threads_gets_the_lock,
    processes_lose_no_write_and_are_alone_under_the_lock,
    the_lock_of_a_process_that_died_is_free,
    readers_see_whole_records,
    no_secret_is_in_what_is_kept,
)


def _sized(number: int) -> Record:
    """A record whose parts must fit one another."""
    return replace(a_record(), email=str(number), extra={"fill": str(number) * (3_000 * (number % 3 + 1))})


def _count_up(store: Store, writes: int) -> None:
    for _ in range(writes):
        while not _counted_up(store):
            pass


def _counted_up(store: Store) -> bool:
    present = store.get(KEY.text)
    if present is None:
        return store.put(KEY.text, replace(a_record(), extra={"count": 1}), 0)
    return store.put(KEY.text, replace(present, extra={"count": present.extra["count"] + 1}), present.version)


def _count_in_a_process(candidate: Candidate) -> None:
    store, owner = candidate.open(), f"process {os.getpid()}"
    _count_up(store, WRITES_OF_A_PROCESS)
    while (found := store.get(KEY.text)) is None or found.version < PROCESSES * WRITES_OF_A_PROCESS:
        time.sleep(0.01)  # the others still write without the lock
    for _ in range(WRITES_OF_A_PROCESS):
        _until(lambda: store.try_lock(KEY.text, owner, LONG_SECONDS), "the lock is given back")
        assert _counted_up(store), "nobody else writes under the lock"
        store.unlock(KEY.text, owner)


def _die_with_the_lock(candidate: Candidate, seconds: float) -> None:
    store = candidate.open()
    assert store.put(KEY.text, a_record(), 0)
    assert store.try_lock(KEY.text, "who dies", seconds)
    os._exit(9)


def _counted(store: Store, expected: int) -> None:
    found = store.get(KEY.text)
    assert found is not None, "what was written is there"
    assert found.extra["count"] == expected, f"{expected - found.extra['count']} writes are lost"
    assert found.version == expected, "each write has a version"


async def _made_in_loop(make: Callable[[], AsyncStore]) -> AsyncStore:
    return make()


def _until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def _started(target: Callable[..., None], candidate: Candidate, *arguments: object) -> BaseProcess:
    bare = replace(candidate, raw=None)  # the process needs no look from outside
    process = multiprocessing.get_context("spawn").Process(target=target, args=(bare, *arguments))
    process.start()
    return process


def _ends_well(processes: list[BaseProcess]) -> None:
    for process in processes:
        process.join(PATIENCE_SECONDS)
    assert [process.exitcode for process in processes] == [0] * len(processes), "every process ends well"
