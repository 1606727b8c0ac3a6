"""Who is on the other end: the address that limits and logs go by, and whether the way was https (T67,
T68)."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Peer:
    """The sender of a request."""

    address: str
    """For logs and pages."""
    network: str | None
    """What limits are keyed by: an IPv4 address or an IPv6 /64. None for loopback and trusted proxies, which
    aren't limited."""
    https: bool

    @property
    def shown(self) -> str:
        """The network, or the address where nothing is limited."""
        return self.network or self.address


def find_peer(
    client: str | None,
    scheme: str,
    forwarded_for: str | None,
    forwarded_proto: str | None,
    proxies: tuple[Network, ...],
) -> Peer:
    """The peer of a request: forwarded headers count only when the connection itself comes from a trusted
    proxy."""
    address = _parse(client or "")
    if address is None:
        return Peer("unknown", "unknown", scheme == "https")
    https = scheme == "https"
    if _trusted(address, proxies):
        if forwarded_proto is not None:
            https = forwarded_proto.rpartition(",")[2].strip() == "https"
        for text in reversed((forwarded_for or "").split(",")):
            if not text.strip():
                continue
            hop = _parse(text.strip())
            if hop is None:
                break  # whatever that is, it names nobody: the proxy counts
            address = hop
            if not _trusted(hop, proxies):
                return Peer(str(hop), _key(hop), https)
        return Peer(str(address), None, https)
    return Peer(str(address), None if address.is_loopback else _key(address), https)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _trusted(address: IPv4Address | IPv6Address, proxies: tuple[Network, ...]) -> bool:
    return any(address in proxy for proxy in proxies)


def _key(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address)
