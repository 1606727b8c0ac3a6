"""Every type of app, for people of both data centers: the app knows its home alone, and follows (R14, R71,
B6)."""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import httpx2
import pytest

from tests.data_centers.following import NO_TLS, FollowingApp, NotFollowed, Person, wait_until
from tests.data_centers.worlds import World, separate_world, world_of_demo
from tests.site import DEVICE_GRANT, VERIFIER

SCOPE: Final = "CRM.modules.leads.READ,CRM.users.READ"


@pytest.fixture(scope="module", params=["in one process", "in separate processes"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Every story of this file is told of the demo and of processes that share nothing."""
    if request.param == "in one process":
        yield world_of_demo(request.getfixturevalue("demo"))
        return
    with separate_world(tmp_path_factory.mktemp("separate")) as separate:
        yield separate


@pytest.fixture
def person(world: World) -> Iterator[Callable[[str], Person]]:
    """Opens the browser of somebody who lives in the data center of this code."""
    opened: list[Person] = []

    def open_one(code: str) -> Person:
        opened.append(Person(world.people[code], world.issuers))
        return opened[-1]

    yield open_one
    for one in opened:
        one.leave()


WAYS: Final = {
    "us": ("us", ""),
    "eu, asked there": ("eu", ""),
    "eu, asked at home": ("us", "eu"),
}
"""Where the request is made, and where the person says that they live."""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("key", ["server_based", "client_based", "mobile"])
def test_R14_an_app_follows_its_person_by_the_code_flow(
    world: World, person: Callable[[str], Person], key: str, way: str
) -> None:
    """Redemption, calls, refresh and revocation, all where the person lives."""
    asked_at, go_on_in = WAYS[way]
    lives = go_on_in or asked_at
    client = world.clients[key]
    (origin,) = client.get("origins") or [""]
    app = FollowingApp(world.home, client, origin=origin)
    visitor = person(lives)
    query = app.authorization_query(redirect_uri=redirect_of(client))
    callback = visitor.decide(world.issuers[asked_at] + query, go_on_in=go_on_in)
    assert callback["location"] == lives
    app.redeem(callback, redirect_uri=redirect_of(client), code_verifier=VERIFIER)
    assert app.issuer == world.issuers[lives]
    assert app.who() == world.email(lives)
    api = app.tokens["api_domain"]

    refreshed = app.take(app.refresh())
    assert refreshed["api_domain"] == api == world.apis[lives]
    assert app.who() == world.email(lives)
    if origin:
        preflight = httpx2.options(
            f"{app.issuer}/oauth/v2/token",
            headers={"Origin": origin, "Access-Control-Request-Method": "POST"},
        )
        assert preflight.headers["access-control-allow-origin"] == origin
        assert app.refresh().headers["access-control-allow-origin"] == origin

    fields = {"token": app.tokens["refresh_token"], **app.credentials}
    assert app.post(f"{app.issuer}/oauth/v2/token/revoke", fields).status_code == 200
    assert app.refresh().json()["error"] == "invalid_grant"
    assert set(app.connected) <= {world.home, app.issuer, api}


def redirect_of(client: Mapping[str, Any]) -> str:
    """Loopback with a port of the moment, where the app is a native one (RFC 8252 §7.3)."""
    native = [one for one in client["redirect_uris"] if one == "http://127.0.0.1/callback"]
    return "http://127.0.0.1:50123/callback" if native else str(client["redirect_uris"][0])


@pytest.mark.parametrize("way", WAYS)
def test_R71_a_browser_app_is_told_by_the_implicit_flow_where_its_person_lives(
    world: World, person: Callable[[str], Person], way: str
) -> None:
    asked_at, go_on_in = WAYS[way]
    lives = go_on_in or asked_at
    app = FollowingApp(world.home, world.clients["client_based"])
    query = app.authorization_query(
        response_type="token", code_challenge="", code_challenge_method="", access_type=""
    )
    callback = person(lives).decide(world.issuers[asked_at] + query, go_on_in=go_on_in)
    app.follow(callback)
    assert (callback["location"], app.issuer) == (lives, world.issuers[lives])
    app.tokens = dict(callback)
    assert app.tokens["api_domain"] == app.serverinfo["api_domains"][lives]
    assert app.who() == world.email(lives)


@pytest.mark.parametrize("lives", ["us", "eu"])
def test_a_device_works_in_the_data_center_that_it_asks(
    world: World, person: Callable[[str], Person], lives: str
) -> None:
    app = FollowingApp(world.home, world.clients["non_browser"])
    app.issuer = world.issuers[lives]
    begun = app.post(f"{app.issuer}/oauth/v3/device/code", {**app.credentials, "scope": SCOPE}).json()
    assert begun["verification_uri_complete"].startswith(app.issuer)
    person(lives).decide(begun["verification_uri_complete"], user_code=begun["user_code"])
    app.take(poll(app, begun))
    assert app.who() == world.email(lives)
    assert app.take(app.refresh())["api_domain"] == world.apis[lives]


def poll(app: FollowingApp, begun: dict[str, Any]) -> httpx2.Response:
    fields = {"grant_type": DEVICE_GRANT, "device_code": begun["device_code"], **app.credentials}
    return app.post(f"{app.issuer}/oauth/v2/token", fields)


def test_B7_a_device_of_us_begins_anew_where_its_person_lives(
    world: World, person: Callable[[str], Person]
) -> None:
    """It asked at us, and its person says there that they live in eu: its poll is told where."""
    app = FollowingApp(world.home, world.clients["non_browser"])
    begun = app.post(f"{app.issuer}/oauth/v3/device/code", {**app.credentials, "scope": SCOPE}).json()
    assert poll(app, begun).json()["error"] == "authorization_pending"
    ines = person("eu")
    ines.decide(begun["verification_uri_complete"], user_code=begun["user_code"], go_on_in="eu")
    told = poll(app, begun).json()
    assert (told["error"], told["expected_issuer"]) == ("access_denied", world.issuers["eu"])

    app.issuer = told["expected_issuer"]
    assert app.issuer in app.serverinfo["locations"].values()
    begun = app.post(f"{app.issuer}/oauth/v3/device/code", {**app.credentials, "scope": SCOPE}).json()
    ines.decide(begun["verification_uri_complete"], user_code=begun["user_code"])
    app.take(poll(app, begun))
    assert app.who() == world.email("eu")


def test_B7_a_device_on_the_vendors_wire_goes_on_polling_with_the_code_that_it_has(
    world: World, person: Callable[[str], Person]
) -> None:
    wanted = ("--type", "non-browser", "--name", "Old TV", "--data-centers", "us,eu", "--vendor-compatible")
    made = world.grantline("client", "create", *wanted, "--owner", world.owners["us"], "--json")
    app = FollowingApp(world.home, json.loads(made))
    eu = world.issuers["eu"]
    wait_until(lambda: "device_code" in app.post(f"{eu}/oauth/v3/device/code", asked(app)).json())
    begun = app.post(f"{app.issuer}/oauth/v3/device/code", asked(app)).json()
    user_code, fields = begun["user_code"], {"grant_type": "device_token", "code": begun["device_code"]}
    fields |= app.credentials
    person("eu").decide(begun["verification_uri_complete"], user_code=user_code, go_on_in="eu")
    told = app.post(f"{app.issuer}/oauth/v3/device/token", fields).json()
    assert (told["error"], told["user_location"]) == ("other_dc", "eu")
    app.issuer = app.serverinfo["locations"][told["user_location"]]
    app.take(app.post(f"{app.issuer}/oauth/v3/device/token", fields))
    assert app.who() == world.email("eu")


def asked(app: FollowingApp) -> dict[str, str]:
    """What a device on the vendor's wire begins with."""
    return {"grant_type": "device_request", "scope": SCOPE, "client_id": app.client["client_id"]}


@pytest.mark.parametrize(("lives", "key"), [("us", "self_client"), ("eu", "self_client_eu")])
def test_a_self_client_works_where_its_person_lives_and_is_told_so_elsewhere(
    world: World, lives: str, key: str
) -> None:
    here, (elsewhere,) = world.issuers[lives], set(world.issuers.values()) - {world.issuers[lives]}
    app = FollowingApp(here, world.clients[key])
    options = ("--client", app.client["client_id"], "--scope", SCOPE)
    code = world.grantline("code", *options, at=lives).strip()
    fields = {"grant_type": "authorization_code", "code": code, **app.credentials}
    refused = app.post(f"{elsewhere}/oauth/v2/token", fields).json()
    assert (refused["error"], refused["expected_issuer"]) == ("invalid_client", here)
    tokens = app.take(app.post(f"{here}/oauth/v2/token", fields))
    assert tokens["api_domain"] == world.apis[lives]
    assert app.who() == world.owners[lives]


def test_T110_an_app_connects_to_no_address_because_a_callback_names_it(world: World) -> None:
    app = FollowingApp(world.home, world.clients["server_based"])
    us, eu = world.issuers["us"], world.issuers["eu"]
    for location, issuer in (
        ("eu", "https://evil.example"),
        ("eu", us),
        ("xx", eu),
        ("eu", f"{eu}.evil.example"),
        ("eu", f"{eu}/"),
    ):
        with pytest.raises(NotFollowed):
            app.redeem({"code": "c", "location": location, "iss": issuer, "accounts-server": issuer})
    assert set(app.connected) == {world.home}


def test_R70_a_code_of_eu_is_worth_nothing_at_home_and_the_answer_says_where_it_is(
    world: World, person: Callable[[str], Person]
) -> None:
    client = world.clients["server_based"]
    app = FollowingApp(world.home, client)
    callback = person("eu").decide(world.issuers["eu"] + app.authorization_query())
    fields = {"grant_type": "authorization_code", "code": callback["code"], **app.credentials}
    fields |= {"redirect_uri": client["redirect_uris"][0], "code_verifier": VERIFIER}
    refused = app.post(f"{world.home}/oauth/v2/token", fields).json()
    assert (refused["error"], refused["expected_issuer"]) == ("invalid_grant", world.issuers["eu"])
    app.redeem(callback, redirect_uri=client["redirect_uris"][0], code_verifier=VERIFIER)
    assert app.who() == world.email("eu")


LEADS: Final = "/crm/v8/Leads?fields=id"


def follow_to_eu(world: World, person: Callable[[str], Person], client: Mapping[str, Any]) -> FollowingApp:
    """A browser app of us with a token of somebody who lives in eu, for leads alone."""
    (origin, *_) = client["origins"]
    app = FollowingApp(world.home, client, origin=origin)
    callback = person("eu").decide(
        world.issuers["eu"] + app.authorization_query(scope="CRM.modules.leads.ALL")
    )
    app.redeem(callback, redirect_uri=client["redirect_uris"][0], code_verifier=VERIFIER)
    assert app.tokens["api_domain"] == world.apis["eu"]
    return app


def call(
    app: FollowingApp, origin: str, method: str = "GET", path: str = LEADS, **more: Any
) -> httpx2.Response:
    """A call of the sample CRM where the person lives, as a browser makes it for a page of this origin."""
    headers = {"Origin": origin, "Authorization": f"Bearer {app.tokens['access_token']}"}
    answer = httpx2.request(
        method, f"{app.tokens['api_domain']}{path}", headers=headers, verify=NO_TLS, **more
    )
    assert "Origin" in answer.headers["vary"]
    assert "access-control-allow-credentials" not in answer.headers
    return answer


def may_read(answer: httpx2.Response) -> str | None:
    """Pages of which origin may read an answer."""
    return answer.headers.get("access-control-allow-origin")


def test_T57_the_sample_crm_of_eu_lets_the_pages_of_an_app_of_us_read_answers_and_errors(
    world: World, person: Callable[[str], Person]
) -> None:
    client = world.clients["client_based"]
    app, page = follow_to_eu(world, person, client), client["origins"][0]
    asks = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    preflight = httpx2.options(world.apis["eu"] + LEADS, headers={"Origin": page, **asks})
    assert (preflight.status_code, may_read(preflight)) == (204, page)
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in preflight.headers

    answer = call(app, page)
    assert (answer.status_code, may_read(answer)) == (200, page)
    beyond = call(app, page, path="/crm/v8/org")
    assert (beyond.status_code, may_read(beyond)) == (403, page)
    wrong = call(app, page, "POST", content="no JSON")
    assert (wrong.status_code, may_read(wrong)) == (400, page)
    fields = {"token": app.tokens["access_token"], **app.credentials}
    assert app.post(f"{app.issuer}/oauth/v2/token/revoke", fields).status_code == 200
    dead = call(app, page)
    assert (dead.status_code, may_read(dead)) == (401, page)
    assert "WWW-Authenticate" in dead.headers["access-control-expose-headers"]


def test_T57_a_page_that_us_does_not_list_is_refused_by_the_sample_crm_of_eu_before_anything_happens(
    world: World, person: Callable[[str], Person]
) -> None:
    client = world.clients["client_based"]
    app, page = follow_to_eu(world, person, client), client["origins"][0]
    name = secrets.token_hex(8)
    search, lead = f"/crm/v8/Leads/search?criteria=(Last_Name:equals:{name})", {"data": [{"Last_Name": name}]}
    strangers = ("https://evil.example", "null", "http://127.0.0.1:9", f"{page}.evil.example", f"{page}0")
    for stranger in strangers:
        refused = call(app, stranger, "POST", json=lead)
        assert (refused.status_code, may_read(refused)) == (403, None), stranger
        assert "not registered" in refused.json()["message"]
        assert (call(app, stranger).status_code, may_read(call(app, stranger))) == (403, None), stranger
    assert call(app, page, path=search).status_code == 204, "something was written"
    made = call(app, page, "POST", json=lead)
    assert (made.status_code, may_read(made)) == (201, page)
    assert call(app, page, path=search).status_code == 200


def test_T57_a_page_that_us_lists_no_more_is_soon_refused_by_the_sample_crm_of_eu(
    world: World, person: Callable[[str], Person]
) -> None:
    """And the one that took its place is let in, with the same token."""
    home, before, after = (f"https://{name}.wall.example" for name in ("www", "before", "after"))
    kind = ("--type", "client-based", "--name", "Lead Wall", "--homepage", home)
    pages = ("--redirect-uri", f"{home}/callback", "--origin", home, "--origin", before)
    where = ("--data-centers", "us,eu", "--owner", world.owners["us"])
    client = json.loads(world.grantline("client", "create", *kind, *pages, *where, "--json"))
    asked = {"grant_type": "refresh_token", "refresh_token": "none", "client_id": client["client_id"]}
    token = f"{world.issuers['eu']}/oauth/v2/token"
    wait_until(lambda: httpx2.post(token, data=asked, verify=NO_TLS).json()["error"] == "invalid_grant")
    app = follow_to_eu(world, person, client)
    assert [call(app, page).status_code for page in (home, before, after)] == [200, 200, 403]
    world.grantline("client", "update", client["client_id"], "--origin", home, "--origin", after)
    wait_until(lambda: call(app, after).status_code == 200)
    assert [call(app, page).status_code for page in (home, before, after)] == [200, 403, 200]
