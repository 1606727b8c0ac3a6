"""What the sample CRM must be told before it can run."""

from dataclasses import dataclass, field
from pathlib import Path


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
