"""Every route of the sample CRM against every scope: what opens it is exactly what covers what it needs."""

from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Final

import pytest

from grantline.sample_crm import CrmConfig
from grantline.sample_crm.modules import find_module
from grantline.sample_crm.routes import ENDPOINTS, Endpoint
from grantline.scopes import Catalog
from tests.sample_crm.authorization_server import (
    API,
    CLIENT_ID,
    CLIENT_SECRET,
    ISSUER,
    AuthorizationServer,
    person,
)
from tests.sample_crm.conftest import running_crm

WIDER: Final = {
    "READ": ("READ", "ALL"),
    "CREATE": ("CREATE", "WRITE", "ALL"),
    "UPDATE": ("UPDATE", "WRITE", "ALL"),
    "DELETE": ("DELETE", "WRITE", "ALL"),
}
NEARLY: Final = (
    "CRM.modules.lead.READ",
    "CRM.modules.leadsarchive.ALL",
    "CRM.modules.leads.READING",
    "CRM.modules.leads",
    "CRM.modules",
    "CRMX.ALL",
    "ALL",
    "modules.ALL",
    "XCRM.modules.ALL",
    "CRM.*",
    "openid",
    "leads",
)
KNOWN: Final = tuple(scope.name for scope in Catalog(()).scopes)
EVERY: Final = (*KNOWN, *NEARLY, *(name.lower() for name in KNOWN if name.count(".") == 3))


def opening(needed: str) -> set[str]:
    """Every scope that covers this one, written out: parts of its path, ALL for a part, wider words."""
    service, *path, operation = needed.split(".")
    found = set()
    for length in range(len(path) + 1):
        for parts in product(*((part, "ALL") for part in path[:length])):
            found |= {".".join((service, *parts, word)).upper() for word in WIDER[operation]}
    return found


def opens(held: Iterable[str], needed: Iterable[str]) -> bool:
    names = {name.upper() for name in held}
    return all(names & opening(one) for one in needed)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
async def test_T100_a_route_of_the_sample_crm_opens_for_what_covers_its_scopes_alone(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    server = AuthorizationServer()
    config = CrmConfig(ISSUER, CLIENT_ID, CLIENT_SECRET, API, tmp_path / "crm.sqlite3")
    path = endpoint.path.format(module="Leads", id="1")
    needed = endpoint.scopes(find_module("Leads") if "{module}" in endpoint.path else None)
    held = [(name,) for name in EVERY]
    held += [tuple(needed), ("CRM.modules.ALL", "CRM.bulk.ALL", "CRM.files.ALL"), tuple(KNOWN)]
    opened = 0
    async with running_crm(config, server) as crm:
        for scopes in held:
            server.tokens["tried"] = person(scope=" ".join(scopes))
            answer = await crm.call(endpoint.method, path, token="tried", json={})
            refused = answer.status_code == 403 and answer.json()["details"].get("needed") == list(needed)
            assert answer.status_code not in (401, 500, 503), answer.text
            assert refused != opens(scopes, needed), (scopes, answer.text)
            opened += not refused
        assert opened >= 2
