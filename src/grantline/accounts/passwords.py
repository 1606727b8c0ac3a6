"""Passwords: argon2id in a small pool of its own, so that a flood of sign-ins can't starve the token endpoint
(T132)."""

import asyncio
import os
import re
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

T = TypeVar("T")

SHORTEST: Final = 8
LONGEST: Final = 128
MOST_WAITING: Final = 4
"""For each thread; whoever comes then is turned away (T132)."""
NICE: Final = 10

# OWASP's minimum for argon2id: 19 MiB, two passes, one lane.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)

# Checked against when the account is unknown, so that both cases cost the same (T149): of a random password
# that nobody kept, with the costs of `_HASHER`, as a test compares.
_NOBODYS: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$FNQ2duF8gyPRqt/lHtZ0yA$eTeC0uk2kLKFtnpI2s16WyBHLfUi8wDqh/ko+4aPs/I"
)

_COMMON: Final = frozenset(
    "password password1 passw0rd 12345678 123456789 1234567890 qwertyui qwertyuiop iloveyou letmein1 sunshine"
    " princess football baseball superman trustno1 welcome1 admin123 abc12345 11111111 00000000 87654321"
    " grantline".split()
)


# As PHC strings spell it; each number as we would still check it.
_HASH: Final = re.compile(
    r"\$argon2id\$v=19\$m=(\d{1,6}),t=(\d{1,2}),p=(\d)\$[A-Za-z0-9+/]{11,88}\$[A-Za-z0-9+/]{22,88}"
)
_DEAREST: Final = (65536, 4, 4)
"""Memory in KiB, passes and lanes that one sign-in may cost."""


class PasswordUnusable(ValueError):
    """The password breaks a rule; the message says which."""


class PasswordsBusy(Exception):
    """Too many passwords are being checked: answer 503 with Retry-After."""


def check_password(password: str) -> None:
    """The rules for a new password: 8 to 128 characters, none of the most common. No rules of composition."""
    if len(password) < SHORTEST:
        raise PasswordUnusable(f"Use at least {SHORTEST} characters.")
    if len(password) > LONGEST:
        raise PasswordUnusable(f"Use at most {LONGEST} characters.")
    if password.lower() in _COMMON:
        raise PasswordUnusable("This password is among those that everybody tries first. Use another.")


def is_password_hash(text: str) -> bool:
    """Whether this is an argon2id hash that costs no more to check than we allow: one that came from
    elsewhere could keep a processor busy for minutes."""
    found = _HASH.fullmatch(text)
    return found is not None and all(
        0 < int(cost) <= most for cost, most in zip(found.groups(), _DEAREST, strict=True)
    )


class Passwords:
    """Hashes and checks passwords; at most four wait for each thread."""

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads or max(1, min(2, os.cpu_count() or 1))
        self._pool = ThreadPoolExecutor(
            self._threads, thread_name_prefix="passwords", initializer=_let_others_go_first
        )
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """The argon2id hash of a new password. Raises PasswordUnusable, PasswordsBusy."""
        check_password(password)
        return await self._in_pool(_HASHER.hash, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password is right; with no stored hash the answer is False after the same work. Raises
        PasswordsBusy."""
        if len(password) > LONGEST:
            return False
        right = await self._in_pool(_verify, stored or _NOBODYS, password)
        return right and stored is not None

    def check_room(self) -> None:
        """Raises PasswordsBusy when one more would have to be turned away: before anything is counted or
        written for it."""
        if self._waiting >= self._threads * (1 + MOST_WAITING):
            raise PasswordsBusy

    async def _in_pool(self, work: Callable[..., T], *arguments: object) -> T:
        self.check_room()
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _let_others_go_first() -> None:
    """Called in each thread. Whatever else the process does gets the processor before any hash."""
    if sys.platform == "linux":  # where a thread has a priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False
