"""A mistake about the region, between real servers: its owner reads of it at home (R84, R88)."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx2

from tests.centers import start_centers

OWNER = "mara@example.com"


def test_a_call_of_the_wrong_server_is_in_the_activity_of_the_apps_home(tmp_path: Path) -> None:
    with start_centers(tmp_path) as centers:
        us, eu = centers["us"], centers["eu"]
        us.grantline("user", "create", OWNER, "--password-stdin", input="correct horse battery\n")
        made = us.grantline(
            *("client", "create", "--type", "server-based", "--name", "Lead Desk", "--owner", OWNER),
            *("--redirect-uri", "https://app.example/callback", "--json"),
        )
        client_id = json.loads(made)["client_id"]
        fields = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": "x"}
        refused = httpx2.post(f"{eu.issuer}/oauth/v2/token", data=fields)
        assert (refused.status_code, refused.json()["expected_issuer"]) == (401, us.issuer)

        def told() -> bool:
            with closing(sqlite3.connect(us.database.removeprefix("sqlite:///"))) as file:
                return bool(file.execute("SELECT 1 FROM causes_elsewhere").fetchall())

        eu.process.wait_until(told)
        causes = json.loads(us.grantline("logs", "--client", client_id, "--group", "--json"))
        assert [(one["code"], one["data_center"], one["count"]) for one in causes] == [
            ("client_wrong_data_center", "Europe", 1)
        ]
