"""HTTP clients of httpx2 that begin at a session's `api_domain` and carry its token."""

import weakref
from collections.abc import Awaitable, Callable
from typing import Any, Final

from grantline.sdk.driving import TRUST

SECONDS: Final = 30.0
CONNECT_SECONDS: Final = 10.0
NOWHERE: Final = "api-domain.invalid"
"""Stands for an address that is not known yet (RFC 6761 §6.4)."""


class Clients:
    """Those that one session gave out: they end with it, if they did not before."""

    def __init__(self) -> None:
        self._sync: weakref.WeakSet[Any] = weakref.WeakSet()
        self._async: weakref.WeakSet[Any] = weakref.WeakSet()

    def open(self, address: str, path: str, auth: Any, options: dict[str, Any]) -> Any:
        """A Client."""
        import httpx2

        client = httpx2.Client(base_url=_join(address, path), auth=auth, **_sane(options))
        self._sync.add(client)
        return client

    def aopen(
        self,
        find: Callable[[], Awaitable[str]],
        path: str,
        auth: Any,
        options: dict[str, Any],
    ) -> Any:
        """An AsyncClient, whose address is found when it is needed."""
        client = late_client(find, path, auth, options)
        self._async.add(client)
        return client

    def close(self) -> None:
        """End those for threads."""
        for client in tuple(self._sync):
            client.close()
        self._sync.clear()

    async def aclose(self) -> None:
        """End them all."""
        self.close()
        for client in tuple(self._async):
            await client.aclose()
        self._async.clear()


def late_client(find: Callable[[], Awaitable[str]], path: str, auth: Any, options: dict[str, Any]) -> Any:
    """An AsyncClient that asks for its address with the first request: until then it is nobody's."""
    import httpx2

    class LateClient(httpx2.AsyncClient):
        async def send(self, request: httpx2.Request, **sending: Any) -> httpx2.Response:
            """See AsyncClient."""
            if request.url.host == NOWHERE:
                address = await find()
                there = httpx2.URL(address)
                on = there.raw_path.rstrip(b"/") + request.url.raw_path
                request.url = there.copy_with(raw_path=on)
                request.headers["Host"] = there.netloc.decode("ascii")
                self.base_url = httpx2.URL(_join(address, path))
            return await super().send(request, **sending)

    return LateClient(base_url=_join(f"https://{NOWHERE}", path), auth=auth, **_sane(options))


def _join(address: str, path: str) -> str:
    return f"{address}/{path.lstrip('/')}" if path else address


def _sane(options: dict[str, Any]) -> dict[str, Any]:
    import httpx2

    trust = {} if "transport" in options else TRUST.options()
    return {"timeout": httpx2.Timeout(SECONDS, connect=CONNECT_SECONDS), **trust, **options}
