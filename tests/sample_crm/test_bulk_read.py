"""Bulk reads: records go out as CSV, page by page, and only to those who may see them."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sample_crm.conftest import Crm
from tests.sample_crm.customers import Customer, customer

PEOPLE: list[dict[str, Any]] = [
    {"Last_Name": "Abel", "City": "Oslo", "Annual_Revenue": 100.5, "Email_Opt_Out": False},
    {"Last_Name": "Berg", "City": "Bergen", "Annual_Revenue": 9, "Email_Opt_Out": True},
    {"Last_Name": 'Cole "C", Jr', "City": "Oslo", "Company": "Two\nlines"},
    {"Last_Name": "Dahl", "Email": "dahl@example.com"},
]


@pytest.fixture(scope="module")
async def ada(busy_crm: Crm) -> Customer:
    """Somebody whose organization has these four people and the three that it began with."""
    who = customer(busy_crm, 720_000_000)
    await busy_crm.create("Leads", *PEOPLE, token=who.token)
    return who


@pytest.fixture(scope="module")
def fresh() -> Iterator[int]:
    return itertools.count(720_000_001)


def compare(name: str, comparator: str, value: Any) -> dict[str, Any]:
    return {"field": {"api_name": name}, "comparator": comparator, "value": value}


async def last_names(who: Customer, **query: Any) -> list[str]:
    job = await who.read(fields=["Last_Name"], **query)
    assert job["state"] == "COMPLETED"
    return [row["Last_Name"] for row in await who.rows("read", job)]


async def test_a_job_gives_every_record_with_the_fields_that_were_named(ada: Customer) -> None:
    job = await ada.read(fields=["Last_Name", "Company", "Email_Opt_Out", "Annual_Revenue", "Owner"])
    assert job["result"]["count"] == 7
    assert (job["result"]["more_records"], job["result"]["next_page_token"]) == (False, None)
    assert job["query"]["fields"] == ["Last_Name", "Company", "Email_Opt_Out", "Annual_Revenue", "Owner"]
    rows = await ada.rows("read", job)
    assert list(rows[0]) == ["Id", "Last_Name", "Company", "Email_Opt_Out", "Annual_Revenue", "Owner"]
    abel, berg, cole = rows[3:6]
    assert (abel["Email_Opt_Out"], abel["Annual_Revenue"]) == ("false", "100.5")
    assert (berg["Email_Opt_Out"], berg["Annual_Revenue"]) == ("true", "9.0")
    assert (cole["Last_Name"], cole["Company"], cole["Email_Opt_Out"]) == ('Cole "C", Jr', "Two\nlines", "")
    assert {row["Owner"] for row in rows} == {job["created_by"]["id"]}
    one = await ada.call("GET", f"/crm/v8/Leads/{abel['Id']}")
    assert one.json()["data"][0]["Last_Name"] == "Abel"


async def test_without_fields_all_are_given_and_nobody_is_named(ada: Customer) -> None:
    rows = await ada.rows("read", await ada.read())
    settings = (await ada.call("GET", "/crm/v8/settings/fields?module=Leads")).json()["fields"]
    assert list(rows[0]) == ["Id", *(field["api_name"] for field in settings)]
    assert rows[0]["Created_Time"] == "2027-01-15T08:00:00+00:00"
    assert "Ada Byron" not in json.dumps(rows)


async def test_pages_follow_one_another_by_number_and_by_token(ada: Customer) -> None:
    everybody = await last_names(ada)
    by_number = [await last_names(ada, per_page=3, page=page) for page in (1, 2, 3, 4)]
    assert [len(page) for page in by_number] == [3, 3, 1, 0]
    assert [name for page in by_number for name in page] == everybody
    collected: list[str] = []
    query: dict[str, Any] = {"fields": ["Last_Name"], "per_page": 3}
    for page in (1, 2, 3):
        job = await ada.read(**query)
        assert job["result"]["page"] == page
        collected += [row["Last_Name"] for row in await ada.rows("read", job)]
        query["page_token"] = job["result"]["next_page_token"]
    assert query["page_token"] is None
    assert collected == everybody


async def test_pages_of_criteria_count_what_the_criteria_found(ada: Customer) -> None:
    criteria = compare("City", "equal", "oslo")
    first = await ada.read(fields=["Last_Name"], criteria=criteria, per_page=1)
    assert first["result"]["more_records"] is True
    assert [row["Last_Name"] for row in await ada.rows("read", first)] == ["Abel"]
    assert await last_names(ada, criteria=criteria, per_page=1, page=2) == ['Cole "C", Jr']
    token = first["result"]["next_page_token"]
    second = await ada.read(fields=["Last_Name"], criteria=criteria, per_page=1, page_token=token)
    assert [row["Last_Name"] for row in await ada.rows("read", second)] == ['Cole "C", Jr']
    assert second["result"]["more_records"] is False


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        (compare("Last_Name", "equal", "abel"), ["Abel"]),
        (compare("Last_Name", "in", ["Abel", "Dahl"]), ["Abel", "Dahl"]),
        (compare("Last_Name", "starts_with", "b"), ["Berg"]),
        (compare("Annual_Revenue", "greater_equal", 9), ["Okafor", "Abel", "Berg"]),
        (compare("Annual_Revenue", "between", [9, 101]), ["Abel", "Berg"]),
        (
            compare("Annual_Revenue", "not_between", [9, 10**6]),
            ["Haddad", "Lindqvist", 'Cole "C", Jr', "Dahl"],
        ),
        (compare("Email_Opt_Out", "equal", True), ["Berg"]),
        (compare("Last_Name", "contains", '"C", J'), ['Cole "C", Jr']),
        (compare("Email", "not_contains", "example"), ["Abel", "Berg", 'Cole "C", Jr']),
        (
            {
                "group_operator": "and",
                "group": [
                    compare("City", "equal", "Oslo"),
                    {
                        "group_operator": "OR",
                        "group": [compare("Company", "equal", None), compare("City", "equal", "Rome")],
                    },
                ],
            },
            ["Abel"],
        ),
    ],
)
async def test_criteria_say_which_records_go_out(
    ada: Customer, criteria: dict[str, Any], found: list[str]
) -> None:
    assert await last_names(ada, criteria=criteria) == found


DEEP: dict[str, Any] = compare("City", "equal", "Oslo")
for _ in range(6):
    DEEP = {"group_operator": "and", "group": [DEEP]}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"module": {"api_name": "Deals"}}, "MODULE_NOT_AVAILABLE"),
        ({"module": None}, "MODULE_NOT_AVAILABLE"),
        ({"fields": ["Nope"]}, "INVALID_DATA"),
        ({"fields": "Last_Name"}, "INVALID_DATA"),
        ({"page": 0}, "PAGE_RANGE_EXCEEDED"),
        ({"page": 501}, "PAGE_RANGE_EXCEEDED"),
        ({"page": "1"}, "PAGE_RANGE_EXCEEDED"),
        ({"per_page": 1_000_001}, "INVALID_DATA"),
        ({"page_token": "x"}, "INVALID_DATA"),
        ({"cvid": 5}, "CVID_NOT_SUPPORTED"),
        ({"file_type": "ics"}, "NOT_SUPPORTED_FEATURE"),
        ({"criteria": "City"}, "INVALID_CRITERIA"),
        (
            {"criteria": {"group_operator": "xor", "group": [compare("City", "equal", "a")]}},
            "INVALID_CRITERIA",
        ),
        ({"criteria": {"group_operator": "and", "group": []}}, "INVALID_CRITERIA"),
        ({"criteria": compare("City", "like", "a")}, "INVALID_CRITERIA"),
        ({"criteria": compare("Nope", "equal", "a")}, "FIELD_IN_CRITERIA_NOT_AVAILABLE"),
        ({"criteria": compare("City", "equal", {})}, "INVALID_CRITERIA"),
        ({"criteria": compare("City", "in", ["a"] * 101)}, "INVALID_CRITERIA"),
        ({"criteria": compare("Annual_Revenue", "less_than", "much")}, "INVALID_DATA"),
        ({"criteria": compare("Annual_Revenue", "between", [1])}, "INVALID_QUERY"),
        ({"criteria": DEEP}, "INVALID_CRITERIA"),
        (
            {
                "criteria": {
                    "group_operator": "or",
                    "group": [
                        {"group_operator": "or", "group": [compare("City", "equal", "a")] * 8},
                        {"group_operator": "or", "group": [compare("City", "equal", "b")] * 8},
                    ],
                }
            },
            "CRITERIA_LIMIT_EXCEEDED",
        ),
    ],
)
async def test_a_job_that_cannot_be_read_is_refused_at_once(
    ada: Customer, query: dict[str, Any], code: str
) -> None:
    body = {"query": {"module": {"api_name": "Leads"}, **query}}
    answer = await ada.call("POST", "/crm/bulk/v8/read", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text


async def test_a_result_is_a_download_once_the_job_has_ended(ada: Customer) -> None:
    job = await ada.read("Products")
    answer = await ada.call("GET", job["result"]["download_url"])
    assert answer.headers["content-type"] == "application/x-download"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    missing = await ada.call("GET", "/crm/bulk/v8/read/4499999999999999999/result")
    assert (missing.status_code, missing.json()["code"]) == (404, "RESOURCE_NOT_FOUND")
    wrong_kind = await ada.call("GET", f"/crm/bulk/v8/write/{job['id']}")
    assert wrong_kind.status_code == 404


async def test_an_empty_module_gives_a_file_with_names_alone(busy_crm: Crm, fresh: Iterator[int]) -> None:
    who = customer(busy_crm, next(fresh))
    ids = [row["Id"] for row in await who.rows("read", await who.read("Invoices"))]
    await who.call("DELETE", f"/crm/v8/Invoices?ids={','.join(ids)}")
    job = await who.read("Invoices")
    assert (job["result"]["count"], await who.rows("read", job)) == (0, [])
