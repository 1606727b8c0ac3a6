"""From a row of the old system to a record of the CRM, or to the reason why there is none."""

import sqlite3
from decimal import Decimal, InvalidOperation
from typing import Any, Final

CATEGORIES: Final = {"HW": "Hardware", "SW": "Software", "DL": "Service", "ET": "Spare Part"}
LONGEST_NAME: Final = 200


class BadRow(ValueError):
    """The CRM would not take this row; the message says why."""


def product_of(row: sqlite3.Row) -> dict[str, Any]:
    """The record. Raises BadRow."""
    code, name = row["ARTNR"].strip(), " ".join(row["BEZ1"].split())
    if not code:
        raise BadRow("it has no number (ARTNR)")
    if not name:
        raise BadRow("it has no name (BEZ1)")
    if len(name) > LONGEST_NAME:
        raise BadRow(f"its name has {len(name)} letters; {LONGEST_NAME} fit")
    if row["WGR"] not in CATEGORIES:
        raise BadRow(f"its group (WGR) is {row['WGR']!r}")
    return {
        "Product_Code": code,
        "Product_Name": name,
        "Product_Category": CATEGORIES[row["WGR"]],
        "Product_Active": row["AKTIV_JN"] == "J",
        "Manufacturer": row["HERST"],
        "Unit_Price": float(_number(row["VKPREIS"], "price (VKPREIS)")),
        "Qty_in_Stock": float(_number(row["BESTAND"], "stock (BESTAND)")),
    }


def _number(text: str, what: str) -> Decimal:
    """1.299,00 as the old system writes it."""
    try:
        number = Decimal(text.strip().replace(".", "").replace(",", "."))
    except InvalidOperation:
        raise BadRow(f"its {what} is {text!r}") from None
    if not number.is_finite() or number < 0:
        raise BadRow(f"its {what} is {text!r}")
    return number
