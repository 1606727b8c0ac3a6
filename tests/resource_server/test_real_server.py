"""The kit against the server itself: what ends there ends at the API, and its own JWTs are verified."""

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import httpx2
import pytest

from grantline.accounts import disable_account
from grantline.clients import delete_client, set_disabled
from grantline.keys import rotate_keys
from grantline.resource_server import Introspection, Offline, ProtectedResource, Wire
from grantline.resource_server.asking import Asker
from tests.centers import Sites
from tests.resource_server.apps import Caller, plain_asgi
from tests.resource_server.issuer import READ, USERS
from tests.resource_server.test_adapters import challenge
from tests.running import Demo, free_ports
from tests.site import API, Site

OTHER = "https://other.example.com"
JWT = {"token_format": "jwt-es256"}


def resource_of(site: Site, check: Introspection | Offline, address: str = API) -> ProtectedResource:
    return ProtectedResource(
        resource=address,
        issuer=site.issuer,
        check=check,
        clock=site.clock,
        wire=Wire(transport=site.transport),
    )


async def asking(site: Site, **more: Any) -> Caller:
    """The small API, registered with the site and asking it about every token."""
    api, secret = await site.api()
    return plain_asgi(resource_of(site, Introspection(api.client_id, secret, **more)))


async def end_by_revoking(site: Site, app: Any, token: str) -> None:
    assert (await site.post("/oauth/v2/revoke/token", {**app.credentials, "token": token})).status_code == 200


async def end_by_deleting(site: Site, app: Any, token: str) -> None:
    await delete_client(site.db, app.id, site.clock())


async def end_by_disabling(site: Site, app: Any, token: str) -> None:
    await set_disabled(site.db, app.id, site.clock())


async def end_with_the_account(site: Site, app: Any, token: str) -> None:
    await disable_account(site.db, site.account.id, site.clock())


async def end_by_waiting(site: Site, app: Any, token: str) -> None:
    site.clock.advance(3600)


@pytest.mark.parametrize(
    "end", [end_by_revoking, end_by_deleting, end_by_disabling, end_with_the_account, end_by_waiting]
)
async def test_T98_what_ends_at_the_server_ends_at_the_api_with_the_next_call(
    site: Site, end: Callable[..., Any]
) -> None:
    call = await asking(site)
    app = await site.app("server-based")
    token = (await site.tokens(app, scope=READ))["access_token"]
    assert (await call("GET", "/leads", token)).status_code == 200
    await end(site, app, token)
    answer = await call("GET", "/leads", token)
    assert answer.status_code == 401
    assert challenge(answer)["error"] == "invalid_token"


async def test_T95_nothing_but_an_access_token_opens_the_api(site: Site) -> None:
    call = await asking(site)
    app = await site.app("server-based")
    code = await site.code(app, scope=f"{READ} openid", access_type="offline")
    assert (await call("GET", "/leads", code)).status_code == 401
    tokens = (await site.exchange(app, code)).json()
    for name in ("refresh_token", "id_token"):
        assert (await call("GET", "/leads", tokens[name])).status_code == 401, name
    assert app.secret is not None
    assert (await call("GET", "/leads", app.secret)).status_code == 401
    assert (await call("GET", "/leads", tokens["access_token"])).status_code == 200


@pytest.mark.parametrize("jwt", [False, True])
async def test_9700_2_3_b_T99_a_token_for_another_api_opens_nothing_here(site: Site, jwt: bool) -> None:
    """RFC 9700 §2.3."""
    said = JWT if jwt else {}
    api, secret = await site.api(OTHER, "Other", **said)
    check = Offline() if jwt else Introspection(api.client_id, secret)
    call = plain_asgi(resource_of(site, check, OTHER))
    await site.api(API, "CRM", **said)
    token = (await site.tokens(await site.app("self-client"), scope=READ))["access_token"]
    assert (await call("GET", "/leads", token)).status_code == 401


async def test_both_ways_say_the_same_about_a_token_of_the_server(site: Site) -> None:
    api, secret = await site.api(**JWT)
    token = (await site.tokens(await site.app("server-based"), scope=f"{READ} {USERS}"))["access_token"]
    assert token.count(".") == 2
    told = []
    for check in (Offline(), Introspection(api.client_id, secret)):
        call = plain_asgi(resource_of(site, check))
        answer = await call("GET", "/both", token)
        assert answer.status_code == 200, answer.text
        assert (await call("POST", "/leads", token)).status_code == 403
        told.append(answer.json())
    assert told[0] == told[1]
    assert told[0]["subject"] == str(site.account.id)


async def test_T95_an_id_token_of_the_server_is_no_access_token_offline(site: Site) -> None:
    await site.api(**JWT)
    call = plain_asgi(resource_of(site, Offline(algs=("ES256", "RS256"))))
    tokens = await site.tokens(await site.app("server-based"), scope=f"openid {READ}")
    assert (await call("GET", "/leads", tokens["id_token"])).status_code == 401
    assert (await call("GET", "/leads", tokens["access_token"])).status_code == 200


async def test_a_token_signed_with_a_new_key_of_the_server_is_verified(site: Site) -> None:
    await site.api(**JWT)
    call = plain_asgi(resource_of(site, Offline()))
    app = await site.app("self-client")
    first = (await site.tokens(app, scope=READ))["access_token"]
    assert (await call("GET", "/leads", first)).status_code == 200
    await rotate_keys(site.db, site.server.envelope, site.clock(), compromised=True)
    site.clock.advance(1)
    await site.server.reload()
    second = (await site.tokens(app, scope=READ))["access_token"]
    assert (await call("GET", "/leads", second)).status_code == 200
    assert (await call("GET", "/leads", first)).status_code == 401


async def test_T57_a_page_of_the_server_s_browser_app_reads_answers_either_way(site: Site) -> None:
    api, secret = await site.api(**JWT)
    app = await site.app("client-based")
    token = (await site.tokens(app, scope=READ, access_type="online"))["access_token"]
    (origin, *_) = app.client.origins
    for check in (Offline(), Introspection(api.client_id, secret)):
        call = plain_asgi(resource_of(site, check))
        answer = await call("GET", "/leads", token, Origin=origin)
        assert answer.headers["access-control-allow-origin"] == origin
        assert (await call("GET", "/leads", token, Origin="https://evil.example")).status_code == 403


async def test_a_client_acts_for_itself(site: Site) -> None:
    call = await asking(site)
    app = await site.app("server-based")
    answer = await site.token(app, grant_type="client_credentials", scope=READ)
    assert answer.status_code == 200, answer.text
    told = (await call("GET", "/leads", answer.json()["access_token"])).json()
    assert told["subject"] == told["client_id"] == app.id


async def test_a_token_of_another_data_center_is_sent_there(sites: Sites) -> None:
    us, eu = sites.by_code["us"], sites.by_code["eu"]
    call = await asking(us)
    token = (await eu.tokens(await eu.app("self-client"), scope=READ))["access_token"]
    answer = await call("GET", "/leads", token)
    assert answer.status_code == 401
    assert challenge(answer)["expected_issuer"] == answer.json()["expected_issuer"] == eu.issuer


def test_an_offline_api_shows_the_apps_owner_what_is_used(demo: Demo) -> None:
    address = f"http://127.0.0.1:{free_ports(1)}"
    made = json.loads(
        demo.grantline(
            *("api", "create", "--identifier", address, "--scopes", "Offline", "--name", "Offline"),
            *("--token-format", "jwt-es256", "--json"),
        )
    )
    client = demo.client("self_client")
    fields = {"grant_type": "authorization_code", "code": demo.code("Offline.READ")}
    credentials = {name: client[name] for name in ("client_id", "client_secret")}
    answer = httpx2.post(f"{demo.issuer}/oauth/v2/token", data={**fields, **credentials})
    token = answer.json()["access_token"]
    resource = ProtectedResource(
        resource=address,
        issuer=demo.issuer,
        check=Offline(client_id=made["client_id"], client_secret=made["client_secret"]),
    )
    asker = Asker(resource.wire)
    for _ in range(5):
        visit = resource.arrive(authorization=(f"Bearer {token}",), origin=None, query=b"")
        assert asker.run(visit.check(("Offline.READ",))).client_id == client["client_id"]
    resource.close()
    asker.close()
    ends_at = time.monotonic() + 30
    with closing(sqlite3.connect(demo.database.removeprefix("sqlite://"))) as opened:
        question = "SELECT sum(count) FROM client_usage WHERE client_id = ? AND kind LIKE '%Offline.READ'"
        while opened.execute(question, (client["client_id"],)).fetchone()[0] != 5:
            assert time.monotonic() < ends_at
            time.sleep(0.05)
