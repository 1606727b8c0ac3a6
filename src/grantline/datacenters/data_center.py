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

    @property
    def name(self) -> str:
        """As people read it."""
        return self.code.upper()


@dataclass(frozen=True, slots=True)
class DataCenters:
    """The data centers known here; `home` is this one."""

    home: DataCenter
    others: tuple[DataCenter, ...] = ()

    @property
    def issuers(self) -> Mapping[str, str]:
        """Issuer by code, of the others."""
        return {center.code: center.issuer for center in self.others}

    def serverinfo(self) -> Mapping[str, object]:
        """The public list, in the shape that apps of the vendor's wire read (B6)."""
        centers = (self.home, *self.others)
        return {
            "result": "success",
            "locations": {center.code: center.issuer for center in centers},
            "api_domains": {center.code: center.api_domain for center in centers},
        }
