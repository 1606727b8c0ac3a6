"""Telling an app that its job has ended: one POST to the address that it gave, which is not trusted (T104).

The address is https and its name stands for public computers alone; the connection goes to the address that
was looked at, so a name that changes its mind in between gains nothing. Where the API itself runs on this
computer over plain HTTP, as in the demo, an address on this computer is taken too. Redirects are not
followed, the answer is not read, and all of it takes at most ten seconds.
"""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpx2

from grantline.sample_crm.refusals import Refusal

LOG: Final = logging.getLogger(__name__)
SECONDS: Final = 10.0
LONGEST: Final = 2_000
_HERE: Final = ("127.0.0.1", "localhost", "::1")
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]


class NotAllowed(Exception):
    """An address that is not called; the sentence says why."""


async def resolve(host: str, port: int) -> Sequence[Address]:
    """The addresses that a name stands for."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]


class Callbacks:
    """Checks and calls the addresses of apps. `identifier` and `issuer` are never called themselves."""

    def __init__(
        self,
        identifier: str,
        issuer: str,
        resolve: Resolve = resolve,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        own = urlsplit(identifier)
        self._is_demo = own.scheme == "http" and own.hostname in _HERE
        self._own = {_place(own), _place(urlsplit(issuer))}
        self._resolve = resolve
        self._transport = transport
        self._client: httpx2.AsyncClient | None = None

    def check(self, url: str) -> None:
        """Refuse an address that cannot be called, as far as its text tells. Raises NotAllowed."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise NotAllowed("The callback's address cannot be read.") from None
        plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
        if not plain or len(url) > LONGEST or not parts.hostname or port == 0:
            raise NotAllowed(f"The callback's address is a URL of at most {LONGEST} plain characters.")
        if "@" in parts.netloc or "#" in url:
            raise NotAllowed("The callback's address holds no password and no fragment.")
        if self._is_demo and parts.scheme in ("http", "https") and parts.hostname in _HERE:
            if _place(parts) in self._own:
                raise NotAllowed("The callback's address is one of ours.")
            return
        if parts.scheme != "https" or not (port in (None, 443) or port >= 1024):
            raise NotAllowed("The callback's address begins with https, at port 443 or from 1024 on.")

    async def deliver(self, url: str, body: bytes) -> bool:
        """POST the body there; True when the answer was a good one (2xx)."""
        parts = urlsplit(url)
        try:
            self.check(url)
            async with asyncio.timeout(SECONDS):
                address = await self._find_address(parts)
                host = f"[{address}]" if address.version == 6 else str(address)
                there = parts._replace(netloc=f"{host}:{_port(parts)}").geturl()
                headers = {"Host": parts.netloc, "Content-Type": "application/json;charset=UTF-8"}
                extensions = {"sni_hostname": parts.hostname}
                client = self._open_client()
                request = client.build_request(
                    "POST", there, content=body, headers=headers, extensions=extensions
                )
                answer = await client.send(request, stream=True)
                await answer.aclose()
                return 200 <= answer.status_code < 300
        except (
            NotAllowed,
            TimeoutError,
            OSError,
            ValueError,
            httpx2.HTTPError,
            httpx2.InvalidURL,
        ) as problem:
            LOG.info("callback to %s: %s", parts.hostname, type(problem).__name__)
            return False

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    def _open_client(self) -> httpx2.AsyncClient:
        """Made for the first callback, because reading the certificates of the world takes a while."""
        if self._client is None:
            self._client = httpx2.AsyncClient(
                transport=self._transport,
                timeout=SECONDS,
                follow_redirects=False,
                trust_env=False,
                limits=httpx2.Limits(max_connections=8, max_keepalive_connections=0),
            )
        return self._client

    async def _find_address(self, parts: SplitResult) -> Address:
        host = parts.hostname or ""
        found = await self._resolve(host, _port(parts))
        if not found:
            raise NotAllowed("The name is unknown.")
        here = self._is_demo and host in _HERE
        if not all(one.is_loopback if here else _is_public(one) for one in found):
            raise NotAllowed("The name stands for a computer that is not public.")
        return found[0]


def _is_public(address: Address) -> bool:
    """Whether anybody on the internet could call it; addresses inside addresses count as what is inside."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _place(parts: SplitResult) -> tuple[str, int]:
    return ("here" if parts.hostname in _HERE else parts.hostname or ""), _port(parts)


def callback_refused(problem: NotAllowed) -> Refusal:
    """400 for a job with such a callback."""
    return Refusal(400, "INVALID_CALLBACK_URL", str(problem), {"api_name": "url"})
