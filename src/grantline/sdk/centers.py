"""What an app knows of its servers: the metadata of each, and the data centers that its home lists.

Nothing is ever sent to a server only because an answer names it: it must be the home that the app names, or
be in the home's list (T110).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from grantline.sdk.effects import Flow
from grantline.sdk.metadata import DataCenters, Server, discover, find_data_centers
from grantline.sdk.vendor import known_centers

SERVER_SECONDS: Final = 3600.0
CENTERS_SECONDS: Final = 300.0
SOON_SECONDS: Final = 60.0
"""How soon a list is fetched again because it lacks something."""


@dataclass(slots=True)
class Known:
    """Servers and lists of one app, for some time. `now` is this machine's clock."""

    home: str
    now: Callable[[], float]
    _servers: dict[str, tuple[float, Server]] = field(default_factory=dict)
    _centers: tuple[float, DataCenters] | None = None

    def server(self, issuer: str) -> Flow[Server]:
        """The server of an issuer that the caller trusts. Raises Unreachable."""
        found = self.remembered(issuer)
        if found is None:
            found = yield from discover(issuer)
            self._servers[issuer] = self.now(), found
        return found

    def remembered(self, issuer: str) -> Server | None:
        """The server, if it was asked for lately."""
        at, found = self._servers.get(issuer, (0.0, None))
        return found if found is not None and self.now() - at <= SERVER_SECONDS else None

    def centers(self, *, but_lacks: bool = False) -> Flow[DataCenters]:
        """The home's list. `but_lacks`: something that should be in it is not, so that an old one is fetched
        again. Raises Unreachable."""
        if self._centers is not None:
            at, found = self._centers
            if self.now() - at <= (SOON_SECONDS if but_lacks else CENTERS_SECONDS):
                return found
        centers = known_centers(self.home)
        if centers is None:
            centers = yield from find_data_centers((yield from self.server(self.home)))
        self._centers = self.now(), centers
        return centers

    def find(self, issuer: str = "", location: str = "") -> Flow[str | None]:
        """The listed issuer that is this one to the letter, or has this location; None if none is."""
        for again in (False, True):
            if issuer == self.home:
                return issuer
            centers = yield from self.centers(but_lacks=again)
            found = (issuer if centers.lists(issuer) else None) if issuer else centers.find(location)
            if found is not None:
                return found
        return None
