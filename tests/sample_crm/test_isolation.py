"""Organizations are kept apart, and web pages get only what their app registered."""

from typing import Any

import pytest

from tests.sample_crm.authorization_server import person
from tests.sample_crm.conftest import Crm

LEADS = "/crm/v8/Leads?fields=Last_Name"
PAGE = "https://app.example.com"


async def count(crm: Crm, token: str) -> int:
    return len((await crm.call("GET", LEADS, token=token)).json()["data"])


async def test_T102_a_record_of_another_organization_cannot_be_told_from_one_that_is_not_there(
    crm: Crm,
) -> None:
    (id,) = await crm.create("Leads", {"Last_Name": "Secret", "Email": "only@ada.example"})
    path = f"/crm/v8/Leads/{id}"
    nowhere = "/crm/v8/Leads/4299999999999999999"
    change = {"data": [{"Last_Name": "Changed"}]}
    for method, body in (("GET", None), ("PUT", change), ("DELETE", None)):
        theirs = await crm.call(method, path, token="bob", json=body)
        missing = await crm.call(method, nowhere, token="bob", json=body)
        assert theirs.status_code == missing.status_code
        assert theirs.status_code in (400, 404)
        assert theirs.json() == missing.json()
    bulk = {"data": [{"id": id, "Last_Name": "Changed"}]}
    assert (await crm.call("PUT", "/crm/v8/Leads", token="bob", json=bulk)).status_code == 400
    assert (await crm.call("DELETE", f"/crm/v8/Leads?ids={id}", token="bob")).status_code == 400
    assert (await crm.call("GET", f"{LEADS}&ids={id}", token="bob")).status_code == 204
    for search in ("word=Secret", "email=only@ada.example", f"criteria=(id:equals:{id})"):
        assert (await crm.call("GET", f"/crm/v8/Leads/search?{search}", token="bob")).status_code == 204
    upsert = {"data": [{"Last_Name": "Mine", "Email": "only@ada.example"}]}
    answer = await crm.call("POST", "/crm/v8/Leads/upsert", token="bob", json=upsert)
    assert answer.json()["data"][0]["action"] == "insert"
    assert (await crm.call("GET", path)).json()["data"][0]["Last_Name"] == "Secret"


async def test_T102_a_unique_value_of_one_organization_is_free_in_another(crm: Crm) -> None:
    await crm.create("Contacts", {"Last_Name": "One", "Email": "one@example.com"})
    await crm.create("Contacts", {"Last_Name": "One", "Email": "one@example.com"}, token="bob")


async def test_T102_a_person_of_another_organization_is_not_found_and_cannot_own_a_record(crm: Crm) -> None:
    bob = (await crm.call("GET", "/crm/v8/users?type=CurrentUser", token="bob")).json()["users"][0]["id"]
    assert (await crm.call("GET", f"/crm/v8/users/{bob}", token="bob")).status_code == 200
    assert (await crm.call("GET", f"/crm/v8/users/{bob}")).status_code == 404
    record = {"data": [{"Last_Name": "Given away", "Owner": {"id": bob}}]}
    answer = await crm.call("POST", "/crm/v8/Leads", json=record)
    assert answer.json()["data"][0]["details"]["api_name"] == "Owner"
    everybody = (await crm.call("GET", "/crm/v8/users?type=ActiveUsers")).json()["users"]
    assert [one["zuid"] for one in everybody] == ["500000001"]


async def test_T102_the_organization_header_may_only_repeat_the_token(crm: Crm) -> None:
    same = await crm.call("GET", LEADS, headers={"X-CRM-ORG": "700000001"})
    assert same.status_code == 200
    for value in ("700000002", "", "700000001,700000002"):
        other = await crm.call("DELETE", "/crm/v8/Leads?ids=1", headers={"X-CRM-ORG": value})
        assert other.status_code == 403
        assert other.json()["code"] == "NO_PERMISSION"


async def test_a_new_organization_starts_with_a_few_records_and_only_once(crm: Crm) -> None:
    before = await count(crm, "ada")
    assert before >= 3
    assert await count(crm, "ada") == before
    for module in ("Contacts", "Products"):
        answer = await crm.call("GET", f"/crm/v8/{module}?fields=id")
        assert len(answer.json()["data"]) >= 2
    ids = [row["id"] for row in (await crm.call("GET", LEADS)).json()["data"]]
    assert (await crm.call("DELETE", f"/crm/v8/Leads?ids={','.join(ids)}")).status_code == 200
    assert (await crm.call("GET", LEADS)).status_code == 204


@pytest.mark.parametrize("origin", [PAGE, "http://127.0.0.1:8704", "https://app.example.com:8443"])
async def test_a_preflight_promises_two_headers_and_no_credentials(crm: Crm, origin: str) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
    answer = await crm.call("OPTIONS", "/crm/v8/Leads/1", token=None, headers=headers)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-headers"] == "authorization, content-type"
    assert "PUT" in answer.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in answer.headers
    assert "Origin" in answer.headers["vary"]
    assert not crm.server.asked


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "*",
        "http://app.example.com",
        "https://",
        "https://a.example/x",
        "https://a.example\r\nX: y",
        "file://",
    ],
)
async def test_T57_a_preflight_from_no_proper_origin_gets_no_permission(crm: Crm, origin: str) -> None:
    headers = [(b"Origin", origin.encode()), (b"Access-Control-Request-Method", b"GET")]
    answer = await crm.http.request("OPTIONS", LEADS, headers=headers)
    assert "access-control-allow-origin" not in answer.headers
    assert "x" not in answer.headers


async def test_a_registered_page_may_read_the_answer_and_its_errors(crm: Crm) -> None:
    crm.server.tokens["page"] = person(origins=[PAGE], scope="CRM.modules.leads.READ")
    answer = await crm.call("GET", LEADS, token="page", headers={"Origin": PAGE})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == PAGE
    refused = await crm.call("GET", "/crm/v8/org", token="page", headers={"Origin": PAGE})
    assert refused.status_code == 403
    assert refused.headers["access-control-allow-origin"] == PAGE
    assert "WWW-Authenticate" in refused.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example.com.evil.example",
        "https://evil.example",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://APP.example.com",
        "null",
        "",
    ],
)
async def test_T57_a_page_that_the_app_did_not_register_is_refused_before_anything_happens(
    crm: Crm, origin: str
) -> None:
    crm.server.tokens["page"] = person(origins=[PAGE])
    before = await count(crm, "ada")
    record = {"data": [{"Last_Name": "Forged"}]}
    answer = await crm.call("POST", "/crm/v8/Leads", token="page", json=record, headers={"Origin": origin})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert await count(crm, "ada") == before


@pytest.mark.parametrize("origins", [[], ["null"]])
async def test_T57_null_is_never_an_origin(crm: Crm, origins: list[str]) -> None:
    crm.server.tokens["page"] = person(origins=origins)
    answer = await crm.call("GET", LEADS, token="page", headers={"Origin": "null"})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


async def test_T57_other_kinds_of_client_get_an_answer_that_no_page_may_read(crm: Crm) -> None:
    answer = await crm.call("GET", LEADS, headers={"Origin": PAGE})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


async def test_a_browser_apps_token_works_outside_a_browser_too(crm: Crm) -> None:
    crm.server.tokens["page"] = person(origins=[PAGE])
    assert (await crm.call("GET", LEADS, token="page")).status_code == 200


CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", LEADS, {}),
    ("GET", LEADS, {"token": None}),
    ("GET", LEADS, {"token": "nobody"}),
    ("GET", "/", {"token": None}),
    ("GET", "/crm/v8/Leads/1/2/3", {}),
    ("PATCH", "/crm/v8/Leads", {}),
    ("OPTIONS", "/crm/v8/Leads", {"token": None}),
    ("GET", "/crm/v8/Nothing", {}),
    ("GET", "/crm/v8/Leads/search?word=nothing-like-it", {}),
]


@pytest.mark.parametrize(("method", "path", "more"), CASES)
async def test_every_answer_carries_the_security_headers(
    crm: Crm, method: str, path: str, more: dict[str, Any]
) -> None:
    answer = await crm.call(method, path, **more)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["vary"] == "Origin"
    if answer.content:
        assert answer.headers["content-type"] == "application/json;charset=UTF-8"
    else:
        assert "content-type" not in answer.headers


async def test_what_does_not_exist_is_told_in_the_envelope(crm: Crm) -> None:
    cases = (
        ("GET", "/", 404, "INVALID_URL_PATTERN"),
        ("GET", "/crm/v2/Leads", 404, "INVALID_URL_PATTERN"),
        ("GET", "/crm/v8/Leads/", 404, "INVALID_URL_PATTERN"),
        ("PATCH", "/crm/v8/Leads", 405, "INVALID_REQUEST_METHOD"),
        ("POST", "/crm/v8/org/1/2", 404, "INVALID_URL_PATTERN"),
        ("GET", "/crm/v8/Deals?fields=id", 400, "INVALID_MODULE"),
        ("GET", "/crm/v8/settings/modules/Deals", 400, "INVALID_MODULE"),
    )
    for method, path, status, code in cases:
        answer = await crm.call(method, path)
        assert (answer.status_code, answer.json()["code"]) == (status, code), path
    assert set((await crm.call("PATCH", "/crm/v8/Leads")).headers["allow"].split(", ")) >= {
        "GET",
        "POST",
        "PUT",
        "DELETE",
    }


async def test_a_token_that_may_not_know_people_is_told_no_names_and_no_addresses(crm: Crm) -> None:
    (id,) = await crm.create("Leads", {"Last_Name": "Owned"})
    unnamed = {"email": None, "name": None, "given_name": None, "family_name": None}
    crm.server.tokens["narrow"] = {**person(scope="CRM.modules.ALL CRM.org.READ"), **unnamed}
    answer = await crm.call("GET", f"/crm/v8/Leads/{id}", token="narrow")
    owner = answer.json()["data"][0]["Owner"]
    assert (owner["name"], owner["email"]) == (f"User {owner['id']}", None)
    made = await crm.call("POST", "/crm/v8/Leads", token="narrow", json={"data": [{"Last_Name": "New"}]})
    org = await crm.call("GET", "/crm/v8/org", token="narrow")
    assert org.json()["org"][0]["primary_email"] is None
    for text in (answer.text, made.text, org.text):
        assert "Ada" not in text
        assert "example.com" not in text
    crm.server.tokens["carl"] = person(subject="500000003", name="Carl Maria")
    people = (await crm.call("GET", "/crm/v8/users?type=ActiveUsers", token="carl")).json()["users"]
    assert [one["full_name"] for one in people] == ["Ada Byron", "Carl Maria"]
    assert made.json()["data"][0]["details"]["Created_By"]["id"] == people[0]["id"]


async def test_a_person_who_has_told_no_name_yet_is_a_user_all_the_same(crm: Crm) -> None:
    unnamed = {"email": None, "name": None, "given_name": None, "family_name": None}
    crm.server.tokens["narrow"] = {**person(scope="CRM.modules.ALL"), **unnamed}
    await crm.create("Leads", {"Last_Name": "First"}, token="narrow")
    (user,) = (await crm.call("GET", "/crm/v8/users?type=ActiveUsers")).json()["users"]
    assert user["full_name"] == "Ada Byron"
