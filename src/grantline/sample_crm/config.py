"""What the sample CRM must be told before it can run, and what it tells the kit."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from grantline.resource_server import Introspection, ProtectedResource, Wire
from grantline.sample_crm.refusals import REALM


@dataclass(frozen=True, slots=True)
class CrmConfig:
    """Where the authorization server is, who we are to it, and where the records are kept.

    `issuer`: the data center's address without a slash at its end. `client_id`, `client_secret`: as printed
    by `grantline api create`. `identifier`: this API's own address, the audience that every token must name
    (RFC 9700 §4.10.2). `database`: the SQLite file, made when it is missing.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    identifier: str
    database: Path | str

    def __post_init__(self) -> None:
        """Refuse an API without an audience of its own: it would take tokens meant for others."""
        for name in ("issuer", "client_id", "client_secret", "identifier"):
            if not getattr(self, name):
                raise ValueError(f"the sample CRM needs its {name}")


def resource_of(
    config: CrmConfig, clock: Callable[[], float], transport: httpx2.AsyncBaseTransport | None
) -> ProtectedResource:
    """The CRM as the kit protects it: every token is asked about with every call, and refusals come in the
    envelope that the vendor's SDKs read."""
    return ProtectedResource(
        resource=config.identifier,
        issuer=config.issuer,
        check=Introspection(config.client_id, config.client_secret),
        organization_header="X-CRM-ORG",
        vendor_bodies=True,
        realm=REALM,
        name="Sample CRM",
        clock=clock,
        wire=Wire(transport=transport),
    )
