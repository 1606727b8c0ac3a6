"""What can be read besides records: people, the organization, modules and fields."""

import sqlite3
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from grantline.sample_crm.calls import Answer, Call, parse_id
from grantline.sample_crm.database import settings_changed_at
from grantline.sample_crm.modules import MODULES, Field, Kind, Module, find_module
from grantline.sample_crm.people import find_person, get_organization, list_people
from grantline.sample_crm.refusals import Refusal, invalid_data, not_found, parameter_missing

MOST_PER_PAGE: Final = 200
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
    """GET /crm/v8/settings/modules; 304 when nothing changed since If-Modified-Since."""
    return _settings(tx, call, {"modules": [_render_module(module) for module in MODULES]})


def get_module(tx: sqlite3.Connection, call: Call) -> Answer:
    """GET /crm/v8/settings/modules/{module}, like the list."""
    return _settings(tx, call, {"modules": [_render_module(call.get_module())]})


def get_fields(tx: sqlite3.Connection, call: Call) -> Answer:
    """GET /crm/v8/settings/fields?module=…, like the list of modules."""
    name = call.query.get("module")
    if not name:
        raise parameter_missing("module", "Name the module whose fields you want, as in module=Leads.")
    module = find_module(name)
    if module is None:
        raise unknown_module()
    return _settings(tx, call, {"fields": [_render_field(module, field) for field in module.fields]})


def _settings(tx: sqlite3.Connection, call: Call, body: dict[str, object]) -> Answer:
    changed_at = settings_changed_at(tx)
    headers = {"Last-Modified": format_datetime(datetime.fromtimestamp(changed_at, UTC), usegmt=True)}
    if call.since is not None and changed_at <= call.since:
        return Answer(304, headers=headers)
    return Answer(body=body, headers=headers)


def unknown_module() -> Refusal:
    """400 for a module that the CRM does not have."""
    names = ", ".join(module.name for module in MODULES)
    return Refusal(400, "INVALID_MODULE", f"There is no module of this name. There are {names}.")


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
