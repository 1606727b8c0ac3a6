"""The vendor's official SDKs for Node and TypeScript: every module, files, bulk jobs."""

import csv
import io
import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.foreign.node_programs import programs_folder
from tests.running import Demo, environment

pytestmark = [
    pytest.mark.foreign,
    pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="Node.js is not installed"),
]

SCOPE = "CRM.modules.ALL,CRM.settings.ALL,CRM.users.READ,CRM.org.READ,CRM.files.ALL,CRM.bulk.ALL"


def run(package: str, folder: Path, demo: Demo, *, auto: bool) -> dict[str, Any]:
    """Run the program on this package and give what it printed."""
    client = demo.client("self_client")
    told = {
        "api_domain": demo.api_domain,
        "issuer": demo.issuer,
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
        "code": demo.code(SCOPE),
        "folder": str(folder),
        "auto": auto,
    }
    (folder / "told.json").write_text(json.dumps(told))
    done = subprocess.run(
        ["node", str(programs_folder() / "vendor_bulk.mjs"), package, str(folder / "told.json")],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
        env=environment({"NODE_NO_WARNINGS": "1"}),
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def rows_of(path: Path) -> list[list[str]]:
    with zipfile.ZipFile(path) as archive:
        (name,) = archive.namelist()
        return list(csv.reader(io.StringIO(archive.read(name).decode())))


@pytest.mark.parametrize(
    ("package", "auto"), [("@zohocrm/nodejs-sdk-8.0", True), ("@zohocrm/typescript-sdk-8.0", False)]
)
def test_the_sdk_works_with_every_module_files_and_bulk_jobs(
    package: str, auto: bool, demo: Demo, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "leads.zip", "w") as archive:
        archive.writestr("leads.csv", "Name\nNode Øre\nNode Two\n")
    seen = run(package, tmp_path, demo, auto=auto)
    assert seen["email"] == demo.user("developer")["email"]
    for module, record in seen["records"].items():
        assert (record["status"], record["deleted"]) == (201, "success"), module
    assert seen["records"]["Leads"]["read"]["Company"] == "Øre & Co"
    assert (tmp_path / "downloaded.html").read_text() == "<script>alert(1)</script>"
    assert seen["write"] == {"status": "COMPLETED", "added": 2, "total": 2}
    written = rows_of(tmp_path / "written.zip")
    assert [row[0] for row in written[1:]] == ["ADDED", "ADDED"]
    assert seen["read"]["state"] == "COMPLETED"
    read = rows_of(tmp_path / "read.zip")
    assert seen["read"]["count"] == len(read) - 1
    assert [written[1][1], "Node Øre"] in read
    assert seen["tidied"] == 2
