"""HTTP that carries a session's token: one object for httpx2 and httpx, sync and async, and for requests.

The token goes to the origin of the `api_domain`, or to those that the app names, and nowhere else. A call to
another address is refused before anything goes out; a redirect to one goes on without the token. A 401 is
answered once, with a token that is newer than the one that was refused, which is made only if nobody has made
it yet. A 429 is the caller's: how long a call may wait is for the app to say.
"""

import json
from collections.abc import AsyncGenerator, Generator, Iterable, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from grantline.sdk.challenge import bearer_challenge
from grantline.sdk.errors import AddressRefused, ScopeMissing, WrongDataCenter
from grantline.sdk.events import Name
from grantline.sdk.metadata import check_address
from grantline.sdk.record import AccessToken, Secret
from grantline.sdk.renewing import Grant

Origin = tuple[str, str, int | None]
LOOKED_AT: Final = frozenset({401, 403, 429})
IN_VAIN_SECONDS: Final = 60.0
"""For so long a token that was refused although it was new is not renewed: the API has another reason."""
MOST_BYTES: Final = 64 * 1024
SCOPE_MISMATCH: Final = "OAUTH_SCOPE_MISMATCH"
"""What the vendor's APIs say with 401, in the body alone."""
_PORTS: Final = {"https": 443, "http": 80}
_LIBRARIES: Final = ("httpx2", "httpx")


class Tokens(Protocol):
    """What is needed of a session."""

    grant: Grant

    @property
    def api_domain(self) -> str:
        """See Session."""
        ...

    async def aapi_domain(self) -> str:
        """See Session."""
        ...

    def token(self, *, scope: tuple[str, ...] = ..., refused: str | Secret = ...) -> AccessToken:
        """See Session."""
        ...

    async def atoken(self, *, scope: tuple[str, ...] = ..., refused: str | Secret = ...) -> AccessToken:
        """See Session."""
        ...


class Calls:
    """Where a session's token may go, and what the answers of APIs mean. It sends nothing itself."""

    def __init__(self, session: Tokens, addresses: Iterable[str] = (), scope: tuple[str, ...] = ()) -> None:
        self.session = session
        self.scope = scope
        self._named = frozenset(origin_of(one) for one in addresses)
        self._home: tuple[str, Origin] | None = None
        self._in_vain: tuple[AccessToken, float] | None = None
        self.auth: SessionAuth | None = None

    def token(self, to: Origin, refused: str | Secret = "") -> AccessToken:
        """The token for a call to this origin. Raises AddressRefused and the errors of a renewal."""
        self._check(to, "" if self._named else self.session.api_domain)
        return self.session.token(scope=self.scope, refused=refused)

    async def atoken(self, to: Origin, refused: str | Secret = "") -> AccessToken:
        """The same, for tasks."""
        self._check(to, "" if self._named else await self.session.aapi_domain())
        return await self.session.atoken(scope=self.scope, refused=refused)

    def _check(self, to: Origin, api_domain: str) -> None:
        if self._named:
            if to not in self._named:
                raise _refused(to, "the addresses that auth_for was given")
            return
        if self._home is None or self._home[0] != api_domain:
            self._home = api_domain, origin_of(api_domain)
        if to != self._home[1]:
            raise _refused(to, api_domain)

    def tell(self, name: Name, seconds: float = 0.0) -> None:
        """Tell whoever watches the session."""
        grant = self.session.grant
        grant.events.tell(name, grant.key, seconds)

    def renews(self, status: int, headers: Any, body: bytes, token: AccessToken, *, first: bool) -> bool:
        """Whether a refused call is worth a newer token. Raises ScopeMissing, WrongDataCenter."""
        if status == 429:
            after = str(headers.get("retry-after", ""))
            self.tell("throttled", float(after) if after.isascii() and after.isdecimal() else 0.0)
            return False
        header = str(headers.get("www-authenticate", ""))
        said = bearer_challenge(header)
        self._raise_what_no_token_cures(said or {}, body, token)
        if status != 401 or (header and said is None):
            return False
        now = self.session.grant.clock.now()
        if not first:
            self._in_vain = token, now + IN_VAIN_SECONDS
            return False
        vain, until = self._in_vain or (None, 0.0)
        return vain is None or not vain.secret.says(token.value) or now >= until

    def _raise_what_no_token_cures(self, said: Any, body: bytes, token: AccessToken) -> None:
        if said.get("error") == "insufficient_scope" or _code_in(body) == SCOPE_MISMATCH:
            needed = tuple(said.get("scope", "").split())
            names = f" It needs {' '.join(needed)}." if needed else ""
            raise ScopeMissing(
                f"The token's scopes do not allow this call.{names}", needed=needed, have=token.scope
            )
        expected, issuer = said.get("expected_issuer", ""), self.session.grant.key.issuer
        if expected and expected != issuer:
            raise WrongDataCenter(
                f"The API takes tokens of {expected}; this one is of {issuer}.", expected=expected
            )


def origin_of(address: str) -> Origin:
    """Scheme, host and port of an address that a token may go to. Raises AddressRefused."""
    try:
        parts = urlsplit(check_address(address, "address"))
        port = parts.port
    except ValueError:
        raise AddressRefused(
            f"No token goes to {address.partition('?')[0].rpartition('@')[2]!r}.",
            fix="Use an address with https://, or http://127.0.0.1:… on this machine.",
        ) from None
    return parts.scheme, parts.hostname or "", None if port == _PORTS[parts.scheme] else port


def _refused(to: Origin, instead: str) -> AddressRefused:
    scheme, host, port = to
    shown = f"{scheme}://{host}" if port is None else f"{scheme}://{host}:{port}"
    return AddressRefused(f"The token does not go to {shown}: it is for {instead} alone.")


def _code_in(body: bytes) -> str:
    """The vendor's word in an error's body."""
    try:
        members = json.loads(body) if len(body) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        return ""
    return str(members.get("code", "")) if isinstance(members, dict) else ""


class SessionAuth:
    """Give it to httpx2, httpx or requests as `auth`. May be shared by threads and by tasks."""

    requires_request_body = False
    requires_response_body = False

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def __repr__(self) -> str:
        return f"SessionAuth({self._calls.session!r})"

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """For Client. Between the two sends nothing is held."""
        refused: str | Secret = ""
        for first in (True, False):
            token = self._calls.token(_origin(request.url), refused)
            if not first and not _can_be_sent_again(request):
                return self._calls.tell("not repeated")
            response = yield _with(request, token)
            if response.status_code not in LOOKED_AT or not _carried(response.request, token):
                return None
            if response.status_code == 401:
                response.read()
            if not self._goes_on(response, token, first=first):
                return None
            request, refused = response.request, token.secret
        return None

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        """For AsyncClient."""
        refused: str | Secret = ""
        for first in (True, False):
            token = await self._calls.atoken(_origin(request.url), refused)
            if not first and not _can_be_sent_again(request):
                self._calls.tell("not repeated")
                return
            response = yield _with(request, token)
            if response.status_code not in LOOKED_AT or not _carried(response.request, token):
                return
            if response.status_code == 401:
                await response.aread()
            if not self._goes_on(response, token, first=first):
                return
            request, refused = response.request, token.secret

    def _goes_on(self, response: Any, token: AccessToken, *, first: bool) -> bool:
        body = response.content if response.status_code == 401 else b""
        return self._calls.renews(response.status_code, response.headers, body, token, first=first)

    def __call__(self, request: Any) -> Any:
        """For requests: the answer comes to the hook."""
        token = self._calls.token(origin_of(request.url))
        request.register_hook("response", partial(self._answered, token))
        return _with(request, token)

    def _answered(self, token: AccessToken, response: Any, **sending: Any) -> Any:
        if response.status_code not in LOOKED_AT or not _carried(response.request, token):
            return response
        if not self._goes_on(response, token, first=True):
            return response
        newer = self._calls.token(origin_of(response.request.url), token.value)
        if not isinstance(response.request.body, str | bytes | None):
            self._calls.tell("not repeated")
            return response
        response.close()
        answer = response.connection.send(_with(response.request.copy(), newer), **sending)
        answer.history.append(response)
        if answer.status_code in LOOKED_AT:
            self._goes_on(answer, newer, first=False)
        return answer


def session_auth(calls: Calls) -> SessionAuth:
    """The object, as one that every library that is installed takes for its own."""
    if calls.auth is None:
        calls.auth = _everybodys()(calls)
    return calls.auth


def _everybodys() -> type[SessionAuth]:
    return type("SessionAuth", (SessionAuth, *(module.Auth for module in _libraries())), {})


def _libraries() -> Sequence[Any]:
    """Those that are installed, loaded now if they are not yet: the object must be one of theirs, and may be
    taken before the app imports its library."""
    found = [import_module(name) for name in _LIBRARIES if find_spec(name) is not None]
    return tuple(module for module in found if hasattr(module, "Auth"))


def _origin(url: Any) -> Origin:
    """The same of an httpx address, as httpx itself reads it."""
    return url.scheme, url.raw_host.decode("ascii"), url.port


def _with(request: Any, token: AccessToken) -> Any:
    request.headers["Authorization"] = f"Bearer {token.value}"
    return request


def _carried(request: Any, token: AccessToken) -> bool:
    """Whether the answer is to a request with the token: after a redirect to elsewhere it is not."""
    said = request.headers.get("Authorization", "")
    return bool(token.secret.says(said.removeprefix("Bearer ")))


def _can_be_sent_again(request: Any) -> bool:
    """Whether the body is at hand: it is in memory, or of files that begin anew. A generator is used up."""
    fields = getattr(request.stream, "fields", None)
    if fields is not None:
        return all(_begins_anew(getattr(one, "file", b"")) for one in fields)
    return isinstance(request.stream, tuple(module.ByteStream for module in _libraries()))


def _begins_anew(file: Any) -> bool:
    return isinstance(file, str | bytes) or (hasattr(file, "seekable") and file.seekable())
