"""Pages by number and by token, settings that did not change, and what the file of an older version holds."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from grantline.sample_crm import CrmConfig, reading, writing
from grantline.sample_crm.database import open_database
from tests.sample_crm.authorization_server import NOW, AuthorizationServer
from tests.sample_crm.conftest import Crm, running_crm

LEADS = "/crm/v8/Leads?fields=Last_Name"
SETTINGS = "/crm/v8/settings/modules"


@pytest.fixture
async def many(crm: Crm) -> Crm:
    """Ten leads, changed in another order than they were made."""
    ids = await crm.create("Leads", *[{"Last_Name": f"N{number}"} for number in range(7)])
    for number, id in enumerate(reversed(ids)):
        crm.clock.now = NOW + 60 + number // 3
        await crm.call("PUT", f"/crm/v8/Leads/{id}", json={"data": [{"City": "Oslo"}]})
    return crm


async def page(crm: Crm, **query: Any) -> dict[str, Any]:
    answer = await crm.call("GET", LEADS, params={"fields": "Last_Name", **query})
    assert answer.status_code == 200, answer.text
    members: dict[str, Any] = answer.json()
    return members


@pytest.mark.parametrize("sort_by", ["id", "Created_Time", "Modified_Time"])
@pytest.mark.parametrize("sort_order", ["asc", "desc"])
async def test_tokens_lead_through_a_list_in_its_order(many: Crm, sort_by: str, sort_order: str) -> None:
    order = {"sort_by": sort_by, "sort_order": sort_order}
    everything = [row["id"] for row in (await page(many, **order))["data"]]
    found: list[str] = []
    query: dict[str, Any] = {**order, "per_page": 3}
    for number in (1, 2, 3, 4):
        members = await page(many, **query)
        found += [row["id"] for row in members["data"]]
        assert members["info"]["page"] == number
        query["page_token"] = members["info"]["next_page_token"]
        assert members["info"]["more_records"] == (query["page_token"] is not None)
    assert query["page_token"] is None
    assert found == everything
    assert len(set(found)) == 10


async def test_a_record_that_is_added_meanwhile_moves_no_other_to_the_next_page(many: Crm) -> None:
    first = await page(many, per_page=3)
    await many.create("Leads", {"Last_Name": "New"})
    second = await page(many, per_page=3, page_token=first["info"]["next_page_token"])
    assert not {row["id"] for row in first["data"]} & {row["id"] for row in second["data"]}
    assert first["info"]["page_token_expiry"] is not None


@pytest.mark.parametrize(
    "change",
    [
        {"sort_order": "asc"},
        {"sort_by": "Modified_Time"},
        {"page": 2},
        {"page_token": "x"},
        {"page_token": "W10"},
        {"page_token": "x" * 400},
        {"page_token": "ü"},
    ],
)
async def test_a_token_of_another_list_is_refused(many: Crm, change: dict[str, Any]) -> None:
    token = (await page(many, per_page=3))["info"]["next_page_token"]
    query = {"fields": "Last_Name", "per_page": 3, "page_token": token, **change}
    answer = await many.call("GET", LEADS, params=query)
    assert (answer.status_code, answer.json()["details"]["param_name"]) == (400, "page_token")


async def test_a_token_ends_after_a_day(many: Crm) -> None:
    many.server.tokens["ada"]["exp"] = NOW + 10**6
    token = (await page(many, per_page=3))["info"]["next_page_token"]
    many.clock.now += 86_401
    answer = await many.call("GET", LEADS, params={"fields": "id", "page_token": token})
    assert (answer.status_code, answer.json()["code"]) == (400, "EXPIRED_VALUE")


async def test_only_the_first_two_thousand_records_have_pages_with_numbers(crm: Crm) -> None:
    for query, status in (("page=10&per_page=200", 204), ("page=2000&per_page=1", 204), ("page=11", 400)):
        answer = await crm.call("GET", f"{LEADS}&{query}")
        assert answer.status_code == status
    assert answer.json()["code"] == "LIMIT_EXCEEDED"
    answer = await crm.call("GET", "/crm/v8/Leads/search?word=a&page=11")
    assert answer.status_code == 400


async def test_a_search_says_when_it_has_not_looked_at_everything(
    many: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_EXAMINED", 10)
    search = "/crm/v8/Leads/search?fields=Last_Name&criteria=(Last_Name:equals:N0)"
    assert (await many.call("GET", search)).status_code == 200
    monkeypatch.setattr(reading, "MOST_EXAMINED", 9)
    answer = await many.call("GET", search)
    assert (answer.status_code, answer.json()["code"]) == (400, "LIMIT_EXCEEDED")
    assert (await many.call("GET", "/crm/v8/Leads/search?word=N&per_page=2")).status_code == 200


async def test_fields_without_an_index_are_compared_among_few_records_only(
    many: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST_COMPARED", 9)
    record = {"Last_Name": "N0", "Email": "n@example.com"}
    for fields, status in ((["Last_Name"], 400), (["Email", "City"], 400), (["Email", "Phone"], 200)):
        body = {"data": [record], "duplicate_check_fields": fields}
        answer = await many.call("POST", "/crm/v8/Leads/upsert", json=body)
        assert answer.status_code == status
    assert answer.json()["data"][0]["action"] == "insert"


@pytest.mark.parametrize("path", [SETTINGS, f"{SETTINGS}/Leads", "/crm/v8/settings/fields?module=Leads"])
async def test_settings_that_did_not_change_are_not_sent_again(crm: Crm, path: str) -> None:
    first = await crm.call("GET", path)
    assert first.headers["last-modified"] == "Fri, 15 Jan 2027 08:00:00 GMT"
    for since, status in (
        (first.headers["last-modified"], 304),
        ("2027-01-15T09:00:00+01:00", 304),
        ("2030-01-01T00:00:00Z", 304),
        ("2027-01-15T08:59:59+01:00", 200),
        ("2027-01-15T08:00:00", 200),
        ("yesterday", 200),
    ):
        answer = await crm.call("GET", path, headers={"If-Modified-Since": since})
        assert answer.status_code == status, since
        assert bool(answer.content) == (status == 200)


async def test_settings_change_when_a_new_version_has_other_fields(
    config: CrmConfig, server: AuthorizationServer
) -> None:
    async with running_crm(config, server):
        pass
    with sqlite3.connect(config.database) as file:
        file.execute("UPDATE settings_change SET fingerprint = 'another version'")
    file.close()
    async with running_crm(config, server, NOW + 1_000) as crm:
        answer = await crm.call("GET", SETTINGS)
        assert answer.headers["last-modified"] == "Fri, 15 Jan 2027 08:16:40 GMT"


BY_KEY = "SELECT min(id) FROM record WHERE organization = ? AND module = ? AND key_1 = ?"
OLDER = """
CREATE TABLE record (
    id INTEGER PRIMARY KEY AUTOINCREMENT, organization TEXT NOT NULL, module TEXT NOT NULL,
    contents TEXT NOT NULL, owner_id INTEGER NOT NULL, created_by INTEGER NOT NULL,
    modified_by INTEGER NOT NULL, created_at INTEGER NOT NULL, modified_at INTEGER NOT NULL
) STRICT;
INSERT INTO record
VALUES (5, '1', 'Leads', '{"Last_Name": "Old", "Email": "Old@Example.com"}', 1, 1, 1, 1, 1);
INSERT INTO record VALUES (6, '1', 'Leads', '{"Last_Name": "Bare"}', 1, 1, 1, 1, 1);
"""


def test_a_file_of_the_time_before_keys_gets_them(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    with sqlite3.connect(path) as older:
        older.executescript(OLDER)
    older.close()
    for _ in range(2):
        opened = open_database(path, NOW)
        rows = [tuple(row) for row in opened.execute("SELECT id, key_1, key_2 FROM record ORDER BY id")]
        plan = opened.execute("EXPLAIN QUERY PLAN " + BY_KEY, ("1", "Leads", "x")).fetchall()
        opened.close()
        assert rows == [(5, "old@example.com", None), (6, None, None)]
        assert "record_by_key_1" in json.dumps([row["detail"] for row in plan])
