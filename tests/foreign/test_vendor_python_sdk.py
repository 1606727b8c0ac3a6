"""The vendor's official Python SDK against the demo, from grant token to revocation: a self client at us, and
an app of us for a person of eu."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.data_centers.following import FollowingApp, Person
from tests.running import Demo, environment

pytestmark = pytest.mark.foreign

SCOPE = "CRM.modules.ALL,CRM.settings.ALL,CRM.users.READ,CRM.org.READ"
STORY = Path(__file__).with_name("vendor_sdk_story.py")


def run(step: str, folder: Path, demo: Demo, code: str = "", **changes: str) -> dict[str, Any]:
    """Run one step of the story in a process of its own and give what it printed."""
    client = demo.client("self_client")
    settings = {
        "api_domain": demo.api_domain,
        "issuer": demo.issuer,
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
        "code": code,
        "folder": str(folder),
        **changes,
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
    check_beginning(begun, demo.api_domain, {user["email"] for user in demo.json["users"]})

    resumed = run("resume", tmp_path, demo)
    assert resumed["listed"] == begun["seeded"]
    before, after = resumed["before"], resumed["stored"]
    assert before["refresh_token"] == after["refresh_token"] == begun["stored"]["refresh_token"]
    assert before["access_token"] != after["access_token"]
    assert int(after["expiry_time"]) > 1_700_000_000_000

    check_end(run("revoke", tmp_path, demo), begun, "invalid_grant")


def test_R14_the_sdk_pointed_at_eu_works_with_an_app_of_us_for_a_person_of_eu(
    demo: Demo, tmp_path: Path
) -> None:
    """The code is of a person who signed in at eu; the app, its secret and its vendor switch, without which
    the SDK could not revoke, are of us."""
    eu, user = demo.data_center("eu"), demo.user("user", "eu")
    wanted = (
        "--type",
        "server-based",
        "--name",
        "Sdk desk",
        "--data-centers",
        "us,eu",
        "--vendor-compatible",
    )
    made = demo.grantline(
        "client", "create", *wanted, "--redirect-uri", "https://sdk.example/callback", "--json"
    )
    app = FollowingApp(demo.issuer, json.loads(made))
    patience = time.monotonic() + 30
    while httpx2.get(eu["issuer"] + app.authorization_query()).status_code != 200:
        assert time.monotonic() < patience
        time.sleep(0.1)  # until eu has heard of it
    visitor = Person(user, {center["code"]: center["issuer"] for center in demo.json["data_centers"]})
    query = app.authorization_query(
        scope=SCOPE, code_challenge="", code_challenge_method="", prompt="consent"
    )
    callback = visitor.decide(eu["issuer"] + query)
    visitor.leave()
    at_eu = {
        "api_domain": eu["api_domain"],
        "issuer": callback["accounts-server"],
        "client_id": app.client["client_id"],
        "client_secret": app.client["client_secret"],
        "redirect_url": app.client["redirect_uris"][0],
    }
    begun = run("begin", tmp_path, demo, callback["code"], **at_eu)
    check_beginning(begun, eu["api_domain"], {user["email"]})
    resumed = run("resume", tmp_path, demo, **at_eu)
    assert resumed["listed"] == begun["seeded"]
    assert resumed["before"]["access_token"] != resumed["stored"]["access_token"]
    check_end(run("revoke", tmp_path, demo, **at_eu), begun, "invalid_code")


def check_end(ended: dict[str, Any], begun: dict[str, Any], error: str) -> None:
    """Until it was revoked it worked, and then no more."""
    assert ended["before"] == begun["seeded"]
    assert ended["revoked"] is True
    assert ended["refused"] == {"status": 401, "code": "INVALID_TOKEN"}
    assert "INVALID TOKEN ERROR" in ended["refreshed"]
    assert error in ended["refreshed"]


def check_beginning(begun: dict[str, Any], api_domain: str, people: set[str]) -> None:
    """What the first process must have seen: who it is, the starting records, and a lead's whole life."""
    assert begun["user"]["email"] in people
    assert begun["user"]["zuid"].isdecimal()
    assert begun["stored"]["user_name"] == f"{begun['user']['email']}:{begun['org']['zgid']}"
    assert begun["stored"]["api_domain"] == api_domain
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
