"""Bulk writes: rows come in, each alone, and the result says of each what became of it."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sample_crm.conftest import Crm
from tests.sample_crm.customers import Customer, counts, customer

LEADS = "/crm/v8/Leads"


@pytest.fixture(scope="module")
def fresh() -> Iterator[int]:
    return itertools.count(710_000_000)


@pytest.fixture
def ada(busy_crm: Crm, fresh: Iterator[int]) -> Customer:
    return customer(busy_crm, next(fresh))


def column(name: str, index: int | None = None, **more: Any) -> dict[str, Any]:
    return {"api_name": name, **({} if index is None else {"index": index}), **more}


async def lead(who: Customer, **wanted: str) -> dict[str, Any]:
    criteria = "and".join(f"({name}:equals:{value})" for name, value in wanted.items())
    answer = await who.call("GET", f"{LEADS}/search", params={"criteria": criteria})
    found: dict[str, Any] = answer.json()["data"][0]
    return found


async def test_an_insert_adds_the_good_rows_and_says_why_the_others_were_skipped(ada: Customer) -> None:
    rows = (
        "Last_Name,Company,Email,No_of_Employees,Email_Opt_Out,Annual_Revenue\r\n"
        'Ada,"Øre & Co, ""Ltd""\nsecond line",ada@example.com,7,TRUE,12.5\r\n'
        ",Nameless,,,,\r\n"
        "Bad,,no address,,,\r\n"
        "Worse,,,many,,\r\n"
        "Short\r\n"
    )
    job = await ada.write("\ufeff" + rows)
    assert (job["status"], counts(job)) == ("COMPLETED", (2, 0, 3, 5))
    result = await ada.rows("write", job)
    assert [row["STATUS"] for row in result] == ["ADDED", "SKIPPED", "SKIPPED", "SKIPPED", "ADDED"]
    assert [row["ERRORS"].split(":")[0] for row in result[1:4]] == [
        "MANDATORY_NOT_FOUND",
        "INVALID_DATA",
        "INVALID_DATA",
    ]
    assert "Email" in result[2]["ERRORS"]
    assert result[1]["Company"] == "Nameless"
    record = (await ada.call("GET", f"{LEADS}/{result[0]['RECORD_ID']}")).json()["data"][0]
    assert record["Company"] == 'Øre & Co, "Ltd"\nsecond line'
    assert (record["No_of_Employees"], record["Email_Opt_Out"], record["Annual_Revenue"]) == (7, True, 12.5)
    assert record["Owner"]["id"] == record["Created_By"]["id"] == job["created_by"]["id"]


async def test_columns_can_be_mapped_by_number_and_have_defaults(ada: Customer) -> None:
    mappings = [
        column("Last_Name", 2),
        column("City", 0, default_value={"value": "Oslo"}),
        column("Lead_Status", default_value={"value": "Contacted"}),
    ]
    job = await ada.write("town,ignored,name\nBergen,x,Bo\n,x,Cy\n", field_mappings=mappings)
    assert counts(job) == (2, 0, 0, 2)
    assert (await lead(ada, Last_Name="Bo"))["City"] == "Bergen"
    record = await lead(ada, Last_Name="Cy")
    assert (record["City"], record["Lead_Status"]) == ("Oslo", "Contacted")


async def test_an_update_finds_records_by_id_or_by_a_key_and_nothing_else(ada: Customer) -> None:
    (one, two) = await ada.crm.create(
        "Leads",
        {"Last_Name": "One", "Email": "one@example.com", "City": "Rome"},
        {"Last_Name": "Two", "Email": "two@example.com", "City": "Rome"},
        token=ada.token,
    )
    job = await ada.write(f"id,City\n{one},Oslo\n4299999999999999999,Oslo\n,Oslo\nx,Oslo\n", "update")
    assert counts(job) == (0, 1, 3, 4)
    rows = await ada.rows("write", job)
    assert (rows[0]["STATUS"], rows[0]["RECORD_ID"]) == ("UPDATED", one)
    job = await ada.write("Email,City\nTWO@example.com,Bergen\n", "update", find_by="Email")
    assert (await ada.rows("write", job))[0]["RECORD_ID"] == two
    assert (await lead(ada, Last_Name="One"))["City"] == "Oslo"
    assert (await lead(ada, Last_Name="Two"))["City"] == "Bergen"


async def test_an_upsert_changes_what_is_there_and_adds_the_rest_even_within_one_file(ada: Customer) -> None:
    rows = "Last_Name,Email,City\nUp,up@example.com,Rome\nUp,UP@example.com,Oslo\nNo,,Rome\nNo,,Rome\n"
    job = await ada.write(rows, "upsert", find_by="Email")
    assert counts(job) == (3, 1, 0, 4)
    assert (await lead(ada, Email="up@example.com"))["City"] == "Oslo"


async def test_an_upsert_adds_no_record_without_its_name(ada: Customer) -> None:
    job = await ada.write("Last_Name,Email\n,new@example.com\n", "upsert", find_by="Email", ignore_empty=True)
    assert counts(job) == (0, 0, 1, 1)
    assert (await ada.rows("write", job))[0]["ERRORS"].startswith("MANDATORY_NOT_FOUND: Last_Name")


async def test_empty_cells_empty_a_field_unless_they_are_ignored(ada: Customer) -> None:
    record = {"Last_Name": "Full", "Email": "full@example.com", "City": "Rome", "Company": "Co"}
    await ada.crm.create("Leads", record, token=ada.token)
    rows = "Email,City,Company\nfull@example.com,,New\n"
    await ada.write(rows, "update", ignore_empty=True)
    found = await lead(ada, Last_Name="Full")
    assert (found["City"], found["Company"]) == ("Rome", "New")
    await ada.write(rows, "update", ignore_empty=False)
    found = await lead(ada, Last_Name="Full")
    assert (found["City"], found["Company"]) == (None, "New")
    job = await ada.write("Email,Last_Name\nfull@example.com,\n", "update")
    assert counts(job) == (0, 0, 1, 1)


async def test_a_unique_value_is_taken_once_by_one_row_of_a_file(ada: Customer) -> None:
    job = await ada.write("Last_Name,Email\nA,a@x.example\nB,A@x.example\n", module="Contacts")
    assert counts(job) == (1, 0, 1, 2)
    assert (await ada.rows("write", job))[1]["ERRORS"].startswith("DUPLICATE_DATA: Email")


async def test_an_owner_is_somebody_of_the_organization(ada: Customer, busy_crm: Crm) -> None:
    stranger = (await ada.call("GET", "/crm/v8/users?type=CurrentUser")).json()["users"][0]["id"]
    other = customer(busy_crm, 719_000_001)
    job = await other.write(f"Last_Name,Owner\nGiven,{stranger}\n")
    assert counts(job) == (0, 0, 1, 1)


@pytest.mark.parametrize("module", ["Contacts", "Products", "Invoices"])
async def test_every_module_takes_rows(ada: Customer, module: str) -> None:
    rows = {
        "Contacts": "Last_Name,Date_of_Birth\nAda,1815-12-10\nBad,yesterday\n",
        "Products": "Product_Name,Unit_Price\nStool,12\nBad,cheap\n",
        "Invoices": "Subject,Grand_Total,Due_Date\nStools,99.5,2027-01-31\nBad,1,soon\n",
    }
    assert counts(await ada.write(rows[module], module=module)) == (1, 0, 1, 2)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"operation": "merge"}, "MISSING_REQUIRED_KEY"),
        ({"resource": []}, "MISSING_REQUIRED_KEY"),
        ({"resource": ["rows"]}, "INVALID_DATA"),
        ({"character_encoding": "UTF-16"}, "INVALID_DATA"),
        ({"module": {"api_name": "Deals"}}, "MODULE_NOT_AVAILABLE"),
        ({"module": "Leads"}, "MODULE_NOT_AVAILABLE"),
        ({"file_id": "1"}, "INVALID_FILE_ID"),
        ({"file_id": "x"}, "INVALID_FILE_ID"),
        ({"file_id": None}, "INVALID_FILE_ID"),
        ({"ignore_empty": "yes"}, "INVALID_DATA"),
        ({"find_by": "City"}, "INVALID_DATA"),
        ({"field_mappings": []}, "INVALID_DATA"),
        ({"field_mappings": "all"}, "INVALID_DATA"),
        ({"field_mappings": [column("City", 0)]}, "MANDATORY_FIELDS_NOT_MAPPED"),
        ({"field_mappings": [column("Last_Name", 0), column("Nope", 1)]}, "INVALID_FIELD"),
        ({"field_mappings": [column("Last_Name", 0), column("Full_Name", 1)]}, "INVALID_FIELD"),
        ({"field_mappings": [column("Last_Name", 0), column("Last_Name", 1)]}, "INVALID_DATA"),
        ({"field_mappings": [column("Last_Name")]}, "COLUMN_INDEX_NOT_FOUND"),
        ({"field_mappings": [column("Last_Name", -1)]}, "INVALID_DATA"),
        ({"field_mappings": [column("Last_Name", 200)]}, "INVALID_DATA"),
        ({"field_mappings": [column("Last_Name", 0, default_value={"value": []})]}, "INVALID_DATA"),
    ],
)
async def test_a_job_that_cannot_be_read_is_refused_at_once(
    ada: Customer, change: dict[str, Any], code: str
) -> None:
    body: dict[str, Any] = {"operation": "insert"}
    resource = {"module": {"api_name": "Leads"}, "file_id": await ada.file_id("Last_Name\nAda\n")}
    for name, value in change.items():
        (body if name in ("operation", "resource", "character_encoding") else resource)[name] = value
    answer = await ada.call("POST", "/crm/bulk/v8/write", json={"resource": [resource], **body})
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text


async def test_an_upload_serves_one_job(ada: Customer) -> None:
    file_id = await ada.file_id("Last_Name\nOnce\n")
    job = await ada.write("", file_id=file_id)
    assert counts(job)[0] == 1
    again = await ada.start_write("", file_id=file_id)
    assert again.json()["code"] == "INVALID_FILE_ID"
