"""One process of a crowd that shares grants: threads and tasks ask for tokens over a way that loses answers,
and the process dies at times between an answer and the store. As a program, it says each thing in a line."""

import asyncio
import json
import os
import random
import secrets
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final

from grantline.sdk import (
    App,
    FileStore,
    Grant,
    GrantlineError,
    Key,
    Record,
    RedisStore,
    Session,
    SqlAlchemyStore,
    SqliteStore,
    Unreachable,
)
from grantline.sdk.driving import AsyncHttpWire, HttpWire
from grantline.sdk.effects import Reply, Send

STORES: Final[Mapping[str, Any]] = {
    "files": FileStore,
    "sqlite": SqliteStore,
    "redis": RedisStore,
    "postgresql": SqlAlchemyStore,
}
DIED: Final = 7
calling: ContextVar[str] = ContextVar("calling", default="")
"""The grant that the call which goes on here is about."""


class Crowd:
    """What all of a process's threads and tasks share."""

    def __init__(self, plan: Mapping[str, Any], number: int, calls: int, start: int) -> None:
        self.plan = plan
        self.chance = random.Random(f"{number} {start}")
        self.left = calls
        self.turn = threading.Lock()
        self.said = (Path(plan["folder"]) / f"said-{number}.jsonl").open("a", buffering=1)

    def say(self, **members: Any) -> None:
        """One line, whole even if the process dies after it."""
        with self.turn:
            self.said.write(json.dumps(members) + "\n")

    def next_call(self) -> Key | None:
        """The grant of the next call, or None at the end."""
        with self.turn:
            if self.left == 0:
                return None
            self.left -= 1
            return key_of(self.plan, self.left % self.plan["grants"])

    def first(self, what: str) -> bool:
        """Whether this is the first time in the whole crowd: each trouble comes at least once."""
        try:
            (Path(self.plan["folder"]) / what).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Say when the server was asked about a grant, and when it answered."""
        key, number = calling.get(), secrets.token_hex(8)
        self.say(asks=key, number=number, at=time.time())
        yield
        self.say(answered=key, number=number, at=time.time())

    def trouble(self, reply: Reply) -> Reply:
        """The answer, if it arrives."""
        if self.first("death") or self.chance.random() < self.plan["die"]:
            self.say(died=True)
            os._exit(DIED)
        if self.first("loss") or self.chance.random() < self.plan["lose"]:
            self.say(lost=True)
            raise Unreachable("The answer was lost.")
        return reply


class Wire(HttpWire):
    """For threads."""

    def __init__(self, crowd: Crowd) -> None:
        super().__init__()
        self.crowd = crowd

    def send(self, request: Send) -> Reply:
        if not request.url.endswith("/token"):
            return super().send(request)
        with self.crowd.asking():
            reply = super().send(request)
        return self.crowd.trouble(reply)


class AsyncWire(AsyncHttpWire):
    """For tasks."""

    def __init__(self, crowd: Crowd) -> None:
        super().__init__()
        self.crowd = crowd

    async def send(self, request: Send) -> Reply:
        if not request.url.endswith("/token"):
            return await super().send(request)
        with self.crowd.asking():
            reply = await super().send(request)
        return self.crowd.trouble(reply)


class Telling:
    """A store that says what was written."""

    def __init__(self, store: Any, crowd: Crowd) -> None:
        self.store, self.crowd = store, crowd

    def put(self, key: str, record: Record, expect_version: int) -> bool:
        done: bool = self.store.put(key, record, expect_version)
        if done and record.access_tokens:
            token = record.access_tokens[-1]
            life = token.issued_at, token.expires_at
            self.crowd.say(renewed=key, at=time.time(), life=life, version=expect_version + 1)
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


def key_of(plan: Mapping[str, Any], number: int) -> Key:
    return Key(plan["issuer"], plan["client_id"], plan["subject"], name=str(number))


def sessions_of(crowd: Crowd) -> dict[Key, Session]:
    plan = crowd.plan
    store = Telling(STORES[plan["store"]](plan["place"]), crowd)
    wire, async_wire = Wire(crowd), AsyncWire(crowd)
    app = App(plan["issuer"], plan["client_id"])
    return {
        key: Session(Grant(app, key), store, wire=wire, async_wire=async_wire)
        for key in (key_of(plan, number) for number in range(plan["grants"]))
    }


def ask_in_a_thread(crowd: Crowd, sessions: Mapping[Key, Session]) -> None:
    while (key := crowd.next_call()) is not None:
        calling.set(key.text)
        try:
            sessions[key].token()
            crowd.say(ok=True)
        except GrantlineError as problem:
            crowd.say(refused=type(problem).__name__, why=str(problem))
        time.sleep(crowd.plan["pause"])


async def ask_in_a_task(crowd: Crowd, sessions: Mapping[Key, Session]) -> None:
    while (key := crowd.next_call()) is not None:
        calling.set(key.text)
        try:
            await sessions[key].atoken()
            crowd.say(ok=True)
        except GrantlineError as problem:
            crowd.say(refused=type(problem).__name__, why=str(problem))
        await asyncio.sleep(crowd.plan["pause"])


async def ask_in_tasks(crowd: Crowd, sessions: Mapping[Key, Session], count: int) -> None:
    await asyncio.gather(*(ask_in_a_task(crowd, sessions) for _ in range(count)))


def main(plan_path: str, number: str, calls: str, start: str) -> None:
    plan = json.loads(Path(plan_path).read_text())
    crowd = Crowd(plan, int(number), int(calls), int(start))
    sessions = sessions_of(crowd)
    threads = [threading.Thread(target=ask_in_a_thread, args=(crowd, sessions)) for _ in range(8)]
    for thread in threads:
        thread.start()
    asyncio.run(ask_in_tasks(crowd, sessions, 8))
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
