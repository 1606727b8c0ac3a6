"""The grants of an app that has one person at a time: on a device, on a desktop, on a command line."""

from collections.abc import Sequence
from typing import Final

from grantline.sdk.driving import InThreads
from grantline.sdk.effects import Flow, Get
from grantline.sdk.record import Record
from grantline.sdk.session import Session
from grantline.sdk.setup import Setup

OWN: Final = "own "
"""How the names of the grants begin that an app has as itself."""


def newest_session(setup: Setup) -> Session | None:
    """The session that was used last and still works."""
    return setup.run(_newest(setup, setup.store.keys()))


async def anewest_session(setup: Setup) -> Session | None:
    """The same, for tasks."""
    store = setup.async_store or InThreads(setup.store)
    return await setup.arun(_newest(setup, await store.keys()))


def grant_to_tell(setup: Setup) -> Record | None:
    """The grant that was used last; one that is over only where no other is."""
    found = setup.run(_grants(setup, setup.store.keys()))
    return max(found, key=lambda one: (_works(setup, one), _made(one)), default=None)


def _newest(setup: Setup, keys: Sequence[str]) -> Flow[Session | None]:
    found = [record for record in (yield from _grants(setup, keys)) if _works(setup, record)]
    newest = max(found, key=_made, default=None)
    return setup.session(setup.grant(newest.key)) if newest is not None else None


def _grants(setup: Setup, keys: Sequence[str]) -> Flow[list[Record]]:
    """The people's grants of this app, wherever its server sent them."""
    app, found = setup.app, []
    for key in keys:
        record: Record | None = yield Get(key)
        if record is None or record.key.client_id != app.client_id or record.key.name.startswith(OWN):
            continue
        if app.issuer in (record.key.issuer, record.extra.get("home")):
            found.append(record)
    return found


def _works(setup: Setup, record: Record) -> bool:
    lives = any(one.expires_at > setup.clock.now() for one in record.access_tokens)
    return not record.ended and (record.refresh_token is not None or lives)


def _made(record: Record) -> int:
    return max((one.issued_at for one in record.access_tokens), default=0)
