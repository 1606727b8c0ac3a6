"""The calls about bulk jobs: upload, start, look, download."""

import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from grantline.sample_crm.arrivals import Arrived, Bounds
from grantline.sample_crm.bulk.archive import is_zip
from grantline.sample_crm.bulk.callbacks import NotAllowed, callback_refused
from grantline.sample_crm.bulk.jobs import (
    Job,
    Kind,
    changes_of,
    count_unfinished,
    find_job,
    insert_job,
    is_upload_taken,
)
from grantline.sample_crm.bulk.rendering import render_read, render_write
from grantline.sample_crm.bulk.requests import OPERATIONS, parse_module, parse_read, parse_write
from grantline.sample_crm.calls import Answer, Call, Download, parse_id
from grantline.sample_crm.files import keep, no_room
from grantline.sample_crm.people import find_person, render_time
from grantline.sample_crm.refusals import Refusal
from grantline.sample_crm.stored import MOST_BYTES, MOST_UPLOADS, find_stored, stored_bytes

UPLOAD_BOUNDS: Final = Bounds(files=1, each=100 * 1024**2, all=101 * 1024**2)
MOST_UNFINISHED: Final = 10


def upload(tx: sqlite3.Connection, call: Call) -> Answer:
    """POST /crm/v8/upload: a ZIP with one CSV, for a bulk write within a day."""
    body = call.body
    assert isinstance(body, list)
    arrived: Arrived = body[0]
    if not is_zip(arrived.path):
        raise Refusal(400, "INVALID_FILE_FORMAT", "An upload for a bulk write is a ZIP with one CSV in it.")
    ((_, id),) = keep(tx, call, "bulk-write", MOST_UPLOADS)
    details = {"file_id": str(id), "created_time": render_time(call.now)}
    message = "The file was uploaded."
    return Answer(
        body={"status": "success", "code": "FILE_UPLOAD_SUCCESS", "message": message, "details": details}
    )


def start_read(tx: sqlite3.Connection, call: Call) -> Answer:
    """POST /crm/bulk/v8/read: 201 with a job that waits for its turn."""
    body = _object(call.body, "$")
    query = _object(body.get("query"), "$.query")
    module = parse_module(query.get("module"), "$.query.module")
    call.check_then_needs(module)
    asked = parse_read(body, query, module, call.now)
    callback = _parse_callback(call, body.get("callback", query.get("callback")))
    _check_room(tx, call)
    job = insert_job(tx, call.organization, "read", module, asked, callback, call.me.id, call.now)
    details = {
        "id": str(job.id),
        "operation": "read",
        "state": job.state,
        "created_by": _creator(tx, call, job),
        "created_time": render_time(job.created_at),
    }
    result = {
        "status": "success",
        "code": "ADDED_SUCCESSFULLY",
        "message": "Added successfully.",
        "details": details,
    }
    return Answer(201, {"data": [result], "info": {}}, starts_work=True)


def start_write(tx: sqlite3.Connection, call: Call) -> Answer:
    """POST /crm/bulk/v8/write: 201 with a job that waits for its turn."""
    body = _object(call.body, "$")
    operation, resources = body.get("operation"), body.get("resource")
    if operation not in OPERATIONS:
        message = f"operation is one of {', '.join(OPERATIONS)}."
        raise Refusal(400, "MISSING_REQUIRED_KEY", message, {"api_name": "operation"})
    if not isinstance(resources, list) or len(resources) != 1:
        message = "resource is a list with one object: its module, its file_id and its field_mappings."
        raise Refusal(400, "MISSING_REQUIRED_KEY", message, {"api_name": "resource"})
    resource = _object(resources[0], "$.resource[0]")
    module = parse_module(resource.get("module"), "$.resource[0].module")
    call.check_then_needs(module, changes_of(operation))
    asked = parse_write(resource, body, module)
    stored = find_stored(tx, call.organization, "bulk-write", parse_id(resource.get("file_id")))
    if stored is None:
        message = "There is no upload with this file_id in your organization. An upload is kept for a day."
        raise Refusal(400, "INVALID_FILE_ID", message, {"api_name": "file_id"})
    if is_upload_taken(tx, call.organization, stored.id):
        raise Refusal(400, "ALREADY_USED", "Another job works from this upload.", {"api_name": "file_id"})
    callback = _parse_callback(call, body.get("callback"))
    _check_room(tx, call)
    asked |= {"operation": operation, "file_id": str(stored.id), "file_name": stored.name}
    job = insert_job(tx, call.organization, "write", module, asked, callback, call.me.id, call.now)
    details = {"id": str(job.id), "created_by": _creator(tx, call, job)}
    result = {"status": "success", "code": "SUCCESS", "message": "success", "details": details}
    return Answer(201, result, starts_work=True)


def get_read(tx: sqlite3.Connection, call: Call) -> Answer:
    """GET /crm/bulk/v8/read/{id}: how far it is."""
    job = _get(tx, call, "read")
    return Answer(body={"data": [render_read(job, _creator(tx, call, job), call.now)]})


def get_write(tx: sqlite3.Connection, call: Call) -> Answer:
    """GET /crm/bulk/v8/write/{id}: how far it is."""
    job = _get(tx, call, "write")
    return Answer(body=render_write(job, _creator(tx, call, job), call.home.identifier))


def download_read(tx: sqlite3.Connection, call: Call) -> Answer:
    """GET /crm/bulk/v8/read/{id}/result: the ZIP with the CSV."""
    return _download(call, _get(tx, call, "read"))


def download_write(tx: sqlite3.Connection, call: Call) -> Answer:
    """GET /crm/bulk/v8/write/{id}/result: a ZIP with a CSV that says of every row what became of it."""
    return _download(call, _get(tx, call, "write"))


def _get(tx: sqlite3.Connection, call: Call, kind: Kind) -> Job:
    """The job of the path, for a token that could start one like it; Refusal."""
    job = find_job(tx, call.organization, kind, parse_id(call.id))
    if job is None:
        raise Refusal(404, "RESOURCE_NOT_FOUND", "There is no job with this id in your organization.")
    call.check_then_needs(job.module, job.changes)
    return job


def _download(call: Call, job: Job) -> Answer:
    path = call.home.storage.result(job.id)
    if job.result_size is None or not path.exists():
        message = "This job has no result: it has not ended, has failed, or ended more than a day ago."
        raise Refusal(404, "RESOURCE_NOT_FOUND", message)
    return Answer(download=Download(path, path.name))


def _creator(tx: sqlite3.Connection, call: Call, job: Job) -> dict[str, object]:
    person = find_person(tx, call.organization, job.created_by)
    assert person is not None  # a foreign key keeps it
    short = person.render_short(named=call.may_name_people)
    return {"id": short["id"], "name": short["name"]}


def _parse_callback(call: Call, given: object) -> str | None:
    if given is None:
        return None
    callback = given if isinstance(given, Mapping) else {}
    if str(callback.get("method", "post")).lower() != "post":
        details = {"api_name": "method", "supported_callback_methods": ["post"]}
        raise Refusal(400, "INVALID_CALLBACK_METHOD", "A callback is a POST.", details)
    url = callback.get("url")
    try:
        if not isinstance(url, str):
            raise NotAllowed("A callback has the url that is to be called.")
        call.home.callbacks.check(url)
    except NotAllowed as problem:
        raise callback_refused(problem) from None
    return url


def _check_room(tx: sqlite3.Connection, call: Call) -> None:
    if count_unfinished(tx, call.organization) >= MOST_UNFINISHED:
        message = f"{MOST_UNFINISHED} jobs of your organization have not ended. Wait for one to end."
        details, headers = {"limit": MOST_UNFINISHED}, {"Retry-After": "30"}
        raise Refusal(429, "TOO_MANY_REQUESTS", message, details, headers)
    if stored_bytes(tx, call.organization) >= MOST_BYTES:
        raise no_room()


def _object(given: object, place: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        details = {"expected_data_type": "jsonobject", "json_path": place}
        raise Refusal(400, "INVALID_DATA", f"A JSON object is expected at {place}.", details)
    return given
