"""Changing a client from one of its pages: what others changed meanwhile stays, and the audit knows all."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Final

from starlette.exceptions import HTTPException

from grantline.clients import Client, Registration, find_client, registration_of, update_client
from grantline.web.console.changes import record_change
from grantline.web.console.place import Place
from grantline.web.visit import Visit

_MOST_TRIES: Final = 5


async def change_client(
    visit: Visit, place: Place, client: Client, asked_of: Callable[[Registration], Registration]
) -> Client:
    """The client with what `asked_of` makes of its registration, read anew if somebody else was faster.

    Raises RegistrationRefused; 404 when it was deleted meanwhile.
    """
    db = visit.server.db
    for _try in range(_MOST_TRIES):
        before = registration_of(client)
        asked = asked_of(before)
        if asked == before:
            return client
        try:
            changed = await update_client(db, client, asked, visit.now, only_this_version=True)
        except LookupError:
            found = await find_client(db, client.id)
            if found is None:
                raise HTTPException(404) from None
            client = found
            continue
        after = registration_of(changed)
        await record_change(
            db, visit, place, "client.updated", client=client, before=asdict(before), after=asdict(after)
        )
        return changed
    raise HTTPException(503)
