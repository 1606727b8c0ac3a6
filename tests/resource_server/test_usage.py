"""Calls that nobody asked about are reported together, to the endpoint that an API may always ask."""

import threading
import time
from collections.abc import Callable, Mapping

import pytest

from grantline.resource_server import Introspection, Offline
from grantline.resource_server.token import read_token
from grantline.resource_server.usage import MOST_WAITING, Usage
from tests.resource_server.apps import plain_asgi
from tests.resource_server.conftest import Protect
from tests.resource_server.issuer import CLIENT_ID, CLIENT_SECRET, CREATE, NOW, READ, Clock, Issuer, claims

Fields = Mapping[str, str]


def wait_until(holds: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < ends_at
        time.sleep(0.01)


async def test_an_apps_first_call_is_told_at_once_and_the_rest_together(
    protect: Protect, issuer: Issuer
) -> None:
    issuer.new_key()
    resource = protect(Offline(client_id=CLIENT_ID, client_secret=CLIENT_SECRET), report_seconds=3600)
    call, token = plain_asgi(resource), issuer.sign(scope="CRM.modules.ALL")
    assert (await call("GET", "/leads", token)).status_code == 200
    wait_until(lambda: bool(issuer.asked))
    asked = {"token": token, "token_type_hint": "access_token", "needed_scope": READ, "needed_count": "1"}
    assert issuer.asked == [asked]
    later = issuer.sign(scope="CRM.modules.ALL", exp=NOW + 3700)
    for _ in range(7):
        await call("GET", "/leads", token)
    await call("GET", "/leads", later)
    await call("POST", "/leads", token)
    assert len(issuer.asked) == 1
    resource.close()
    reports = {fields["needed_scope"]: fields for fields in issuer.asked[1:]}
    assert {name: fields["needed_count"] for name, fields in reports.items()} == {READ: "8", CREATE: "1"}
    assert reports[READ]["token"] == later
    assert len(issuer.asked) == 3


async def test_without_credentials_nothing_is_reported(protect: Protect, issuer: Issuer) -> None:
    issuer.new_key()
    resource = protect(Offline())
    assert (await plain_asgi(resource)("GET", "/leads", issuer.sign())).status_code == 200
    resource.close()
    assert not issuer.asked
    with pytest.raises(ValueError, match="together"):
        Offline(client_id=CLIENT_ID)


async def test_calls_that_were_answered_out_of_the_cache_are_reported(
    protect: Protect, issuer: Issuer, clock: Clock
) -> None:
    resource = protect(Introspection(CLIENT_ID, CLIENT_SECRET, cache_seconds=30), report_seconds=3600)
    call = plain_asgi(resource)
    issuer.active("good")
    for _ in range(5):
        await call("GET", "/leads", "good")
    assert len(issuer.asked) == 1
    assert "needed_count" not in issuer.asked[0]
    resource.close()
    assert [fields.get("needed_count") for fields in issuer.asked] == [None, "4"]


def test_reports_go_out_regularly() -> None:
    told: list[Fields] = []

    def tell(fields: Fields) -> bool:
        told.append(fields)
        return True

    usage = Usage(tell, every=0.01, first_at_once=False)
    token = read_token(claims())
    usage.note(token, "a", (READ,))
    wait_until(lambda: len(told) == 1)
    usage.note(token, "a", (READ,))
    wait_until(lambda: len(told) == 2)
    usage.close()
    assert threading.active_count() < 50


def test_what_waits_is_bounded_and_an_unreachable_server_is_not_asked_again_and_again() -> None:
    told: list[Fields] = []

    def tell(fields: Fields) -> bool:
        told.append(fields)
        return False

    usage = Usage(tell, every=3600, first_at_once=False)
    for number in range(MOST_WAITING + 10):
        usage.note(read_token(claims(client_id=f"glc_{number}")), "a", (READ,))
    assert len(usage._waiting) == MOST_WAITING
    usage.flush()
    assert len(told) == 1
    assert not usage._waiting
    usage.close()
