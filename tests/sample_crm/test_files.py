"""Files: up, down and away, for one organization alone, and never as a page."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from grantline.sample_crm.arrivals import LONGEST_NAME, safe_name
from tests.sample_crm.conftest import Crm
from tests.sample_crm.customers import Customer, customer

FILES = "/crm/v8/files"


@pytest.fixture(scope="module")
def fresh() -> Iterator[int]:
    return itertools.count(740_000_000)


@pytest.fixture
def ada(busy_crm: Crm, fresh: Iterator[int]) -> Customer:
    return customer(busy_crm, next(fresh))


def left_behind(folder: Path) -> list[Path]:
    return list(folder.rglob("arriving-*"))


async def keep(who: Customer, name: str, content: bytes, type: str = "text/plain") -> str:
    answer = await who.call("POST", FILES, files={"file": (name, content, type)})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"][0]["details"]["id"])


async def test_a_file_comes_back_as_it_was_until_it_is_deleted(ada: Customer) -> None:
    content = bytes(range(256)) * 300
    answer = await ada.call("POST", FILES, files={"file": ("notes.bin", content)})
    (result,) = answer.json()["data"]
    assert (result["code"], result["status"], result["details"]["name"]) == (
        "SUCCESS",
        "success",
        "notes.bin",
    )
    id = result["details"]["id"]
    assert (await ada.call("GET", f"{FILES}?id={id}")).content == content
    (listed,) = (await ada.call("GET", FILES)).json()["files"]
    assert (listed["id"], listed["name"], listed["size"]) == (id, "notes.bin", len(content))
    deleted = await ada.call("DELETE", f"{FILES}?id={id}")
    assert deleted.json()["data"][0]["details"] == {"id": id}
    for method in ("GET", "DELETE"):
        assert (await ada.call(method, f"{FILES}?id={id}")).status_code == 404
    assert (await ada.call("GET", FILES)).status_code == 204
    assert (await ada.call("DELETE", FILES)).json()["code"] == "REQUIRED_PARAM_MISSING"


@pytest.mark.parametrize("name", ["page.html", "image.svg", "code.js", "doc.xhtml", "x.pdf"])
async def test_a_browser_gets_a_download_and_never_a_page(ada: Customer, name: str) -> None:
    id = await keep(ada, name, b"<script>alert(1)</script>", "text/html")
    answer = await ada.call("GET", f"{FILES}?id={id}")
    assert answer.headers["content-type"] == "application/x-download"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ada\\plan.txt", "plan.txt"),
        ("...", "file"),
        ("", "file"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie x.txt"),
        ('a"; filename="b.txt', "a; filename=b.txt"),
        ("gnp.\u202etxt", "gnp.txt"),
        (".htaccess", "htaccess"),
        ("Øre und Ä.txt", "Øre und Ä.txt"),
        ("x" * 500 + ".txt", "x" * (LONGEST_NAME - 4) + ".txt"),
    ],
)
def test_a_name_is_made_safe(given: str, kept: str) -> None:
    assert safe_name(given) == kept


async def test_a_files_name_is_kept_in_any_script_and_is_no_path(ada: Customer, busy_crm: Crm) -> None:
    id = await keep(ada, "../../Øre.txt", b"x")
    answer = await ada.call("GET", f"{FILES}?id={id}")
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''%C3%98re.txt"


async def test_T133_a_file_over_twenty_megabytes_is_refused_and_leaves_nothing(
    ada: Customer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    answer = await ada.call("POST", FILES, files={"file": ("big.bin", b"x" * (20 * 1024**2 + 1))})
    assert (answer.status_code, answer.json()["code"]) == (413, "FILE_SIZE_MORE_THAN_ALLOWED_SIZE")
    assert (await ada.call("GET", FILES)).status_code == 204
    assert not left_behind(tmp_path_factory.getbasetemp())


async def test_a_call_brings_up_to_ten_files_or_none_of_them_is_kept(ada: Customer) -> None:
    ten = [("file", (f"{number}.txt", b"x")) for number in range(10)]
    assert len((await ada.call("POST", FILES, files=ten)).json()["data"]) == 10
    eleven = [*ten, ("file", ("11.txt", b"x"))]
    answer = await ada.call("POST", FILES, files=eleven)
    assert (answer.status_code, answer.json()["code"]) == (400, "LIMIT_EXCEEDED")
    listed = (await ada.call("GET", f"{FILES}?per_page=4&page=3")).json()
    assert (listed["info"]["count"], listed["info"]["more_records"]) == (2, False)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "application/json"}, b"{}"),
        ({}, b"file=x"),
        ({"Content-Type": "multipart/form-data"}, b"x"),
        ({"Content-Type": "multipart/form-data; boundary=" + "b" * 300}, b"x"),
        ({"Content-Type": "multipart/form-data; boundary=b"}, b"no boundary here"),
        ({"Content-Type": "multipart/form-data; boundary=b"}, b"--b--\r\n"),
        (
            {"Content-Type": "multipart/form-data; boundary=b"},
            b'--b\r\nContent-Disposition: form-data; name="other"; filename="a"\r\n\r\nx\r\n--b--\r\n',
        ),
        (
            {"Content-Type": "multipart/form-data; boundary=b"},
            b"--b\r\nX: " + b"x" * 9_000 + b"\r\n\r\nx\r\n--b--\r\n",
        ),
        (
            {"Content-Type": "multipart/form-data; boundary=b"},
            b'--b\r\nContent-Disposition: form-data; name="n"\r\n\r\nx\r\n' * 30 + b"--b--\r\n",
        ),
    ],
)
async def test_a_body_that_holds_no_file_is_told_so(
    ada: Customer, headers: dict[str, str], body: bytes
) -> None:
    answer = await ada.call("POST", FILES, content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["details"]["api_name"] == "file"
    assert (await ada.call("GET", FILES)).status_code == 204


async def test_T102_a_file_of_another_organization_cannot_be_told_from_one_that_is_not_there(
    ada: Customer, busy_crm: Crm, fresh: Iterator[int]
) -> None:
    bob = customer(busy_crm, next(fresh))
    id = await keep(ada, "secret.txt", b"secret")
    for method in ("GET", "DELETE"):
        theirs = await bob.call(method, f"{FILES}?id={id}")
        missing = await bob.call(method, f"{FILES}?id=4399999999999999999")
        assert (theirs.status_code, theirs.json()) == (missing.status_code, missing.json())
    assert (await bob.call("GET", FILES)).status_code == 204
    assert (await ada.call("GET", f"{FILES}?id={id}")).content == b"secret"


async def test_a_file_is_no_upload_for_a_bulk_write_and_the_other_way_round(ada: Customer) -> None:
    file = await keep(ada, "rows.zip", b"PK\x03\x04")
    assert (await ada.start_write("", file_id=file)).json()["code"] == "INVALID_FILE_ID"
    upload = await ada.file_id("Last_Name\n")
    assert (await ada.call("GET", f"{FILES}?id={upload}")).status_code == 404
    assert (await ada.call("DELETE", f"{FILES}?id={upload}")).status_code == 404
