"""The client library: what it adds to a call while the token is fresh, and what its import takes, beside
others.

Everything runs in this process, without a server or a socket: a client whose transport answers at once is
called with and without the library in turn, and the difference is the library's.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from statistics import median
from typing import Any, Final

import httpx2
import requests
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuth2Client
from authlib.integrations.requests_client import OAuth2Session
from google.auth.transport.requests import AuthorizedSession
from google.oauth2.credentials import Credentials
from requests.adapters import BaseAdapter

from grantline.sdk import AccessToken, App, Grant, Key, MemoryStore, Record, Secret, Session

ISSUER: Final = "https://accounts.example.com"
API: Final = "https://api.example.com"
URL: Final = f"{API}/leads"
CALL_BAR: Final = 30
IMPORT_BAR: Final = 60
_ROUNDS: Final = 41
_STARTS: Final = 7

Timed = Callable[[int], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class SdkCost:
    """CPU µs that a library adds to a call, or ms that its import takes. `bar` None: somebody else's, or
    there is none."""

    name: str
    unit: str
    cost: float
    least: float
    most: float
    bar: float | None = None


class Instant(BaseAdapter):
    """Answers calls of requests at once."""

    def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
        """See BaseAdapter."""
        response = requests.Response()
        response.status_code, response.request, response.url = 200, request, request.url
        response.raw = BytesIO()
        return response

    def close(self) -> None:
        """See BaseAdapter."""


def fresh_session() -> Session:
    """A session that holds a fresh token."""
    key, now = Key(ISSUER, "app", "1001"), int(time.time())
    store = MemoryStore()
    token = AccessToken(Secret("gla_us_0123456789abcdef0123456789abcdef"), ("leads.READ",), now + 3600, now)
    store.put(key.text, Record(key, ("leads.READ",), access_tokens=(token,)), 0)
    session = Session(Grant(App(ISSUER, "app"), key, api_domain=API), store)
    session.token()
    return session


def measure_sdk(count: int) -> list[SdkCost]:
    """Every figure; `count` calls at a time, many times in turn."""
    return [*asyncio.run(_calls(count)), *_imports()]


async def _calls(count: int) -> list[SdkCost]:
    session, nothing = fresh_session(), _sync(lambda: None)
    plain2, aplain2 = _client(httpx2.Client), _client(httpx2.AsyncClient)
    plain1, theirs = _mounted(requests.Session()), _token()

    async def token_of_tasks() -> None:
        await session.atoken()

    async def ask(client: Any) -> None:
        await client.get(URL)

    auth, tried = session.auth, []
    with_auth, awith_auth = _client(httpx2.Client, auth=auth), _client(httpx2.AsyncClient, auth=auth)
    authlib2, aauthlib2 = _client(OAuth2Client, token=theirs), _client(AsyncOAuth2Client, token=theirs)
    authlib1 = _mounted(OAuth2Session(token=theirs))
    google = _mounted(AuthorizedSession(_credentials()))
    bare2, abare2 = _sync(lambda: plain2.get(URL)), _tasks(lambda: ask(aplain2))
    bare1 = _sync(lambda: plain1.get(URL))
    for name, one, without, bar in (
        ("session.token()", _sync(session.token), nothing, CALL_BAR),
        ("await session.atoken()", _tasks(token_of_tasks), nothing, CALL_BAR),
        ("session.auth in httpx2", _sync(lambda: with_auth.get(URL)), bare2, CALL_BAR),
        ("session.auth in httpx2, async", _tasks(lambda: ask(awith_auth)), abare2, CALL_BAR),
        ("session.auth in requests", _sync(lambda: plain1.get(URL, auth=auth)), bare1, CALL_BAR),
        ("Authlib's OAuth2Client (httpx2)", _sync(lambda: authlib2.get(URL)), bare2, None),
        ("Authlib's AsyncOAuth2Client", _tasks(lambda: ask(aauthlib2)), abare2, None),
        ("Authlib's OAuth2Session (requests)", _sync(lambda: authlib1.get(URL)), bare1, None),
        ("google-auth's AuthorizedSession (requests)", _sync(lambda: google.get(URL)), bare1, None),
    ):
        tried.append(await _added(name, one, without, count, bar))
    return tried


def _client(kind: Any, **more: Any) -> Any:
    return kind(transport=httpx2.MockTransport(lambda request: httpx2.Response(200)), **more)


def _mounted(session: Any) -> Any:
    session.mount("https://", Instant())
    session.trust_env = False  # as the others are: no look at .netrc
    return session


def _token() -> dict[str, Any]:
    return {"access_token": "0123456789abcdef", "token_type": "Bearer", "expires_at": int(time.time()) + 3600}


def _credentials() -> Credentials:
    late = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1)
    return Credentials(token="0123456789abcdef", refresh_token="r", expiry=late)


def _sync(call: Callable[[], object]) -> Timed:
    async def timed(count: int) -> float:
        before = time.process_time_ns()
        for _ in range(count):
            call()
        return (time.process_time_ns() - before) / 1000 / count

    return timed


def _tasks(call: Callable[[], Awaitable[object]]) -> Timed:
    async def timed(count: int) -> float:
        before = time.process_time_ns()
        for _ in range(count):
            await call()
        return (time.process_time_ns() - before) / 1000 / count

    return timed


async def _added(name: str, one: Timed, without: Timed, count: int, bar: float | None) -> SdkCost:
    await one(count // 4)
    await without(count // 4)
    found = [await one(count) - await without(count) for _ in range(_ROUNDS)]
    return SdkCost(name, "µs", median(found), min(found), max(found), bar)


def _imports() -> list[SdkCost]:
    return [
        _import("import of grantline.sdk, our own code", "grantline.sdk", "grantline", IMPORT_BAR),
        _import("import of grantline.sdk, with all that it loads", "grantline.sdk", "", None),
        _import("import of Authlib's requests client", "authlib.integrations.requests_client", "", None),
        _import("import of google-auth for requests", "google.auth.transport.requests", "", None),
    ]


def _import(name: str, module: str, own: str, bar: float | None) -> SdkCost:
    """The import in new processes, whose interpreter has started; of `own` alone, if it is named."""
    _import_once(module, own)  # compiles the bytecode, as an installer does
    found = [_import_once(module, own) for _ in range(_STARTS)]
    return SdkCost(name, "ms", median(found), min(found), max(found), bar)


_AGAIN: Final = """
for name in [name for name in sys.modules if name.partition(".")[0] == {own!r}]:
    del sys.modules[name]
before = time.process_time()
import {module}
"""


def _import_once(module: str, own: str) -> float:
    """CPU ms. Of our own code: a second import, when what it needs of others is there."""
    again = _AGAIN.format(own=own, module=module) if own else ""
    code = f"import sys, time\nbefore = time.process_time()\nimport {module}\n{again}"
    command = [sys.executable, "-c", f"{code}\nprint(time.process_time() - before)"]
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return 1000 * float(subprocess.run(command, capture_output=True, text=True, check=True, env=kept).stdout)
