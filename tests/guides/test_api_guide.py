"""The guide for APIs, run as it stands: an API is registered with the demo, protected, and called."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.running import ROOT, Demo, free_ports
from tests.test_guides import blocks, running

PYTHON = {"fastapi": 0, "django": 1, "flask": 2}


@pytest.fixture(scope="module")
def registered(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A folder like the reader's, in which the API was registered, and the port that it is at."""
    folder, port = tmp_path_factory.mktemp("api"), free_ports(1)
    (folder / ".grantline").symlink_to(demo.data_dir)
    runner = folder / "run"
    runner.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m grantline "$@"\n')
    runner.chmod(0o755)
    _, registering = blocks("apis", "sh")[0].split("\n", 1)  # all of it is installed here
    shell(registering, folder, port)
    return folder, port


def shell(code: str, folder: Path, port: int) -> str:
    """What the guide's commands print, at another port."""
    done = subprocess.run(
        ["bash", "-c", "set -e\n" + code.replace("8000", str(port))],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("framework", PYTHON)
def test_the_guide_for_apis_works(framework: str, registered: tuple[Path, int]) -> None:
    folder, port = registered
    program = blocks("apis", "python")[PYTHON[framework]].replace("8000", str(port))
    assert framework in program.lower()
    with running(program, folder):
        transport = httpx2.HTTPTransport(retries=6)
        with httpx2.Client(transport=transport, base_url=f"http://127.0.0.1:{port}") as http:
            metadata: dict[str, Any] = http.get("/.well-known/oauth-protected-resource").json()
            assert metadata["resource"] == f"http://127.0.0.1:{port}"
        said = shell(blocks("apis", "sh")[1], folder, port)
    assert re.search(r'\{"books": ?\["Middlemarch"\], ?"of": ?"\d+"\}', said), said
    assert re.search(r"HTTP/1.1 401", said), said
    assert re.search(
        r'(?i)www-authenticate: Bearer realm="API", scope="Books.READ", resource_metadata="', said
    )
    assert '"authorization_servers"' in said
