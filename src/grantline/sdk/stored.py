"""The grants of an app that has one person at a time: on a device, or on a desktop."""

from collections.abc import Sequence

from grantline.sdk.driving import InThreads
from grantline.sdk.effects import Flow, Get
from grantline.sdk.record import Record
from grantline.sdk.session import Session
from grantline.sdk.setup import Setup


def newest_session(setup: Setup) -> Session | None:
    """The session that was used last and still works."""
    return setup.run(newest(setup, setup.store.keys()))


async def anewest_session(setup: Setup) -> Session | None:
    """The same, for tasks."""
    store = setup.async_store or InThreads(setup.store)
    return await setup.arun(newest(setup, await store.keys()))


def newest(setup: Setup, keys: Sequence[str]) -> Flow[Session | None]:
    """The grant of this app among these keys whose token was made last; one that is over does not count."""
    found: tuple[int, Record] | None = None
    for key in keys:
        record: Record | None = yield Get(key)
        if record is None or record.key.client_id != setup.app.client_id or record.ended:
            continue
        if setup.app.issuer not in (record.key.issuer, record.extra.get("home")):
            continue
        made = max((one.issued_at for one in record.access_tokens), default=0)
        if record.refresh_token is None and not _lives(setup, record):
            continue
        if found is None or made >= found[0]:
            found = made, record
    return setup.session(setup.grant(found[1].key)) if found is not None else None


def _lives(setup: Setup, record: Record) -> bool:
    return any(one.expires_at > setup.clock.now() for one in record.access_tokens)
