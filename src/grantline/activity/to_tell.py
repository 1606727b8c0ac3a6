"""What was refused here to apps of other data centers, added up until their homes have been told.

What is told are a code, an endpoint, instants, a count and a request id: nothing that was received, and
nothing of people. Anybody can invent an app's id, so only so many rows are begun for ids that are not known
here; a row goes as soon as the home says that it knows no such app.
"""

from collections.abc import Collection, Sequence
from typing import Final

from grantline.activity.causes import Cause
from grantline.activity.entries import Entry
from grantline.db import Database, Transaction

MOST_UNCONFIRMED: Final = 1000
"""Rows that no home has confirmed yet: more are not begun for ids that are not known here."""
AGAIN_SECONDS: Final = 30
"""What goes on is told again after this; what is new is told at once."""
PUT_OFF_SECONDS: Final = 3600
_APP: Final = "glc_"
_GROW: Final = (
    "count = causes_to_tell.count + $1, last_at = CASE WHEN $2 > causes_to_tell.last_at THEN $2"
    " ELSE causes_to_tell.last_at END, last_id = CASE WHEN $2 >= causes_to_tell.last_at THEN $3"
    " ELSE causes_to_tell.last_id END, due_at = COALESCE(causes_to_tell.due_at, $4)"
)
_AND_MORE: Final = (
    f"UPDATE causes_to_tell SET {_GROW} WHERE client_id = $5 AND code = $6 AND endpoint = $7 AND proven = $8"
)
_BEGIN: Final = (
    "INSERT INTO causes_to_tell (count, last_at, last_id, client_id, code, endpoint, proven, data_center,"
    " error, first_at, told_count, due_at) VALUES ($1, $2, $3, $5, $6, $7, $8, $9, $10, $11, 0, $11)"
    f" ON CONFLICT (client_id, code, endpoint, proven) DO UPDATE SET {_GROW}"
)
_Key = tuple[str, str, str, bool]


async def count_to_tell(tx: Transaction, entries: Sequence[Entry], home: str) -> None:
    """Count those of the entries, just written, that concern apps of other data centers than `home`."""
    groups: dict[_Key, list[Entry]] = {}
    for entry in entries:
        app = entry.client_id or entry.app_elsewhere
        if app.startswith(_APP) and _home_of(app) != home:
            groups.setdefault((app, entry.code, entry.endpoint, entry.proven), []).append(entry)
    if not groups:
        return
    row = await tx.one("SELECT COUNT(*) FROM causes_to_tell WHERE told_count = 0")
    room = MOST_UNCONFIRMED - (row[0] if row is not None else 0)
    # In one order everywhere: two nodes that count the same must not wait for each other in a circle.
    for key, those in sorted(groups.items()):
        newest = max(reversed(those), key=lambda entry: entry.at)
        first_at = min(entry.at for entry in those)
        grown = (len(those), newest.at, newest.id, newest.at + AGAIN_SECONDS, *key[:3], int(key[3]))
        if newest.client_id or room > 0:
            await tx.run(_BEGIN, *grown, _home_of(key[0]), newest.error, first_at)
            room -= not newest.client_id
        else:
            await tx.run(_AND_MORE, *grown)


def _home_of(app: str) -> str:
    """The code of the data center that the id of an app names."""
    return app[len(_APP) :].partition("_")[0]


async def list_to_tell(db: Database, data_center: str, now: int, *, limit: int) -> Sequence[Cause]:
    """What this data center is to be told now."""
    rows = await db.all(
        "SELECT client_id, proven, code, error, first_at, last_at, last_id, count, endpoint"
        " FROM causes_to_tell WHERE data_center = $1 AND due_at <= $2"
        " ORDER BY due_at, client_id, code, endpoint, proven LIMIT $3",
        data_center,
        now,
        limit,
    )
    return [
        Cause(row[0], bool(row[1]), row[2], row[3], row[4], row[5], row[6], row[7], endpoint=row[8])
        for row in rows
    ]


async def note_causes_told(
    tx: Transaction, told: Sequence[Cause], unknown: Collection[str], now: int
) -> None:
    """These were taken; of the apps in `unknown` their home knows nothing, so nothing is kept of them."""
    for cause in sorted(told, key=_key):
        if cause.client_id in unknown:
            await tx.run("DELETE FROM causes_to_tell WHERE client_id = $1", cause.client_id)
        else:
            await tx.run(
                "UPDATE causes_to_tell SET due_at = CASE WHEN count > $1 THEN CAST($2 AS BIGINT) END,"
                " told_count = CASE WHEN told_count < $1 THEN $1 ELSE told_count END"
                " WHERE client_id = $3 AND code = $4 AND endpoint = $5 AND proven = $6",
                cause.count,
                now + AGAIN_SECONDS,
                *_key(cause)[:3],
                int(cause.proven),
            )


async def put_off_telling(db: Database, data_center: str, now: int) -> None:
    """The data center would not take what was due: tell it later."""
    await db.run(
        "UPDATE causes_to_tell SET due_at = $1 WHERE data_center = $2 AND due_at <= $3",
        now + PUT_OFF_SECONDS,
        data_center,
        now,
    )


def _key(cause: Cause) -> _Key:
    return cause.client_id, cause.code, cause.endpoint, cause.proven
