"""The search language of a bulk read: JSON with one comparison, or a group of them."""

from collections.abc import Mapping
from typing import Any, Final

from grantline.sample_crm.criteria import DEEPEST, MOST_CONDITIONS, Wanted, wanted_values
from grantline.sample_crm.modules import Field, Kind, Module
from grantline.sample_crm.refusals import Refusal

MOST_VALUES: Final = 100
_LONGEST_VALUE: Final = 500
_COMPARATORS: Final[Mapping[str, str]] = {
    "equal": "equals",
    "not_equal": "not_equal",
    "in": "in",
    "less_than": "less_than",
    "less_equal": "less_equal",
    "greater_than": "greater_than",
    "greater_equal": "greater_equal",
    "contains": "contains",
    "starts_with": "starts_with",
    "ends_with": "ends_with",
    "between": "between",
}
_NEGATIONS: Final[Mapping[str, str]] = {
    "not_in": "in",
    "not_contains": "contains",
    "not_between": "between",
}


def parse_json_criteria(given: object, module: Module) -> Wanted:
    """The test that the criteria describe; Refusal. At most 15 comparisons and 5 levels."""
    wanted, conditions = _parse(given, module, 1)
    if conditions > MOST_CONDITIONS:
        message = f"The criteria have more than {MOST_CONDITIONS} comparisons."
        raise Refusal(400, "CRITERIA_LIMIT_EXCEEDED", message, {"max_limit": MOST_CONDITIONS})
    return wanted


def _parse(given: object, module: Module, depth: int) -> tuple[Wanted, int]:
    if not isinstance(given, Mapping) or depth > DEEPEST:
        raise _invalid(f"Criteria are JSON objects, at most {DEEPEST} inside one another.")
    if "group" not in given:
        return _condition(given, module), 1
    group, operator = given["group"], str(given.get("group_operator", "")).lower()
    if not isinstance(group, list) or not 0 < len(group) <= MOST_CONDITIONS or operator not in ("and", "or"):
        raise _invalid("A group has a list `group` and `group_operator`, which is and, or or.")
    parsed = [_parse(one, module, depth + 1) for one in group]
    tests = [test for test, _ in parsed]
    every = all if operator == "and" else any
    return (lambda record: every(test(record) for test in tests)), sum(number for _, number in parsed)


def _condition(given: Mapping[str, Any], module: Module) -> Wanted:
    named = given.get("field")
    name = named.get("api_name") if isinstance(named, Mapping) else given.get("api_name")
    found = module.find_field(name) if isinstance(name, str) else None
    field = Field("id", Kind.TEXT) if name == "id" else found
    if field is None:
        message = f"{module.name} has no field {str(name)[:100]} to compare."
        raise Refusal(400, "FIELD_IN_CRITERIA_NOT_AVAILABLE", message, {"api_name": str(name)[:100]})
    comparator = str(given.get("comparator"))
    operator = _COMPARATORS.get(comparator) or _NEGATIONS.get(comparator)
    if operator is None:
        known = ", ".join((*_COMPARATORS, *_NEGATIONS))
        raise Refusal(400, "INVALID_CRITERIA", f"comparator is one of {known}.", {"api_name": field.name})
    value = given.get("value")
    values = value if isinstance(value, list) else [value]
    if not 0 < len(values) <= MOST_VALUES:
        raise _invalid(f"A comparison takes up to {MOST_VALUES} values.")
    test = wanted_values(field, operator, [_text(one) for one in values])
    return (lambda record: not test(record)) if comparator in _NEGATIONS else test


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str() | int() | float() if len(str(value)) <= _LONGEST_VALUE:
            return str(value)
    raise _invalid("A value is a short text, a number, true, false, null, or a list of these.")


def _invalid(message: str) -> Refusal:
    return Refusal(400, "INVALID_CRITERIA", message, {"api_name": "criteria"})
