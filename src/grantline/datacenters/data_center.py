"""A data center, and the list of those that this one knows."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DataCenter:
    """Where a person's data lives and an app is registered."""

    code: str
    """Two to four small letters: part of every identifier, and `location` in answers."""
    issuer: str
    api_domain: str
    named: str = ""
    console_url: str = ""
    keys: tuple[str, ...] = ()
    """Public Ed25519 keys (the `x` of RFC 8037) that it signs messages to the others with."""

    @property
    def name(self) -> str:
        """As people read it."""
        return self.named or self.code.upper()

    @property
    def console(self) -> str:
        """Address of its API console."""
        return self.console_url or f"{self.issuer}/console"


@dataclass(frozen=True, slots=True)
class DataCenters:
    """The data centers known here; `home` is this one."""

    home: DataCenter
    others: tuple[DataCenter, ...] = ()

    @property
    def every(self) -> tuple[DataCenter, ...]:
        """All of them, this one first."""
        return (self.home, *self.others)

    @property
    def issuers(self) -> Mapping[str, str]:
        """Issuer by code, of the others."""
        return {center.code: center.issuer for center in self.others}

    def find(self, code: str) -> DataCenter | None:
        """The other data center of this code; None for this one and for unknown ones."""
        return {center.code: center for center in self.others}.get(code)

    def serverinfo(self) -> Mapping[str, object]:
        """The public list, in the shape that apps of the vendor's wire read (B6), and the names, consoles and
        public keys beside it."""
        return {
            "result": "success",
            "locations": {center.code: center.issuer for center in self.every},
            "names": {center.code: center.name for center in self.every},
            "consoles": {center.code: center.console for center in self.every},
            "api_domains": {center.code: center.api_domain for center in self.every},
            "keys": {center.code: list(center.keys) for center in self.every},
        }
