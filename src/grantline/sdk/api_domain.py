"""Where the person's data is. The server says it with a token; it is believed only where its list of data
centers has the address too, so that no answer steers a token elsewhere (T110)."""

from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from grantline.sdk.effects import Flow, Put
from grantline.sdk.errors import AddressRefused
from grantline.sdk.metadata import LOOPBACK, DataCenters, check_address, find_data_centers
from grantline.sdk.renewing import Grant, find_server, read
from grantline.sdk.vendor import known_centers

NAME_IT: Final = "Name the address in the app: api_domain=…, or session.auth_for(…) for one API."


def find_api_domain(grant: Grant) -> Flow[str]:
    """The address of the APIs; empty while no answer has said one. An app that names it is not contradicted.
    Raises AddressRefused, Unreachable."""
    if grant.api_domain:
        return grant.api_domain.removesuffix("/")
    record = yield from read(grant)
    told = record.told_api_domain
    if not told:
        return record.api_domain
    issuer = grant.key.issuer
    centers = known_centers(issuer)
    if centers is None:
        centers = yield from find_data_centers((yield from find_server(grant)))
    if fits(told, issuer, centers):
        yield Put(grant.key.text, replace(record, api_domain=told, told_api_domain=""), record.version)
        return told
    if record.api_domain:
        return record.api_domain
    raise AddressRefused(
        f"{issuer} names {told} for its APIs, which its list of data centers does not have.", fix=NAME_IT
    )


def fits(told: str, issuer: str, centers: DataCenters) -> bool:
    """Whether an address is one of the data centers' APIs; where the server lists none, whether it is at the
    server's own site."""
    try:
        check_address(told, "address")
    except ValueError:
        return False
    if centers.api_domains:
        return told in centers.api_domains.values()
    here, there = urlsplit(issuer).hostname or "", urlsplit(told).hostname or ""
    if here in LOOPBACK or there in LOOPBACK:
        return here in LOOPBACK and there in LOOPBACK
    site = _site(here)
    return there == here or (bool(site) and there.endswith(f".{site}"))


def _site(host: str) -> str:
    """What hosts of one owner have in common, as `example.com`: rather one label too many, as where co.uk is
    everybody's. Empty for a number."""
    labels = host.split(".")
    if ":" in host or labels[-1][:1] in "0123456789":
        return ""
    shared = len(labels[-1]) == 2 and len(labels) > 1 and len(labels[-2]) <= 3
    count = 3 if shared else 2
    return ".".join(labels[-count:]) if len(labels) >= count else ""
