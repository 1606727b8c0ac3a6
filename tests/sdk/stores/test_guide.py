"""The guide for stores, run as it stands, and the stores of many machines under real sessions."""

import json
import secrets
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from grantline.sdk import FileStore, SqlAlchemyStore
from grantline.sdk.stores.conformance import CHECKS, KEY, Check, a_record
from tests.test_guides import blocks


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The guide's Python, in a folder like the reader's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRANTLINE_STORE_KEY", secrets.token_urlsafe(32))
    app = {"issuer": "https://us.example", "client_id": "glc_us_x", "client_secret": "gls_us_x"}
    Path("web_app.json").write_text(json.dumps({**app, "redirect_uri": "https://app.example/callback"}))
    return blocks("stores", "python")


def run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(code, "stores.md", "exec"), names)
    return names


def test_the_guide_for_stores_works(code: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run(code[0])
    store = FileStore("grants")
    assert store.put(KEY.text, a_record(), 0)
    run(code[1])
    assert capsys.readouterr().out == "1 grants are sealed with the new key\n"
    assert FileStore("grants").put(KEY.text, a_record(), 2)
    made: SqlAlchemyStore = run(code[2])["store"]
    assert made.put(KEY.text, a_record(), 0)
    made.close()
    run(code[3])


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_store_of_ones_own_can_be_held_to_the_rules(
    code: list[str], check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("my_store")
    vars(module).update(run(code[4]))
    monkeypatch.setitem(sys.modules, "my_store", module)
    run(code[5])["test_my_store"](check)
