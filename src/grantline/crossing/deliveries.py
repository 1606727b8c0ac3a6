"""The errand that sends what changed of our apps, until each data center has confirmed it."""

from collections.abc import Mapping
from typing import Any, Final

import structlog

from grantline.audit import record_event
from grantline.clients import (
    ANOTHER,
    STALE,
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
from grantline.crossing.definitions import KIND, render_definition
from grantline.crossing.sending import NotTaken, Sender, Unreachable
from grantline.datacenters import DataCenter
from grantline.tokens import Mint

AT_ONCE: Final = 20
"""So many are looked up at a time, so that what is urgent waits for no more than these."""
MOST_IN_A_ROUND: Final = 400


async def deliver_definitions(mint: Mint, sender: Sender, center: DataCenter, now: int) -> None:
    """Send what is due for one data center. Raises Unreachable; what was taken is due again then."""
    left, raised = MOST_IN_A_ROUND, set[str]()
    while left > 0 and (due := await list_due(mint.db, center.code, now, limit=AT_ONCE)):
        for delivery in due:
            left -= 1
            if await take_delivery(mint.db, delivery, now):
                await _deliver(mint, sender, center, delivery, raised, now)


async def _deliver(
    mint: Mint, sender: Sender, center: DataCenter, delivery: Delivery, raised: set[str], now: int
) -> None:
    definition = await load_definition(mint.db, delivery.client_id, center.code)
    if definition is None:
        return
    try:
        answer = await sender.send(center, KIND, render_definition(definition))
    except Unreachable:
        await put_back(mint.db, delivery, now)
        raise
    except NotTaken as refused:
        structlog.get_logger().warning(
            "app not taken", to=center.code, client=definition.id, why=refused.reason
        )
        await note_refusal(mint.db, definition.id, center.code, definition.version, refused.reason, now)
        return
    await _settle(mint, center, definition, answer, raised, now)


async def _settle(
    mint: Mint,
    center: DataCenter,
    definition: Definition,
    answer: Mapping[str, Any],
    raised: set[str],
    now: int,
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
        if definition.id not in raised:  # once: one that always has a newer version is not run after
            raised.add(definition.id)
            await go_above(mint, definition.id, center.code, present, now)
            return
    await note_refusal(mint.db, definition.id, center.code, definition.version, str(reason), now)


async def go_above(mint: Mint, client_id: str, code: str, present: int, now: int) -> None:
    """Go on above a version of ours that we do not know, which tells of a restored backup; if it is too far
    away, only say so."""
    async with mint.db.transaction() as tx:
        if await go_on_above(tx, client_id, present, now):
            detail = {"data_center": code, "present": present}
            await record_event(tx, "client.version_raised", now=now, client_id=client_id, detail=detail)
            return
    await note_refusal(mint.db, client_id, code, present, STALE, now)
