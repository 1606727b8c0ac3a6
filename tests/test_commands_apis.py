"""`grantline api …`, as an operator types it."""

import json
import re
from pathlib import Path

import pytest

from tests.running import run_grantline

MANIFEST = """\
identifier: https://billing.example
scope_prefix: Billing
name: Billing
token_format: jwt-es256
token_seconds: 600
scopes:
  Billing.invoices.READ: See your invoices
"""


@pytest.fixture
def database(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'grantline.sqlite3'}"
    run_grantline("migrate", database=url)
    return url


def test_an_api_is_declared_changed_shown_and_deleted(database: str, tmp_path: Path) -> None:
    file = tmp_path / "api.yaml"
    file.write_text(MANIFEST)
    made = json.loads(run_grantline("api", "create", "--manifest", str(file), "--json", database=database))
    assert made["token_format"] == "jwt-es256"
    assert made["client_secret"].startswith("gls_us_")
    assert made["declared_scopes"][0]["sensitivity"] == 1
    one = made["client_id"]
    shown = run_grantline("api", "show", one, database=database)
    assert "token_seconds: 600" in shown
    file.write_text(shown.replace("600", "120"))
    run_grantline(
        "api",
        "update",
        one,
        "--manifest",
        str(file),
        "--scope",
        "Billing.ALL=Everything there",
        database=database,
    )
    listed = json.loads(run_grantline("api", "list", "--json", database=database))
    assert [(api["token_seconds"], [s["name"] for s in api["declared_scopes"]]) for api in listed] == [
        (120, ["Billing.ALL"])
    ]
    added = run_grantline("api", "secret", "add", one, database=database)
    assert re.search(r"gls_us_\w+", added)
    reset = json.loads(run_grantline("api", "secret", "reset", one, "--json", database=database))
    assert reset["client_secret"] not in added
    run_grantline("api", "delete", one, database=database)
    assert run_grantline("api", "list", database=database).strip() == "No APIs are registered yet."


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["create", "--scopes", "A"], "--identifier, --name"),
        (["create", "--identifier", "x", "--scopes", "Abc", "--name", "A"], "absolute address"),
        (
            [
                "create",
                "--identifier",
                "https://a.example",
                "--scopes",
                "Abc",
                "--name",
                "A",
                "--scope",
                "Abc.READ",
            ],
            "no sentence",
        ),
        (["show", "glc_us_x"], "There is no API"),
        (["create", "--manifest", "/nowhere.yaml"], "can't be read"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(database: str, arguments: list[str], told: str) -> None:
    with pytest.raises(AssertionError, match="ended with") as failed:
        run_grantline("api", *arguments, database=database)
    assert told in " ".join(str(failed.value).split())
    assert "Traceback" not in str(failed.value)
