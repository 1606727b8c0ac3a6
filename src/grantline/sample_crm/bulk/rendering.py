"""How jobs look on the wire."""

from collections.abc import Mapping
from typing import Any

from grantline.sample_crm.bulk.jobs import Job
from grantline.sample_crm.pages import LIFE_SECONDS, Place, render_page_token
from grantline.sample_crm.people import render_time

Members = dict[str, Any]


def render_read(job: Job, by: Mapping[str, object], now: int) -> Members:
    """A bulk read; `by` is its creator. What was asked, how far it is, and the result once there is one."""
    query: Members = {
        "module": {"id": job.module.id, "api_name": job.module.name},
        "page": job.asked["page"],
        "fields": job.asked["fields"],
    }
    if job.asked["criteria"]:
        query["criteria"] = job.asked["criteria"]
    members: Members = {
        "id": str(job.id),
        "operation": "read",
        "state": job.state,
        "query": query,
        "created_by": by,
        "created_time": render_time(job.created_at),
        "file_type": "csv",
        "progress": {"looked_at": job.done_rows, "of": job.total_rows, "rows": job.added},
    }
    if job.state == "COMPLETED":
        members["result"] = _render_result(job, now)
    if job.problem_code:
        members["error"] = {"code": job.problem_code, "message": job.problem}
    return members


def _render_result(job: Job, now: int) -> Members:
    page = job.asked["page"]
    following = None
    if job.is_more:
        following = render_page_token(Place(page + 1, 0, job.position, now + LIFE_SECONDS), "id", "asc")
    return {
        "page": page,
        "count": job.added,
        "download_url": f"/crm/bulk/v8/read/{job.id}/result",
        "per_page": job.asked["per_page"],
        "more_records": job.is_more,
        "next_page_token": following,
    }


def render_write(job: Job, by: Mapping[str, object], identifier: str) -> Members:
    """A bulk write: counts grow while it works."""
    status = {"FAILURE": "FAILED"}.get(job.state, job.state)
    columns = job.asked["columns"] or []
    file: Members = {
        "status": status,
        "name": job.asked["file_name"],
        "added_count": job.added,
        "updated_count": job.updated,
        "skipped_count": job.skipped,
        "total_count": job.total_rows or 0,
    }
    resource: Members = {
        "status": status,
        "type": "data",
        "module": {"id": job.module.id, "api_name": job.module.name},
        "file_id": job.asked["file_id"],
        "ignore_empty": job.asked["ignore_empty"],
        "field_mappings": [{"api_name": one["name"], "index": one["index"]} for one in columns],
        "file": file,
    }
    if job.asked["find_by"]:
        resource["find_by"] = job.asked["find_by"]
    if job.problem_code:
        resource |= {"code": job.problem_code, "message": job.problem}
    members: Members = {
        "id": str(job.id),
        "status": status,
        "character_encoding": "UTF-8",
        "operation": job.asked["operation"],
        "created_by": by,
        "created_time": render_time(job.created_at),
        "resource": [resource],
    }
    if job.callback:
        members["callback"] = {"method": "post", "url": job.callback}
    if job.state == "COMPLETED":
        members["result"] = {"download_url": f"{identifier}/crm/bulk/v8/write/{job.id}/result"}
    return members


def render_told(job: Job, identifier: str, now: int) -> Members:
    """What a callback is told: the job as its own address shows it, without anybody's name."""
    by = {"id": str(job.created_by)}
    members = render_read(job, by, now) if job.kind == "read" else render_write(job, by, identifier)
    return {"job_id": str(job.id), **members}
