"""A developer at the console of a live demo, who lets it register samples and starts them."""

import os
import re
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any, Final

import httpx2

from examples.crm import read_all
from examples.store import open_store
from grantline import Grantline
from tests.running import ROOT, Demo
from tests.web.test_console import form_of

RUN: Final = str(ROOT / "examples" / "run")
PASSWORD: Final = "juniper-lantern-sage"
SECONDS: Final = 110


@dataclass
class Developer:
    """Somebody with an account, a browser, and a folder where samples keep what is theirs."""

    demo: Demo
    folder: Path
    email: str = field(default_factory=lambda: f"dev-{secrets.token_hex(4)}@example.com")

    def __post_init__(self) -> None:
        options = ("--given-name", "Dana", "--family-name", "Ek", "--password-stdin")
        self.demo.grantline("user", "create", self.email, *options, input=PASSWORD + "\n")
        self.browser = httpx2.Client(base_url=self.demo.issuer, timeout=60)
        self._post(
            "/signin", form_of(self.browser.get("/signin"), "/signin"), email=self.email, password=PASSWORD
        )

    def _post(self, path: str, form: Mapping[str, str], **fields: str) -> httpx2.Response:
        answer = self.browser.post(path, data={**form, **fields}, headers={"Origin": self.demo.issuer})
        assert answer.status_code < 400, answer.text[:3000]
        return answer

    def register(self, name: str, **fields: str) -> Path:
        """Press the sample's button, and download its file."""
        path = f"/console/samples/{name}"
        page = self._post(path, form_of(self.browser.get(path), path), **fields)
        found = re.search(r'<pre id="document">(.*?)</pre>', page.text, re.DOTALL)
        assert found, page.text[:3000]
        file = self.folder / f"{name}.json"
        file.write_text(unescape(found[1]))
        return file

    def environment(self) -> dict[str, str]:
        """Of a terminal in which nothing is set but where the samples keep their files."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GRANTLINE_")}
        return {**kept, "GRANTLINE_SAMPLES": os.environ["GRANTLINE_SAMPLES"], "PYTHONUNBUFFERED": "1"}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """`./examples/run …`, still running."""
        return subprocess.Popen(
            [RUN, *arguments],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, status: int = 0) -> str:
        """What `./examples/run …` prints until it ends."""
        with self.start(*arguments) as running:
            said, _ = running.communicate(timeout=SECONDS)
        assert running.returncode == status, said
        return said

    def kept(self, name: str) -> Path:
        """The sample's own folder."""
        return Path(os.environ["GRANTLINE_SAMPLES"]) / name

    def records(self, name: str, module: str, fields: str) -> list[dict[str, Any]]:
        """All records of a module of the CRM, by the grant that this sample has, in this process."""
        with Grantline.self_client(self.kept(name) / f"{name}.json", store=open_store(name)) as session:
            crm = session.api()  # held until the session ends, which closes it
            return [dict(one) for one in read_all(crm, module, fields)]

    def allow(self, address: str) -> httpx2.Response:
        """Open the address of an app, and allow what it asks for; the page where the browser ends."""
        page = self.browser.get(address, follow_redirects=True)
        assert 'name="decision"' in page.text, page.text[:3000]
        form = {**form_of(page, "/oauth/v2/auth/decision"), "decision": "allow"}
        sent = self.browser.post("/oauth/v2/auth/decision", data=form, headers={"Origin": self.demo.issuer})
        return self.browser.get(sent.headers["location"], follow_redirects=True)

    def remove_apps(self) -> None:
        """Take the access of the first connected app away."""
        form = form_of(self.browser.get("/account/apps"), "/account/apps/remove")
        self._post("/account/apps/remove", form)
