"""A CSV file row by row in bounded memory, from any row on."""

import csv
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Final

LONGEST_LINE: Final = 256 * 1024
LONGEST_RECORD: Final = 512 * 1024
_BOM: Final = b"\xef\xbb\xbf"


class Unreadable(Exception):
    """A file that cannot be taken in: a code that the vendor's SDKs know, and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def read_rows(path: Path, position: int = 0) -> Iterator[tuple[list[str], int]]:
    """The rows from this byte on, each with the byte behind it. Raises Unreadable.

    A line is at most 256 KB long and a row, which may span lines inside quotes, 512 KB.
    """
    with path.open("rb") as file:
        file.seek(position)
        lines = _Lines(file, position)
        rows = csv.reader(lines, strict=True)
        try:
            for row in rows:
                if row:
                    yield row, lines.position
                lines.record = 0
        except csv.Error as problem:
            message = f"Line {lines.number} of the file is not CSV: {problem}."
            raise Unreadable("INVALID_FILE_FORMAT", message) from None


class _Lines:
    """Gives the lines as text and counts the bytes that were given."""

    def __init__(self, file: BufferedReader, position: int) -> None:
        self._file = file
        self.position = position
        self.record = 0
        self.number = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(LONGEST_LINE + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self.record += len(line)
        if len(line) > LONGEST_LINE or self.record > LONGEST_RECORD:
            limit = LONGEST_LINE if len(line) > LONGEST_LINE else LONGEST_RECORD
            raise Unreadable("FILE_TOO_LARGE", f"A row of the file is longer than {limit} bytes.")
        if self.position == 0:
            line, self.position = line.removeprefix(_BOM), len(line)
        else:
            self.position += len(line)
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError:
            raise Unreadable("INVALID_FILE_FORMAT", "The file is not text in UTF-8.") from None
