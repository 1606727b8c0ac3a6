"""Jobs, uploads and results belong to one organization, and take a right to bulk and one to the module."""

import itertools
from collections.abc import Iterator

import pytest

from grantline.sample_crm.routes import ENDPOINTS
from tests.sample_crm.conftest import Crm
from tests.sample_crm.customers import SCOPE, Customer, counts, customer


@pytest.fixture(scope="module")
def fresh() -> Iterator[int]:
    return itertools.count(750_000_000)


@pytest.fixture
def ada(busy_crm: Crm, fresh: Iterator[int]) -> Customer:
    return customer(busy_crm, next(fresh))


@pytest.fixture
def mallory(busy_crm: Crm, fresh: Iterator[int]) -> Customer:
    """Somebody of another organization, with every right there."""
    return customer(busy_crm, next(fresh), scope=SCOPE + " CRM.users.ALL CRM.settings.ALL")


async def test_T102_a_job_of_another_organization_cannot_be_told_from_one_that_is_not_there(
    ada: Customer, mallory: Customer
) -> None:
    jobs = {"read": (await ada.read())["id"], "write": (await ada.write("Last_Name\nSecret\n"))["id"]}
    for kind, id in jobs.items():
        for end in ("", "/result"):
            assert (await ada.call("GET", f"/crm/bulk/v8/{kind}/{id}{end}")).status_code == 200
            theirs = await mallory.call("GET", f"/crm/bulk/v8/{kind}/{id}{end}")
            missing = await mallory.call("GET", f"/crm/bulk/v8/{kind}/4499999999999999999{end}")
            assert theirs.status_code == missing.status_code == 404
            assert theirs.json() == missing.json()


async def test_T102_an_upload_of_another_organization_cannot_be_used(
    ada: Customer, mallory: Customer
) -> None:
    upload = await ada.file_id("Last_Name\nSecret\n")
    theirs = await mallory.start_write("", file_id=upload)
    missing = await mallory.start_write("", file_id="4399999999999999999")
    assert (theirs.status_code, theirs.json()) == (missing.status_code, missing.json())
    assert theirs.json()["code"] == "INVALID_FILE_ID"
    assert counts(await ada.write("", file_id=upload))[0] == 1


async def test_T102_a_bulk_write_neither_finds_nor_changes_another_organizations_records(
    ada: Customer, mallory: Customer
) -> None:
    record = {"Last_Name": "Secret", "Email": "only@ada.example"}
    (id,) = await ada.crm.create("Leads", record, token=ada.token)
    taken = await mallory.write(f"id,Last_Name\n{id},Taken\n", "update")
    assert counts(taken) == (0, 0, 1, 1)
    for find_by, row in (("id", id), ("Email", "only@ada.example")):
        job = await mallory.write(f"{find_by},Last_Name\n{row},Mine\n", "upsert", find_by=find_by)
        assert counts(job) == (1, 0, 0, 1)
        assert id not in [one["RECORD_ID"] for one in await mallory.rows("write", job)]
    found = await ada.call("GET", f"/crm/v8/Leads/{id}")
    assert found.json()["data"][0]["Last_Name"] == "Secret"


async def test_T102_a_bulk_read_gives_the_records_of_its_own_organization_whatever_the_page_token(
    ada: Customer, mallory: Customer
) -> None:
    await ada.crm.create("Leads", {"Last_Name": "Secret"}, token=ada.token)
    token = (await ada.read(per_page=1))["result"]["next_page_token"]
    for query in ({}, {"page_token": token}, {"page": 2, "per_page": 1}):
        rows = await mallory.rows("read", await mallory.read(**query))
        assert "Secret" not in [row["Last_Name"] for row in rows]
    listed = await ada.call("GET", "/crm/v8/Leads?fields=Last_Name&per_page=1")
    token = listed.json()["info"]["next_page_token"]
    answer = await mallory.call("GET", f"/crm/v8/Leads?fields=Last_Name&page_token={token}")
    assert "Secret" not in answer.text


BULK = "CRM.bulk.ALL"


@pytest.mark.parametrize(
    ("scope", "reads", "operations"),
    [
        (BULK, False, ""),
        ("CRM.modules.ALL", False, ""),
        (f"{BULK} CRM.modules.contacts.ALL", False, ""),
        (f"{BULK} CRM.modules.leads.READ", True, ""),
        (f"{BULK} CRM.modules.leads.CREATE", False, "insert"),
        (f"{BULK} CRM.modules.leads.UPDATE", False, "update"),
        (f"{BULK} CRM.modules.leads.WRITE", False, "insert update upsert"),
        ("CRM.bulk.CREATE CRM.modules.ALL", True, "insert update upsert"),
        ("CRM.bulk.READ CRM.modules.ALL", False, ""),
    ],
)
async def test_T100_a_job_takes_a_right_to_bulk_and_a_right_to_its_module(
    busy_crm: Crm, ada: Customer, scope: str, reads: bool, operations: str
) -> None:
    busy_crm.server.tokens["narrow"] = {**busy_crm.server.tokens[ada.token], "scope": scope}
    narrow = Customer(busy_crm, "narrow")
    answer = await narrow.start_read()
    assert answer.status_code == (201 if reads else 403)
    for operation in ("insert", "update", "upsert"):
        resource = {"module": {"api_name": "Leads"}, "file_id": await ada.file_id("Last_Name,Email\n")}
        body = {"operation": operation, "resource": [resource]}
        answer = await narrow.call("POST", "/crm/bulk/v8/write", json=body)
        assert answer.status_code == (201 if operation in operations.split() else 403)
        if answer.status_code == 403:
            assert answer.json()["code"] == "OAUTH_SCOPE_MISMATCH"
            assert all(name.startswith("CRM.") for name in answer.json()["details"]["needed"])


async def test_T100_looking_at_a_job_takes_the_rights_that_starting_it_takes(
    busy_crm: Crm, ada: Customer
) -> None:
    read, write = await ada.read(), await ada.write("Last_Name\nSecret\n")
    cases = (
        ("CRM.bulk.READ CRM.modules.contacts.ALL", 403, 403),
        ("CRM.bulk.READ CRM.modules.leads.READ", 200, 403),
        ("CRM.bulk.READ CRM.modules.leads.CREATE", 403, 200),
        ("CRM.bulk.CREATE CRM.modules.ALL", 403, 403),
    )
    for scope, sees_read, sees_write in cases:
        busy_crm.server.tokens["narrow"] = {**busy_crm.server.tokens[ada.token], "scope": scope}
        narrow = Customer(busy_crm, "narrow")
        for end in ("", "/result"):
            answers = (
                await narrow.call("GET", f"/crm/bulk/v8/read/{read['id']}{end}"),
                await narrow.call("GET", f"/crm/bulk/v8/write/{write['id']}{end}"),
            )
            assert tuple(answer.status_code for answer in answers) == (sees_read, sees_write), scope


def test_T100_every_route_about_jobs_names_a_right_to_the_module_besides() -> None:
    jobs = [endpoint for endpoint in ENDPOINTS if endpoint.path.startswith("/crm/bulk/")]
    assert len(jobs) == 6
    assert all("{module}" in need for endpoint in jobs for need in endpoint.then_needs)
    assert all(endpoint.then_needs for endpoint in jobs)


async def test_a_token_that_may_not_know_people_learns_no_name_from_a_job(
    busy_crm: Crm, ada: Customer
) -> None:
    known = busy_crm.server.tokens[ada.token]
    await ada.read()
    unnamed = {"email": None, "name": None, "given_name": None, "family_name": None}
    scope = "CRM.bulk.ALL CRM.modules.ALL CRM.files.ALL"
    busy_crm.server.tokens["narrow"] = {**known, **unnamed, "scope": scope}
    narrow = Customer(busy_crm, "narrow")
    started = await narrow.start_read()
    job = await narrow.ended("read", started.json()["data"][0]["details"]["id"])
    rows = await narrow.rows("read", job)
    assert "Ada" not in started.text + str(job) + str(rows)
    assert job["created_by"]["name"] == f"User {job['created_by']['id']}"
