"""`grantline user move` between real processes: the person is there, and no file here knows them any more."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from grantline.db import open_database
from grantline.mail import FolderPost
from tests.centers import Center, Centers, start_centers
from tests.command_line import Done, run_command
from tests.site import PASSWORD, hidden_fields

LENA = "lena.quixote@moving.example"
NORA = "nora@staying.example"


@pytest.fixture(scope="module")
def centers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centers]:
    with start_centers(tmp_path_factory.mktemp("moving")) as running:
        names = ("--given-name", "Lena", "--family-name", "Quixote")
        user(running["us"], "create", LENA, *names, "--password-stdin", input=PASSWORD)
        user(running["us"], "create", NORA, "--password-stdin", input=PASSWORD)
        yield running


def user(center: Center, *arguments: str, input: str = "") -> Done:
    return run_command("user", *arguments, database=center.database, input=input)


def sign_in(center: Center, email: str) -> int:
    with httpx2.Client(base_url=center.issuer) as http:
        fields = {**hidden_fields(http.get("/signin")), "email": email, "password": PASSWORD}
        return http.post("/signin", data=fields, headers={"Origin": center.issuer}).status_code


def files_with(folder: Path, needle: bytes) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if needle in path.read_bytes().lower()]


def keep_mails(folder: Path) -> FolderPost:
    """A folder with a mail to the person, and one to somebody else."""
    folder.mkdir()
    for number, to in enumerate((LENA, "somebody@else.example")):
        text = f"From: g@example.org\nTo: {to}\nSubject: An invitation\n\nHello {to}\n"
        (folder / f"{number}.eml").write_text(text)
    return FolderPost(folder, "grantline@example.org")


def test_a_person_moves_while_both_servers_run_and_no_file_knows_them(
    centers: Centers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    us, eu = centers["us"], centers["eu"]
    post = keep_mails(tmp_path / "mail")
    monkeypatch.setenv("GRANTLINE_MAIL_FOLDER", str(post.folder))
    assert sign_in(us, LENA) == 303
    assert files_with(centers.folder / "us", b"quixote")
    assert "There are: eu." in user(us, "move", LENA, "--to", "in").err
    assert "Say where to" in user(us, "move", LENA).err
    assert "is not moving" in user(us, "move", LENA, "--cancel").err
    told = user(us, "move", LENA, "--to", "eu", "--json").json
    assert (told["email"], told["moved"], told["data_center"]) == (LENA, True, "eu")
    assert files_with(centers.folder / "us", b"quixote") == []
    assert files_with(centers.folder / "us", b"moving.example") == []
    assert [mail.to for mail in post.newest()] == ["somebody@else.example"]
    assert files_with(centers.folder / "eu", b"moving.example"), "the person is there"
    assert (sign_in(us, LENA), sign_in(eu, LENA)) == (400, 303)
    gone = user(us, "move", LENA, "--to", "eu")
    assert (gone.status, "There is no account" in gone.err) == (1, True)


def test_a_move_that_broke_off_is_taken_back(centers: Centers) -> None:
    us = centers["us"]
    begin(us, "eu")
    for command in ("enable", "disable", "password"):
        said = user(us, command, NORA, input=PASSWORD)
        assert (said.status, "is moving to eu" in said.err) == (1, True)
    assert sign_in(us, NORA) == 400
    said = user(us, "move", NORA, "--cancel")
    assert (said.status, said.err) == (0, "")
    assert sign_in(us, NORA) == 303
    begin(us, "zz")
    said = user(us, "move", NORA, "--cancel")
    assert (said.status, "zz is not in the registry and was not asked" in said.err) == (0, True)
    assert sign_in(us, NORA) == 303


def begin(center: Center, to: str) -> None:
    """The account as a command leaves it that is killed before it sends anything."""

    async def mark() -> None:
        db = await open_database(center.database, create=False)
        await db.run(
            "UPDATE accounts SET moving_to = $1, move_id = $2, disabled_at = 1 WHERE email_key = $3",
            to,
            to.ljust(24, "m"),
            NORA,
        )
        await db.close()

    asyncio.run(mark())
