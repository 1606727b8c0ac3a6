"""Networks as subjects of limits: an IPv6 /64 is one line of a provider, a /48 one of its customers (T68)."""

from ipaddress import IPv6Network, ip_network
from typing import Final

WIDER_TIMES: Final = 8
"""What counts are multiplied with for a /48."""


def wider_network(network: str) -> str | None:
    """The /48 around an IPv6 /64; None for an IPv4 address and anything else."""
    if not network.endswith("/64"):
        return None
    found = ip_network(network)
    return str(found.supernet(new_prefix=48)) if isinstance(found, IPv6Network) else None
