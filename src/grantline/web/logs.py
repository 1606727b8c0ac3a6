"""The log: JSON lines on standard error, with everything secret taken out first (T128, T129)."""

import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, Final, TextIO, cast

import structlog

_SECRET_NAMES: Final = re.compile(
    r"password|secret|token|authorization|cookie|code_verifier|id_token_hint|^code$|device_code|user_code",
    re.IGNORECASE,
)
_SECRETS: Final = re.compile(
    r"gl[asgrdp]_[a-z]{2,4}_[0-9A-Za-z]{20,}|eyJ[\w-]{8,}\.[\w-]+\.[\w-]*|(?i:basic|bearer) [\w+/=.~-]{8,}"
)
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def redact(text: str) -> str:
    """The text without any secret of ours, JWT or credential in it, and without control characters."""
    return _CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", _SECRETS.sub("[redacted]", text))


def _redact_event(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if _SECRET_NAMES.search(name):
            event[name] = "[redacted]"
        elif name == "trace":
            event[name] = _SECRETS.sub("[redacted]", str(value))  # keeps its lines: JSON escapes them
        elif value is not None and not isinstance(value, bool | int | float):
            event[name] = redact(str(value))
    return event


class _Redacting(logging.Filter):
    """The same for what libraries log."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = redact(record.getMessage())
        record.args = ()
        record.exc_info = None
        return True


class _Lossy:
    """A stream that may be full or gone: a line that can't be written is lost, and no request with it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            return self._stream.write(text)
        return 0

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def set_up_logs(level: str) -> None:
    """Send our own log and that of the libraries to standard error."""
    structlog.configure(
        processors=[
            _redact_event,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _Lossy(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_Redacting())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
