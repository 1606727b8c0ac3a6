"""Every type of app, for people of both data centers: the app knows its home alone, and follows (R14, R71,
B6)."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx2
import pytest

from tests.data_centers.following import FollowingApp, NotFollowed, Person, wait_until
from tests.running import Demo, run_grantline
from tests.site import DEVICE_GRANT, VERIFIER

SCOPE: Final = "CRM.modules.leads.READ,CRM.users.READ"


def issuers(demo: Demo) -> dict[str, str]:
    return {center["code"]: center["issuer"] for center in demo.json["data_centers"]}


@pytest.fixture
def person(demo: Demo) -> Iterator[Callable[[str], Person]]:
    """Opens the browser of somebody who lives in the data center of this code."""
    opened: list[Person] = []

    def open_one(code: str) -> Person:
        opened.append(Person(demo.user("user", code), issuers(demo)))
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
    demo: Demo, person: Callable[[str], Person], key: str, way: str
) -> None:
    """Redemption, calls, refresh and revocation, all where the person lives."""
    asked_at, go_on_in = WAYS[way]
    lives = go_on_in or asked_at
    client = demo.client(key)
    (origin,) = client.get("origins", [""])
    app = FollowingApp(demo.issuer, client, origin=origin)
    visitor = person(lives)
    query = app.authorization_query(redirect_uri=redirect_of(client))
    callback = visitor.decide(issuers(demo)[asked_at] + query, go_on_in=go_on_in)
    assert callback["location"] == lives
    app.redeem(callback, redirect_uri=redirect_of(client), code_verifier=VERIFIER)
    assert app.issuer == issuers(demo)[lives]
    assert app.who() == demo.user("user", lives)["email"]
    api = app.tokens["api_domain"]

    refreshed = app.take(app.refresh())
    assert refreshed["api_domain"] == api == demo.data_center(lives)["api_domain"]
    assert app.who() == demo.user("user", lives)["email"]
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
    assert set(app.connected) <= {demo.issuer, app.issuer, api}


def redirect_of(client: dict[str, Any]) -> str:
    """Loopback with a port of the moment, where the app is a native one (RFC 8252 §7.3)."""
    native = [one for one in client["redirect_uris"] if one == "http://127.0.0.1/callback"]
    return "http://127.0.0.1:50123/callback" if native else client["redirect_uris"][0]


@pytest.mark.parametrize("way", WAYS)
def test_R71_a_browser_app_is_told_by_the_implicit_flow_where_its_person_lives(
    demo: Demo, person: Callable[[str], Person], way: str
) -> None:
    asked_at, go_on_in = WAYS[way]
    lives = go_on_in or asked_at
    app = FollowingApp(demo.issuer, demo.client("client_based"))
    query = app.authorization_query(
        response_type="token", code_challenge="", code_challenge_method="", access_type=""
    )
    callback = person(lives).decide(issuers(demo)[asked_at] + query, go_on_in=go_on_in)
    app.follow(callback)
    assert (callback["location"], app.issuer) == (lives, issuers(demo)[lives])
    app.tokens = dict(callback)
    assert app.tokens["api_domain"] == app.serverinfo["api_domains"][lives]
    assert app.who() == demo.user("user", lives)["email"]


@pytest.mark.parametrize("lives", ["us", "eu"])
def test_a_device_works_in_the_data_center_that_it_asks(
    demo: Demo, person: Callable[[str], Person], lives: str
) -> None:
    app = FollowingApp(demo.issuer, demo.client("non_browser"))
    app.issuer = issuers(demo)[lives]
    begun = app.post(f"{app.issuer}/oauth/v3/device/code", {**app.credentials, "scope": SCOPE}).json()
    assert begun["verification_uri_complete"].startswith(app.issuer)
    person(lives).decide(begun["verification_uri_complete"], user_code=begun["user_code"])
    app.take(poll(app, begun))
    assert app.who() == demo.user("user", lives)["email"]
    assert app.take(app.refresh())["api_domain"] == demo.data_center(lives)["api_domain"]


def poll(app: FollowingApp, begun: dict[str, Any]) -> httpx2.Response:
    fields = {"grant_type": DEVICE_GRANT, "device_code": begun["device_code"], **app.credentials}
    return app.post(f"{app.issuer}/oauth/v2/token", fields)


def test_B7_a_device_of_us_begins_anew_where_its_person_lives(
    demo: Demo, person: Callable[[str], Person]
) -> None:
    """It asked at us, and its person says there that they live in eu: its poll is told where."""
    app = FollowingApp(demo.issuer, demo.client("non_browser"))
    begun = app.post(f"{app.issuer}/oauth/v3/device/code", {**app.credentials, "scope": SCOPE}).json()
    assert poll(app, begun).json()["error"] == "authorization_pending"
    ines = person("eu")
    ines.decide(begun["verification_uri_complete"], user_code=begun["user_code"], go_on_in="eu")
    told = poll(app, begun).json()
    assert (told["error"], told["expected_issuer"]) == ("access_denied", issuers(demo)["eu"])

    app.issuer = told["expected_issuer"]
    assert app.issuer in app.serverinfo["locations"].values()
    begun = app.post(f"{app.issuer}/oauth/v3/device/code", {**app.credentials, "scope": SCOPE}).json()
    ines.decide(begun["verification_uri_complete"], user_code=begun["user_code"])
    app.take(poll(app, begun))
    assert app.who() == demo.user("user", "eu")["email"]


def test_B7_a_device_on_the_vendors_wire_goes_on_polling_with_the_code_that_it_has(
    demo: Demo, person: Callable[[str], Person]
) -> None:
    wanted = ("--type", "non-browser", "--name", "Old TV", "--data-centers", "us,eu", "--vendor-compatible")
    app = FollowingApp(demo.issuer, json.loads(demo.grantline("client", "create", *wanted, "--json")))
    eu = issuers(demo)["eu"]
    wait_until(lambda: "device_code" in app.post(f"{eu}/oauth/v3/device/code", asked(app)).json())
    begun = app.post(f"{app.issuer}/oauth/v3/device/code", asked(app)).json()
    user_code, fields = begun["user_code"], {"grant_type": "device_token", "code": begun["device_code"]}
    fields |= app.credentials
    person("eu").decide(begun["verification_uri_complete"], user_code=user_code, go_on_in="eu")
    told = app.post(f"{app.issuer}/oauth/v3/device/token", fields).json()
    assert (told["error"], told["user_location"]) == ("other_dc", "eu")
    app.issuer = app.serverinfo["locations"][told["user_location"]]
    app.take(app.post(f"{app.issuer}/oauth/v3/device/token", fields))
    assert app.who() == demo.user("user", "eu")["email"]


def asked(app: FollowingApp) -> dict[str, str]:
    """What a device on the vendor's wire begins with."""
    return {"grant_type": "device_request", "scope": SCOPE, "client_id": app.client["client_id"]}


@pytest.mark.parametrize(("lives", "key"), [("us", "self_client"), ("eu", "self_client_eu")])
def test_a_self_client_works_where_its_person_lives_and_is_told_so_elsewhere(
    demo: Demo, lives: str, key: str
) -> None:
    here, (elsewhere,) = issuers(demo)[lives], set(issuers(demo).values()) - {issuers(demo)[lives]}
    app = FollowingApp(here, demo.client(key))
    options = ("--client", app.client["client_id"], "--scope", SCOPE)
    code = run_grantline("code", *options, database=demo.data_center(lives)["database"]).strip()
    fields = {"grant_type": "authorization_code", "code": code, **app.credentials}
    refused = app.post(f"{elsewhere}/oauth/v2/token", fields).json()
    assert (refused["error"], refused["expected_issuer"]) == ("invalid_client", here)
    tokens = app.take(app.post(f"{here}/oauth/v2/token", fields))
    assert tokens["api_domain"] == demo.data_center(lives)["api_domain"]
    owner = next(one for one in demo.json["users"] if one["data_center"] == lives)
    assert app.who() == owner["email"]


def test_T110_an_app_connects_to_no_address_because_a_callback_names_it(demo: Demo) -> None:
    app = FollowingApp(demo.issuer, demo.client("server_based"))
    us, eu = issuers(demo)["us"], issuers(demo)["eu"]
    for location, issuer in (
        ("eu", "https://evil.example"),
        ("eu", us),
        ("xx", eu),
        ("eu", f"{eu}.evil.example"),
        ("eu", f"{eu}/"),
    ):
        with pytest.raises(NotFollowed):
            app.redeem({"code": "c", "location": location, "iss": issuer, "accounts-server": issuer})
    assert set(app.connected) == {demo.issuer}


def test_R70_a_code_of_eu_is_worth_nothing_at_home_and_the_answer_says_where_it_is(
    demo: Demo, person: Callable[[str], Person]
) -> None:
    client = demo.client("server_based")
    app = FollowingApp(demo.issuer, client)
    callback = person("eu").decide(issuers(demo)["eu"] + app.authorization_query())
    fields = {"grant_type": "authorization_code", "code": callback["code"], **app.credentials}
    fields |= {"redirect_uri": client["redirect_uris"][0], "code_verifier": VERIFIER}
    refused = app.post(f"{demo.issuer}/oauth/v2/token", fields).json()
    assert (refused["error"], refused["expected_issuer"]) == ("invalid_grant", issuers(demo)["eu"])
    app.redeem(callback, redirect_uri=client["redirect_uris"][0], code_verifier=VERIFIER)
    assert app.who() == demo.user("user", "eu")["email"]
