"""Storing records: each of a call alone, checked against the table of fields, kept on disk."""

import re
from typing import Any

import pytest

from grantline.sample_crm import CrmConfig
from tests.sample_crm.authorization_server import NOW, AuthorizationServer
from tests.sample_crm.conftest import Crm, running_crm


async def post(crm: Crm, module: str, *records: Any) -> tuple[int, list[dict[str, Any]]]:
    answer = await crm.call("POST", f"/crm/v8/{module}", json={"data": list(records)})
    return answer.status_code, answer.json()["data"]


async def get(crm: Crm, module: str, id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await crm.call("GET", f"/crm/v8/{module}/{id}")).json()["data"][0]
    return found


async def test_a_record_lives_from_its_creation_to_its_deletion(crm: Crm) -> None:
    status, (made,) = await post(crm, "Leads", {"Last_Name": "Núñez", "First_Name": "Ana", "Company": "Øre"})
    assert status == 201
    assert made["code"] == "SUCCESS"
    assert made["status"] == "success"
    id = made["details"]["id"]
    assert re.fullmatch(r"[0-9]{19}", id)
    assert made["details"]["Created_By"]["name"] == "Ada Byron"
    record = await get(crm, "Leads", id)
    assert record["Full_Name"] == "Ana Núñez"
    assert record["Owner"] == {
        "name": "Ada Byron",
        "id": record["Owner"]["id"],
        "email": "ada.500000001@example.com",
    }
    assert record["Created_Time"] == record["Modified_Time"] == "2027-01-15T08:00:00+00:00"
    assert record["Phone"] is None

    crm.clock.now = NOW + 60
    change = {"data": [{"Company": "Nord", "First_Name": None}]}
    updated = await crm.call("PUT", f"/crm/v8/Leads/{id}", json=change)
    assert (updated.status_code, updated.json()["data"][0]["details"]["id"]) == (200, id)
    record = await get(crm, "Leads", id)
    assert (record["Company"], record["First_Name"], record["Full_Name"]) == ("Nord", None, "Núñez")
    assert (record["Created_Time"], record["Modified_Time"]) == (
        "2027-01-15T08:00:00+00:00",
        "2027-01-15T08:01:00+00:00",
    )

    deleted = await crm.call("DELETE", f"/crm/v8/Leads/{id}")
    assert deleted.json()["data"][0] == {
        "code": "SUCCESS",
        "details": {"id": id},
        "message": "The record was deleted.",
        "status": "success",
    }
    assert (await crm.call("GET", f"/crm/v8/Leads/{id}")).status_code == 404
    again = await crm.call("DELETE", f"/crm/v8/Leads/{id}")
    assert (again.status_code, again.json()["data"][0]["code"]) == (400, "INVALID_DATA")


async def test_records_are_still_there_after_a_restart(
    config: CrmConfig, server: AuthorizationServer
) -> None:
    async with running_crm(config, server) as first:
        (id,) = await first.create("Products", {"Product_Name": "Stool", "Unit_Price": 12})
    async with running_crm(config, server) as second:
        record = await get(second, "Products", id)
        assert record["Unit_Price"] == 12.0
        (later,) = await second.create("Products", {"Product_Name": "Bench"})
        assert int(later) > int(id)


async def test_ids_of_deleted_records_are_never_used_again(crm: Crm) -> None:
    (first,) = await crm.create("Leads", {"Last_Name": "First"})
    await crm.call("DELETE", f"/crm/v8/Leads/{first}")
    (second,) = await crm.create("Leads", {"Last_Name": "Second"})
    assert int(second) > int(first)


async def test_one_bad_record_does_not_keep_out_the_others(crm: Crm) -> None:
    status, results = await post(crm, "Leads", {"Last_Name": "Good"}, {"Company": "Nameless"}, "no record")
    assert status == 207
    assert [result["code"] for result in results] == ["SUCCESS", "MANDATORY_NOT_FOUND", "INVALID_DATA"]
    assert results[1]["details"] == {"api_name": "Last_Name", "json_path": "$.data[1].Last_Name"}
    assert results[2]["details"]["json_path"] == "$.data[2]"
    found = await crm.call("GET", "/crm/v8/Leads/search?criteria=(Company:equals:Nameless)")
    assert found.status_code == 204


async def test_a_call_in_which_every_record_fails_is_400(crm: Crm) -> None:
    status, results = await post(crm, "Leads", {"Last_Name": ""}, {"Last_Name": None})
    assert status == 400
    assert {result["code"] for result in results} == {"MANDATORY_NOT_FOUND"}


@pytest.mark.parametrize(
    ("module", "field", "value"),
    [
        ("Leads", "Email", "nobody"),
        ("Leads", "Email", "a@b..c"),
        ("Leads", "Email", 5),
        ("Leads", "Phone", "call me!"),
        ("Leads", "Lead_Status", "Unheard of"),
        ("Leads", "Lead_Status", ["Contacted"]),
        ("Leads", "Last_Name", "x" * 81),
        ("Leads", "Last_Name", {"a": 1}),
        ("Leads", "Company", "tab\x00null"),
        ("Leads", "Company", "\ud800"),
        ("Leads", "No_of_Employees", 1.5),
        ("Leads", "No_of_Employees", True),
        ("Leads", "No_of_Employees", 10**12),
        ("Leads", "Annual_Revenue", "much"),
        ("Leads", "Annual_Revenue", 10**400),
        ("Leads", "Email_Opt_Out", "true"),
        ("Leads", "Owner", "somebody"),
        ("Leads", "Owner", {"id": "4199999999999999999"}),
        ("Leads", "No_Such_Field", "x"),
        ("Leads", "'; DROP TABLE record; --", "x"),
        ("Contacts", "Date_of_Birth", "2027-02-30"),
        ("Contacts", "Date_of_Birth", "tomorrow"),
    ],
)
async def test_a_value_that_its_field_cannot_hold_is_refused_by_name(
    crm: Crm, module: str, field: str, value: Any
) -> None:
    status, (result,) = await post(crm, module, {"Last_Name": "Given", field: value})
    assert (status, result["code"], result["status"]) == (400, "INVALID_DATA", "error")
    assert result["details"]["api_name"] == field
    assert result["details"]["json_path"].startswith("$.data[0]")


@pytest.mark.parametrize(
    "text",
    ["'", '"', "--", "%", "_", "\\", "$.Last_Name", "'; DROP TABLE record; --", "日本", "😀", "a\tb", "İ"],
)
async def test_T145_any_text_is_stored_found_and_told_as_it_is(crm: Crm, text: str) -> None:
    (id,) = await crm.create("Contacts", {"Last_Name": text, "Department": text})
    assert (await get(crm, "Contacts", id))["Last_Name"] == text
    found = await crm.call("GET", "/crm/v8/Contacts/search", params={"word": text})
    assert id in [record["id"] for record in found.json()["data"]]
    upsert = {
        "data": [{"Last_Name": text, "Title": "Found"}],
        "duplicate_check_fields": ["Department", "Last_Name"],
    }
    answer = await crm.call("POST", "/crm/v8/Contacts/upsert", json=upsert)
    assert (answer.json()["data"][0]["action"], answer.json()["data"][0]["details"]["id"]) == ("update", id)


async def test_an_update_names_its_records_by_id(crm: Crm) -> None:
    first, second = await crm.create("Leads", {"Last_Name": "A"}, {"Last_Name": "B"})
    changes = [
        {"id": first, "City": "Oslo"},
        {"id": int(second), "City": "Rome"},
        {"City": "Nowhere"},
        {"id": "x"},
    ]
    answer = await crm.call("PUT", "/crm/v8/Leads", json={"data": changes})
    assert answer.status_code == 207
    codes = [result["code"] for result in answer.json()["data"]]
    assert codes == ["SUCCESS", "SUCCESS", "MANDATORY_NOT_FOUND", "INVALID_DATA"]
    assert (await get(crm, "Leads", second))["City"] == "Rome"


async def test_an_update_never_empties_a_mandatory_field(crm: Crm) -> None:
    (id,) = await crm.create("Leads", {"Last_Name": "Kept"})
    answer = await crm.call("PUT", f"/crm/v8/Leads/{id}", json={"data": [{"Last_Name": ""}]})
    assert answer.json()["data"][0]["code"] == "MANDATORY_NOT_FOUND"
    assert (await get(crm, "Leads", id))["Last_Name"] == "Kept"


async def test_a_record_is_of_one_module_only(crm: Crm) -> None:
    (id,) = await crm.create("Leads", {"Last_Name": "Lead"})
    assert (await crm.call("GET", f"/crm/v8/Contacts/{id}")).status_code == 404
    assert (await crm.call("DELETE", f"/crm/v8/Contacts/{id}")).status_code == 400


async def test_what_the_crm_keeps_by_itself_cannot_be_set(crm: Crm) -> None:
    given = {
        "Last_Name": "Real",
        "Full_Name": "Fake",
        "Created_Time": "1999-01-01T00:00:00Z",
        "$state": 1,
        "id": "7",
    }
    (id,) = await crm.create("Leads", given)
    record = await get(crm, "Leads", id)
    assert record["Full_Name"] == "Real"
    assert record["Created_Time"].startswith("2027-")
    assert id != "7"


async def test_a_unique_value_is_taken_once_whatever_its_case(crm: Crm) -> None:
    (id,) = await crm.create("Contacts", {"Last_Name": "First", "Email": "Same@Example.com"})
    status, (result,) = await post(crm, "Contacts", {"Last_Name": "Second", "Email": "same@example.com"})
    assert (status, result["code"]) == (400, "DUPLICATE_DATA")
    assert result["details"] == {"api_name": "Email", "json_path": "$.data[0].Email", "id": id}
    keep = await crm.call("PUT", f"/crm/v8/Contacts/{id}", json={"data": [{"Email": "same@example.com"}]})
    assert keep.status_code == 200
    twice = {"Last_Name": "Twin", "Email": "twin@example.com"}
    status, results = await post(crm, "Contacts", twice, twice)
    assert (status, [result["code"] for result in results]) == (207, ["SUCCESS", "DUPLICATE_DATA"])


async def test_two_leads_may_share_an_address(crm: Crm) -> None:
    await crm.create(
        "Leads", {"Last_Name": "A", "Email": "x@example.com"}, {"Last_Name": "B", "Email": "x@example.com"}
    )


async def test_an_upsert_changes_the_record_with_the_same_value_or_adds_one(crm: Crm) -> None:
    record = {"Last_Name": "Ek", "Email": "ek@example.com", "City": "Oslo"}
    body = {"data": [record], "duplicate_check_fields": ["Email"], "trigger": []}
    first = (await crm.call("POST", "/crm/v8/Leads/upsert", json=body)).json()["data"][0]
    assert (first["action"], first["duplicate_field"]) == ("insert", None)
    record["City"] = "Rome"
    second = await crm.call("POST", "/crm/v8/Leads/upsert", json=body)
    assert second.status_code == 200
    result = second.json()["data"][0]
    assert (result["action"], result["duplicate_field"]) == ("update", "Email")
    assert result["details"]["id"] == first["details"]["id"]
    assert (await get(crm, "Leads", first["details"]["id"]))["City"] == "Rome"


@pytest.mark.parametrize(
    "named", [["Nothing"], "Email", [5], ["Annual_Revenue"], ["Email"] * 6, ["Created_By"]]
)
async def test_an_upsert_compares_text_fields_that_exist(crm: Crm, named: Any) -> None:
    body = {"data": [{"Last_Name": "Ek"}], "duplicate_check_fields": named}
    answer = await crm.call("POST", "/crm/v8/Leads/upsert", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_DATA")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"data":{}}',
        b'{"data":[]}',
        b"\xff",
        b'{"data":[NaN]}',
        b"[" * 100_000,
        b"9" * 9_999,
    ],
)
async def test_a_body_that_holds_no_records_is_400(crm: Crm, body: bytes) -> None:
    for method, path in (
        ("POST", "/crm/v8/Leads"),
        ("PUT", "/crm/v8/Leads"),
        ("POST", "/crm/v8/Leads/upsert"),
    ):
        answer = await crm.call(method, path, content=body)
        assert (answer.status_code, answer.json()["status"]) == (400, "error")


async def test_json_is_read_whatever_the_content_type(crm: Crm) -> None:
    body = b'{"data":[{"Last_Name":"Typed"}]}'
    for value in ("application/json", "text/plain", "application/x-www-form-urlencoded", "nonsense"):
        answer = await crm.call("POST", "/crm/v8/Leads", content=body, headers={"Content-Type": value})
        assert answer.status_code == 201


async def test_a_hundred_records_fit_in_a_call_and_one_more_does_not(crm: Crm) -> None:
    records = [{"Last_Name": f"Number {number}", "Description": "x" * 8000} for number in range(100)]
    await crm.create("Leads", *records)
    answer = await crm.call("POST", "/crm/v8/Leads", json={"data": [*records, {"Last_Name": "One more"}]})
    assert (answer.status_code, answer.json()["code"]) == (400, "LIMIT_EXCEEDED")
    ids = ",".join(str(number) for number in range(101))
    assert (await crm.call("DELETE", f"/crm/v8/Leads?ids={ids}")).status_code == 400


@pytest.mark.parametrize("chunked", [True, False])
async def test_T133_a_body_over_a_megabyte_is_refused_while_it_arrives(crm: Crm, chunked: bool) -> None:
    taken = 0

    async def endless() -> Any:
        nonlocal taken
        for _ in range(10_000):
            taken += 1
            yield b" " * 65_536

    if chunked:
        answer = await crm.call("POST", "/crm/v8/Leads", content=endless())
        assert taken < 40
    else:
        answer = await crm.call("POST", "/crm/v8/Leads", content=b" " * (1024 * 1024 + 1))
    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"


async def test_a_client_that_acts_for_itself_owns_what_it_makes_but_is_no_user(crm: Crm) -> None:
    app = {"client_id": "glc_us_robot", "sub": "glc_us_robot", "email": None, "name": None}
    crm.server.tokens["robot"] = {**crm.server.tokens["ada"], **app}
    (id,) = await crm.create("Leads", {"Last_Name": "Made by a machine"}, token="robot")
    owner = (await get(crm, "Leads", id))["Owner"]
    assert (owner["name"], owner["email"]) == ("API client", None)
    assert (await crm.call("GET", "/crm/v8/users?type=CurrentUser", token="robot")).status_code == 204
    assert len((await crm.call("GET", "/crm/v8/users?type=ActiveUsers", token="robot")).json()["users"]) == 1
