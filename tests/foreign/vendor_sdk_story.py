"""A program as a customer writes it on the vendor's official Python SDK; of Grantline it knows URLs alone.

Run as `vendor_sdk_story.py STEP SETTINGS`, where SETTINGS is a JSON file with api_domain, issuer, client_id,
client_secret, code, folder (token store and field cache), perhaps redirect_url. Prints one JSON object on
standard output. Steps: `begin` spends the grant token and works with records; `resume`, in a process of its
own, lives on the stored refresh token; `revoke` takes that token back and tries to refresh once more.
"""

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store import FileStore
from zohocrmsdk.src.com.zoho.crm.api import HeaderMap, ParameterMap
from zohocrmsdk.src.com.zoho.crm.api.dc.data_center import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.exception import SDKException
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.org.org_operations import OrgOperations
from zohocrmsdk.src.com.zoho.crm.api.record import (
    BodyWrapper,
    DeleteRecordsParam,
    Field,
    GetRecordsParam,
    Record,
    RecordOperations,
    SearchRecordsParam,
)
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig
from zohocrmsdk.src.com.zoho.crm.api.users.users_operations import GetUsersParam, UsersOperations
from zohocrmsdk.src.com.zoho.crm.api.util import Choice

Settings = dict[str, str]


def initialize(settings: Settings, token: OAuthToken, *, auto_refresh_fields: bool = False) -> None:
    """Point the SDK at our data center, as its own guide does for a custom environment."""
    folder = Path(settings["folder"])
    token_url = settings["issuer"] + "/oauth/v2/token"
    environment = DataCenter.Environment(settings["api_domain"], token_url, settings["api_domain"])
    store = FileStore(str(folder / "tokens.csv"))
    resources = folder / ("all-resources" if auto_refresh_fields else "resources")
    resources.mkdir(exist_ok=True)
    config = SDKConfig(auto_refresh_fields=auto_refresh_fields)
    Initializer.initialize(environment, token, store, config, str(resources))


def stored(settings: Settings) -> dict[str, str]:
    """The one row of the SDK's token file."""
    with (Path(settings["folder"]) / "tokens.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    return row


def begin(settings: Settings) -> dict[str, Any]:
    """Grant token to tokens; who am I; then a lead's whole life."""
    token = OAuthToken(
        settings["client_id"],
        settings["client_secret"],
        grant_token=settings["code"],
        redirect_url=settings.get("redirect_url"),
    )
    initialize(settings, token)
    query = ParameterMap()
    query.add(GetUsersParam.type, "CurrentUser")
    user = UsersOperations().get_users(query, HeaderMap()).get_object().get_users()[0]
    org = OrgOperations().get_organization().get_object().get_org()[0]
    seeded = list_leads()
    created = write("create", lead(Last_Name="Sdk", Company="Vendor & Söhne", Annual_Revenue=12.5))
    id = created["details"]["id"]
    updated = write("update", lead(id=int(id), City="Oslo"))
    read = RecordOperations("Leads").get_record(int(id)).get_object().get_data()[0]
    unfit = write("create", lead(Last_Name="Unfit", Email="no address"))
    upserted = write("upsert", lead(Last_Name="Twice", Email="twice@example.com"))
    query = ParameterMap()
    query.add(SearchRecordsParam.criteria, "((Last_Name:equals:Sdk)and(City:equals:Oslo))")
    found = RecordOperations("Leads").search_records(query).get_object().get_data()
    listed = list_leads()
    query = ParameterMap()
    query.add(DeleteRecordsParam.ids, f"{id},{upserted['details']['id']}")
    deleted = RecordOperations("Leads").delete_records(query).get_object().get_data()
    gone = RecordOperations("Leads").get_record(int(id))
    return {
        "user": {"email": user.get_email(), "name": user.get_full_name(), "zuid": user.get_zuid()},
        "org": {"zgid": org.get_zgid(), "name": org.get_company_name()},
        "seeded": seeded,
        "created": created,
        "updated": updated,
        "read": {
            name: read.get_key_value(name) for name in ("Company", "City", "Annual_Revenue", "Full_Name")
        },
        "read_status": read.get_key_value("Lead_Status").get_value(),
        "owner": read.get_key_value("Owner").get_name(),
        "unfit": unfit,
        "upserted": upserted,
        "found": [record.get_id() for record in found],
        "listed": listed,
        "deleted": [one.get_status().get_value() for one in deleted],
        "gone": gone.get_status_code(),
        "id": id,
        "stored": stored(settings),
    }


def resume(settings: Settings) -> dict[str, Any]:
    """A new process, hours later: only the file is left, and the access token in it has expired.

    This one lets the SDK read the fields of every module by itself.
    """
    before = stored(settings)
    forget_access_token(settings)
    initialize(settings, OAuthToken(id=before["id"]), auto_refresh_fields=True)
    return {"listed": list_leads(), "before": before, "stored": stored(settings)}


def revoke(settings: Settings) -> dict[str, Any]:
    """Take the refresh token back, then see that neither it nor its access token does anything."""
    row = stored(settings)
    revoke_url = settings["issuer"] + "/oauth/v2/token/revoke"
    initialize(settings, OAuthToken(id=row["id"]))
    before = list_leads()
    revoked = OAuthToken.revoke_refresh_token(row["refresh_token"], revoke_url)
    refused = RecordOperations("Leads").get_records(asked_fields(), HeaderMap())
    forget_access_token(settings)
    try:
        initialize(settings, OAuthToken(id=row["id"]))
        refreshed: Any = list_leads()
    except SDKException as problem:
        refreshed = str(problem)
    return {
        "before": before,
        "revoked": revoked,
        "refused": {"status": refused.get_status_code(), "code": refused.get_object().get_code().get_value()},
        "refreshed": refreshed,
        "stored": stored(settings),
    }


def lead(**values: Any) -> Record:
    """A lead with these fields, set as the SDK's examples set them."""
    record = Record()
    if "id" in values:
        record.set_id(values.pop("id"))
    else:
        record.add_field_value(Field.Leads.lead_status(), Choice("Contacted"))
    for name, value in values.items():
        record.add_key_value(name, value)
    return record


def write(verb: str, record: Record) -> dict[str, Any]:
    """Create, update or upsert one lead and give the SDK's reading of the answer."""
    body = BodyWrapper()
    body.set_data([record])
    if verb == "upsert":
        body.set_duplicate_check_fields(["Email"])
    operations = RecordOperations("Leads")
    verbs: dict[str, Callable[..., Any]] = {
        "create": operations.create_records,
        "update": operations.update_records,
        "upsert": operations.upsert_records,
    }
    answer = verbs[verb](body, HeaderMap())
    result = answer.get_object().get_data()[0]
    details = {
        name: str(value) for name, value in result.get_details().items() if not isinstance(value, dict)
    }
    kind = type(result).__name__
    return {
        "status": answer.get_status_code(),
        "kind": kind,
        "code": result.get_code().get_value(),
        "details": details,
    }


def asked_fields() -> ParameterMap:
    query = ParameterMap()
    query.add(GetRecordsParam.fields, "Last_Name,Company")
    return query


def list_leads() -> list[str]:
    """The last names of all leads."""
    answer = RecordOperations("Leads").get_records(asked_fields(), HeaderMap())
    return [record.get_key_value("Last_Name") for record in answer.get_object().get_data()]


def forget_access_token(settings: Settings) -> None:
    """Let the stored access token be past its time."""
    row = stored(settings) | {"expiry_time": "1000"}
    with (Path(settings["folder"]) / "tokens.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    step = {"begin": begin, "resume": resume, "revoke": revoke}[sys.argv[1]]
    print(json.dumps(step(json.loads(Path(sys.argv[2]).read_text()))))
