"""`./examples/run accounting_sync`: the invoices of the ledger and those of the CRM, made alike.

Somebody signs in once; then it runs on its own, each night if you like, until its access is taken away.
"""

import sqlite3
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import httpx2

from examples.accounting_sync.connecting import connect
from examples.accounting_sync.ledger import OPEN, note_payments, open_ledger, write_csv
from examples.crm import read_all, upsert
from examples.places import data_folder
from examples.store import open_store
from examples.table import plain, render_table
from grantline import Grantline, GrantlineError, ReconnectRequired, Session, WebApp
from grantline.sdk.setup import read_members

FIELDS: Final = "Invoice_Number,Subject,Customer_Name,Invoice_Date,Due_Date,Grand_Total,Status"
BATCH: Final = 100


def find_session(web: WebApp, redirect_uri: str) -> Session:
    """The grant that is there, or one more sign-in."""
    for session in web.sessions():
        if not session.status().ended:
            return session
    return connect(web, redirect_uri)


def invoices(crm: httpx2.Client) -> Iterator[Mapping[str, Any]]:
    """The CRM's, but those that have no number."""
    return (one for one in read_all(crm, "Invoices", FIELDS) if one["Invoice_Number"])


def pull(crm: httpx2.Client, ledger: sqlite3.Connection) -> int:
    """Take in what only the CRM has, and what became of the others there, unless more is known here."""
    taken = 0
    with ledger:
        for one in invoices(crm):
            texts = [one[name] or "" for name in ("Subject", "Customer_Name", "Invoice_Date", "Due_Date")]
            row = (one["Invoice_Number"], *texts, cents_of(one["Grand_Total"]), one["Status"] or "Created")
            taken += ledger.execute(
                "INSERT INTO invoices VALUES (?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT (number) DO UPDATE"
                " SET status = excluded.status WHERE to_send = 0 AND status <> excluded.status",
                row,
            ).rowcount
    return taken


def push(crm: httpx2.Client, ledger: sqlite3.Connection) -> tuple[int, dict[str, str]]:
    """Send what is new or was paid. A row is done when the CRM has said so; until then it is sent again.
    Gives also what the CRM refused, and why."""
    sent, refused = 0, dict[str, str]()
    rows = ledger.execute("SELECT * FROM invoices WHERE to_send = 1 ORDER BY number").fetchall()
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        refused |= upsert(crm, "Invoices", [_invoice_of(row) for row in batch], "Invoice_Number")
        taken = [(row["number"],) for row in batch if row["number"] not in refused]
        with ledger:
            ledger.executemany("UPDATE invoices SET to_send = 0 WHERE number = ?", taken)
        sent += len(taken)
    return sent, refused


def _invoice_of(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "Invoice_Number": row["number"],
        "Subject": row["subject"],
        "Customer_Name": row["customer"],
        "Invoice_Date": row["dated"],
        "Due_Date": row["due"],
        "Grand_Total": row["cents"] / 100,
        "Status": row["status"],
    }


def cents_of(amount: float | None) -> int:
    """Without the error of a binary fraction."""
    return int((Decimal(str(amount or 0)) * 100).to_integral_value())


def totals(crm: httpx2.Client, ledger: sqlite3.Connection) -> tuple[str, bool]:
    """What is open and what is paid, in the ledger and in the CRM; and whether both say the same."""
    books = {row[0]: row[1] for row in ledger.execute("SELECT status, SUM(cents) FROM invoices GROUP BY 1")}
    there: dict[str, int] = {}
    for one in invoices(crm):
        status = one["Status"] or "Created"
        there[status] = there.get(status, 0) + cents_of(one["Grand_Total"])
    names = sorted({*books, *there}, key=lambda name: (name not in OPEN, name))
    rows = [
        (name, "open" if name in OPEN else "", books.get(name, 0) / 100, there.get(name, 0) / 100)
        for name in names
    ]
    return render_table(("Status", "", "Ledger", "CRM"), rows), books == there


def sync(session: Session) -> int:
    """Both directions, then the totals of both sides."""
    folder = data_folder("accounting_sync")
    ledger, crm = open_ledger(folder / "ledger.db"), session.api()
    taken = pull(crm, ledger)
    unclear = note_payments(ledger)
    sent, refused = push(crm, ledger)
    write_csv(ledger, folder / "ledger.csv")
    table, alike = totals(crm, ledger)
    print(f"Taken from the CRM: {taken}. Sent to it: {sent}.\n\n{table}\n")
    for number, why in refused.items():
        print(plain(f"The CRM refused {number}: {why}"))
    for number, due, paid in unclear:
        print(f"For a person: {number} asks for {due / 100:,.2f}, the bank has seen {paid / 100:,.2f}.")
    print("Ledger and CRM agree." if alike else "Ledger and CRM differ: see above.")
    print(f"The ledger: {folder / 'ledger.csv'}")
    return 0 if alike else 1


def main() -> int:
    parser = ArgumentParser(prog="./examples/run accounting_sync", description=__doc__)
    parser.add_argument("--config", required=True, help="the file of the console")
    given = parser.parse_args()
    web = Grantline.web_app(given.config, store=open_store("accounting_sync"))
    redirect_uri = read_members(given.config)["redirect_uri"]
    try:
        try:
            with find_session(web, redirect_uri) as session:
                return sync(session)
        except ReconnectRequired as problem:
            print(f"{problem}\n", file=sys.stderr)
            with connect(web, redirect_uri) as session:
                return sync(session)
    except (GrantlineError, httpx2.HTTPError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
