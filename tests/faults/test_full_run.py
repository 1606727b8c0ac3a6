"""A full run at debug level, and then the search: no secret is in a log, the database or its journal."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.faults.story import Story

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The story, told once; its server ends without warning, so that the journal is still there."""
    from tests.running import start_server

    folder = tmp_path_factory.mktemp("story")
    server = start_server(folder, env={"GRANTLINE_LOG_LEVEL": "debug", "GRANTLINE_LIMITS": "1000"})
    told = Story(server)
    try:
        told.tell()
        for _ in range(50):  # the activity is written a moment after the answer
            if (folder / "grantline.sqlite3-wal").exists() and "req_" in server.grantline("logs"):
                break
    finally:
        server.process.kill()
        told.close()
    return told


def forms(secret: str) -> list[bytes]:
    """A secret as it stands, in an address, and without its first letters, which may be cut off."""
    return [
        text.encode() for text in {secret, quote(secret, safe=""), secret[8:] if len(secret) > 30 else secret}
    ]


def search(content: bytes, story: Story) -> list[str]:
    """What of all that was secret is in there."""
    return [what for what, secret in story.secrets.items() if any(form in content for form in forms(secret))]


def test_the_story_had_every_kind_of_secret(story: Story) -> None:
    """Else the searches below would find nothing because there is nothing."""
    kinds = {re.sub(r" \d+$", "", what) for what in story.secrets}
    assert {"access_token", "refresh_token", "id_token", "device_code", "user_code", "code"} <= kinds
    assert {"password", "wrong password", "grant token", "form token", "verifier", "state"} <= kinds
    assert {"secret of server-based", "secret of self-client", "secret of the API"} <= kinds
    assert len([what for what in story.secrets if what.startswith("cookie gl_us_session")]) >= 5
    assert len(story.secrets) > 60


def test_T128_no_log_holds_a_secret(story: Story) -> None:
    log = story.server.log_path.read_bytes()
    assert log.count(b'"event": "request"') > 100
    assert search(log, story) == []
    assert b"mara@example.com" not in log


def test_T128_the_log_holds_no_address_that_was_asked_for(story: Story) -> None:
    """Routes by name: a query string or an unknown path may hold anything."""
    log = story.server.log_path.read_text()
    assert "?" not in re.sub(r'"ms": [\d.]+', "", log.partition("ready at")[2].partition("\n")[2])
    assert "redirect_uri" not in log


def test_T54_neither_the_database_nor_its_journal_holds_a_secret(story: Story) -> None:
    folder = story.server.log_path.parent
    files = sorted(folder.glob("grantline.sqlite3*"))
    assert {file.name for file in files} >= {"grantline.sqlite3", "grantline.sqlite3-wal"}
    content = b"".join(file.read_bytes() for file in files)
    assert b"App server-based" in content
    assert search(content, story) == []


def test_T54_the_master_key_is_in_a_file_of_its_own(story: Story) -> None:
    folder: Path = story.server.log_path.parent
    key = bytes.fromhex((folder / "master.key").read_text().strip())
    for file in (*folder.glob("grantline.sqlite3*"), story.server.log_path):
        content = file.read_bytes()
        assert key not in content
        assert key.hex().encode() not in content
        assert b"PRIVATE KEY" not in content


def test_T122_files_are_for_their_owner_alone(story: Story) -> None:
    folder: Path = story.server.log_path.parent
    for file in (*folder.glob("grantline.sqlite3*"), folder / "master.key"):
        assert file.stat().st_mode & 0o077 == 0, file.name
