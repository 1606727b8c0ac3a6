"""The file that starts a sample: what it lacks is found, and given to nobody else."""

import json
from pathlib import Path

import pytest

from examples.config import NoConfig, find_config

MEMBERS = {"issuer": "https://accounts.example", "client_id": "glc_us_1", "client_secret": "gls_us_known"}


def test_a_secret_that_another_sample_has_goes_to_the_server_that_gave_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRANTLINE_SAMPLES", str(tmp_path / "samples"))
    monkeypatch.delenv("GRANTLINE_CLIENT_SECRET", raising=False)

    def start(name: str, **changes: str) -> object:
        file = tmp_path / "downloaded.json"
        file.write_text(json.dumps({**MEMBERS, **changes}))
        return json.loads(find_config(name, str(file)).read_text())["client_secret"]

    assert start("data_sync") == MEMBERS["client_secret"]
    assert start("reporting", client_secret="") == MEMBERS["client_secret"]
    for changes in ({"issuer": "https://evil.example"}, {"client_id": "glc_us_2"}):
        with pytest.raises(NoConfig, match="GRANTLINE_CLIENT_SECRET"):
            start("lead_desk", client_secret="", **changes)
