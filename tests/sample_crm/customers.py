"""Somebody who uses bulk jobs: an organization of their own in a CRM that runs for a module's tests."""

import asyncio
import csv
import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.sample_crm.authorization_server import person
from tests.sample_crm.conftest import Crm

SCOPE = "CRM.modules.ALL CRM.bulk.ALL CRM.files.ALL CRM.users.READ CRM.org.READ CRM.settings.ALL"
LOOKS = 1200


def packed(csv_text: str | bytes, name: str = "rows.csv", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP with one file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr(name, csv_text)
    return out.getvalue()


@dataclass
class Customer:
    """One person of one organization; `token` is what they call with."""

    crm: Crm
    token: str

    async def call(self, method: str, path: str, **more: Any) -> httpx2.Response:
        return await self.crm.call(method, path, token=self.token, **more)

    async def upload(self, content: bytes, name: str = "rows.zip") -> httpx2.Response:
        files = {"file": (name, content)}
        return await self.call("POST", "/crm/v8/upload", files=files, headers={"feature": "bulk-write"})

    async def file_id(self, csv_text: str | bytes) -> str:
        answer = await self.upload(packed(csv_text))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["details"]["file_id"])

    async def start_write(
        self, csv_text: str | bytes, operation: str = "insert", module: str = "Leads", **more: Any
    ) -> httpx2.Response:
        """Upload rows and ask for the job; what is not about the resource stands in `top`."""
        top = more.pop("top", {})
        resource = {"type": "data", "module": {"api_name": module}, **more}
        resource.setdefault("file_id", await self.file_id(csv_text))
        return await self.call(
            "POST", "/crm/bulk/v8/write", json={"operation": operation, "resource": [resource], **top}
        )

    async def write(self, csv_text: str | bytes, operation: str = "insert", **more: Any) -> dict[str, Any]:
        """The job when it has ended."""
        answer = await self.start_write(csv_text, operation, **more)
        assert answer.status_code == 201, answer.text
        return await self.ended("write", answer.json()["details"]["id"])

    async def start_read(self, module: str = "Leads", **query: Any) -> httpx2.Response:
        top = query.pop("top", {})
        body = {"query": {"module": {"api_name": module}, **query}, **top}
        return await self.call("POST", "/crm/bulk/v8/read", json=body)

    async def read(self, module: str = "Leads", **query: Any) -> dict[str, Any]:
        """The job when it has ended."""
        answer = await self.start_read(module, **query)
        assert answer.status_code == 201, answer.text
        return await self.ended("read", answer.json()["data"][0]["details"]["id"])

    async def job(self, kind: str, id: str) -> dict[str, Any]:
        answer = await self.call("GET", f"/crm/bulk/v8/{kind}/{id}")
        assert answer.status_code == 200, answer.text
        members: dict[str, Any] = answer.json()["data"][0] if kind == "read" else answer.json()
        return members

    async def ended(self, kind: str, id: str) -> dict[str, Any]:
        for _ in range(LOOKS):
            job = await self.job(kind, id)
            if job["state" if kind == "read" else "status"] not in ("ADDED", "IN PROGRESS"):
                return job
            await asyncio.sleep(0.05)
        raise AssertionError(f"the job never ended: {json.dumps(job)}")

    async def rows(self, kind: str, job: dict[str, Any]) -> list[dict[str, str]]:
        """The rows of the job's result."""
        answer = await self.call("GET", f"/crm/bulk/v8/{kind}/{job['id']}/result")
        assert answer.status_code == 200, answer.text
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            (name,) = archive.namelist()
            assert name == f"{job['id']}.csv"
            return list(csv.DictReader(io.StringIO(archive.read(name).decode())))


def customer(crm: Crm, number: int, **more: Any) -> Customer:
    """Somebody of the organization with this number."""
    token = f"customer-{number}-{len(crm.server.tokens)}"
    crm.server.tokens[token] = person(str(number), str(number), **{"scope": SCOPE, **more})
    return Customer(crm, token)


def counts(job: dict[str, Any]) -> tuple[int, int, int, int]:
    """Added, updated, skipped, and all rows of a bulk write."""
    file = job["resource"][0]["file"]
    return file["added_count"], file["updated_count"], file["skipped_count"], file["total_count"]
