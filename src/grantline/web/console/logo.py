"""The logo of a client, out of an upload (T87)."""

from typing import Final

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from grantline.clients import Client, LogoRefused, read_logo, set_logo
from grantline.web.console.changes import record_change
from grantline.web.console.place import Place
from grantline.web.languages import _
from grantline.web.visit import FormRefused, Visit

_MOST_PARTS: Final = 4


async def save_logo(visit: Visit, place: Place, client: Client) -> tuple[str, str]:
    """The upload of the form `logo`, or its removal. Gives what was done, or the problem."""
    visit.check_origin()
    parts = await _read_parts(visit)
    token = parts.get("token", b"").decode("utf-8", "replace")
    visit.check_token(f"logo:{client.id}", token)
    remove = "remove" in parts
    try:
        logo = None if remove else read_logo(parts.get("logo", b""))
    except LogoRefused as refused:
        return "", _(str(refused))
    await set_logo(visit.server.db, client, logo, visit.now)
    await record_change(
        visit.server.db,
        visit,
        place,
        "client.updated",
        client=client,
        before={"logo": client.logo_digest},
        after={"logo": logo.digest if logo is not None else ""},
    )
    return "no-logo" if remove else "logo", ""


async def _read_parts(visit: Visit) -> dict[str, bytes]:
    """The parts of a multipart form by name. Raises FormRefused for anything else."""
    kind, options = parse_options_header(visit.request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 70:
        raise FormRefused(400)
    reader = _Parts()
    try:
        parser = MultipartParser(boundary, reader.callbacks())  # type: ignore[arg-type]
        parser.write(await visit.request.body())
        parser.finalize()
    except FormParserError:
        raise FormRefused(400) from None
    return reader.parts


class _Parts:
    """Collects the parts as the parser meets them."""

    def __init__(self) -> None:
        self.parts: dict[str, bytes] = {}
        self._field, self._value, self._disposition = b"", b"", b""
        self._data = bytearray()

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._begin,
            "on_part_data": self._take,
            "on_part_end": self._end,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
        }

    def _begin(self) -> None:
        self._disposition = b""
        self._data.clear()

    def _take(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = self._value
        self._field, self._value = b"", b""

    def _end(self) -> None:
        name = parse_options_header(self._disposition)[1].get(b"name", b"").decode("utf-8", "replace")
        if name not in ("token", "logo", "remove") or name in self.parts or len(self.parts) >= _MOST_PARTS:
            raise FormRefused(400)
        self.parts[name] = bytes(self._data)
