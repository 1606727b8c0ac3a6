"""The vendor's official Python SDK against the demo: a self client, from grant token to revocation."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.running import Demo, environment

pytestmark = pytest.mark.foreign

SCOPE = "CRM.modules.ALL,CRM.settings.ALL,CRM.users.READ,CRM.org.READ"
STORY = Path(__file__).with_name("vendor_sdk_story.py")


def run(step: str, folder: Path, demo: Demo, code: str = "") -> dict[str, Any]:
    """Run one step of the story in a process of its own and give what it printed."""
    client = demo.client("self_client")
    settings = {
        "api_domain": demo.api_domain,
        "issuer": demo.issuer,
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
        "code": code,
        "folder": str(folder),
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    done = subprocess.run(
        [sys.executable, str(STORY), step, str(folder / "settings.json")],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env=environment({}),
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_the_sdk_lives_on_a_grant_token_until_its_refresh_token_is_revoked(
    demo: Demo, tmp_path: Path
) -> None:
    begun = run("begin", tmp_path, demo, demo.code(SCOPE))
    check_beginning(begun, demo)

    resumed = run("resume", tmp_path, demo)
    assert resumed["listed"] == begun["seeded"]
    before, after = resumed["before"], resumed["stored"]
    assert before["refresh_token"] == after["refresh_token"] == begun["stored"]["refresh_token"]
    assert before["access_token"] != after["access_token"]
    assert int(after["expiry_time"]) > 1_700_000_000_000

    ended = run("revoke", tmp_path, demo)
    assert ended["before"] == begun["seeded"]
    assert ended["revoked"] is True
    assert ended["refused"] == {"status": 401, "code": "INVALID_TOKEN"}
    assert "INVALID TOKEN ERROR" in ended["refreshed"]
    assert "invalid_grant" in ended["refreshed"]


def check_beginning(begun: dict[str, Any], demo: Demo) -> None:
    """What the first process must have seen: who it is, the starting records, and a lead's whole life."""
    assert begun["user"]["email"] in {user["email"] for user in demo.json["users"]}
    assert begun["user"]["zuid"].isdecimal()
    assert begun["stored"]["user_name"] == f"{begun['user']['email']}:{begun['org']['zgid']}"
    assert begun["stored"]["api_domain"] == demo.api_domain
    assert begun["seeded"]
    assert (begun["created"]["status"], begun["created"]["kind"]) == (201, "SuccessResponse")
    assert (begun["updated"]["status"], begun["updated"]["code"]) == (200, "SUCCESS")
    assert begun["read"] == {
        "Company": "Vendor & Söhne",
        "City": "Oslo",
        "Annual_Revenue": 12.5,
        "Full_Name": "Sdk",
    }
    assert begun["read_status"] == "Contacted"
    assert begun["owner"] == begun["user"]["name"]
    assert (begun["unfit"]["kind"], begun["unfit"]["code"]) == ("APIException", "INVALID_DATA")
    assert begun["upserted"]["code"] == "SUCCESS"
    assert begun["found"] == [int(begun["id"])]
    assert begun["listed"] == ["Twice", "Sdk", *begun["seeded"]]
    assert begun["deleted"] == ["success", "success"]
    assert begun["gone"] == 404


def test_the_sdk_gets_a_plain_error_for_a_grant_token_that_is_spent(demo: Demo, tmp_path: Path) -> None:
    code = demo.code(SCOPE)
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    run("begin", first, demo, code)
    with pytest.raises(AssertionError, match="INVALID TOKEN ERROR - invalid_grant"):
        run("begin", second, demo, code)
