"""The vendor's official Python SDK against the sample CRM: every module, files, bulk jobs, callbacks."""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.running import Demo, environment

pytestmark = pytest.mark.foreign

SCOPE = "CRM.modules.ALL,CRM.settings.ALL,CRM.users.READ,CRM.org.READ,CRM.files.ALL,CRM.bulk.ALL"
STORY = Path(__file__).with_name("vendor_sdk_bulk_story.py")


@contextmanager
def listening() -> Iterator[tuple[str, "queue.Queue[dict[str, Any]]"]]:
    """The app's own web server: the address of its callback, and what is told there."""
    told: queue.Queue[dict[str, Any]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/jobs?app=1", told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("auto", [False, True])
def test_the_sdk_works_with_every_module_files_and_bulk_jobs(auto: bool, demo: Demo, tmp_path: Path) -> None:
    client = demo.client("self_client")
    with listening() as (callback, told):
        settings = {
            "api_domain": demo.api_domain,
            "issuer": demo.issuer,
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
            "code": demo.code(SCOPE),
            "folder": str(tmp_path),
            "auto": auto,
            "callback": callback,
        }
        (tmp_path / "settings.json").write_text(json.dumps(settings))
        done = subprocess.run(
            [sys.executable, str(STORY), str(tmp_path / "settings.json")],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
            env=environment({}),
            check=False,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        seen = json.loads(done.stdout.splitlines()[-1])
        called = {one["job_id"]: one for one in (told.get(timeout=60), told.get(timeout=60))}
    check_records(seen, demo)
    check_jobs(seen)
    assert called[seen["write"]["id"]]["status"] == "COMPLETED"
    assert called[seen["read"]["id"]]["state"] == "COMPLETED"
    assert demo.user("developer")["name"] not in json.dumps(called)


def check_records(seen: dict[str, Any], demo: Demo) -> None:
    """Who it is, one record of each module, and a file that came back as a download."""
    assert seen["user"] == demo.user("developer")["email"]
    assert seen["modules"] == ["Leads", "Contacts", "Products", "Invoices"]
    for module, record in seen["records"].items():
        assert (record["status"], record["deleted"]) == (201, "success"), module
    assert seen["records"]["Leads"]["read"]["Company"] == "Øre & Co"
    assert seen["records"]["Invoices"]["read"]["Grand_Total"] == 25.0
    assert seen["file"] == {
        "name": "page.html",
        "content": "<script>alert(1)</script>",
        "type": "application/x-download",
    }


def check_jobs(seen: dict[str, Any]) -> None:
    """A row of each kind went in, and the good ones came out."""
    write, read = seen["write"], seen["read"]
    assert (write["uploaded"], write["started"]) == ("FILE_UPLOAD_SUCCESS", "SUCCESS")
    assert (write["status"], write["counts"]) == ("COMPLETED", [2, 1, 3])
    assert write["rows"][0] == ["STATUS", "RECORD_ID", "ERRORS", "Last_Name", "Email"]
    assert [row[0] for row in write["rows"][1:]] == ["ADDED", "SKIPPED", "ADDED"]
    assert "INVALID_DATA: Email" in write["rows"][2][2]
    assert (read["started"], read["state"], read["more"]) == ("ADDED_SUCCESSFULLY", "COMPLETED", False)
    assert read["rows"][0] == ["Id", "Last_Name", "Email"]
    assert [write["rows"][1][1], "Abel", "abel@example.com"] in read["rows"]
    assert [write["rows"][3][1], "Cole", ""] in read["rows"]
    assert read["count"] == len(read["rows"]) - 1
    assert seen["tidied"] == 2
