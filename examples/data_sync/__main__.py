"""`./examples/run data_sync`: reads what changed since the last run, and sends it to the CRM.

What makes it safe to stop at any moment: a batch is sent first, and only then the mark is moved behind it.
After a crash the last batch is sent once more, and an upsert by product code changes nothing the second time.
"""

import json
import sqlite3
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx2

from examples.crm import upsert
from examples.data_sync.legacy import ROWS, make_legacy, work_a_day
from examples.data_sync.mapping import BadRow, product_of
from examples.places import data_folder, write_private
from examples.progress import Progress
from examples.store import open_store
from examples.table import render_table
from grantline import Grantline, GrantlineError

BATCH: Final = 100
CHANGED: Final = "FROM ARTIKEL WHERE (AENDERDAT, rowid) > (?, ?) AND AENDERDAT < ?"


@dataclass
class Mark:
    """How far the CRM has what the old system had: the last row that was seen to, and what came of all."""

    changed_at: str = ""
    row: int = 0
    sent: int = 0
    skipped: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> "Mark":
        """The mark of the last run, or of the one that was stopped."""
        return cls(**json.loads(path.read_text())) if path.exists() else cls()

    def save(self, path: Path) -> None:
        """Keep it, all of it or nothing."""
        write_private(path, json.dumps(asdict(self)))


def batches(legacy: sqlite3.Connection, mark: Mark, until: str) -> Iterator[list[sqlite3.Row]]:
    """What changed after the mark, oldest first. The second that still runs is left for the next time: more
    may happen in it."""
    while True:
        rows = legacy.execute(
            f"SELECT rowid, * {CHANGED} ORDER BY AENDERDAT, rowid LIMIT ?",
            (mark.changed_at, mark.row, until, BATCH),
        ).fetchall()
        if not rows:
            return
        yield rows


def send(crm: httpx2.Client, rows: list[sqlite3.Row], skipped: dict[str, str]) -> int:
    """One batch. What the CRM will not take is noted, and does not hold up the rest."""
    products = {}
    for row in rows:
        name = row["ARTNR"] or f"row {row['rowid']}"
        skipped.pop(name, None)
        try:
            products[name] = product_of(row)
        except BadRow as problem:
            skipped[name] = str(problem)
    if not products:
        return 0
    refused = upsert(crm, "Products", list(products.values()), "Product_Code")
    skipped.update(refused)
    return len(products) - len(refused)


def sync(crm: httpx2.Client, legacy: sqlite3.Connection, place: Path) -> Mark:
    """All that changed. Stopped anywhere, the next call goes on there."""
    mark, until = Mark.load(place), datetime.now(UTC).strftime("%Y%m%d%H%M%S")
    after = (mark.changed_at, mark.row, until)
    progress = Progress("Products", legacy.execute(f"SELECT COUNT(*) {CHANGED}", after).fetchone()[0])
    done = 0
    for rows in batches(legacy, mark, until):
        mark.sent += send(crm, rows, mark.skipped)
        mark.changed_at, mark.row = rows[-1]["AENDERDAT"], rows[-1]["rowid"]
        mark.save(place)
        done += len(rows)
        progress.show(done)
    progress.end()
    return mark


def report(crm: httpx2.Client, mark: Mark, done: int, link: str) -> None:
    """What was done, what was not and why, and what the CRM says now."""
    if mark.skipped:
        print(f"\nSkipped {len(mark.skipped)}, until they are mended in the old system:\n")
        print(render_table(("Product", "Why"), list(mark.skipped.items())))
    shown = ("Product_Code", "Product_Name", "Unit_Price", "Qty_in_Stock")
    query = {"fields": ",".join(shown), "sort_by": "Modified_Time", "per_page": "5"}
    answer = crm.get("/crm/v8/Products", params=query)
    newest = answer.raise_for_status().json()["data"] if answer.status_code == 200 else []
    print("\nThe CRM now, newest first:\n")
    print(render_table(shown, [[one[name] for name in shown] for one in newest]))
    print(f"\n{done:,} products sent." if done else "\nNothing has changed since the last run.", end=" ")
    print(f"Every call is counted at {link}")


def main() -> int:
    parser = ArgumentParser(prog="./examples/run data_sync", description=__doc__)
    parser.add_argument("--config", required=True, help="the file of the console")
    parser.add_argument("--rows", type=int, default=ROWS, help="how many the old system has, at first")
    parser.add_argument("--change", type=int, default=0, metavar="N", help="change N products there first")
    given = parser.parse_args()
    folder = data_folder("data_sync")
    database, place = folder / "legacy.db", folder / "mark.json"
    if not database.exists():
        make_legacy(database, given.rows)
    if given.change:
        work_a_day(database, given.change)
    legacy = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)
    legacy.row_factory = sqlite3.Row
    try:
        with Grantline.self_client(given.config, store=open_store("data_sync")) as session:
            crm, before = session.api(), Mark.load(place).sent
            mark = sync(crm, legacy, place)
            client = session.grant.key
            report(crm, mark, mark.sent - before, f"{client.issuer}/console/clients/{client.client_id}/usage")
    except (GrantlineError, httpx2.HTTPError) as problem:
        print(f"\n{problem}\nStart again: it goes on where it was.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
