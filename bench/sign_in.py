"""Signing in: its cost beside that of the bare hash, and what a flood of it does to token requests."""

import http.cookiejar
import os
import re
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final
from urllib.parse import urlencode

from argon2 import PasswordHasher

from bench.load import Cores
from bench.measure import Case
from bench.paced import Paced, finish_pacing, start_pacing
from bench.seed import PASSWORD, PEOPLE_WHO_SIGN_IN, email
from bench.serving import Serving

BAR_RATIO: Final = 1.05
BAR_FLOOD: Final = 1.5
_FLOOD: Final = 8
"""Connections: more passwords than can be hashed at once, and fewer than are sent away to come again."""
_HASHES: Final = 25
_TOKEN_SHARE: Final = 0.2
"""Of saturation: what token requests come to while people sign in."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """The CPU of a sign-in with a password beside that of the hash alone, in microseconds."""

    server: str
    cost: float
    hash_cost: float
    per_second: float
    errors: int

    @property
    def ratio(self) -> float:
        """How many times the bare hash a sign-in costs."""
        return self.cost / self.hash_cost


@dataclass(frozen=True, slots=True)
class Flood:
    """Token requests at a steady rate, calm and beside a flood of sign-ins.

    Costs are those of all threads but the ones that hash passwords: the sign-ins' pages are in them."""

    server: str
    per_second: float
    calm_cost: float
    calm_p99_ms: float
    flood_cost: float
    flood_p99_ms: float
    sign_ins: float
    """Answered per second beside them."""
    refused: float
    """Sign-ins sent away per second, to come again."""
    errors: int


@dataclass(frozen=True, slots=True)
class _Form:
    """What a browser has after it opened the sign-in page: the file of forms, and its cookies."""

    file: Path
    header: str


def measure_sign_in(serving: Serving, seconds: int, data: Path, where: Cores) -> SignIn:
    """Sign in over one connection for so long, and hash for itself on the same core before and after."""
    form = _open_form(serving, data)
    _sign_in(serving, form, 1, where, connections=1)
    costs = _bare_hashes(where)
    before = serving.tree.cpu_seconds()
    seen = _sign_in(serving, form, seconds, where, connections=1)
    spent = serving.tree.cpu_seconds() - before
    costs += _bare_hashes(where)
    return SignIn(
        serving.name,
        spent / seen.answered * 1e6,
        median(costs) * 1e6,
        seen.answered / seen.seconds,
        seen.errors + seen.refused,
    )


def _bare_hashes(where: Cores) -> list[float]:
    """CPU seconds of argon2id alone, with the parameters that Grantline uses, on the server's core."""
    hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
    stored = hasher.hash(PASSWORD)
    costs = []
    os.sched_setaffinity(0, {where.server})
    for _ in range(_HASHES):
        before = time.thread_time()
        hasher.verify(stored, PASSWORD)
        costs.append(time.thread_time() - before)
    os.sched_setaffinity(0, {where.load})
    return costs


def measure_flood(
    serving: Serving, case: Case, saturation: float, seconds: int, data: Path, where: Cores
) -> Flood:
    """Token requests at a fifth of saturation, first calm, then while people sign in as fast as they can.

    The server must be new: threads that come with the sign-ins hash passwords, and only the others' time
    counts.
    """
    form = _open_form(serving, data)
    url, file, rate = serving.url + case.path, data / f"{case.file}.0", saturation * _TOKEN_SHARE
    finish_pacing(start_pacing(url, file, rate, 1, where))
    threads = serving.tree.threads()
    costs, runs, sign_ins = [], [], Paced(0, 0, 0, 1, 0, 0)
    for flooded in (False, True):
        before = serving.tree.thread_seconds(threads)
        tokens = start_pacing(url, file, rate, seconds, where)
        if flooded:
            sign_ins = _sign_in(serving, form, seconds, where, connections=_FLOOD)
        run = finish_pacing(tokens)
        costs.append((serving.tree.thread_seconds(threads) - before) / run.answered * 1e6)
        runs.append(run)
    return Flood(
        serving.name,
        rate,
        costs[0],
        runs[0].p99_ms,
        costs[1],
        runs[1].p99_ms,
        sign_ins.answered / sign_ins.seconds,
        sign_ins.refused / sign_ins.seconds,
        sum(run.errors + run.refused for run in runs) + sign_ins.errors,
    )


def _open_form(serving: Serving, data: Path) -> _Form:
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    with opener.open(f"{serving.url}/signin", timeout=30) as answer:
        page = answer.read().decode()
    token = re.search(r'name="token" value="([^"]+)"', page)
    if token is None:
        raise RuntimeError("the sign-in page has no form token")
    file = data / "sign_in.0"
    fields = {"flow": "", "token": token[1], "password": PASSWORD}
    people = [urlencode({**fields, "email": email(n)}) for n in range(PEOPLE_WHO_SIGN_IN)]
    file.write_text("\n".join(people) + "\n")
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)
    return _Form(file, f"Origin: {serving.url}\r\nCookie: {cookies}")


def _sign_in(serving: Serving, form: _Form, seconds: int, where: Cores, *, connections: int) -> Paced:
    address = f"{serving.url}/signin"
    return finish_pacing(
        start_pacing(address, form.file, 0, seconds, where, connections=connections, header=form.header)
    )
