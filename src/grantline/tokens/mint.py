"""The mint: what every flow needs at hand to issue, find and judge tokens in one data center."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from grantline.activity import Recorder
from grantline.clients import ClientMemory
from grantline.datacenters import DataCenter, DataCenters
from grantline.db import Database
from grantline.keys import Keyring
from grantline.limits import Limiter
from grantline.scopes import Catalog
from grantline.tokens.numbers import Numbers
from grantline.tokens.scope_sets import ScopeSets

LIVE_ACCESS_TOKENS: Final = 15
"""Live access tokens for each refresh token (B2): the next one ends the oldest."""
REFRESHES: Final = 10
"""Access tokens for each refresh token in REFRESH_SPAN_SECONDS (B2)."""
REFRESH_SPAN_SECONDS: Final = 600
LIVE_REFRESH_TOKENS: Final = 20
"""Refresh tokens for each person, client and organization (B3): the next one ends the oldest."""


async def _nothing_newer() -> bool:
    """A mint that lives for one command has what is there."""
    return False


LONGEST_ACCESS_TOKEN_SECONDS: Final = 3600


@dataclass(slots=True)
class Mint:
    """One data center's mint. `keyring` and `catalog` are replaced as a whole when they change."""

    db: Database
    data_centers: DataCenters
    keyring: Keyring
    catalog: Catalog
    scope_sets: ScopeSets
    limiter: Limiter
    recorder: Recorder
    access_token_seconds: int
    catch_up: Callable[[], Awaitable[bool]] = _nothing_newer
    """Takes up what other nodes changed; gives whether that was anything. Asked when a token names a key that
    is newer than ours."""
    clients: ClientMemory = field(default_factory=ClientMemory)
    numbers: Numbers = field(init=False)

    def __post_init__(self) -> None:
        self.numbers = Numbers(self.db)

    @property
    def home(self) -> DataCenter:
        """This data center."""
        return self.data_centers.home


def life_seconds(mint: Mint, audience: tuple[str, ...]) -> int:
    """How long access tokens for these live."""
    return mint.catalog.form_for(audience).seconds or mint.access_token_seconds
