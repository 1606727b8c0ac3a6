"""The guide's tests run as they stand; the plugin of pytest is silent where the server is not installed."""

import os
import subprocess
import sys
from pathlib import Path

from tests.running import ROOT
from tests.test_guides import blocks

ASYNC = (
    "-p",
    "pytest_asyncio.plugin",
    "-o",
    "asyncio_mode=auto",
    "-o",
    "asyncio_default_fixture_loop_scope=function",
)
WITHOUT_THE_SERVER = """
import sys

sys.modules["starlette"] = None


def test_without_the_fixture():
    assert "grantline.testing" not in sys.modules
    assert "httpx2" not in sys.modules


def test_with_the_fixture(grantline_server):
    raise AssertionError
"""


def run(code: str, folder: Path, *options: str) -> str:
    """What pytest says of these tests, in an environment that has the plugin."""
    (folder / "test_app.py").write_text(code)
    command = [sys.executable, "-m", "pytest", "-p", "grantline.pytest_plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-q", "-rs", *options, "test_app.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=False,
    )
    return done.stdout + done.stderr


def test_the_guide_for_testing_apps_works(tmp_path: Path) -> None:
    code = "\n".join(blocks("testing", "python"))
    said = run(code, tmp_path, *ASYNC, "-W", "error")
    assert "5 passed" in said, said


def test_the_plugin_is_silent_where_the_server_is_not_installed(tmp_path: Path) -> None:
    said = run(WITHOUT_THE_SERVER, tmp_path)
    assert "1 passed, 1 skipped" in said, said
    assert "grantline_server needs starlette: pip install 'grantline[server]'" in said
