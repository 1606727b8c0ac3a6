"""What of a call decides about it: the token's header, the page it comes from, the organization it names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from grantline.oauth import InvalidRequest
from grantline.oauth.bearer import BEARER, VENDOR_SCHEME, parse_authorization
from grantline.resource_server.refusals import Wording

_SCHEMES: Final = (BEARER.lower(), VENDOR_SCHEME.lower())
_PARAMETER: Final = b"access_token"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One call. Headers are here as often as they were sent; `query` is as it stood in the address."""

    authorization: Sequence[str] = ()
    origin: str | None = None
    query: bytes = b""
    organizations: Sequence[str] = ()


def find_token(arrival: Arrival, wording: Wording, needed: Sequence[str], longest: int) -> str:
    """The token of the one `Authorization` header, under the word Bearer or the vendor's (RFC 6750 §2.1).

    Tokens in addresses, bodies and cookies are never looked at; one in the address beside the header makes
    the call malformed (RFC 6750 §2). Raises Refusal.
    """
    values = arrival.authorization
    in_address = bool(arrival.query) and _names_token(arrival.query)
    if len(values) > 1:
        raise wording.malformed("This call carries two Authorization headers; send one.")
    if not values or values[0].partition(" ")[0].lower() not in _SCHEMES:
        raise wording.no_token(needed, seen_in_address=in_address)
    if in_address:
        raise wording.malformed("This call carries a token in its header and one in its address; send one.")
    try:
        token = parse_authorization(values[0]).token
    except InvalidRequest:
        sentence = "The Authorization header cannot be read. It holds the word Bearer, a blank and the token."
        raise wording.malformed(sentence) from None
    if len(token) > longest:
        raise wording.invalid_token()
    return token


def _names_token(query: bytes) -> bool:
    if _PARAMETER not in query and b"%" not in query:
        return False
    names = (pair.partition(b"=")[0] for pair in query.split(b"&"))
    return any(unquote_to_bytes(name) == _PARAMETER for name in names)
