"""What the request for a job says, checked before the job is stored."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from grantline.sample_crm.bulk.json_criteria import parse_json_criteria
from grantline.sample_crm.modules import Field, Module, find_module
from grantline.sample_crm.pages import Place, parse_page_token
from grantline.sample_crm.reading import parse_fields
from grantline.sample_crm.refusals import Refusal

ROWS_PER_PAGE: Final = 200_000
MOST_ROWS_PER_PAGE: Final = 1_000_000
MOST_PAGES: Final = 500
MOST_COLUMNS: Final = 200
OPERATIONS: Final = ("insert", "update", "upsert")


def parse_module(given: object, place: str) -> Module:
    """The module of `{"api_name": "Leads"}`; Refusal."""
    name = given.get("api_name") if isinstance(given, Mapping) else None
    module = find_module(name) if isinstance(name, str) else None
    if module is None:
        message = 'Name a module of this CRM, as in {"api_name": "Leads"}.'
        raise Refusal(400, "MODULE_NOT_AVAILABLE", message, {"json_path": place})
    return module


def parse_read(body: Mapping[str, Any], query: Mapping[str, Any], module: Module, now: int) -> dict[str, Any]:
    """What a bulk read asks for; Refusal."""
    if body.get("file_type", "csv") != "csv" or query.get("file_type", "csv") != "csv":
        raise Refusal(400, "NOT_SUPPORTED_FEATURE", "A bulk read gives CSV.", {"api_name": "file_type"})
    if query.get("cvid") is not None:
        raise Refusal(400, "CVID_NOT_SUPPORTED", "This CRM has no custom views.", {"api_name": "cvid"})
    per_page = _whole(query, "per_page", ROWS_PER_PAGE, MOST_ROWS_PER_PAGE)
    page, after, skips = _whole(query, "page", 1, MOST_PAGES), 0, 0
    if token := query.get("page_token"):
        if "page" in query:
            raise _invalid("Send page or page_token, not both.", "page_token")
        place: Place = parse_page_token(str(token), "id", "asc", now)
        page, after = place.number, place.id
    else:
        skips = (page - 1) * per_page
    criteria = query.get("criteria")
    if criteria is not None:
        parse_json_criteria(criteria, module)
    return {
        "page": page,
        "per_page": per_page,
        "after": after,
        "skips": skips,
        "fields": _field_names(query.get("fields"), module),
        "criteria": criteria,
    }


def parse_write(resource: Mapping[str, Any], body: Mapping[str, Any], module: Module) -> dict[str, Any]:
    """What a bulk write asks for, but for its operation and its file; Refusal."""
    if str(body.get("character_encoding", "UTF-8")).upper() not in ("UTF-8", "UTF8"):
        raise _invalid("The CSV is text in UTF-8.", "character_encoding")
    ignore_empty = resource.get("ignore_empty", body.get("ignore_empty", False))
    if not isinstance(ignore_empty, bool):
        raise _invalid("ignore_empty is true or false.", "ignore_empty")
    mappings = resource.get("field_mappings")
    columns = None if mappings is None else [_parse_mapping(one, module) for one in _some(mappings)]
    if columns is not None and len({column["name"] for column in columns}) != len(columns):
        raise _invalid("Each field is mapped once.", "field_mappings")
    find_by = resource.get("find_by") or next(
        (one.get("find_by") for one in mappings or () if isinstance(one, Mapping) and one.get("find_by")),
        None,
    )
    if find_by not in (None, "id", *module.keys):
        names = ", ".join(("id", *module.keys))
        raise _invalid(f"find_by is one of {names} for {module.name}.", "find_by")
    asked = {"columns": columns, "find_by": find_by, "ignore_empty": ignore_empty}
    if columns is not None:
        check_columns([column["name"] for column in columns], find_by, body["operation"], module)
    return asked


def check_columns(names: Sequence[str], find_by: str | None, operation: str, module: Module) -> str:
    """The field by which records are found, "" for an insert; Refusal when a needed column is missing."""
    if operation != "update":
        needed = [field.name for field in module.mandatory if field.name not in names]
        if needed:
            message = f"{module.name} need a column for {' and '.join(needed)}."
            raise Refusal(400, "MANDATORY_FIELDS_NOT_MAPPED", message, {"api_name": needed[0]})
    if operation == "insert":
        return ""
    found_by = find_by or next((name for name in ("id", *module.keys) if name in names), None)
    if found_by is None or found_by not in names:
        candidates = find_by or " or ".join(("id", *module.keys))
        message = f"Records are found by {candidates}, so the file needs a column for it."
        raise Refusal(400, "MANDATORY_FIELDS_NOT_MAPPED", message, {"api_name": "find_by"})
    return found_by


def check_target(name: object, module: Module) -> Field | None:
    """The field that a column may fill, None for the id; Refusal."""
    field = module.find_field(name) if isinstance(name, str) else None
    if name == "id" or (field is not None and not field.read_only):
        return field
    message = f"{module.name} has no field {str(name)[:100]} that can be written."
    raise Refusal(400, "INVALID_FIELD", message, {"api_name": str(name)[:100]})


def _parse_mapping(one: object, module: Module) -> dict[str, Any]:
    if not isinstance(one, Mapping):
        raise _invalid("A mapping is a JSON object with api_name and index.", "field_mappings")
    check_target(one.get("api_name"), module)
    default = one.get("default_value")
    value = default.get("value") if isinstance(default, Mapping) else default
    if value is not None and not isinstance(value, str | int | float):
        raise _invalid("A default value is a text, a number, or true or false.", "default_value")
    index = one.get("index")
    if index is None and value is None:
        message = f"The mapping of {one['api_name']} has no index: the number of its column, from 0."
        raise Refusal(400, "COLUMN_INDEX_NOT_FOUND", message, {"api_name": str(one["api_name"])})
    if index is not None and (type(index) is not int or not 0 <= index < MOST_COLUMNS):
        raise _invalid(f"index is the number of a column, from 0 to {MOST_COLUMNS - 1}.", "index")
    shown = None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return {"name": one["api_name"], "index": index, "default": shown}


def _some(given: object) -> Sequence[object]:
    if not isinstance(given, list) or not 0 < len(given) <= MOST_COLUMNS:
        raise _invalid(f"field_mappings is a list of up to {MOST_COLUMNS} mappings.", "field_mappings")
    return given


def _field_names(given: object, module: Module) -> list[str]:
    """All fields unless some are named."""
    if given is None:
        return [field.name for field in module.fields]
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise _invalid("fields is a list of names.", "fields")
    return [field.name for field in parse_fields(given, module, "fields")]


def _whole(query: Mapping[str, Any], name: str, default: int, most: int) -> int:
    value = query.get(name, default)
    if type(value) is not int or not 1 <= value <= most:
        code = "PAGE_RANGE_EXCEEDED" if name == "page" else "INVALID_DATA"
        message = f"{name} is a whole number from 1 to {most}."
        raise Refusal(400, code, message, {"api_name": name, "max_limit": most})
    return value


def _invalid(message: str, name: str) -> Refusal:
    return Refusal(400, "INVALID_DATA", message, {"api_name": name})
