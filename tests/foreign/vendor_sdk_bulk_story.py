"""Files and bulk jobs as a customer writes them on the vendor's official Python SDK.

Run as `vendor_sdk_bulk_story.py SETTINGS`: the JSON file of `vendor_sdk_story.py` with `auto`
(whether the SDK reads the fields of every module by itself) and `callback` besides. Prints one JSON object.
"""

import csv
import io
import json
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vendor_sdk_story import Settings, initialize
from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.crm.api import HeaderMap, ParameterMap, bulk_read, bulk_write
from zohocrmsdk.src.com.zoho.crm.api.fields.minified_field import MinifiedField
from zohocrmsdk.src.com.zoho.crm.api.files import BodyWrapper as FilesBody
from zohocrmsdk.src.com.zoho.crm.api.files import FilesOperations, GetFileParam
from zohocrmsdk.src.com.zoho.crm.api.modules import MinifiedModule, ModulesOperations
from zohocrmsdk.src.com.zoho.crm.api.org.org_operations import OrgOperations
from zohocrmsdk.src.com.zoho.crm.api.record import (
    BodyWrapper,
    DeleteRecordsParam,
    GetRecordsParam,
    Record,
    RecordOperations,
)
from zohocrmsdk.src.com.zoho.crm.api.users.users_operations import GetUsersParam, UsersOperations
from zohocrmsdk.src.com.zoho.crm.api.util import Choice, StreamWrapper

RECORDS: dict[str, dict[str, Any]] = {
    "Leads": {"Last_Name": "Bulk", "Company": "Øre & Co", "No_of_Employees": 7},
    "Contacts": {"Last_Name": "Bulk", "Email": "bulk.contact@example.com"},
    "Products": {"Product_Name": "Stool", "Unit_Price": 12.5, "Product_Active": True},
    "Invoices": {"Subject": "Stools", "Invoice_Number": "SDK-1", "Grand_Total": 25.0},
}


def work(settings: Settings) -> dict[str, Any]:
    """Who am I; records of every module; a file; a bulk write and a bulk read."""
    token = OAuthToken(settings["client_id"], settings["client_secret"], grant_token=settings["code"])
    initialize(settings, token, auto_refresh_fields=bool(settings["auto"]))
    query = ParameterMap()
    query.add(GetUsersParam.type, "CurrentUser")
    user = UsersOperations().get_users(query, HeaderMap()).get_object().get_users()[0]
    org = OrgOperations().get_organization().get_object().get_org()[0]
    modules = ModulesOperations().get_modules().get_object().get_modules()
    write, read = write_in_bulk(settings, org.get_zgid()), read_in_bulk(settings)
    query = ParameterMap()
    query.add(DeleteRecordsParam.ids, ",".join(row[1] for row in write["rows"] if row[0] == "ADDED"))
    return {
        "user": user.get_email(),
        "org": org.get_zgid(),
        "modules": [module.get_api_name() for module in modules],
        "records": {name: record_of(name, values) for name, values in RECORDS.items()},
        "file": file_there_and_back(settings),
        "write": write,
        "read": read,
        "tidied": len(RecordOperations("Leads").delete_records(query).get_object().get_data()),
    }


def record_of(module: str, values: dict[str, Any]) -> dict[str, Any]:
    """Create a record, list it, delete it."""
    operations, record, body = RecordOperations(module), Record(), BodyWrapper()
    for name, value in values.items():
        record.add_key_value(name, value)
    body.set_data([record])
    created = operations.create_records(body, HeaderMap())
    id = created.get_object().get_data()[0].get_details()["id"]
    query = ParameterMap()
    query.add(GetRecordsParam.fields, ",".join(values))
    listed = operations.get_records(query, HeaderMap()).get_object().get_data()
    found = next(one for one in listed if one.get_id() == int(id))
    deleted = operations.delete_record(int(id)).get_object().get_data()[0]
    return {
        "status": created.get_status_code(),
        "read": {name: found.get_key_value(name) for name in values},
        "deleted": deleted.get_status().get_value(),
    }


def file_there_and_back(settings: Settings) -> dict[str, Any]:
    """Upload a file and download it."""
    path = Path(settings["folder"]) / "page.html"
    path.write_text("<script>alert(1)</script>")
    body = FilesBody()
    body.set_file([StreamWrapper(file_path=str(path))])
    uploaded = FilesOperations().upload_files(body, ParameterMap()).get_object().get_data()[0]
    query = ParameterMap()
    query.add(GetFileParam.id, uploaded.get_details()["id"])
    answer = FilesOperations().get_file(query)
    stream = answer.get_object().get_file()
    return {
        "name": stream.get_name(),
        "content": stream.get_stream().content.decode(),
        "type": answer.get_headers()["Content-Type"],
    }


def write_in_bulk(settings: Settings, zgid: str) -> dict[str, Any]:
    """Upload a ZIP, start the job with a callback, wait for its end, read its result."""
    path = Path(settings["folder"]) / "leads.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("leads.csv", "Name,Mail\nAbel,abel@example.com\nBerg,no address\nCole,\n")
    upload, headers = bulk_write.FileBodyWrapper(), HeaderMap()
    upload.set_file(StreamWrapper(file_path=str(path)))
    headers.add(bulk_write.UploadFileHeader.feature, "bulk-write")
    headers.add(bulk_write.UploadFileHeader.x_crm_org, zgid)
    operations = bulk_write.BulkWriteOperations()
    uploaded = operations.upload_file(upload, headers).get_object()
    started = operations.create_bulk_write_job(write_request(settings, uploaded)).get_object()
    id = started.get_details()["id"]
    job = until_ended(lambda: operations.get_bulk_write_job_details(id).get_object(), "get_status")
    file = job.get_resource()[0].get_file()
    result = operations.download_bulk_write_result(job.get_result().get_download_url()).get_object()
    return {
        "uploaded": uploaded.get_code().get_value(),
        "started": started.get_code().get_value(),
        "status": job.get_status(),
        "counts": [file.get_added_count(), file.get_skipped_count(), file.get_total_count()],
        "rows": rows_of(result),
        "id": id,
    }


def write_request(settings: Settings, uploaded: Any) -> Any:
    """An insert of two columns."""
    module, resource, request = MinifiedModule(), bulk_write.Resource(), bulk_write.RequestWrapper()
    module.set_api_name("Leads")
    mappings = []
    for index, name in enumerate(("Last_Name", "Email")):
        mapping = bulk_write.FieldMapping()
        mapping.set_api_name(name)
        mapping.set_index(index)
        mappings.append(mapping)
    resource.set_type(Choice("data"))
    resource.set_module(module)
    resource.set_file_id(str(uploaded.get_details()["file_id"]))
    resource.set_field_mappings(mappings)
    resource.set_ignore_empty(True)
    callback = bulk_write.CallBack()
    callback.set_url(settings["callback"])
    callback.set_method(Choice("post"))
    request.set_character_encoding("UTF-8")
    request.set_operation(Choice("insert"))
    request.set_callback(callback)
    request.set_resource([resource])
    return request


def read_in_bulk(settings: Settings) -> dict[str, Any]:
    """Start a job with criteria and a callback, wait for its end, read its CSV."""
    module, query, body = MinifiedModule(), bulk_read.Query(), bulk_read.BodyWrapper()
    module.set_api_name("Leads")
    field, criteria = MinifiedField(), bulk_read.Criteria()
    field.set_api_name("Last_Name")
    criteria.set_field(field)
    criteria.set_comparator(Choice("in"))
    criteria.set_value(["Abel", "Cole"])
    query.set_module(module)
    query.set_fields(["Last_Name", "Email"])
    query.set_page(1)
    query.set_criteria(criteria)
    callback = bulk_read.CallBack()
    callback.set_url(settings["callback"])
    callback.set_method(Choice("post"))
    body.set_query(query)
    body.set_callback(callback)
    body.set_file_type("csv")
    operations = bulk_read.BulkReadOperations()
    started = operations.create_bulk_read_job(body).get_object().get_data()[0]
    id = int(started.get_details()["id"])

    def look() -> Any:
        return operations.get_bulk_read_job_details(id).get_object().get_data()[0]

    job = until_ended(look, "get_state")
    return {
        "started": started.get_code().get_value(),
        "state": job.get_state().get_value(),
        "count": job.get_result().get_count(),
        "more": job.get_result().get_more_records(),
        "rows": rows_of(operations.download_result(id).get_object()),
        "id": str(id),
    }


def until_ended(look: Callable[[], Any], getter: str) -> Any:
    """Look at a job until it has ended."""
    for _ in range(600):
        job = look()
        state = getattr(job, getter)()
        if (state if isinstance(state, str) else state.get_value()) not in ("ADDED", "IN PROGRESS"):
            return job
        time.sleep(0.1)
    raise AssertionError("the job did not end")


def rows_of(answer: Any) -> list[list[str]]:
    """The rows of the CSV in a downloaded ZIP."""
    with zipfile.ZipFile(io.BytesIO(answer.get_file().get_stream().content)) as archive:
        (name,) = archive.namelist()
        return list(csv.reader(io.StringIO(archive.read(name).decode())))


if __name__ == "__main__":
    print(json.dumps(work(json.loads(Path(sys.argv[1]).read_text()))))
