"""Creating, changing and deleting records: every record of a call succeeds or fails alone."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from grantline.sample_crm.calls import Answer, Call, parse_id
from grantline.sample_crm.checking import (
    RecordRefused,
    check_in_place,
    check_values,
    missing,
    unknown_id,
    without_empty,
)
from grantline.sample_crm.modules import Field
from grantline.sample_crm.people import find_person, render_time
from grantline.sample_crm.records import (
    Record,
    count_records,
    delete_record,
    find_record,
    find_same_value,
    insert_record,
    update_record,
)
from grantline.sample_crm.refusals import Refusal, invalid_data, parameter_missing

MOST_RECORDS: Final = 100


# A field that is no key is compared record by record, which holds up everybody else.
MOST_COMPARED: Final = 20_000


def create_records(tx: sqlite3.Connection, call: Call) -> Answer:
    """POST /crm/v8/{module}: 201, or 207 when some records failed, or 400 when all did."""

    def create(given: Mapping[str, object], place: str) -> dict[str, object]:
        values = _check_new(tx, call, given, place)
        record = insert_record(tx, call.organization, call.get_module(), values, call.me, call.now)
        return _success(tx, call, record, "The record was added.")

    return _each_record(call, create, status=201)


def update_records(tx: sqlite3.Connection, call: Call) -> Answer:
    """PUT /crm/v8/{module}, each record with its id, or PUT /crm/v8/{module}/{id} with one record."""
    if call.id is not None and len(_given_records(call)) != 1:
        raise invalid_data("An address with an id takes exactly one record.", json_path="$.data")

    def update(given: Mapping[str, object], place: str) -> dict[str, object]:
        id = call.id if call.id is not None else given.get("id")
        if id is None:
            raise missing("id", place)
        record = find_record(tx, call.organization, call.get_module(), parse_id(id))
        if record is None:
            raise unknown_id("id", f"{place}.id")
        return _success(tx, call, _change(tx, call, record, given, place), "The record was updated.")

    return _each_record(call, update, status=200)


def upsert_records(tx: sqlite3.Connection, call: Call) -> Answer:
    """POST /crm/v8/{module}/upsert: change the record with the same value in a compared field, or add one."""
    compared = _compared_fields(tx, call)

    def upsert(given: Mapping[str, object], place: str) -> dict[str, object]:
        for field in compared:
            value = given.get(field.name)
            if isinstance(value, str) and value:
                same = find_same_value(tx, call.organization, call.get_module(), field, value)
                record = find_record(tx, call.organization, call.get_module(), same) if same else None
                if record:
                    changed = _change(tx, call, record, given, place)
                    more = {"action": "update", "duplicate_field": field.name}
                    return _success(tx, call, changed, "The record was updated.", **more)
        values = _check_new(tx, call, given, place)
        record = insert_record(tx, call.organization, call.get_module(), values, call.me, call.now)
        return _success(tx, call, record, "The record was added.", action="insert", duplicate_field=None)

    return _each_record(call, upsert, status=200)


def delete_records(tx: sqlite3.Connection, call: Call) -> Answer:
    """DELETE /crm/v8/{module}?ids=a,b or DELETE /crm/v8/{module}/{id}."""
    ids = [call.id] if call.id is not None else parse_ids(call.query.get("ids"))
    if not ids:
        raise parameter_missing("ids", "Name the records to delete, as in ids=1,2 with their ids.")
    results: list[dict[str, object]] = []
    for id in ids:
        if delete_record(tx, call.organization, call.get_module(), parse_id(id)):
            results.append(_result("SUCCESS", {"id": id}, "The record was deleted."))
        else:
            results.append(unknown_id("id", "$.ids").render())
    return _answer(results, 200)


def parse_ids(text: str | None) -> list[str]:
    """The ids between commas, each once and at most 100 of them."""
    ids = list(dict.fromkeys(part.strip() for part in (text or "").split(",") if part.strip()))
    if len(ids) > MOST_RECORDS:
        message = f"At most {MOST_RECORDS} ids fit in one call."
        raise Refusal(400, "LIMIT_EXCEEDED", message, {"param_name": "ids"})
    return ids


def _each_record(
    call: Call, store: Callable[[Mapping[str, object], str], dict[str, object]], *, status: int
) -> Answer:
    results: list[dict[str, object]] = []
    for position, given in enumerate(_given_records(call)):
        place = f"$.data[{position}]"
        try:
            if not isinstance(given, dict):
                details = {"expected_data_type": "jsonobject", "json_path": place}
                raise RecordRefused("INVALID_DATA", "A record is a JSON object.", **details)
            results.append(store(given, place))
        except RecordRefused as problem:
            results.append(problem.render())
    return _answer(results, status)


def _given_records(call: Call) -> Sequence[object]:
    records = call.body.get("data") if isinstance(call.body, dict) else None
    if not isinstance(records, list) or not records:
        message = 'The body is a JSON object with the records in a list: {"data": [{…}]}.'
        raise invalid_data(message, api_name="data", json_path="$.data", expected_data_type="jsonarray")
    if len(records) > MOST_RECORDS:
        message = f"At most {MOST_RECORDS} records fit in one call."
        raise Refusal(400, "LIMIT_EXCEEDED", message, {"limit": MOST_RECORDS, "json_path": "$.data"})
    return records


def _compared_fields(tx: sqlite3.Connection, call: Call) -> list[Field]:
    module = call.get_module()
    body = call.body if isinstance(call.body, dict) else {}
    named = body.get("duplicate_check_fields") or list(module.duplicate_fields)
    names = named if isinstance(named, list) and len(named) <= 5 else []
    fields = [module.find_field(name) for name in names if isinstance(name, str)]
    usable = [field for field in fields if field and field.kind.json_type == "string" and not field.read_only]
    if not usable or len(usable) != len(names):
        message = f"duplicate_check_fields is a list of up to five text fields of {module.name}."
        raise invalid_data(message, api_name="duplicate_check_fields", json_path="$.duplicate_check_fields")
    if any(field.name not in module.keys for field in usable):
        there = count_records(tx, call.organization, module, MOST_COMPARED + 1)
        if there > MOST_COMPARED:
            keys = " and ".join(module.keys)
            message = f"With more than {MOST_COMPARED} {module.name}, only {keys} can be compared."
            raise Refusal(400, "LIMIT_EXCEEDED", message, {"json_path": "$.duplicate_check_fields"})
    return usable


def _check_new(
    tx: sqlite3.Connection, call: Call, given: Mapping[str, object], place: str
) -> Mapping[str, object]:
    values = check_values(call.get_module(), given, place, is_new=True)
    check_in_place(tx, call.organization, call.get_module(), values, place, None)
    return without_empty(values)


def _change(
    tx: sqlite3.Connection, call: Call, record: Record, given: Mapping[str, object], place: str
) -> Record:
    changes = check_values(call.get_module(), given, place, is_new=False)
    check_in_place(tx, call.organization, call.get_module(), changes, place, record.id)
    return update_record(tx, call.organization, record, changes, call.me, call.now)


def _success(
    tx: sqlite3.Connection, call: Call, record: Record, message: str, **more: object
) -> dict[str, object]:
    """How a stored record is reported."""

    def named(id: int) -> dict[str, object]:
        person = find_person(tx, call.organization, id)
        assert person is not None  # a foreign key keeps it
        short = person.render_short(named=call.may_name_people)
        return {"id": short["id"], "name": short["name"]}

    details = {
        "id": str(record.id),
        "Created_Time": render_time(record.created_at),
        "Modified_Time": render_time(record.modified_at),
        "Created_By": named(record.created_by),
        "Modified_By": named(record.modified_by),
    }
    return _result("SUCCESS", details, message, **more)


def _result(code: str, details: Mapping[str, object], message: str, **more: object) -> dict[str, object]:
    return {"code": code, "details": details, "message": message, "status": "success", **more}


def _answer(results: Sequence[dict[str, object]], status: int) -> Answer:
    failed = sum(1 for result in results if result["status"] == "error")
    if failed == len(results):
        status = 400
    elif failed:
        status = 207
    return Answer(status, {"data": results})
