"""The address of a mail server: `smtp://user:password@host:587` or `smtps://host`."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

_PORTS: Final = (("smtp", 587), ("smtps", 465))
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail server, and how it is talked to."""

    host: str
    port: int
    tls: str
    """`implicit` from the first byte, `starttls` before anything is said, or `off`."""
    username: str = ""
    password: str = field(default="", repr=False)


def parse_smtp_url(url: str) -> SmtpServer:
    """The server of this URL. TLS is demanded unless the server is on this machine, or `?tls=off` says that
    the way to it is trusted. Raises ValueError, which does not repeat the URL: it may hold a password."""
    parts = urlsplit(url)
    port = dict(_PORTS).get(parts.scheme)
    options = parse_qs(parts.query)
    if port is None or not parts.hostname or parts.path not in ("", "/") or options.keys() - {"tls"}:
        raise ValueError(
            "the mail server is smtp://[user:password@]host[:port] or smtps://…, perhaps with ?tls=off"
        )
    off = options.get("tls") == ["off"]
    if "tls" in options and (not off or parts.scheme == "smtps"):
        raise ValueError("tls=off goes with smtp:// alone; without it TLS is used")
    if off and parts.username and parts.hostname not in _LOOPBACK:
        raise ValueError("a password is not sent to a mail server without TLS; take out ?tls=off")
    here = parts.hostname in _LOOPBACK and parts.scheme == "smtp"
    tls = "implicit" if parts.scheme == "smtps" else "off" if off or here else "starttls"
    return SmtpServer(
        parts.hostname,
        parts.port or port,
        tls,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )
