"""The limits that docs/sample-crm.md tells are the limits that hold."""

import re
from pathlib import Path

import pytest

from grantline.sample_crm import CrmConfig, arrivals, criteria, gate, pages, reading, stored, writing
from grantline.sample_crm.arrivals import Arrivals
from grantline.sample_crm.bulk import archive, callbacks, json_criteria, lines, requests, supervisor
from grantline.sample_crm.bulk import endpoints as bulk
from grantline.sample_crm.bulk import reading as bulk_reading
from grantline.sample_crm.bulk import writing as bulk_writing
from grantline.sample_crm.files import FILE_BOUNDS
from grantline.sample_crm.refusals import Refusal
from grantline.sample_crm.storage import Storage
from tests.running import ROOT
from tests.sample_crm.conftest import Crm
from tests.sample_crm.customers import customer, packed
from tests.sample_crm.test_bulk_work import by_hand, step

PAGE = ROOT / "docs" / "sample-crm.md"
KB, MB, GB, DAY = 1024, 1024**2, 1024**3, 86_400


@pytest.mark.parametrize(
    ("told", "held"),
    [
        ("1 MB, 100 records, 50 fields", (gate.BODY_LIMIT / MB, writing.MOST_RECORDS, reading.MOST_FIELDS)),
        ("an address 8 KB", (gate.ADDRESS_LIMIT / KB,)),
        ("200 records; the first 2,000 by number", (reading.MOST_PER_PAGE, reading.MOST_BY_NUMBER)),
        ("15 conditions, 5 levels", (criteria.MOST_CONDITIONS, criteria.DEEPEST)),
        ("the newest 100,000 records", (reading.MOST_EXAMINED,)),
        ("modules of up to 20,000 records", (writing.MOST_COMPARED,)),
        (
            "10 in a call, 20 MB each, 100 MB together",
            (FILE_BOUNDS.files, FILE_BOUNDS.each / MB, FILE_BOUNDS.all / MB),
        ),
        ("1,000 in an organization; names of 120", (stored.MOST_FILES, arrivals.LONGEST_NAME)),
        ("100 MB, 10 waiting", (bulk.UPLOAD_BOUNDS.each / MB, stored.MOST_UPLOADS)),
        ("4 arriving at a time", (arrivals.MOST_AT_ONCE,)),
        ("512 MB, at most 200 times", (archive.MOST_CSV_BYTES / MB, archive.MOST_RATIO)),
        ("1,000,000 rows, 200 columns", (bulk_writing.MOST_ROWS, requests.MOST_COLUMNS)),
        ("256 KB in a line, 512 KB in a row", (lines.LONGEST_LINE / KB, lines.LONGEST_RECORD / KB)),
        ("200,000 rows unless", (requests.ROWS_PER_PAGE,)),
        ("up to 1,000,000; 500 pages", (requests.MOST_ROWS_PER_PAGE, requests.MOST_PAGES)),
        ("100 values in a comparison", (json_criteria.MOST_VALUES,)),
        ("10 of an organization that have not ended", (bulk.MOST_UNFINISHED,)),
        ("2 GB", (stored.MOST_BYTES / GB,)),
        ("2,000 characters; 10 seconds", (callbacks.LONGEST, callbacks.SECONDS)),
        (
            "again after 30 seconds and after 5 minutes",
            (supervisor.CALLBACK_WAITS[0], supervisor.CALLBACK_WAITS[1] / 60),
        ),
        ("500 rows (a write) or 4,000 (a read)", (bulk_writing.BATCH, bulk_reading.BATCH)),
    ],
)
def test_a_limit_is_told_as_it_is(told: str, held: tuple[float, ...]) -> None:
    assert told in PAGE.read_text()
    assert tuple(float(one.replace(",", "")) for one in re.findall(r"[0-9][0-9,]*", told)) == held


def test_what_is_kept_for_a_day_or_a_week_is() -> None:
    assert (pages.LIFE_SECONDS, stored.UPLOAD_SECONDS, supervisor.RESULT_SECONDS) == (DAY, DAY, DAY)
    assert supervisor.JOB_SECONDS == 7 * DAY


async def test_a_file_with_more_rows_than_allowed_stores_none(
    crm: Crm, config: CrmConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = customer(crm, 1)
    monkeypatch.setattr(bulk_writing, "MOST_ROWS", 3)
    with by_hand(config) as worker:
        for rows, status in ((3, "COMPLETED"), (4, "FAILED")):
            id = (await ada.start_write("Last_Name\n" + "Row\n" * rows)).json()["details"]["id"]
            while not step(worker):
                pass
            assert (await ada.job("write", id))["status"] == status


async def test_an_organization_that_fills_its_room_must_delete_something_first(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = customer(crm, 1), customer(crm, 2)
    monkeypatch.setattr("grantline.sample_crm.files.MOST_BYTES", 100)
    monkeypatch.setattr(bulk, "MOST_BYTES", 100)
    kept = await ada.call("POST", "/crm/v8/files", files={"file": ("a", b"x" * 100)})
    for refused in (
        await ada.call("POST", "/crm/v8/files", files={"file": ("b", b"x")}),
        await ada.upload(packed("Last_Name\n")),
        await ada.start_read(),
    ):
        assert (refused.status_code, refused.json()["code"]) == (400, "LIMIT_EXCEEDED")
    assert (await bob.call("POST", "/crm/v8/files", files={"file": ("b", b"x")})).status_code == 200
    id = kept.json()["data"][0]["details"]["id"]
    assert (await ada.call("DELETE", f"/crm/v8/files?id={id}")).status_code == 200
    assert (await ada.call("POST", "/crm/v8/files", files={"file": ("b", b"x")})).status_code == 200


async def test_an_organization_has_a_number_of_files(crm: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = customer(crm, 1)
    monkeypatch.setattr("grantline.sample_crm.files.MOST_FILES", 2)
    two = [("file", ("a", b"x")), ("file", ("b", b"x"))]
    assert (await ada.call("POST", "/crm/v8/files", files=two)).status_code == 200
    answer = await ada.call("POST", "/crm/v8/files", files={"file": ("c", b"x")})
    assert (answer.status_code, answer.json()["code"]) == (400, "LIMIT_EXCEEDED")


async def test_T133_an_organization_uploads_a_few_files_at_a_time(tmp_path: Path) -> None:
    """Nothing of the four has arrived: they are under way for as long as their callers like."""
    storage = Storage(tmp_path / "crm.db")
    storage.open()
    arriving = Arrivals(storage)
    arriving.count("1", arrivals.MOST_AT_ONCE - 1)
    arriving.count("1", 1)
    with pytest.raises(Refusal, match="429 TOO_MANY_REQUESTS"):
        arriving.count("1", 1)
    arriving.count("2", 1)
    arriving.count("1", -1)
    arriving.count("1", 1)
