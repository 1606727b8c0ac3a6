"""A callback goes where an app may be told, and to no other computer (T104)."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import pytest

from grantline.sample_crm import CrmConfig, build_app
from grantline.sample_crm.bulk.callbacks import Address, Callbacks, NotAllowed, Resolve
from grantline.sample_crm.bulk.supervisor import CALLBACK_WAITS
from tests.sample_crm.authorization_server import (
    CLIENT_ID,
    CLIENT_SECRET,
    NOW,
    AuthorizationServer,
    listening,
)
from tests.sample_crm.conftest import Crm, running_crm
from tests.sample_crm.customers import Customer, customer

LIVE = ("https://crm.example.com", "https://accounts.example.com")
DEMO = ("http://127.0.0.1:8702", "http://127.0.0.1:8700")


@dataclass
class App:
    """An app's own web server: what was posted there, and what it answers."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    posted: list[dict[str, Any]] = field(default_factory=list)
    heard: list[dict[str, str]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message, body = await receive(), b""
        body += message.get("body", b"")
        while message.get("more_body"):
            message = await receive()
            body += message.get("body", b"")
        self.posted.append(json.loads(body or b"null"))
        self.heard.append({name.decode(): value.decode() for name, value in scope["headers"]})
        raw = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        await send({"type": "http.response.body", "body": b"thank you"})


def standing_for(*addresses: str) -> Resolve:
    async def resolve(host: str, port: int) -> Sequence[Address]:
        return [ip_address(one) for one in addresses]

    return resolve


@asynccontextmanager
async def callbacks(place: tuple[str, str], resolve: Resolve | None = None) -> AsyncIterator[Callbacks]:
    more = {} if resolve is None else {"resolve": resolve}
    opened = Callbacks(*place, **more)
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://app.example.com/hook",
        "ftp://app.example.com/",
        "https://",
        "https:///path",
        "https://ada:secret@app.example.com/",
        "https://app.example.com/#part",
        "https://app.example.com:22/",
        "https://app.example.com:0/",
        "https://app.example.com:99999/",
        "https://app.example.com/ü",
        "https://app.example.com/a b",
        "https://app.example.com\\@evil.example/",
        "https://app.example.com/\n",
        "https://[::1",
        "https://app.example.com/" + "x" * 2_000,
        "http://127.0.0.1:9000/",
        "",
    ],
)
async def test_T104_an_address_that_is_not_public_https_is_refused_as_it_stands(url: str) -> None:
    async with callbacks(LIVE) as live:
        live.check("https://app.example.com/hook?job=1")
        live.check("https://app.example.com:8443/")
        with pytest.raises(NotAllowed):
            live.check(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "2001:db8::1",
    ],
)
async def test_T104_a_name_that_stands_for_a_computer_inside_is_never_called(address: str) -> None:
    """A name with a public address beside it too: each of its addresses must be public."""
    for addresses in ((address,), ("93.184.215.14", address)):
        async with callbacks(LIVE, standing_for(*addresses)) as live:
            assert await live.deliver("https://app.example.com/", b"{}") is False
            assert live._client is None, "nothing was opened"


async def test_T104_the_connection_goes_to_the_address_that_was_looked_at() -> None:
    """The name is not looked up a second time, which could tell something else: the look at localhost told
    another address here, where nobody listens."""
    app = App()
    async with listening(app) as address:
        port = address.rsplit(":", 1)[1]
        url = f"http://localhost:{port}/hook?a=1"
        async with callbacks(DEMO, standing_for("127.0.0.2")) as demo:
            assert await demo.deliver(url, b'{"a":1}') is False
        assert app.posted == []
        async with callbacks(DEMO, standing_for("127.0.0.1")) as demo:
            assert await demo.deliver(url, b'{"a":1}') is True
    assert app.posted == [{"a": 1}]
    assert app.heard[0]["host"] == f"localhost:{port}"
    assert app.heard[0]["content-type"] == "application/json;charset=UTF-8"
    assert "authorization" not in app.heard[0]


async def test_T104_in_the_demo_an_app_on_this_computer_is_called_but_never_the_demo_itself() -> None:
    async with callbacks(DEMO) as demo:
        demo.check("http://127.0.0.1:9000/hook")
        demo.check("https://app.example.com/hook")
        for url in (
            "http://127.0.0.1:8702/crm/v8/Leads",
            "http://localhost:8700/oauth/v2/token",
            "http://[::1]:8700/",
            "http://10.0.0.1/",
        ):
            with pytest.raises(NotAllowed):
                demo.check(url)
    async with callbacks(DEMO, standing_for("10.0.0.1")) as demo:
        assert await demo.deliver("http://localhost:9000/", b"{}") is False


async def test_T104_a_redirect_is_not_followed() -> None:
    inside = App()
    async with listening(inside) as target, callbacks(DEMO) as demo:
        app = App(302, {"location": target})
        async with listening(app) as address:
            assert await demo.deliver(address + "/", b"{}") is False
    assert (len(app.posted), inside.posted) == (1, [])


async def test_a_job_with_a_bad_callback_is_refused(crm: Crm) -> None:
    ada = customer(crm, 1)
    for callback, code in (
        ({"url": "https://app.example.com/", "method": "get"}, "INVALID_CALLBACK_METHOD"),
        ({"url": "http://app.example.com/"}, "INVALID_CALLBACK_URL"),
        ({"method": "post"}, "INVALID_CALLBACK_URL"),
        ("https://app.example.com/", "INVALID_CALLBACK_URL"),
    ):
        for answer in (
            await ada.start_read(top={"callback": callback}),
            await ada.start_write("Last_Name\n", top={"callback": callback}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (400, code)
    good = await ada.start_read(top={"callback": {"url": "https://app.invalid/", "method": "post"}})
    assert good.status_code == 201


async def until(who: Customer, app: App, number: int) -> None:
    """Wait until the app was told so often."""
    for _ in range(1_200):
        if len(app.posted) >= number:
            return
        await who.call("GET", "/crm/v8/org")
    raise AssertionError("the app was never told")


async def test_the_end_of_a_job_is_told_and_told_again_after_a_failure(
    config: CrmConfig, server: AuthorizationServer
) -> None:
    here = CrmConfig(config.issuer, CLIENT_ID, CLIENT_SECRET, "http://127.0.0.1:1", config.database)
    app = App(500)
    async with listening(app) as address, running_crm(here, server) as crm:
        crm.http.base_url = here.identifier
        ada = customer(crm, 1, aud=here.identifier, exp=NOW + 99_999)
        callback = {"url": f"{address}/jobs", "method": "post"}
        job = await ada.write("Last_Name\nTold\n", top={"callback": callback})
        await until(ada, app, 1)
        crm.clock.now += CALLBACK_WAITS[0] - 1
        app.status = 200
        crm.clock.now += 1
        await until(ada, app, 2)
        crm.clock.now += 10_000
        read = await ada.read(top={"callback": callback})
        await until(ada, app, 3)
    written, again, done = app.posted
    assert written == again
    assert (written["job_id"], written["status"], written["operation"]) == (job["id"], "COMPLETED", "insert")
    assert written["resource"][0]["file"]["added_count"] == 1
    assert (done["job_id"], done["state"], done["result"]["count"]) == (read["id"], "COMPLETED", 4)
    assert "Ada" not in json.dumps(app.posted)


def test_an_app_is_built_without_a_network(config: CrmConfig) -> None:
    assert build_app(config)
