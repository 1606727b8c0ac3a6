"""Two calls of the sample CRM that several samples make: all records of a module, and an upsert."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx2


def read_all(crm: httpx2.Client, module: str, fields: str) -> Iterator[Mapping[str, Any]]:
    """Every record, page by page, by the token of the page before: no page number moves meanwhile."""
    token = ""
    while True:
        query = {"fields": fields, "per_page": "200"} | ({"page_token": token} if token else {})
        answer = crm.get(f"/crm/v8/{module}", params=query).raise_for_status()
        if answer.status_code == 204:  # there is none
            return
        page = answer.json()
        yield from page["data"]
        token = page["info"].get("next_page_token") or ""
        if not token:
            return


def upsert(crm: httpx2.Client, module: str, records: Sequence[Mapping[str, Any]], by: str) -> dict[str, str]:
    """Add the records, or change those that have the same value in `by`. Gives why some were refused."""
    body = {"data": list(records), "duplicate_check_fields": [by]}
    answer = crm.post(f"/crm/v8/{module}/upsert", json=body)
    if answer.status_code not in (200, 201, 207, 400):  # 400: none of the records was taken
        answer.raise_for_status()
    results = zip(records, answer.json()["data"], strict=True)
    return {str(record[by]): result["message"] for record, result in results if result["status"] != "success"}
