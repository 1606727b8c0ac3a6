"""Page tokens: where a list goes on. They say a place and open nothing, so they need no secret."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Final

from grantline.sample_crm.refusals import Refusal, invalid_data

LIFE_SECONDS: Final = 86_400
_LONGEST: Final = 300
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Place:
    """Behind which record a page starts, its number, and until when (epoch seconds) it may be asked for."""

    number: int
    changed_at: int
    id: int
    ends_at: int


def render_page_token(place: Place, sort_by: str, sort_order: str) -> str:
    """The place as a text for an address; it holds for this order alone."""
    members = [sort_by, sort_order, place.number, place.changed_at, place.id, place.ends_at]
    return base64.urlsafe_b64encode(json.dumps(members).encode()).decode().rstrip("=")


def parse_page_token(text: str, sort_by: str, sort_order: str, now: int) -> Place:
    """The place that a token names; Refusal when it is none, is of another order, or is too old."""
    try:
        if len(text) > _LONGEST:
            raise ValueError
        members = json.loads(base64.urlsafe_b64decode(text.encode("ascii") + b"=="))
        kind, order, *numbers = members
        if (kind, order) != (sort_by, sort_order) or len(numbers) != 4:
            raise ValueError
        if not all(type(number) is int and 0 <= number <= _LARGEST for number in numbers):
            raise ValueError
    except (ValueError, TypeError, binascii.Error, RecursionError):
        message = "This page_token is not one of this list. Take next_page_token of the page before."
        raise invalid_data(message, param_name="page_token") from None
    place = Place(*numbers)
    if place.ends_at <= now:
        message = "This page_token is older than a day. Start from the first page."
        raise Refusal(400, "EXPIRED_VALUE", message, {"param_name": "page_token"})
    return place
