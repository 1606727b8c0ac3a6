"""Files: upload, list, download, delete. What comes out is a download and never a page."""

import sqlite3
from collections.abc import Sequence
from typing import Final, cast

from grantline.sample_crm.arrivals import Arrived, Bounds
from grantline.sample_crm.calls import Answer, Call, Download, parse_id
from grantline.sample_crm.people import render_time
from grantline.sample_crm.refusals import Refusal, not_found, parameter_missing
from grantline.sample_crm.stored import (
    MOST_BYTES,
    MOST_FILES,
    Purpose,
    count_stored,
    delete_stored,
    find_stored,
    insert_stored,
    list_stored,
    stored_bytes,
)

FILE_BOUNDS: Final = Bounds(files=10, each=20 * 1024**2, all=100 * 1024**2)
MOST_PER_PAGE: Final = 200


def upload_files(tx: sqlite3.Connection, call: Call) -> Answer:
    """POST /crm/v8/files: up to ten files, each in a field `file`."""
    results: list[dict[str, object]] = []
    for arrived, id in keep(tx, call, "file", MOST_FILES):
        details = {"name": arrived.name, "id": str(id)}
        message = "The file was uploaded."
        results.append({"code": "SUCCESS", "details": details, "message": message, "status": "success"})
    return Answer(body={"data": results})


def get_files(tx: sqlite3.Connection, call: Call) -> Answer:
    """GET /crm/v8/files?id=…: the file itself; without an id a list of all, the newest first."""
    if "id" in call.query:
        stored = find_stored(tx, call.organization, "file", parse_id(call.query["id"]))
        if stored is None:
            raise not_found()
        return Answer(download=Download(call.home.storage.file(stored.id), stored.name))
    page, per_page = call.count("page", 1, MOST_FILES), call.count("per_page", MOST_PER_PAGE, MOST_PER_PAGE)
    found = list_stored(tx, call.organization, "file", (page - 1) * per_page, per_page + 1)
    if not found:
        return Answer(204)
    shown = [
        {
            "id": str(one.id),
            "name": one.name,
            "size": one.size,
            "created_time": render_time(one.created_at),
            "created_by": {"id": str(one.created_by)},
        }
        for one in found[:per_page]
    ]
    info = {"per_page": per_page, "count": len(shown), "page": page, "more_records": len(found) > per_page}
    return Answer(body={"files": shown, "info": info})


def delete_file(tx: sqlite3.Connection, call: Call) -> Answer:
    """DELETE /crm/v8/files?id=…."""
    if not call.query.get("id"):
        raise parameter_missing("id", "Name the file to delete, as in id=4300000000000000001.")
    id = parse_id(call.query["id"])
    if not delete_stored(tx, call.organization, "file", id):
        raise not_found()
    call.home.storage.file(id).unlink(missing_ok=True)
    message = "The file was deleted."
    result = {"code": "SUCCESS", "details": {"id": str(id)}, "message": message, "status": "success"}
    return Answer(body={"data": [result]})


def keep(tx: sqlite3.Connection, call: Call, purpose: Purpose, most: int) -> Sequence[tuple[Arrived, int]]:
    """Keep the files that came with the call, and give each with its id; Refusal where there is no room."""
    files = cast(Sequence[Arrived], call.body)
    if count_stored(tx, call.organization, purpose) + len(files) > most:
        message = f"Your organization has {most} files of this kind already. Delete some first."
        raise Refusal(400, "LIMIT_EXCEEDED", message, {"limit": most})
    if stored_bytes(tx, call.organization) + sum(one.size for one in files) > MOST_BYTES:
        raise no_room()
    kept = []
    for arrived in files:
        id = insert_stored(tx, call.organization, purpose, arrived.name, arrived.size, call.me.id, call.now)
        arrived.path.rename(call.home.storage.file(id))
        kept.append((arrived, id))
    return kept


def no_room() -> Refusal:
    """400 when the files, uploads and results of an organization fill what it has."""
    message = f"The files and results of your organization fill its {MOST_BYTES} bytes. Delete some first."
    return Refusal(400, "LIMIT_EXCEEDED", message, {"limit": MOST_BYTES})
