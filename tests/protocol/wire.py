"""What several protocol tests need: Basic headers made by hand, challenges taken apart, a sample CRM."""

import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import httpx2

from grantline.sample_crm import CrmConfig, build_app
from tests.sample_crm.authorization_server import alive
from tests.site import API, ISSUER, Site

LEADS = "/crm/v8/Leads?fields=Last_Name"


def basic(client_id: str, secret: str) -> dict[str, str]:
    """The header of RFC 6749 §2.3.1: both parts form-encoded, then Base64."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def challenge(response: httpx2.Response) -> tuple[str, dict[str, str]]:
    """Scheme and attributes of WWW-Authenticate, which must be one challenge with quoted strings."""
    scheme, _, rest = response.headers["www-authenticate"].partition(" ")
    found = re.findall(r'([a-z_]+)="([\x20\x21\x23-\x5b\x5d-\x7e]*)"', rest)
    assert ", ".join(f'{name}="{value}"' for name, value in found) == rest
    assert len({name for name, _ in found}) == len(found), f"an attribute stands twice: {rest}"
    return scheme, dict(found)


def refusal(response: httpx2.Response) -> tuple[int, str]:
    """Status and `error`, after a look at what every refusal must have."""
    members: dict[str, Any] = response.json()
    assert re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]+", members["error_description"])
    assert response.headers["cache-control"] == "no-store"
    return response.status_code, members["error"]


def code_of(response: httpx2.Response) -> str:
    """Our sub-code of a refusal."""
    return str(response.json()["grantline_code"])


@asynccontextmanager
async def open_crm(site: Site, folder: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """The sample CRM, registered at the site and asking it about every token; calls go through the client."""
    api, secret = await site.api()
    config = CrmConfig(ISSUER, api.client_id, secret, API, folder / "crm" / "crm.sqlite3")
    app: Any = build_app(config, clock=site.clock, transport=site.transport)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with alive(app), httpx2.AsyncClient(transport=transport, base_url=API) as http:
        yield http
