"""Form fields out of a multipart body, for clients that send tokens requests so: text parts only, few and
small (T133)."""

from typing import Final

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from grantline.oauth.errors import InvalidRequest

MOST_PARTS: Final = 20
MOST_HEADERS: Final = 8
LONGEST_HEADER: Final = 1024


class _Fields:
    """Collects the parts as the parser meets them."""

    def __init__(self) -> None:
        self.fields: list[tuple[str, str]] = []
        self._name, self._value = b"", b""
        self._disposition, self._data = b"", b""
        self._headers = 0

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
        self._disposition, self._data, self._headers = b"", b"", 0
        if len(self.fields) >= MOST_PARTS:
            raise InvalidRequest("request_too_large")

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers += 1
        if self._headers > MOST_HEADERS or len(self._name) + len(self._value) > LONGEST_HEADER:
            raise InvalidRequest("request_too_large")
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name, self._value = b"", b""

    def _take(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]

    def _end(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name")
        if name is None or b"filename" in options:
            raise InvalidRequest("parameter_malformed", hint="A multipart body holds text fields only.")
        try:
            self.fields.append((name.decode(), self._data.decode()))
        except UnicodeDecodeError:
            raise InvalidRequest("parameter_malformed") from None


def parse_multipart(body: bytes, content_type: str) -> list[tuple[str, str]]:
    """The fields in their order. Raises InvalidRequest."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary or len(boundary) > 70:
        raise InvalidRequest("content_type_wrong", hint="The multipart boundary is missing.")
    fields = _Fields()
    try:
        parser = MultipartParser(boundary, fields.callbacks())  # type: ignore[arg-type]
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise InvalidRequest("parameter_malformed", hint="The multipart body is broken.") from None
    return fields.fields
