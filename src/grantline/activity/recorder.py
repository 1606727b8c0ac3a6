"""The recorder: failures are told after the answer, in batches, so that an error costs its sender's app no
wait."""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import Final

from grantline.activity.causes import count_causes
from grantline.activity.entries import Entry
from grantline.activity.to_tell import count_to_tell
from grantline.db import Database, DatabaseUnavailable

FLUSH_SECONDS: Final = 0.2
PROVEN_RING: Final = 500
UNPROVEN_RING: Final = 100
_MOST_WAITING: Final = 2000


class Recorder:
    """Collects entries and writes them out; drops the oldest when far more come than can be written. `home`
    is the code of this data center: what concerns apps of others is told to these."""

    def __init__(self, db: Database, home: str) -> None:
        self._db = db
        self._home = home
        # Apart, so that what a stranger causes never drops what an app did (T130).
        self._proven: dict[str, Entry] = {}
        self._unproven: dict[str, Entry] = {}

    def record(self, entry: Entry) -> None:
        """Take an entry; it is in the database within about FLUSH_SECONDS."""
        waiting = self._proven if entry.proven else self._unproven
        waiting[entry.id] = entry
        if len(waiting) > _MOST_WAITING:
            del waiting[next(iter(waiting))]

    def find(self, request_id: str) -> Entry | None:
        """An entry that is not written yet."""
        return self._proven.get(request_id) or self._unproven.get(request_id)

    async def flush(self) -> None:
        """Write out what waits and cut every ring that it touched back to its size; what fails waits on."""
        if not self._proven and not self._unproven:
            return
        proven, unproven = self._proven, self._unproven
        self._proven, self._unproven = {}, {}
        try:
            await self._write({**unproven, **proven})
        except BaseException:
            self._proven = _newest({**proven, **self._proven})
            self._unproven = _newest({**unproven, **self._unproven})
            raise

    async def _write(self, batch: Mapping[str, Entry]) -> None:
        rings = {(entry.client_id, entry.proven) for entry in batch.values()}
        async with self._db.transaction() as tx:
            written = []
            for entry in batch.values():
                is_new = await tx.run(
                    "INSERT INTO activity (id, client_id, proven, at, endpoint, error, code, status, detail)"
                    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING",
                    entry.id,
                    entry.client_id,
                    int(entry.proven),
                    entry.at,
                    entry.endpoint,
                    entry.error,
                    entry.code,
                    entry.status,
                    json.dumps(dict(entry.detail)),
                )
                if is_new:
                    written.append(entry)
            await count_causes(tx, written)
            await count_to_tell(tx, written, self._home)
            for client_id, proven in rings:
                await tx.run(
                    "DELETE FROM activity WHERE client_id = $1 AND proven = $2 AND id NOT IN (SELECT id"
                    " FROM activity"
                    " WHERE client_id = $1 AND proven = $2 ORDER BY at DESC, id LIMIT $3)",
                    client_id,
                    int(proven),
                    PROVEN_RING if proven else UNPROVEN_RING,
                )

    async def run(self) -> None:
        """Flush for ever; a database that is away for a moment loses nothing that fits the buffer."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            with contextlib.suppress(DatabaseUnavailable):
                await self.flush()


def _newest(waiting: dict[str, Entry]) -> dict[str, Entry]:
    return dict(list(waiting.items())[-_MOST_WAITING:])
