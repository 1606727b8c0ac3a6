"""The search language: `((Last_Name:starts_with:A)and(Lead_Status:equals:Contacted))`.

A search is read into conditions and answered by comparing values in Python, so nothing of it is ever SQL.
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from grantline.sample_crm.modules import Field, Kind, Module
from grantline.sample_crm.records import Record
from grantline.sample_crm.refusals import Refusal, invalid_data

Wanted = Callable[[Record], bool]
LONGEST: Final = 2000
MOST_CONDITIONS: Final = 15
DEEPEST: Final = 5
_CONDITION: Final = re.compile(r"\(([A-Za-z][A-Za-z0-9_]*):([a-z_]+):((?:\\.|[^()\\])*)\)", re.DOTALL)
_WORDS: Final = (Kind.TEXT, Kind.TEXTAREA, Kind.EMAIL, Kind.PHONE, Kind.WEBSITE, Kind.PICKLIST)
_NUMBERS: Final = (Kind.INTEGER, Kind.DOUBLE, Kind.CURRENCY)


def _is_equal(have: object, want: object) -> bool:
    return have == want


def _is_text_of(test: Callable[[str, str], bool]) -> Callable[[object, object], bool]:
    return lambda have, want: isinstance(have, str) and isinstance(want, str) and test(have, want)


def _is_ordered(test: Callable[[Any, Any], bool]) -> Callable[[object, object], bool]:
    return lambda have, want: have is not None and type(have) is type(want) and test(have, want)


_OPERATORS: Final[dict[str, Callable[[object, object], bool]]] = {
    "equals": _is_equal,
    "not_equal": lambda have, want: have != want,
    "starts_with": _is_text_of(str.startswith),
    "ends_with": _is_text_of(str.endswith),
    "contains": _is_text_of(str.__contains__),
    "greater_than": _is_ordered(operator.gt),
    "greater_equal": _is_ordered(operator.ge),
    "less_than": _is_ordered(operator.lt),
    "less_equal": _is_ordered(operator.le),
}


def parse_criteria(text: str, module: Module) -> Wanted:
    """Return the test that a criteria text describes; Refusal when it cannot be read.

    At most 2000 characters, 15 conditions and 5 levels of brackets; `and` and `or` are not mixed on one
    level. A bracket, comma or backslash inside a value is written after a backslash.
    """
    if len(text) > LONGEST:
        raise _unreadable(f"it is longer than {LONGEST} characters")
    reader = _Reader(text, module)
    wanted = reader.read_group(1)
    if reader.at != len(text):
        raise _unreadable(f"nothing was expected after character {reader.at}")
    return wanted


def wanted_word(word: str, module: Module) -> Wanted:
    """The test for records with this word in any text, whatever its case."""
    fields = [field for field in module.fields if field.kind in _WORDS]
    sought = word.casefold()
    return lambda record: any(sought in str(record.value(field) or "").casefold() for field in fields)


def wanted_email(email: str, module: Module) -> Wanted:
    """The test for records with this e-mail address in any e-mail field."""
    fields = [field for field in module.fields if field.kind is Kind.EMAIL]
    sought = email.casefold()
    return lambda record: any(str(record.value(field) or "").casefold() == sought for field in fields)


def wanted_phone(phone: str, module: Module) -> Wanted:
    """The test for records with this number in any phone field; only digits are compared."""
    fields = [field for field in module.fields if field.kind is Kind.PHONE]
    sought = _digits(phone)
    return lambda record: bool(sought) and any(_digits(record.value(field)) == sought for field in fields)


def _digits(value: object) -> str:
    return re.sub(r"[^0-9]", "", str(value or ""))


def _unreadable(why: str) -> Refusal:
    return Refusal(400, "INVALID_QUERY", f"This search cannot be read: {why}.", {"param_name": "criteria"})


@dataclass(slots=True)
class _Reader:
    """Reads a criteria text from left to right."""

    text: str
    module: Module
    at: int = 0
    conditions: int = 0

    def read_group(self, depth: int) -> Wanted:
        """One or more terms joined by `and`, or by `or`."""
        if depth > DEEPEST:
            raise _unreadable(f"its brackets are deeper than {DEEPEST} levels")
        terms = [self._read_term(depth)]
        joined_by: str | None = None
        while word := self._read_joint():
            if joined_by not in (None, word):
                raise _unreadable("`and` and `or` stand side by side; put one of them into brackets")
            joined_by = word
            terms.append(self._read_term(depth))
        every = any if joined_by == "or" else all
        return lambda record: every(term(record) for term in terms)

    def _read_joint(self) -> str | None:
        for word in ("and", "or"):
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return word
        return None

    def _read_term(self, depth: int) -> Wanted:
        found = _CONDITION.match(self.text, self.at)
        if found:
            self.at = found.end()
            return self._condition(found[1], found[2], found[3])
        if not self.text.startswith("(", self.at):
            raise _unreadable(f"character {self.at + 1} should open a bracket, as in (City:equals:Oslo)")
        self.at += 1
        inner = self.read_group(depth + 1)
        if not self.text.startswith(")", self.at):
            raise _unreadable(f"character {self.at + 1} should close a bracket")
        self.at += 1
        return inner

    def _condition(self, name: str, operator: str, text: str) -> Wanted:
        self.conditions += 1
        if self.conditions > MOST_CONDITIONS:
            raise _unreadable(f"it has more than {MOST_CONDITIONS} conditions")
        field = Field("id", Kind.TEXT) if name == "id" else self.module.find_field(name)
        if field is None:
            raise _unreadable(f"{self.module.name} has no field {name}")
        return _test(field, operator, text)


def wanted_values(field: Field, operator: str, parts: list[str]) -> Wanted:
    """The test for one comparison with one value, with two for `between`, or with any number for `in`."""
    values = [_comparable(field, part) for part in parts]
    if operator == "in":
        return lambda record: _stored(record, field) in values
    if operator == "between" and len(values) == 2:
        low, high = values
        at_least, at_most = _OPERATORS["greater_equal"], _OPERATORS["less_equal"]
        return lambda record: at_least(_stored(record, field), low) and at_most(_stored(record, field), high)
    test = _OPERATORS.get(operator)
    if test is None or len(values) != 1:
        raise _unreadable(f"there is no operator {operator} for {len(values)} values")
    (want,) = values
    return lambda record: test(_stored(record, field), want)


def _test(field: Field, operator: str, text: str) -> Wanted:
    parts = _split(text) if operator in ("in", "between") else [text]
    return wanted_values(field, operator, [_plain(part) for part in parts])


def _split(text: str) -> list[str]:
    """The values between commas; a comma after a backslash belongs to its value."""
    return re.findall(r"(?:\\.|[^,\\])+", text, re.DOTALL) or [""]


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL).strip()


def _stored(record: Record, field: Field) -> object:
    value = str(record.id) if field.name == "id" else record.value(field)
    if value is None or isinstance(value, bool):
        return value
    try:
        return _comparable(field, str(value))
    except Refusal:
        return None


def _comparable(field: Field, text: str) -> object:
    """The value in the form in which values of this field are compared; the word null stands for no value."""
    if text in ("", "null", "${EMPTY}"):
        return None
    try:
        if field.kind in _NUMBERS:
            return float(text)
        if field.kind is Kind.BOOLEAN:
            return {"true": True, "false": False}[text.lower()]
        if field.kind is Kind.DATE:
            return date.fromisoformat(text)
        if field.kind is Kind.DATETIME:
            at = datetime.fromisoformat(text)
            if at.tzinfo is None:
                raise ValueError("a time without its offset says nothing")
            return at.timestamp()
    except (ValueError, KeyError, OverflowError):
        raise invalid_data(
            f"A search cannot compare {field.label} with this value.",
            param_name="criteria",
            api_name=field.name,
            expected_data_type=field.kind.data_type,
        ) from None
    return text.casefold()
