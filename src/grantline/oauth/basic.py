"""HTTP Basic as OAuth uses it: both halves form-encoded before Base64 (RFC 6749 §2.3.1)."""

import binascii
import re
from base64 import b64decode, b64encode
from urllib.parse import quote_plus, unquote_to_bytes

from grantline.oauth.errors import InvalidRequest

_HEADER = re.compile(r"[Bb][Aa][Ss][Ii][Cc] +([A-Za-z0-9+/]+={0,2})")
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_LENGTH = 4096


def parse_basic(value: str) -> tuple[str, str]:
    """Return client ID and secret of an Authorization header; the secret may be empty.

    Strict in its Base64 and in what that holds: anything else is
    InvalidRequest("authorization_header_malformed").
    """
    header = _HEADER.fullmatch(value) if len(value) <= _MAX_LENGTH else None
    if header is None:
        raise InvalidRequest("authorization_header_malformed")
    try:
        raw = b64decode(header[1], validate=True)
        client_id, colon, secret = (part for part in raw.partition(b":"))
        pair = _decode(client_id), _decode(secret)
    except (binascii.Error, UnicodeDecodeError):
        # The cause would quote the secret.
        raise InvalidRequest("authorization_header_malformed") from None
    # One secret has one spelling: stray bits at the end of the Base64 are refused.
    if not colon or not pair[0] or b64encode(raw).decode("ascii") != header[1]:
        raise InvalidRequest("authorization_header_malformed")
    return pair


def render_basic(client_id: str, secret: str) -> str:
    """Return the Authorization header that carries a client ID and its secret."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return "Basic " + b64encode(pair.encode("ascii")).decode("ascii")


def _decode(part: bytes) -> str:
    if _BAD_ESCAPE.search(part):
        raise InvalidRequest("authorization_header_malformed")
    text = unquote_to_bytes(part.replace(b"+", b" ")).decode("utf-8")
    if _CONTROL.search(text):
        raise InvalidRequest("authorization_header_malformed")
    return text
