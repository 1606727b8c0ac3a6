"""Checks one value for one field and returns the form in which it is stored."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Final

from grantline.sample_crm.modules import Field, Kind

_EMAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_PHONE: Final = re.compile(r"[0-9+()./ #;,a-z-]+", re.IGNORECASE)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATETIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_LARGEST_INTEGER: Final = 999_999_999
_LARGEST_AMOUNT: Final = 1e15


class UnfitValue(Exception):
    """A value that its field cannot hold: a sentence, and the `details` that the wire shows beside it."""

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, object] = details


def check_value(field: Field, value: object) -> object:
    """Return what to store for a value that is not null, or raise UnfitValue. An owner need not exist yet."""
    return _CHECKS[field.kind](field, value)


def _wrong_type(field: Field, example: str) -> UnfitValue:
    sentence = f"{field.label} takes {example}."
    return UnfitValue(sentence, expected_data_type=field.kind.data_type)


def _check_text(field: Field, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong_type(field, "a text")
    if len(value) > field.length:
        sentence = f"{field.label} holds at most {field.length} characters."
        raise UnfitValue(sentence, maximum_length=field.length)
    if _FORBIDDEN.search(value):
        raise _wrong_type(field, "a text without control characters")
    return value


def _check_email(field: Field, value: object) -> str:
    text = _check_text(field, value)
    if not _EMAIL.fullmatch(text) or ".." in text:
        raise _wrong_type(field, "an e-mail address such as ada@example.com")
    return text


def _check_phone(field: Field, value: object) -> str:
    text = _check_text(field, value)
    if not _PHONE.fullmatch(text):
        raise _wrong_type(field, "a phone number such as +1 555 0100")
    return text


def _check_choice(field: Field, value: object) -> str:
    if not isinstance(value, str) or value not in field.choices:
        raise _wrong_type(field, "one of " + ", ".join(field.choices))
    return value


def _check_integer(field: Field, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _LARGEST_INTEGER:
        raise _wrong_type(field, "a whole number of at most nine digits")
    return value


def _check_amount(field: Field, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_type(field, "a number")
    if abs(value) > _LARGEST_AMOUNT or math.isnan(value):
        raise _wrong_type(field, "a number below a thousand million million")
    return float(value)


def _check_boolean(field: Field, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong_type(field, "true or false")
    return value


def _check_date(field: Field, value: object) -> str:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            pass
    raise _wrong_type(field, "a date such as 2027-03-31")


def _check_datetime(field: Field, value: object) -> str:
    if isinstance(value, str) and _DATETIME.fullmatch(value):
        try:
            return datetime.fromisoformat(value).isoformat(timespec="seconds")
        except ValueError:
            pass
    raise _wrong_type(field, "a time with its offset such as 2027-03-31T09:30:00+02:00")


def _check_owner(field: Field, value: object) -> str:
    """The owner's id, given as `{"id": "…"}` or bare."""
    given = value.get("id") if isinstance(value, dict) else value
    text = str(given) if isinstance(given, str | int) and not isinstance(given, bool) else ""
    if not re.fullmatch(r"[0-9]{1,19}", text):
        raise _wrong_type(field, 'a user such as {"id": "4100000000000000001"}')
    return text


_CHECKS: Final[Mapping[Kind, Callable[[Field, object], object]]] = {
    Kind.TEXT: _check_text,
    Kind.TEXTAREA: _check_text,
    Kind.WEBSITE: _check_text,
    Kind.EMAIL: _check_email,
    Kind.PHONE: _check_phone,
    Kind.PICKLIST: _check_choice,
    Kind.INTEGER: _check_integer,
    Kind.DOUBLE: _check_amount,
    Kind.CURRENCY: _check_amount,
    Kind.BOOLEAN: _check_boolean,
    Kind.DATE: _check_date,
    Kind.DATETIME: _check_datetime,
    Kind.OWNER: _check_owner,
}
