"""Causes: what was refused to an app away from its home is told to its home, whose console shows it to the
app's owner (R84, R88).

A cause is a code of the catalogue, an endpoint, instants, a count and the newest request id: nothing that was
received, no network and nobody's account. Counts are totals, so a message that comes twice counts nothing
twice. The home answers which apps it does not know, and nothing more is kept or told of these.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from grantline.activity import (
    Cause,
    list_to_tell,
    note_causes_told,
    put_off_telling,
    store_elsewhere,
)
from grantline.crossing.sending import NotTaken, Sender
from grantline.datacenters import DataCenter, Message, MessageRefused
from grantline.db import Transaction, placeholders
from grantline.opaque import CLIENT_ID, recognise
from grantline.tokens import Mint

IN_ONE_MESSAGE: Final = 200
MESSAGES_IN_A_ROUND: Final = 5
_WORD: Final = re.compile(r"[a-z][a-z0-9_]{1,60}")
_ENDPOINT: Final = re.compile(r"[a-z0-9/._-]{1,80}")
_REQUEST: Final = re.compile(r"[\w.:-]{1,60}", re.ASCII)
_TEXTS: Final = (("code", _WORD), ("error", _WORD), ("endpoint", _ENDPOINT), ("last_id", _REQUEST))
_NUMBERS: Final = ("first_at", "last_at", "count")
_LARGEST: Final = 2**53
_AHEAD_SECONDS: Final = 300


async def tell_causes(mint: Mint, sender: Sender, center: DataCenter, now: int) -> None:
    """An errand: tell a data center what was refused here to its apps. Raises Unreachable."""
    for _ in range(MESSAGES_IN_A_ROUND):
        waiting = await list_to_tell(mint.db, center.code, now, limit=IN_ONE_MESSAGE)
        if not waiting:
            return
        try:
            answer = await sender.send(center, "causes", {"causes": [_members(cause) for cause in waiting]})
        except NotTaken:
            await put_off_telling(mint.db, center.code, now)
            return
        said = answer.get("unknown")
        unknown = {str(one) for one in said} if isinstance(said, list) else set()
        async with mint.db.transaction() as tx:
            await note_causes_told(tx, waiting, unknown, now)


def _members(cause: Cause) -> Mapping[str, object]:
    return {
        "client_id": cause.client_id,
        "code": cause.code,
        "error": cause.error,
        "endpoint": cause.endpoint,
        "proven": cause.proven,
        "first_at": cause.first_at,
        "last_at": cause.last_at,
        "last_id": cause.last_id,
        "count": cause.count,
    }


async def take_causes(mint: Mint, tx: Transaction, message: Message, now: int) -> Mapping[str, Any]:
    """What another data center refused to our apps. Raises MessageRefused."""
    told = message.body.get("causes")
    if not isinstance(told, list) or len(told) > IN_ONE_MESSAGE:
        raise MessageRefused("no list of causes", message.sender.code)
    causes = [_read(members, message, now) for members in told]
    named = sorted({cause.client_id for cause in causes if _names_home(cause.client_id, mint.home.code)})
    own: list[str] = []
    if named:
        rows = await tx.all(
            "SELECT id FROM clients WHERE deleted_at IS NULL AND trial_of = ''"
            f" AND id IN ({placeholders(1, len(named))})",
            *named,
        )
        own = [row[0] for row in rows]
    await store_elsewhere(tx, message.sender.code, causes, own=own)
    return {"unknown": sorted({cause.client_id for cause in causes}.difference(own))}


def _names_home(client_id: str, home: str) -> bool:
    recognised = recognise(client_id)
    return recognised is not None and recognised.kind == CLIENT_ID and recognised.data_center == home


def _read(members: Any, message: Message, now: int) -> Cause:
    """One cause, if it has the form of one. Raises MessageRefused."""
    refusal = MessageRefused("a malformed cause", message.sender.code)
    if not isinstance(members, dict) or not isinstance(members.get("client_id"), str):
        raise refusal
    for name, form in _TEXTS:
        if not isinstance(members.get(name), str) or not form.fullmatch(members[name]):
            raise refusal
    if any(type(members.get(name)) is not int or not 0 < members[name] < _LARGEST for name in _NUMBERS):
        raise refusal
    if not members["first_at"] <= members["last_at"] <= now + _AHEAD_SECONDS:
        raise refusal
    return Cause(
        members["client_id"][:100],
        members.get("proven") is True,
        members["code"],
        members["error"],
        members["first_at"],
        members["last_at"],
        members["last_id"],
        members["count"],
        endpoint=members["endpoint"],
    )
