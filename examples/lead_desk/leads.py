"""The calls to the CRM: a list, a new lead, a change. The library adds the token and renews it in time."""

from collections.abc import Mapping
from typing import Any, Final

import httpx2

from grantline import Session, Unreachable

READ: Final = "CRM.modules.leads.READ"
CREATE: Final = "CRM.modules.leads.CREATE"
UPDATE: Final = "CRM.modules.leads.UPDATE"
FIELDS: Final = "First_Name,Last_Name,Company,Email,Lead_Source,Lead_Status,Modified_Time"
STATUSES: Final = ("Not Contacted", "Attempted to Contact", "Contacted", "Pre-Qualified", "Lost Lead")


class Refused(Exception):
    """The CRM did not take what was typed; the message says why."""


async def list_leads(session: Session) -> list[dict[str, Any]]:
    """The newest leads of the person's organization. Raises the errors of the library."""
    answer = await _call(session, "GET", "/crm/v8/Leads", params={"fields": FIELDS, "per_page": 100})
    return list(answer.json()["data"]) if answer.status_code == 200 else []


async def add_lead(session: Session, values: Mapping[str, str]) -> None:
    """Store a new lead. Raises Refused, and the errors of the library."""
    given = {name: value for name, value in values.items() if value}
    _check(await _call(session, "POST", "/crm/v8/Leads", json={"data": [given]}))


async def set_status(session: Session, id: str, status: str) -> None:
    """Say how far it got with a lead. Raises Refused, and the errors of the library."""
    change = {"id": id, "Lead_Status": status}
    _check(await _call(session, "PUT", "/crm/v8/Leads", json={"data": [change]}))


async def _call(session: Session, method: str, path: str, **what: Any) -> Any:
    try:
        async with session.aapi() as api:
            return await api.request(method, path, **what)
    except httpx2.HTTPError:
        raise Unreachable("The CRM does not answer.") from None


def _check(answer: Any) -> None:
    members = answer.json()
    result = members["data"][0] if "data" in members else members
    if result.get("status") != "success":
        raise Refused(f"{result['message']} {result.get('details', {}).get('api_name', '')}".strip())
