"""The old system: a product database as companies have them, with the names, formats and faults of its time.

This is the part that a real program would find and not make.
"""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

TABLE: Final = """
CREATE TABLE ARTIKEL (
  ARTNR TEXT, BEZ1 TEXT, WGR TEXT, VKPREIS TEXT, BESTAND TEXT, AKTIV_JN TEXT, HERST TEXT,
  AENDERDAT TEXT  -- JJJJMMTTHHMMSS, UTC
)"""
ROWS: Final = 2_400
_FORMAT: Final = "%Y%m%d%H%M%S"
_THINGS: Final = ("Schreibtischlampe", "Bürostuhl", "Türgriff", "Kühlschrank", "Rüttelplatte", "Sägeblatt")
_KINDS: Final = ("groß", "klein", "weiß", "grün", "für Außen", "geräuscharm", "süddeutsch")
_MAKERS: Final = ("Gebrüder Möller", "Nüßlein & Co.", "Ångström AB", "Façade SARL")
_GROUPS: Final = ("HW", "SW", "DL", "ET")
_FAULTS: Final = {
    100: {"BEZ1": "   "},
    333: {"VKPREIS": "auf Anfrage"},
    512: {"ARTNR": ""},
    777: {"BEZ1": "Ü" * 240},
    1_040: {"WGR": "??"},
    1_500: {"BESTAND": "viele"},
    1_999: {"VKPREIS": "-5,00"},
}
"""What went wrong in thirty years, by row."""


def make_legacy(path: Path, rows: int = ROWS) -> None:
    """Write the database, once, and whole."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    connection = sqlite3.connect(new)
    with connection:
        connection.execute(TABLE)
        connection.executemany("INSERT INTO ARTIKEL VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _articles(rows))
    connection.close()
    new.replace(path)


def _articles(rows: int) -> Iterator[tuple[str, ...]]:
    start = datetime.now(UTC) - timedelta(days=30)
    for number in range(1, rows + 1):
        article = {
            "ARTNR": f"A-{number:05}",
            "BEZ1": f"{_THINGS[number % 6]} {_KINDS[number % 7]} {number}",
            "WGR": _GROUPS[number % 4],
            "VKPREIS": _price(number * 37 % 1_900 + 5, number % 100),
            "BESTAND": str(number * 13 % 400),
            "AKTIV_JN": "N" if number % 17 == 0 else "J",
            "HERST": _MAKERS[number % 4],
            "AENDERDAT": (start + timedelta(minutes=17 * number)).strftime(_FORMAT),
        }
        yield tuple((article | _FAULTS.get(number, {})).values())


def _price(euros: int, cents: int) -> str:
    """As it was done: 1.299,00."""
    return f"{euros:,}".replace(",", ".") + f",{cents:02}"


def work_a_day(path: Path, changes: int) -> None:
    """What people do in the old system meanwhile: other prices for some products."""
    connection = sqlite3.connect(path)
    now = (datetime.now(UTC) - timedelta(seconds=2)).strftime(_FORMAT)
    with connection:
        connection.execute(
            "UPDATE ARTIKEL SET VKPREIS = '19,90', AENDERDAT = ? WHERE rowid IN"
            " (SELECT rowid FROM ARTIKEL WHERE ARTNR > 'A-00004' ORDER BY ARTNR LIMIT ?)",
            (now, changes),
        )
    connection.close()
