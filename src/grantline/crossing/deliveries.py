"""The errand that sends what changed of our apps, until each data center has confirmed it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from grantline.audit import record_event
from grantline.clients import (
    Definition,
    Delivery,
    confirm_delivery,
    find_wanted,
    go_on_above,
    list_due,
    load_definition,
    note_refusal,
    put_back,
    take_delivery,
)
from grantline.crossing.definitions import ANOTHER, DELETED, KIND, RULES, STALE, TYPE, render_definition
from grantline.crossing.sending import NotTaken, Sender, Unreachable
from grantline.datacenters import DataCenter
from grantline.tokens import Mint

AT_ONCE: Final = 20
"""So many are looked up at a time, so that what is urgent waits for no more than these."""
MOST_IN_A_ROUND: Final = 400

PROBLEMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        DELETED: "It was deleted there and stays deleted.",
        RULES: "It breaks a rule of registration there.",
        TYPE: "It is there as another type.",
        ANOTHER: "It has another state of the same version.",
        STALE: "It has a version far above ours.",
    }
)
"""What the owner reads of a refusal, by the receiver's word for it."""
OTHERWISE: Final = "That data center refused the change."


async def deliver_definitions(mint: Mint, sender: Sender, center: DataCenter, now: int) -> None:
    """Send what is due for one data center. Raises Unreachable; what was taken is due again then."""
    left = MOST_IN_A_ROUND
    while left > 0 and (due := await list_due(mint.db, center.code, now, limit=AT_ONCE)):
        for delivery in due:
            left -= 1
            if await take_delivery(mint.db, delivery, now):
                await _deliver(mint, sender, center, delivery, now)


async def _deliver(mint: Mint, sender: Sender, center: DataCenter, delivery: Delivery, now: int) -> None:
    definition = await load_definition(mint.db, delivery.client_id, center.code)
    if definition is None:
        return
    try:
        answer = await sender.send(center, KIND, render_definition(definition))
    except Unreachable:
        await put_back(mint.db, delivery, now)
        raise
    except NotTaken as refused:
        problem = f"{OTHERWISE} ({refused.reason})"
        await note_refusal(mint.db, definition.id, center.code, definition.version, problem, now)
        return
    await _settle(mint, center, definition, answer, now)


async def _settle(
    mint: Mint, center: DataCenter, definition: Definition, answer: Mapping[str, Any], now: int
) -> None:
    reason, version = answer.get("refused"), answer.get("version")
    present = version if isinstance(version, int) and not isinstance(version, bool) else 0
    if not reason:
        await confirm_delivery(mint.db, definition.id, center.code, definition.version, now)
        return
    if reason in (STALE, ANOTHER):
        wanted = (await find_wanted(mint.db, center.code, [definition.id]))[definition.id]
        if definition.version <= present <= wanted.version and wanted.version > definition.version:
            if reason == STALE:  # a newer one of ours overtook this one
                await confirm_delivery(mint.db, definition.id, center.code, present, now)
            return
        await go_above(mint, definition.id, center.code, present, now)
        return
    problem = PROBLEMS.get(str(reason), OTHERWISE)
    await note_refusal(mint.db, definition.id, center.code, definition.version, problem, now)


async def go_above(mint: Mint, client_id: str, code: str, present: int, now: int) -> None:
    """Go on above a version of ours that we do not know, which tells of a restored backup; if it is too far
    away, only say so."""
    async with mint.db.transaction() as tx:
        if await go_on_above(tx, client_id, present, now):
            detail = {"data_center": code, "present": present}
            await record_event(tx, "client.version_raised", now=now, client_id=client_id, detail=detail)
            return
    await note_refusal(mint.db, client_id, code, present, PROBLEMS[STALE], now)
