"""What is sent for a bulk write is opened with suspicion: bombs, wrong texts and wrong archives are refused
before their first row is stored (T133)."""

import io
import itertools
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grantline.sample_crm.bulk import archive, lines
from grantline.sample_crm.bulk.lines import Unreadable, read_rows
from tests.sample_crm.conftest import Crm
from tests.sample_crm.customers import Customer, customer, packed


@pytest.fixture(scope="module")
def fresh() -> Iterator[int]:
    return itertools.count(730_000_000)


@pytest.fixture
def ada(busy_crm: Crm, fresh: Iterator[int]) -> Customer:
    return customer(busy_crm, next(fresh))


def with_two_files() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as one:
        one.writestr("a.csv", "Last_Name\nA\n")
        one.writestr("b.csv", "Last_Name\nB\n")
    return out.getvalue()


def with_many_entries() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as many:
        for number in range(5_000):
            many.writestr(f"{number}.csv", "")
    return out.getvalue()


def with_password() -> bytes:
    content = bytearray(packed("Last_Name\nA\n"))
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def with_wrong_sum() -> bytes:
    content = bytearray(packed("Last_Name\nA\n", method=zipfile.ZIP_STORED))
    content[content.index(b"Last_Name\n") + 10] ^= 1
    return bytes(content)


def with_comment() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as one:
        one.writestr("a.csv", "Last_Name\nA\n")
        one.comment = b"hello"
    return out.getvalue()


def with_false_size() -> bytes:
    """An archive that says of itself that little comes out."""
    content = bytearray(packed(b"Last_Name\n" + b"A" * 50 * 1024**2))
    struct.pack_into("<I", content, content.rindex(b"PK\x01\x02") + 24, 12)
    return bytes(content)


HEAD = b"Last_Name,Company\n"
BAD: dict[str, tuple[bytes, str]] = {
    "a bomb": (packed(HEAD + b"A,B\n" * 12_000_000), "FILE_TOO_LARGE"),
    "a size that is a lie": (with_false_size(), "INVALID_FILE_FORMAT"),
    "a line without end": (packed(HEAD + b"A" * (lines.LONGEST_LINE + 1)), "FILE_TOO_LARGE"),
    "a row without end": (packed(HEAD + b'"A,\n' + b"B\n" * lines.LONGEST_RECORD), "INVALID_FILE_FORMAT"),
    "Latin-1": (packed("Last_Name\nNúñez\n".encode("latin-1")), "INVALID_FILE_FORMAT"),
    "UTF-16": (packed("Last_Name\nAda\n".encode("utf-16")), "INVALID_FILE_FORMAT"),
    "a wrong text far behind": (packed(HEAD + b"A,B\n" * 3_000 + b"\xff,B\n"), "INVALID_FILE_FORMAT"),
    "a quote that never ends": (packed(HEAD + b'"A,B\n'), "INVALID_FILE_FORMAT"),
    "lines of another time": (packed(b"Last_Name\rA\rB\r"), "INVALID_FILE_FORMAT"),
    "nothing": (packed(""), "INVALID_FILE_FORMAT"),
    "too many columns": (packed("Last_Name" + ",x" * 300 + "\n"), "HEADER_LIMIT_EXCEEDED"),
    "an unknown column": (packed("Last_Name,Nope\nA,B\n"), "INVALID_FIELD"),
    "a column twice": (packed("Last_Name,Last_Name\nA,B\n"), "INVALID_FORMAT"),
    "a column that is ours": (packed("Last_Name,Created_Time\nA,B\n"), "INVALID_FIELD"),
    "no column for the name": (packed("Company\nA\n"), "MANDATORY_FIELDS_NOT_MAPPED"),
    "another ending": (packed("Last_Name\nA\n", name="rows.exe"), "INVALID_FILE_FORMAT"),
    "two files": (with_two_files(), "INVALID_FILE_FORMAT"),
    "thousands of files": (with_many_entries(), "INVALID_FILE_FORMAT"),
    "a password": (with_password(), "INVALID_FILE_FORMAT"),
    "a wrong sum": (with_wrong_sum(), "INVALID_FILE_FORMAT"),
    "a comment": (with_comment(), "INVALID_FILE_FORMAT"),
    "another packing": (packed("Last_Name\nA\n", method=zipfile.ZIP_LZMA), "INVALID_FILE_FORMAT"),
    "half an archive": (packed("Last_Name\n" + "Abel\n" * 999)[:-30], "INVALID_FILE_FORMAT"),
    "an archive in name only": (b"PK\x03\x04" + b"\0" * 200, "INVALID_FILE_FORMAT"),
}


@pytest.mark.parametrize("kind", BAD)
async def test_T133_a_bad_upload_fails_its_job_and_stores_nothing(ada: Customer, kind: str) -> None:
    content, code = BAD[kind]
    uploaded = await ada.upload(content)
    assert uploaded.status_code == 200, uploaded.text
    before = (await ada.read())["result"]["count"]
    job = await ada.write("", file_id=uploaded.json()["details"]["file_id"])
    assert (job["status"], job["resource"][0]["code"]) == ("FAILED", code), job["resource"][0]
    assert job["resource"][0]["message"].endswith(".")
    assert "result" not in job
    assert (await ada.call("GET", f"/crm/bulk/v8/write/{job['id']}/result")).status_code == 404
    assert (await ada.read())["result"]["count"] == before


@pytest.mark.parametrize("counted", [5_000, 1])
async def test_T133_a_directory_is_not_read_that_is_longer_than_it_need_be(
    ada: Customer, counted: int
) -> None:
    """Nor one whose number of files is a lie."""
    content = bytearray(with_many_entries())
    struct.pack_into("<2H", content, len(content) - 14, counted, counted)
    uploaded = await ada.upload(bytes(content))
    job = await ada.write("", file_id=uploaded.json()["details"]["file_id"])
    assert job["resource"][0]["message"].startswith("The ZIP holds more than 16 files")


async def test_a_plain_archive_with_a_folder_beside_it_is_taken(ada: Customer) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as one:
        one.mkdir("data")
        one.writestr("data/Leads.CSV", "Last_Name\nFolder\n")
        one.writestr("__MACOSX/._Leads.CSV", "x")
    uploaded = await ada.upload(out.getvalue())
    job = await ada.write("", file_id=uploaded.json()["details"]["file_id"])
    assert job["status"] == "COMPLETED"


@pytest.mark.parametrize("content", [b"Last_Name\nAda\n", b"", b"PK\x05\x06" + b"\0" * 18])
async def test_an_upload_that_is_no_zip_is_refused_at_once(ada: Customer, content: bytes) -> None:
    answer = await ada.upload(content)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_FILE_FORMAT")


async def test_T133_an_upload_over_its_size_is_refused(ada: Customer) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": str(200 * 1024**2)}
    answer = await ada.call("POST", "/crm/v8/upload", content=b"--b--", headers=headers)
    assert answer.status_code == 413
    one, two = ("file", ("a.zip", packed(""))), ("file", ("b.zip", packed("")))
    answer = await ada.call("POST", "/crm/v8/upload", files=[one, two])
    assert (answer.status_code, answer.json()["code"]) == (400, "LIMIT_EXCEEDED")


async def test_ten_uploads_wait_for_a_job_and_an_eleventh_is_refused(ada: Customer) -> None:
    for _ in range(10):
        assert (await ada.upload(packed("Last_Name\n"))).status_code == 200
    answer = await ada.upload(packed("Last_Name\n"))
    assert (answer.status_code, answer.json()["code"]) == (400, "LIMIT_EXCEEDED")


def test_T133_what_comes_out_of_an_archive_has_a_bound_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "a.zip", tmp_path / "a.csv"
    source.write_bytes(packed("Last_Name\n" + "x" * 5_000_000))
    archive.unpack_csv(source, target)
    monkeypatch.setattr(archive, "MOST_CSV_BYTES", 3_000_000)
    with pytest.raises(Unreadable, match="larger than 3000000 bytes"):
        archive.unpack_csv(source, target)
    assert target.stat().st_size <= 3_000_000


@pytest.mark.parametrize("text", ["a,b\nc,d\n", "a\r\n\r\n\nb", '"a\nb",c\nd\n"x""y",\n', "\ufeffä,b\nö"])
def test_rows_can_be_read_on_from_behind_any_row(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(text.encode())
    rows: list[tuple[list[str], Any]] = list(read_rows(path))
    assert len(rows) >= 2
    for number, (_, position) in enumerate(rows):
        assert [row for row, _ in read_rows(path, position)] == [row for row, _ in rows[number + 1 :]]
