"""Handing mails over: to an SMTP server, or into a folder."""

import asyncio
import os
import secrets
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Final, Protocol

import aiosmtplib
import structlog

from grantline.mail.message import Mail, MailUnusable, render_mail
from grantline.mail.smtp_url import SmtpServer, parse_smtp_url

SECONDS: Final = 10.0
"""How long a mail server may take, from the first byte to the last."""
_SHOWN: Final = 50


class MailNotSent(Exception):
    """The mail did not go out. `reason`: away, slow, untrusted, password, address or refused; folder for one
    that can't be kept."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Post(Protocol):
    """Where mails go."""

    async def send(self, mail: Mail, now: int) -> None:
        """Hand it over. Raises MailNotSent."""
        ...


@dataclass(frozen=True, slots=True)
class SmtpPost:
    """A mail server, connected to anew for each mail."""

    server: SmtpServer
    sender: str
    trusted: ssl.SSLContext | None = None
    """Whose certificates count; by default those that the machine trusts."""

    async def send(self, mail: Mail, now: int) -> None:
        """Hand it to the server within SECONDS. Raises MailNotSent."""
        server = self.server
        try:
            async with asyncio.timeout(SECONDS):
                await aiosmtplib.send(
                    render_mail(mail, sender=self.sender, now=now),
                    hostname=server.host,
                    port=server.port,
                    username=server.username or None,
                    password=server.password or None,
                    use_tls=server.tls == "implicit",
                    start_tls=server.tls == "starttls",
                    tls_context=self.trusted,
                    timeout=SECONDS,
                )
        except (aiosmtplib.SMTPException, OSError, TimeoutError, MailUnusable) as problem:
            reason = _reason(problem)
            structlog.get_logger().warning(
                "a mail was not sent", reason=reason, problem=type(problem).__name__
            )
            raise MailNotSent(reason) from None


def _reason(problem: Exception) -> str:
    if isinstance(problem, ssl.SSLError) or isinstance(problem.__cause__, ssl.SSLError):
        return "untrusted"
    match problem:
        case aiosmtplib.SMTPAuthenticationError():
            return "password"
        case aiosmtplib.SMTPRecipientsRefused() | aiosmtplib.SMTPSenderRefused() | MailUnusable():
            return "address"
        case TimeoutError():
            return "slow"
        case OSError():
            return "away"
    return "refused"


@dataclass(frozen=True, slots=True)
class KeptMail:
    """A mail of the folder, for a page."""

    name: str
    to: str
    subject: str
    at: str
    text: str


@dataclass(frozen=True, slots=True)
class FolderPost:
    """A folder with one file for each mail, for its owner alone: for trying things out."""

    folder: Path
    sender: str

    async def send(self, mail: Mail, now: int) -> None:
        """Write it as `<instant>-<random>.eml`. Raises MailNotSent."""
        try:
            content = render_mail(mail, sender=self.sender, now=now).as_bytes()
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self.folder / f"{now}-{secrets.token_hex(6)}.eml"
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
        except (OSError, MailUnusable) as problem:
            structlog.get_logger().warning("a mail was not kept", problem=str(problem))
            raise MailNotSent("folder") from None

    def forget(self, email: str) -> int:
        """Delete the mails that this address is in; gives how many."""
        found = []
        for path in self.folder.glob("*.eml"):
            mail = _read(path)
            if email.lower() in f"{mail.to} {mail.subject} {mail.text}".lower():
                found.append(path)
        for path in found:
            path.unlink(missing_ok=True)
        return len(found)

    def newest(self) -> Sequence[KeptMail]:
        """The newest mails, _SHOWN at most."""
        paths = sorted(self.folder.glob("*.eml"), reverse=True) if self.folder.is_dir() else []
        return [_read(path) for path in paths[:_SHOWN]]


def _read(path: Path) -> KeptMail:
    message = message_from_bytes(path.read_bytes(), policy=default)
    body = message.get_body(("plain",))
    text = body.get_content().replace("\r\n", "\n") if body is not None else ""
    return KeptMail(path.stem, str(message["To"]), str(message["Subject"]), str(message["Date"]), text)


def open_post(smtp_url: str, sender: str, folder: Path | None) -> Post | None:
    """Where mails go by these settings; None when nothing is set. Raises ValueError."""
    if smtp_url:
        return SmtpPost(parse_smtp_url(smtp_url), sender)
    return FolderPost(folder, sender) if folder is not None else None
