"""The slow check: what each data center has of the other's apps, compared every ten minutes.

Deliveries bring every change within a second. What they can't see is a database that was restored from a
backup, at either end. So home tells ids and versions, page by page, and the other side answers which of these
it has in another version, and what it has beside them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from grantline.clients import (
    CLIENT_TYPES,
    Definition,
    Wanted,
    adopt,
    find_import_versions,
    find_wanted,
    is_known,
    list_imports,
    list_wanted,
    queue_named,
    send_again,
)
from grantline.crossing.definitions import KIND, LARGEST_VERSION, render_definition
from grantline.crossing.deliveries import go_above
from grantline.crossing.sending import NotTaken, Sender, Unreachable
from grantline.datacenters import (
    DataCenter,
    Message,
    MessageRefused,
    claim_comparison,
    note_told,
    release_comparison,
    was_told,
)
from grantline.db import Transaction
from grantline.tokens import Mint

HELLO: Final = "hello"
COMPARE_SECONDS: Final = 600
"""A sign of life, and this check with it, at least this often."""
PAGE: Final = 500
MOST_PAGES: Final = 2000
_FIRST_TYPE: Final = next(kind for kind in CLIENT_TYPES.values() if kind.crosses)


async def compare_definitions(mint: Mint, sender: Sender, center: DataCenter, now: int) -> None:
    """Say hello, and compare. Raises Unreachable, NotTaken."""
    if not await claim_comparison(mint.db, center.code, now, COMPARE_SECONDS):
        return
    if not await was_told(mint.db, center.code):
        await queue_named(mint.db, center.code, now)
    try:
        await _compare(mint, sender, center, now)
    except (Unreachable, NotTaken):
        await release_comparison(mint.db, center.code)
        raise
    await note_told(mint.db, center.code, now, "")


async def _compare(mint: Mint, sender: Sender, center: DataCenter, now: int) -> None:
    told, seen, ours_end, theirs_end = "", "", False, False
    for _ in range(MOST_PAGES):
        if ours_end and theirs_end:
            break
        page: Sequence[Wanted] = []
        if not ours_end:
            page = await list_wanted(mint.db, center.code, after=told, limit=PAGE)
        versions = {one.client_id: one.wanted_version for one in page}
        answer = await sender.send(center, HELLO, {"clients": versions, "after": seen})
        await _mend(mint, center, versions, _versions(answer.get("differ")), now)
        theirs = _versions(answer.get("has"))
        if not theirs_end:
            await _adopt(mint, sender, center, theirs, now)
        ours_end = ours_end or len(page) < PAGE
        told = page[-1].client_id if page else told
        following = str(answer.get("next") or "")[:64]
        theirs_end = theirs_end or following in ("", seen)
        seen = seen if theirs_end else following


def _versions(value: Any) -> Mapping[str, int]:
    """Ids and versions out of what another data center sent, as far as they are that."""
    if not isinstance(value, dict) or len(value) > PAGE:
        return {}
    return {
        id: version
        for id, version in value.items()
        if len(id) <= 64
        and isinstance(version, int)
        and not isinstance(version, bool)
        and 0 <= version <= LARGEST_VERSION
    }


async def _mend(
    mint: Mint, center: DataCenter, told: Mapping[str, int], differ: Mapping[str, int], now: int
) -> None:
    """Send anew what the other side lacks or has older; go on above what it has newer."""
    wanted = await find_wanted(mint.db, center.code, [id for id in differ if id in told])
    for id, one in wanted.items():
        if differ[id] < one.wanted_version:
            await _send_again(mint, center, id, now)
        elif differ[id] > one.version:
            await go_above(mint, id, center.code, differ[id], now)


async def _send_again(mint: Mint, center: DataCenter, client_id: str, now: int) -> None:
    async with mint.db.transaction() as tx:
        await send_again(tx, client_id, center.code, now)


async def _adopt(mint: Mint, sender: Sender, center: DataCenter, theirs: Mapping[str, int], now: int) -> None:
    """Apps of ours that work there and should not: our database is older than they are."""
    wanted = await find_wanted(mint.db, center.code, list(theirs))
    for id in theirs.keys() - wanted.keys():
        async with mint.db.transaction() as tx:
            adopted = await adopt(tx, id, center.code)
        if adopted is not None and adopted > theirs[id]:
            await _send_again(mint, center, id, now)
        elif adopted is not None:
            await go_above(mint, id, center.code, theirs[id], now)
        elif not await is_known(mint.db, id):
            gone = Definition(id, _FIRST_TYPE, "off", theirs[id] + 1)
            await sender.send(center, KIND, render_definition(gone))


async def answer_hello(mint: Mint, tx: Transaction, message: Message, now: int) -> Mapping[str, Any]:
    """What is here of the sender's apps: versions that differ from those it told, and what is here beside
    them."""
    told, after = message.body.get("clients", {}), message.body.get("after", "")
    code = message.sender.code
    if not isinstance(told, dict) or len(told) > PAGE or not isinstance(after, str) or len(after) > 64:
        raise MessageRefused("not an inventory", code)
    present = await find_import_versions(tx, code, list(told))
    page = await list_imports(tx, code, after=after, limit=PAGE)
    return {
        "differ": {id: present.get(id, 0) for id, version in told.items() if present.get(id, 0) != version},
        "has": dict(page),
        "next": page[-1][0] if len(page) == PAGE else "",
    }
