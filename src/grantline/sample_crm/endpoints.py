"""What can be read: people, the organization, modules, fields and records."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

from grantline.sample_crm.calls import Answer, Call, parse_id
from grantline.sample_crm.criteria import Wanted, parse_criteria, wanted_email, wanted_phone, wanted_word
from grantline.sample_crm.modules import MODULES, Field, Kind, Module, find_module
from grantline.sample_crm.people import find_person, get_organization, list_people
from grantline.sample_crm.records import Page, SortBy, SortOrder, find_record, list_records
from grantline.sample_crm.refusals import Refusal, invalid_data, not_found, parameter_missing
from grantline.sample_crm.writing import parse_ids

MOST_PER_PAGE: Final = 200
MOST_PAGES: Final = 100_000
MOST_FIELDS: Final = 50
_NO_CONTENT: Final = Answer(204)
_PRESENT_PEOPLE: Final = ("ActiveUsers", "AllUsers", "ConfirmedUsers", "ActiveConfirmedUsers", "AdminUsers")
_ABSENT_PEOPLE: Final = ("DeactiveUsers", "NotConfirmedUsers", "DeletedUsers")


def get_users(tx: sqlite3.Connection, call: Call) -> Answer:
    """GET /crm/v8/users?type=…: the caller, or everybody of the organization who has used the API."""
    type = call.query.get("type") or "AllUsers"
    if type == "CurrentUser":
        people = [call.me] if call.me.is_person else []
    elif type in _PRESENT_PEOPLE:
        people = list_people(tx, call.organization)
    elif type in _ABSENT_PEOPLE:
        people = []
    else:
        known = ", ".join(("CurrentUser", *_PRESENT_PEOPLE, *_ABSENT_PEOPLE))
        raise invalid_data(f"type is one of {known}.", param_name="type")
    if not people:
        return _NO_CONTENT
    info = {"per_page": MOST_PER_PAGE, "count": len(people), "page": 1, "more_records": False}
    return Answer(body={"users": [person.render() for person in people], "info": info})


def get_user(tx: sqlite3.Connection, call: Call) -> Answer:
    """GET /crm/v8/users/{id}."""
    person = find_person(tx, call.organization, parse_id(call.id))
    if person is None or not person.is_person:
        raise not_found()
    return Answer(body={"users": [person.render()]})


def get_org(tx: sqlite3.Connection, call: Call) -> Answer:
    """GET /crm/v8/org."""
    organization = get_organization(tx, call.organization)
    people = list_people(tx, call.organization) if call.may_name_people else []
    return Answer(body={"org": [organization.render(people[0].email if people else None)]})


def get_modules(tx: sqlite3.Connection, call: Call) -> Answer:
    """GET /crm/v8/settings/modules."""
    return Answer(body={"modules": [_render_module(module) for module in MODULES]})


def get_module(tx: sqlite3.Connection, call: Call) -> Answer:
    """GET /crm/v8/settings/modules/{module}."""
    return Answer(body={"modules": [_render_module(call.get_module())]})


def get_fields(tx: sqlite3.Connection, call: Call) -> Answer:
    """GET /crm/v8/settings/fields?module=…."""
    name = call.query.get("module")
    if not name:
        raise parameter_missing("module", "Name the module whose fields you want, as in module=Leads.")
    module = find_module(name)
    if module is None:
        raise unknown_module()
    return Answer(body={"fields": [_render_field(module, field) for field in module.fields]})


def get_records(tx: sqlite3.Connection, call: Call) -> Answer:
    """GET /crm/v8/{module}: one page; 204 when it is empty."""
    if not call.query.get("fields"):
        raise parameter_missing("fields", "Name the fields you want, as in fields=Last_Name,Email.")
    if call.query.get("page_token"):
        message = "Pages are asked for by number here: page=1, page=2 and so on."
        raise invalid_data(message, param_name="page_token")
    fields = _asked_fields(call)
    sort_by = cast(SortBy, _one_of(call, "sort_by", ("id", "Created_Time", "Modified_Time"), "id"))
    sort_order = cast(SortOrder, _one_of(call, "sort_order", ("asc", "desc"), "desc"))
    ids = {parse_id(id) for id in parse_ids(call.query.get("ids"))}
    page = list_records(
        tx,
        call.organization,
        call.get_module(),
        page=call.count("page", 1, MOST_PAGES),
        per_page=call.count("per_page", MOST_PER_PAGE, MOST_PER_PAGE),
        sort_by=sort_by,
        sort_order=sort_order,
        wanted=(lambda record: record.id in ids) if ids else None,
    )
    tokens = {"next_page_token": None, "previous_page_token": None, "page_token_expiry": None}
    return _render_page(tx, call, page, fields, {"sort_by": sort_by, "sort_order": sort_order, **tokens})


def get_record(tx: sqlite3.Connection, call: Call) -> Answer:
    """GET /crm/v8/{module}/{id}."""
    record = find_record(tx, call.organization, call.get_module(), parse_id(call.id))
    if record is None:
        raise not_found()
    return Answer(body={"data": [record.render(_asked_fields(call), _people(tx, call))]})


def search_records(tx: sqlite3.Connection, call: Call) -> Answer:
    """GET /crm/v8/{module}/search: by criteria, email, phone or word, whichever comes first; 204 for none."""
    fields = _asked_fields(call)
    page = list_records(
        tx,
        call.organization,
        call.get_module(),
        page=call.count("page", 1, MOST_PAGES),
        per_page=call.count("per_page", MOST_PER_PAGE, MOST_PER_PAGE),
        wanted=_parse_search(call),
    )
    return _render_page(tx, call, page, fields, {})


def unknown_module() -> Refusal:
    """400 for a module that the CRM does not have."""
    names = ", ".join(module.name for module in MODULES)
    return Refusal(400, "INVALID_MODULE", f"There is no module of this name. There are {names}.")


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


def _asked_fields(call: Call) -> Sequence[Field]:
    """The fields that the query names, or all; at most 50 can be named."""
    module = call.get_module()
    text = call.query.get("fields")
    if not text:
        return module.fields
    names = [
        name for name in dict.fromkeys(part.strip() for part in text.split(",")) if name not in ("", "id")
    ]
    if len(names) > MOST_FIELDS:
        message = f"At most {MOST_FIELDS} fields fit in one call."
        raise Refusal(400, "LIMIT_EXCEEDED", message, {"param_name": "fields"})
    fields: list[Field] = []
    for name in names:
        field = module.find_field(name)
        if field is None:
            message = f"{module.name} has no such field. GET /crm/v8/settings/fields lists those it has."
            raise invalid_data(message, param_name="fields", api_name=name[:100])
        fields.append(field)
    return fields


def _one_of(call: Call, name: str, allowed: Sequence[str], default: str) -> str:
    value = call.query.get(name) or default
    if value not in allowed:
        raise invalid_data(f"{name} is one of {', '.join(allowed)}.", param_name=name)
    return value


def _render_page(
    tx: sqlite3.Connection, call: Call, page: Page, fields: Sequence[Field], more: dict[str, object]
) -> Answer:
    if not page.records:
        return _NO_CONTENT
    people = _people(tx, call)
    info: dict[str, object] = {
        "per_page": call.count("per_page", MOST_PER_PAGE, MOST_PER_PAGE),
        "count": len(page.records),
        "page": call.count("page", 1, MOST_PAGES),
        "more_records": page.more,
        **more,
    }
    return Answer(body={"data": [record.render(fields, people) for record in page.records], "info": info})


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


def _render_module(module: Module) -> dict[str, object]:
    return {
        "id": module.id,
        "api_name": module.name,
        "module_name": module.name,
        "singular_label": module.singular,
        "plural_label": module.name,
        "generated_type": "default",
        "api_supported": True,
        "creatable": True,
        "editable": True,
        "deletable": True,
        "viewable": True,
        "sequence_number": module.number,
    }


def _render_field(module: Module, field: Field) -> dict[str, object]:
    choices = [
        {"id": module.choice_id(field, choice), "display_value": choice, "actual_value": choice}
        for choice in field.choices
    ]
    members: dict[str, object] = {
        "id": module.field_id(field),
        "api_name": field.name,
        "field_label": field.label,
        "data_type": field.kind.data_type,
        "json_type": field.kind.json_type,
        "length": field.length,
        "system_mandatory": field.mandatory,
        "custom_field": False,
        "read_only": field.read_only,
        "pick_list_values": choices,
        "unique": {"casesensitive": "false"} if field.unique else {},
        "lookup": {},
    }
    if field.kind is Kind.OWNER:
        members["lookup"] = {"module": {"api_name": "Users", "id": "4000000000000009000"}}
    return members
