"""The books: invoices in an SQLite file, amounts in cents, and what the bank has seen.

The first time it is filled with some invoices, as a company would have them.
"""

import csv
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

TABLES: Final = """
CREATE TABLE IF NOT EXISTS invoices (
  number TEXT PRIMARY KEY, subject TEXT NOT NULL, customer TEXT NOT NULL,
  dated TEXT NOT NULL, due TEXT NOT NULL, cents INTEGER NOT NULL, status TEXT NOT NULL,
  to_send INTEGER NOT NULL DEFAULT 1
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS payments (number TEXT PRIMARY KEY, cents INTEGER NOT NULL) WITHOUT ROWID;
"""
OPEN: Final = ("Created", "Sent", "Overdue")
_CUSTOMERS: Final = ("Brightwater Boats", "Fjord Bakery", "Lagos Print Works", "Café Zürich", "Nagoya Tools")
_WHAT: Final = ("Desk lamps", "Repair hours", "Spare parts", "Office chairs")
MADE: Final = 24


def open_ledger(path: Path) -> sqlite3.Connection:
    """The books; made and filled if they are not there."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    with connection:
        connection.executescript(TABLES)
        if not connection.execute("SELECT 1 FROM invoices").fetchone():
            connection.executemany(
                "INSERT INTO invoices (number, subject, customer, dated, due, cents, status)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                _invoices(datetime.now(UTC).date()),
            )
            connection.execute(
                "INSERT INTO payments SELECT number, cents FROM invoices WHERE number <= 'B-2009'"
                " UNION ALL SELECT number, cents - 500 FROM invoices WHERE number = 'B-2010'"
            )
    return connection


def _invoices(today: date) -> Iterator[tuple[str | int, ...]]:
    for at in range(MADE):
        dated = today - timedelta(days=60 - 2 * at)
        customer, what = _CUSTOMERS[at % 5], _WHAT[at % 4]
        due = dated + timedelta(days=30)
        yield f"B-{2001 + at}", what, customer, f"{dated}", f"{due}", 12_350 + at * 4_175, "Sent"


def note_payments(ledger: sqlite3.Connection) -> list[tuple[str, int, int]]:
    """Mark as paid what the bank has seen in full; give what was paid with another amount, for a person."""
    with ledger:
        ledger.execute(
            "UPDATE invoices SET status = 'Paid', to_send = 1 WHERE status IN ('Created', 'Sent', 'Overdue')"
            " AND (number, cents) IN (SELECT number, cents FROM payments)"
        )
    return [
        tuple(row)
        for row in ledger.execute(
            "SELECT i.number, i.cents, p.cents FROM invoices i JOIN payments p USING (number)"
            " WHERE i.cents <> p.cents ORDER BY i.number"
        )
    ]


def write_csv(ledger: sqlite3.Connection, path: Path) -> None:
    """The invoices for a spreadsheet, for their owner alone."""
    rows = ledger.execute("SELECT number, customer, dated, due, cents, status FROM invoices ORDER BY number")
    with os.fdopen(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(("number", "customer", "dated", "due", "amount", "status"))
        for row in rows:
            amount = f"{row['cents'] // 100}.{row['cents'] % 100:02}"
            out.writerow((*[_harmless(row[name]) for name in row.keys()[:4]], amount, row["status"]))


def _harmless(text: str) -> str:
    """A spreadsheet takes what begins like this for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text
