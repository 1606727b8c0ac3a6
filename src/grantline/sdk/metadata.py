"""The authorization server, known by its issuer alone: endpoints and data centers out of its metadata."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from grantline.oauth.metadata import authorization_server_metadata_url, openid_configuration_url
from grantline.sdk.effects import Flow, Reply, Send
from grantline.sdk.errors import Unreachable

MOST_BYTES: Final = 256 * 1024
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Server:
    """One authorization server. Endpoints that it does not have are empty."""

    issuer: str
    token_endpoint: str
    authorization_endpoint: str = ""
    device_authorization_endpoint: str = ""
    revocation_endpoint: str = ""
    userinfo_endpoint: str = ""
    jwks_uri: str = ""
    dc_info: str = ""
    """Where its list of data centers is; empty: it has none."""
    says_iss: bool = False
    """Whether its callbacks always carry `iss` (RFC 9207)."""


@dataclass(frozen=True, slots=True)
class DataCenters:
    """The data centers that one server lists: the only ones that anything is sent to (T110)."""

    home: str
    """Issuer of the server that was asked."""
    issuers: Mapping[str, str] = field(default_factory=dict)
    """By location, as `us`."""
    api_domains: Mapping[str, str] = field(default_factory=dict)

    def find(self, location: str) -> str | None:
        """The issuer of a location."""
        return self.issuers.get(location)

    def lists(self, issuer: str) -> bool:
        """Whether this issuer is one of them."""
        return issuer == self.home or issuer in self.issuers.values()


def check_address(url: str, what: str) -> str:
    """The address, if it is https, or http on this machine. Raises ValueError. A browser reads a backslash as
    a slash, and a terminal obeys what can't be printed."""
    parts = urlsplit(url)
    if not url.isprintable() or "\\" in url or " " in url:
        raise ValueError(f"The {what} has signs that no address has.")
    plain = parts.scheme == "http" and parts.hostname in LOOPBACK
    if (parts.scheme != "https" and not plain) or not parts.hostname or parts.username or parts.fragment:
        raise ValueError(f"The {what} must be https://…, or http://127.0.0.1:… on this machine.")
    return url


def discover(issuer: str) -> Flow[Server]:
    """The server of this issuer (RFC 8414 §3, OpenID Connect Discovery §4). Raises Unreachable."""
    check_address(issuer, "issuer")
    status = 0
    for url in (authorization_server_metadata_url(issuer), openid_configuration_url(issuer)):
        reply: Reply = yield Send("GET", url)
        if reply.status == 200:
            return _read(issuer, members_of(reply, url))
        status = reply.status
    raise Unreachable(
        f"{issuer} has no metadata (answered {status}).",
        fix="Check the issuer: it is the accounts address, without a path or a / at the end.",
    )


def _read(issuer: str, members: Mapping[str, Any]) -> Server:
    if members.get("issuer") != issuer:  # RFC 8414 §3.3
        raise Unreachable(
            f"{issuer} says that it is another issuer.",
            fix="Use the issuer to the letter, as it calls itself.",
        )
    found: dict[str, str] = {}
    for name in (
        "token_endpoint",
        "authorization_endpoint",
        "device_authorization_endpoint",
        "revocation_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "dc_info",
    ):
        value = members.get(name, "")
        try:
            found[name] = check_address(value, name) if value else ""
        except (ValueError, TypeError, AttributeError):
            raise Unreachable(f"The metadata of {issuer} has a {name} that can't be used.") from None
    if not found["token_endpoint"]:
        raise Unreachable(f"The metadata of {issuer} names no token endpoint.")
    says_iss = members.get("authorization_response_iss_parameter_supported") is True
    return Server(issuer=issuer, says_iss=says_iss, **found)


def find_data_centers(server: Server) -> Flow[DataCenters]:
    """The list of data centers; the server alone where it has none. Raises Unreachable."""
    if not server.dc_info:
        return DataCenters(server.issuer)
    reply: Reply = yield Send("GET", server.dc_info)
    members = members_of(reply, server.dc_info) if reply.status == 200 else {}
    issuers, domains = members.get("locations"), members.get("api_domains")
    return DataCenters(server.issuer, _addresses(issuers), _addresses(domains))


def _addresses(value: Any) -> Mapping[str, str]:
    """Those entries that can be used."""
    found: dict[str, str] = {}
    for code, address in value.items() if isinstance(value, dict) else ():
        try:
            found[str(code)] = check_address(address, "address").removesuffix("/")
        except (ValueError, TypeError, AttributeError):
            continue
    return found


def members_of(reply: Reply, url: str) -> Mapping[str, Any]:
    """The JSON object of an answer. Raises Unreachable."""
    try:
        members = json.loads(reply.body) if len(reply.body) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        raise Unreachable(f"{url} answered {reply.status} with something that is not JSON.")
    return members
