"""One mail: plain text first, the same as simple HTML after it (RFC 2046 §5.1.4)."""

import secrets
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

LONGEST_SUBJECT: Final = 200


class MailUnusable(ValueError):
    """A header would hold what a header may not (T81)."""


@dataclass(frozen=True, slots=True)
class Mail:
    """What is to be sent, to one address."""

    to: str
    subject: str
    text: str
    html: str


def render_mail(mail: Mail, *, sender: str, now: int) -> EmailMessage:
    """The message, ready to be handed over. Raises MailUnusable."""
    message = EmailMessage(policy=SMTP)
    if len(mail.subject) > LONGEST_SUBJECT or _has_controls(mail.subject):
        raise MailUnusable("A subject is one short line.")
    message["From"] = _address(sender)
    message["To"] = _address(mail.to)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    message["Message-ID"] = f"<{secrets.token_hex(16)}@{_address(sender).domain}>"
    message["Auto-Submitted"] = "auto-generated"  # no vacation notices (RFC 3834 §5)
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def _address(text: str) -> Address:
    """A bare address: no display name, no list, nothing that a header would break at."""
    if _has_controls(text) or not text.isascii() or any(sign in text for sign in ' ,;<>"()[]:\\'):
        raise MailUnusable("A mail goes from and to one bare address.")
    try:
        return Address(addr_spec=text)
    except (ValueError, IndexError) as problem:  # the parser gives up in both ways
        raise MailUnusable("A mail goes from and to one bare address.") from problem


def _has_controls(text: str) -> bool:
    return any(unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Cs") for character in text)
