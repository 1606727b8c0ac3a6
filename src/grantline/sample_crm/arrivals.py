"""Files that come in as multipart/form-data: bounded, and written to disk, while they arrive (T133)."""

import re
import unicodedata
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BufferedWriter
from pathlib import Path
from typing import Final

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect, Request

from grantline.sample_crm.refusals import Refusal, invalid_data, too_large
from grantline.sample_crm.storage import Storage

MOST_AT_ONCE: Final = 4
LONGEST_NAME: Final = 120
_MOST_PARTS: Final = 20
_LONGEST_HEADERS: Final = 4096
# Characters that a file system or a terminal takes for something else.
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
_ENDINGS: Final = re.compile(r"[^A-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many files one call may bring, and how many bytes each and all of them may have."""

    files: int
    each: int
    all: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that is here, under a name that is safe; whoever keeps it moves it away from `path`."""

    name: str
    path: Path
    size: int


class Arrivals:
    """Takes the files of a call, a few calls of an organization at a time."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._arriving: Counter[str] = Counter()

    @asynccontextmanager
    async def receive(
        self, request: Request, organization: str, bounds: Bounds
    ) -> AsyncIterator[Sequence[Arrived]]:
        """The files of the field `file`; those that nobody moved away are deleted at the end. Refusal."""
        self.count(organization, 1)
        reader = _Reader(self._storage, bounds)
        try:
            yield await _read(request, reader, bounds)
        finally:
            reader.drop()
            self.count(organization, -1)

    def count(self, organization: str, change: int) -> None:
        """Note calls that begin or end; Refusal when the organization would have too many under way."""
        if self._arriving[organization] + change > MOST_AT_ONCE:
            message = f"{MOST_AT_ONCE} uploads of your organization are under way. Wait for one to end."
            raise Refusal(429, "TOO_MANY_REQUESTS", message, headers={"Retry-After": "5"})
        self._arriving[organization] += change
        if not self._arriving[organization]:
            del self._arriving[organization]


def safe_name(given: str) -> str:
    """The last part of a file's name, without anything that a file system or an eye could trip over."""
    name = unicodedata.normalize("NFC", re.split(r"[/\\]", given)[-1])
    name = "".join(one for one in name if unicodedata.category(one)[0] not in "CZ" or one == " ")
    name = _UNSAFE.sub("", name).strip(" .")
    if len(name) > LONGEST_NAME:
        stem, dot, ending = name.rpartition(".")
        ending = dot + _ENDINGS.sub("", ending)[:10] if stem else ""
        name = name[: LONGEST_NAME - len(ending)] + ending
    return name or "file"


async def _read(request: Request, reader: "_Reader", bounds: Bounds) -> Sequence[Arrived]:
    told = request.headers.get("content-length", "")
    if told.isascii() and told.isdigit() and int(told[:20]) > bounds.all:
        raise too_large(bounds.all)
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 200:
        raise _not_multipart()
    total = 0
    try:
        parser = MultipartParser(boundary, reader.callbacks())  # type: ignore[arg-type]
        async for chunk in request.stream():
            total += len(chunk)
            if total > bounds.all:
                raise too_large(bounds.all)
            parser.write(chunk)
        parser.finalize()
    except (FormParserError, ClientDisconnect):
        raise _not_multipart() from None
    if not reader.arrived:
        raise invalid_data("This upload holds no file. Send it as the field `file`.", api_name="file")
    return reader.arrived


def _not_multipart() -> Refusal:
    message = "A file is sent as multipart/form-data, in a field with the name file."
    return Refusal(400, "BAD_REQUEST", message, {"api_name": "file"})


class _Reader:
    """Writes each part to a file of its own while the parser meets it."""

    def __init__(self, storage: Storage, bounds: Bounds) -> None:
        self.arrived: list[Arrived] = []
        self._storage, self._bounds = storage, bounds
        self._name, self._value, self._disposition = b"", b"", b""
        self._parts = self._headers = self._size = 0
        self._file: BufferedWriter | None = None
        self._path: Path | None = None
        self._shown = ""

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._open,
            "on_part_data": self._take,
            "on_part_end": self._end,
        }

    def drop(self) -> None:
        """Delete what nobody moved away."""
        if self._file is not None:
            self._file.close()
        for path in (self._path, *(one.path for one in self.arrived)):
            if path is not None:
                path.unlink(missing_ok=True)

    def _begin(self) -> None:
        self._parts += 1
        self._headers, self._size, self._disposition = 0, 0, b""
        if self._parts > _MOST_PARTS:
            raise _not_multipart()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]
        self._count_header(end - start)

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._count_header(end - start)

    def _count_header(self, size: int) -> None:
        self._headers += size
        if self._headers > _LONGEST_HEADERS:
            raise _not_multipart()

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name, self._value = b"", b""

    def _open(self) -> None:
        """A part with the name of a file is one; other parts are read past."""
        _, options = parse_options_header(self._disposition)
        name = options.get(b"filename")
        if name is None or options.get(b"name") != b"file":
            return
        if len(self.arrived) >= self._bounds.files:
            message = f"One call brings at most {self._bounds.files} files."
            raise Refusal(400, "LIMIT_EXCEEDED", message, {"limit": self._bounds.files})
        self._shown = safe_name(name.decode("utf-8", "replace"))
        self._path = self._storage.arriving()
        self._file = self._path.open("wb")

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._file is None:
            return
        self._size += end - start
        if self._size > self._bounds.each:
            message = f"This file is larger than {self._bounds.each} bytes."
            details = {"limit": self._bounds.each}
            code = "FILE_SIZE_MORE_THAN_ALLOWED_SIZE"
            raise Refusal(413, code, message, details, {"Connection": "close"})
        self._file.write(data[start:end])

    def _end(self) -> None:
        if self._file is None or self._path is None:
            return
        self._file.close()
        self.arrived.append(Arrived(self._shown, self._path, self._size))
        self._file, self._path = None, None
