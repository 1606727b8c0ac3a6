"""Whether this data center may still act on what it knows of another one's apps (T113).

An app that was disabled or deleted at home must not win new people abroad while the news can't get through.
So who has not heard from an app's home for a day starts nothing new for it; what people allowed before goes
on.
"""

from typing import Final

from grantline.datacenters.data_center import DataCenters
from grantline.datacenters.known import find_heard_at
from grantline.db import Database
from grantline.oauth.errors import TemporarilyUnavailable

SILENT_SECONDS: Final = 24 * 3600
RETRY_SECONDS: Final = 600


async def check_heard(db: Database, centers: DataCenters, code: str, now: int) -> None:
    """Refuse something new for an app of the data center `code`, if that was silent for a day. Asks nothing
    for one of this data center. Raises TemporarilyUnavailable."""
    if centers.find(code) is None:  # home; an app of one that is not listed is unknown already
        return
    heard_at = await find_heard_at(db, code)
    if heard_at is None or heard_at < now - SILENT_SECONDS:
        raise TemporarilyUnavailable("home_not_heard", retry_after=RETRY_SECONDS)
