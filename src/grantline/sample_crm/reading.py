"""Reading records: a page of a list, one record, a search."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, cast

from grantline.sample_crm.calls import Answer, Call, parse_id
from grantline.sample_crm.criteria import Wanted, parse_criteria, wanted_email, wanted_phone, wanted_word
from grantline.sample_crm.modules import Field, Module
from grantline.sample_crm.pages import LIFE_SECONDS, Place, parse_page_token, render_page_token
from grantline.sample_crm.people import find_person, render_time
from grantline.sample_crm.records import Record, SortBy, SortOrder, find_record, iterate_records
from grantline.sample_crm.refusals import Refusal, invalid_data, not_found, parameter_missing
from grantline.sample_crm.writing import parse_ids

MOST_PER_PAGE: Final = 200
MOST_BY_NUMBER: Final = 2_000
MOST_FIELDS: Final = 50
MOST_EXAMINED: Final = 100_000
_NO_CONTENT: Final = Answer(204)


def get_records(tx: sqlite3.Connection, call: Call) -> Answer:
    """GET /crm/v8/{module}: one page; 204 when it is empty. The first 2,000 records have pages with numbers,
    all have pages by the token of the page before."""
    if not call.query.get("fields"):
        raise parameter_missing("fields", "Name the fields you want, as in fields=Last_Name,Email.")
    fields = asked_fields(call)
    sort_by = cast(SortBy, _one_of(call, "sort_by", ("id", "Created_Time", "Modified_Time"), "id"))
    sort_order = cast(SortOrder, _one_of(call, "sort_order", ("asc", "desc"), "desc"))
    per_page = call.count("per_page", MOST_PER_PAGE, MOST_PER_PAGE)
    if call.query.get("ids"):
        return _render_page(
            tx, call, _named_records(tx, call), 1, per_page, fields, _tokens(sort_by, sort_order)
        )
    if token := call.query.get("page_token"):
        if call.query.get("page"):
            raise invalid_data("Send page or page_token, not both.", param_name="page_token")
        place = parse_page_token(token, sort_by, sort_order, call.now)
        number, first, after = place.number, 0, (place.changed_at, place.id)
    else:
        number, after = _page_number(call, per_page), None
        first = (number - 1) * per_page
    records = iterate_records(tx, call.organization, call.get_module(), sort_by, sort_order, after)
    found = list(islice(records, first, first + per_page + 1))
    tokens = _tokens(sort_by, sort_order)
    if len(found) > per_page:
        last = found[per_page - 1]
        place = Place(number + 1, last.modified_at, last.id, call.now + LIFE_SECONDS)
        tokens["next_page_token"] = render_page_token(place, sort_by, sort_order)
        tokens["page_token_expiry"] = render_time(place.ends_at)
    return _render_page(tx, call, found, number, per_page, fields, tokens)


def get_record(tx: sqlite3.Connection, call: Call) -> Answer:
    """GET /crm/v8/{module}/{id}."""
    record = find_record(tx, call.organization, call.get_module(), parse_id(call.id))
    if record is None:
        raise not_found()
    return Answer(body={"data": [record.render(asked_fields(call), _people(tx, call))]})


def search_records(tx: sqlite3.Connection, call: Call) -> Answer:
    """GET /crm/v8/{module}/search: by criteria, email, phone or word, whichever comes first; 204 for none.

    The newest 100,000 records are looked at; Refusal when the page is not full by then.
    """
    fields = asked_fields(call)
    per_page = call.count("per_page", MOST_PER_PAGE, MOST_PER_PAGE)
    number = _page_number(call, per_page)
    records = _examined(iterate_records(tx, call.organization, call.get_module()))
    first = (number - 1) * per_page
    found = list(islice(filter(_parse_search(call), records), first, first + per_page + 1))
    return _render_page(tx, call, found, number, per_page, fields, {})


def asked_fields(call: Call) -> Sequence[Field]:
    """The fields that the query names, or all; at most 50 can be named."""
    text = call.query.get("fields")
    module = call.get_module()
    return module.fields if not text else parse_fields(text.split(","), module, "fields")


def parse_fields(given: Sequence[str], module: Module, name: str) -> Sequence[Field]:
    """The fields of these names, each once; `name` is what a refusal calls the list."""
    names = [one for one in dict.fromkeys(part.strip() for part in given) if one not in ("", "id")]
    if len(names) > MOST_FIELDS:
        message = f"At most {MOST_FIELDS} fields fit in one call."
        raise Refusal(400, "LIMIT_EXCEEDED", message, {"param_name": name})
    fields: list[Field] = []
    for one in names:
        field = module.find_field(one)
        if field is None:
            message = f"{module.name} has no such field. GET /crm/v8/settings/fields lists those it has."
            raise invalid_data(message, param_name=name, api_name=one[:100])
        fields.append(field)
    return fields


def _page_number(call: Call, per_page: int) -> int:
    """The page of the query, among the first 2,000 records."""
    number = call.count("page", 1, MOST_BY_NUMBER)
    if number * per_page > max(MOST_BY_NUMBER, per_page):
        message = f"Only the first {MOST_BY_NUMBER} records have pages with numbers; go on with page_token."
        raise Refusal(400, "LIMIT_EXCEEDED", message, {"param_name": "page", "limit": MOST_BY_NUMBER})
    return number


def _named_records(tx: sqlite3.Connection, call: Call) -> Sequence[Record]:
    """The records with the ids of the query, newest first."""
    ids = sorted({parse_id(id) for id in parse_ids(call.query.get("ids"))}, reverse=True)
    found = (find_record(tx, call.organization, call.get_module(), id) for id in ids)
    return [record for record in found if record is not None]


def _examined(records: Iterator[Record]) -> Iterator[Record]:
    for number, record in enumerate(records):
        if number >= MOST_EXAMINED:
            message = f"A search looks at the newest {MOST_EXAMINED} records. Use a bulk read for more."
            raise Refusal(400, "LIMIT_EXCEEDED", message, {"limit": MOST_EXAMINED})
        yield record


def _parse_search(call: Call) -> Wanted:
    readers: dict[str, Callable[[str, Module], Wanted]] = {
        "criteria": parse_criteria,
        "email": wanted_email,
        "phone": wanted_phone,
        "word": wanted_word,
    }
    for name, read in readers.items():
        if text := call.query.get(name):
            return read(text, call.get_module())
    message = "Say what to search for, as in word=bakery or criteria=(Last_Name:equals:Haddad)."
    raise parameter_missing("criteria", message)


def _one_of(call: Call, name: str, allowed: Sequence[str], default: str) -> str:
    value = call.query.get(name) or default
    if value not in allowed:
        raise invalid_data(f"{name} is one of {', '.join(allowed)}.", param_name=name)
    return value


def _tokens(sort_by: str, sort_order: str) -> dict[str, object]:
    tokens = {"next_page_token": None, "previous_page_token": None, "page_token_expiry": None}
    return {"sort_by": sort_by, "sort_order": sort_order, **tokens}


def _render_page(
    tx: sqlite3.Connection,
    call: Call,
    found: Sequence[Record],
    number: int,
    per_page: int,
    fields: Sequence[Field],
    more: Mapping[str, object],
) -> Answer:
    """The page; a record more than fits says that another page follows."""
    if not found:
        return _NO_CONTENT
    people = _people(tx, call)
    shown = found[:per_page]
    info: dict[str, object] = {
        "per_page": per_page,
        "count": len(shown),
        "page": number,
        "more_records": len(found) > per_page,
        **more,
    }
    return Answer(body={"data": [record.render(fields, people) for record in shown], "info": info})


def _people(tx: sqlite3.Connection, call: Call) -> Callable[[int], Mapping[str, object]]:
    """Renders the people whom records name, each looked up once."""
    named = call.may_name_people
    known: dict[int, Mapping[str, object]] = {call.me.id: call.me.render_short(named=named)}

    def render(id: int) -> Mapping[str, object]:
        if id not in known:
            person = find_person(tx, call.organization, id)
            assert person is not None  # a foreign key keeps it, and owners are checked when they are set
            known[id] = person.render_short(named=named)
        return known[id]

    return render
