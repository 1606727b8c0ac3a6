"""An identifier at the wrong data center: told from its name alone, at every endpoint, and nothing else told
(R84, R70, T115)."""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import pytest

from grantline.activity import find_entry
from grantline.clients import ApiScope, find_client, set_data_centers
from grantline.datacenters import DataCenter, DataCenters
from grantline.oauth.jwk import encode_base64url
from grantline.opaque import (
    ACCESS_TOKEN,
    AUTHORIZATION_CODE,
    CLIENT_ID,
    CLIENT_SECRET,
    DEVICE_CODE,
    KINDS,
    PERSONAL_TOKEN,
    REFRESH_TOKEN,
    mint,
)
from tests.centers import Sites
from tests.protocol.wire import bearer, challenge
from tests.site import DEVICE_GRANT, SCOPE, SPA, App, Site

EU = DataCenter("eu", "https://accounts.eu.example", "https://api.eu.example", "Europe")
HOME: Final = "United States"
Way = Callable[[Mapping[str, App], str], Mapping[str, Any]]


@dataclass(frozen=True)
class Place:
    """One parameter of one endpoint that takes an identifier: which kinds, and how it is sent."""

    name: str
    path: str
    takes: tuple[str, ...]
    way: Way
    """What is sent, with the apps at hand and the identifier."""
    status: int
    error: str
    method: str = "POST"


def form(**fields: str) -> Mapping[str, Any]:
    return {"data": fields}


def token_of(app: str, **names: str) -> Way:
    """A form with the credentials of this app, and the identifier under `as_`."""
    where = names.pop("as_")
    return lambda apps, value: form(**apps[app].credentials, **names, **{where: value})


def client_of(**fields: str) -> Way:
    return lambda apps, value: form(client_id=value, client_secret="x", **fields)


GRANTS: Final = {
    "authorization_code": {"code": mint(AUTHORIZATION_CODE, "us")},
    "refresh_token": {"refresh_token": mint(REFRESH_TOKEN, "us")},
    "client_credentials": {"scope": SCOPE},
    DEVICE_GRANT: {"device_code": mint(DEVICE_CODE, "us")},
}
TOKENS: Final = (ACCESS_TOKEN, REFRESH_TOKEN)
DEVICE: Final = "/oauth/v3/device"
REVOKE: Final = ("/oauth/v2/token/revoke", "/oauth/v2/revoke/token")
CLIENT: Final = ((CLIENT_ID,), 401, "invalid_client")
PLACES: Final = (
    *(
        Place(
            f"client at token, {grant}",
            "/oauth/v2/token",
            CLIENT[0],
            client_of(grant_type=grant, **rest),
            *CLIENT[1:],
        )
        for grant, rest in GRANTS.items()
    ),
    Place(
        "client at token by Basic",
        "/oauth/v2/token",
        CLIENT[0],
        lambda apps, value: {
            "data": {"grant_type": "client_credentials", "scope": SCOPE},
            "headers": {"Authorization": "Basic " + b64encode(f"{value}:x".encode()).decode()},
        },
        *CLIENT[1:],
    ),
    *(
        Place(f"client at {path}", path, CLIENT[0], client_of(token=mint(REFRESH_TOKEN, "us")), *CLIENT[1:])
        for path in REVOKE
    ),
    Place("client at introspection", "/oauth/v2/introspect", CLIENT[0], client_of(token="x"), *CLIENT[1:]),
    Place("client at device start", f"{DEVICE}/code", CLIENT[0], client_of(scope=SCOPE), *CLIENT[1:]),
    Place(
        "client at device poll",
        f"{DEVICE}/token",
        CLIENT[0],
        client_of(grant_type="device_token", code="x"),
        *CLIENT[1:],
    ),
    Place(
        "code",
        "/oauth/v2/token",
        (AUTHORIZATION_CODE,),
        token_of("server-based", as_="code", grant_type="authorization_code"),
        400,
        "invalid_grant",
    ),
    Place(
        "refresh token",
        "/oauth/v2/token",
        (REFRESH_TOKEN,),
        token_of("server-based", as_="refresh_token", grant_type="refresh_token"),
        400,
        "invalid_grant",
    ),
    Place(
        "device code",
        "/oauth/v2/token",
        (DEVICE_CODE,),
        token_of("non-browser", as_="device_code", grant_type=DEVICE_GRANT),
        400,
        "invalid_grant",
    ),
    Place(
        "device code at the vendor's address",
        f"{DEVICE}/token",
        (DEVICE_CODE,),
        token_of("non-browser", as_="code", grant_type="device_token"),
        400,
        "invalid_grant",
    ),
    *(
        Place(f"token at {path}", path, TOKENS, token_of("server-based", as_="token"), 400, "invalid_grant")
        for path in REVOKE
    ),
    Place(
        "bare token at revocation",
        REVOKE[0],
        TOKENS,
        lambda apps, value: form(token=value),
        400,
        "invalid_grant",
    ),
    Place(
        "token at introspection",
        "/oauth/v2/introspect",
        TOKENS,
        token_of("server-based", as_="token"),
        200,
        "",
    ),
    *(
        Place(
            f"token at {path}",
            path,
            (ACCESS_TOKEN,),
            lambda apps, value: {"headers": bearer(value)},
            401,
            "invalid_token",
            "GET",
        )
        for path in ("/oauth/v2/userinfo", "/oauth/user/info")
    ),
    Place(
        "key at the console's API",
        "/console/api/v1/clients",
        (PERSONAL_TOKEN,),
        lambda apps, value: {"headers": bearer(value)},
        401,
        "",
        "GET",
    ),
)


@pytest.fixture
async def apps(site: Site) -> Mapping[str, App]:
    """A site that knows Europe, and no other data center; and two apps of its own."""
    home = DataCenter(site.mint.home.code, site.mint.home.issuer, site.mint.home.api_domain, HOME)
    site.mint.data_centers = DataCenters(home, (EU,))
    return {name: await site.app(name) for name in ("server-based", "non-browser")}


async def call(site: Site, apps: Mapping[str, App], place: Place, value: str) -> httpx2.Response:
    return await site.call(place.method, place.path, **place.way(apps, value))


def said(response: httpx2.Response) -> tuple[int, str, dict[str, str]]:
    """Everything that an answer tells, without what is unlike in each."""
    body = re.sub(r"req_us_\w+", "req", response.text)
    kept = {
        name: value
        for name, value in response.headers.items()
        if name not in ("x-request-id", "content-length")
    }
    return response.status_code, body, kept


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
async def test_R84_a_foreign_identifier_names_its_data_center_and_an_unlisted_one_is_like_an_unknown_one(
    site: Site, apps: Mapping[str, App], place: Place
) -> None:
    """Every kind of identifier of a listed and of an unlisted data center, at every place that takes one."""
    for kind in KINDS:
        unknown = said(await call(site, apps, place, mint(kind, "us")))
        assert said(await call(site, apps, place, mint(kind, "jp"))) == unknown
        answer = await call(site, apps, place, mint(kind, "eu"))
        if kind not in place.takes:
            assert said(answer) == unknown
            continue
        members = answer.json()
        assert (answer.status_code, members.get("error", "")) == (place.status, place.error)
        assert members["expected_issuer"] == EU.issuer
        assert "expected_issuer" not in unknown[1]
        if place.status == 200:
            assert members == {"active": False, "expected_issuer": EU.issuer}
            continue
        sentence = members.get("error_description") or members["detail"]
        assert f"belongs to the Europe data center. You called {HOME}." in sentence
        assert f"Send this request to {EU.issuer}" in sentence
        if place.error == "invalid_token" or kind == PERSONAL_TOKEN:
            scheme, attributes = challenge(answer)
            assert (scheme, attributes["expected_issuer"]) == ("Bearer", EU.issuer)


@pytest.mark.parametrize("kind", list(KINDS))
async def test_R84_the_page_at_authorization_names_both_data_centers(
    site: Site, apps: Mapping[str, App], kind: str
) -> None:
    """Where nothing can be redirected, since whose address it is is not known."""
    pages = {}
    for code in ("us", "jp", "eu"):
        request = site.request(apps["server-based"], client_id=mint(kind, code))
        page = await site.browser().get("/oauth/v2/auth", params=request)
        assert page.status_code == 400
        assert "location" not in page.headers
        pages[code] = page.text
    assert "Europe" not in pages["us"] + pages["jp"]
    assert ("This client was created in Europe" in pages["eu"]) is (kind == CLIENT_ID)
    assert (f"you called {HOME}" in pages["eu"]) is (kind == CLIENT_ID)
    assert (f"The app can’t be used in {HOME}" in pages["eu"]) is (kind == CLIENT_ID)
    switch = rf'href="{EU.issuer}/console/clients/glc_eu_\w+/data-centers"'
    assert bool(re.search(switch, pages["eu"])) is (kind == CLIENT_ID)


async def test_R84_a_self_made_name_of_a_data_center_is_not_believed(
    site: Site, apps: Mapping[str, App]
) -> None:
    """A checksum that is wrong, a length, another alphabet: that is nobody's identifier."""
    good = mint(REFRESH_TOKEN, "eu")
    for bad in (
        good[:-1] + ("a" if good[-1] != "a" else "b"),
        good[:-1],
        good + "a",
        good.replace("glr_", "GLR_"),
    ):
        answer = await site.refresh(apps["server-based"], bad)
        assert answer.json()["grantline_code"] == "refresh_token_unknown"
        assert "expected_issuer" not in answer.text


async def test_T115_what_exists_there_is_answered_like_what_does_not(sites: Sites) -> None:
    """Nobody asks the other data center: what the name says is all that is known."""
    eu, us = sites["eu"], sites["us"]
    there, here = await eu.app("server-based"), await us.app("server-based")
    tokens = await eu.tokens(there)
    before = len(sites.wires.passed)
    invented = mint(CLIENT_ID, "eu")
    fields = {"grant_type": "client_credentials", "scope": SCOPE, "client_secret": "x"}
    real = await us.post("/oauth/v2/token", {**fields, "client_id": there.id})
    assert said(real) == said(await us.post("/oauth/v2/token", {**fields, "client_id": invented}))
    assert real.json()["expected_issuer"] == eu.issuer
    for kind, value in (("refresh_token", tokens["refresh_token"]), ("code", await eu.code(there))):
        grant = {"grant_type": "authorization_code" if kind == "code" else kind}
        answers = [await us.token(here, **grant, **{kind: one}) for one in (value, mint(value[:3], "eu"))]
        assert said(answers[0]) == said(answers[1])
    assert len(sites.wires.passed) == before
    assert await eu.works(tokens["access_token"])


async def test_T115_an_app_that_is_off_here_is_answered_like_one_that_never_was_on(sites: Sites) -> None:
    """Whatever its own switches would make of the answer."""
    us, eu = sites["us"], sites["eu"]
    app = await us.app("client-based", vendor_compatible=True)
    for codes in (("us", "eu"), ("us",)):
        async with us.db.transaction() as tx:
            client = await find_client(us.db, app.id)
            assert client is not None
            await set_data_centers(tx, client, codes, sites.clock())
        assert await sites.carry() == {}
    fields = {"grant_type": "refresh_token", "refresh_token": mint(REFRESH_TOKEN, "eu")}
    origin = {"headers": {"Origin": SPA}}
    off, never = [
        await eu.post("/oauth/v2/token", {**fields, "client_id": one}, **origin)
        for one in (app.id, mint(CLIENT_ID, "us"))
    ]
    assert off.json()["grantline_code"] == "client_wrong_data_center"
    assert re.sub(r"req_eu_\w+", "", off.text) == re.sub(r"req_eu_\w+", "", never.text)
    pages = [
        (await eu.browser().get("/oauth/v2/auth", params=eu.request(app, client_id=one))).text
        for one in (app.id, mint(CLIENT_ID, "us"))
    ]
    assert "Lead Board" not in pages[0]
    same = [re.sub(r"(req_eu|glc_us)_\w+", "", page) for page in pages]
    assert same[0] == same[1]


async def test_R84_a_jwt_access_token_names_its_data_center_by_its_issuer(sites: Sites) -> None:
    """It needs no proof for that: whoever makes one up is sent to an address of the registry."""
    us, eu = sites["us"], sites["eu"]
    billing = ApiScope("Billing.invoices.READ", "Read invoices")
    await eu.api("https://billing.example", "Billing", scopes=(billing,), token_format="jwt-es256")
    app, scope = await eu.app("server-based"), billing.name
    answer = await eu.token(
        app, grant_type="client_credentials", scope=scope, resource="https://billing.example"
    )
    token = answer.json()["access_token"]
    assert token.startswith("ey")
    here = await us.app("server-based")
    assert await us.introspect(here, token) == {"active": False, "expected_issuer": eu.issuer}
    refused = await us.post(REVOKE[0], {**here.credentials, "token": token})
    assert (refused.status_code, refused.json()["expected_issuer"]) == (400, eu.issuer)
    refused = await us.call("GET", "/oauth/v2/userinfo", headers=bearer(token))
    assert (refused.status_code, challenge(refused)[1]["expected_issuer"]) == (401, eu.issuer)
    id_token = jwt_of({"iss": eu.issuer}, typ="JWT")
    for nothing in (jwt_of({"iss": "https://accounts.jp.example"}), jwt_of({"iss": us.issuer}), id_token):
        assert await us.introspect(here, nothing) == {"active": False}


def jwt_of(claims: Mapping[str, str], *, typ: str = "at+jwt") -> str:
    """A token that nobody signed."""
    parts = ({"alg": "ES256", "typ": typ}, claims)
    return ".".join(
        encode_base64url(part) for part in (*(json.dumps(one).encode() for one in parts), bytes(64))
    )


async def test_the_owner_is_told_that_a_secret_was_made_for_another_data_center(
    site: Site, apps: Mapping[str, App]
) -> None:
    """The caller hears what it always hears."""
    wrong = {**apps["server-based"].credentials, "client_secret": mint(CLIENT_SECRET, "eu")}
    answer = await site.post("/oauth/v2/token", {**wrong, "grant_type": "client_credentials", "scope": SCOPE})
    assert "EU" not in answer.text.replace(answer.json()["request_id"], "")
    await site.mint.recorder.flush()
    entry = await find_entry(site.db, answer.json()["request_id"])
    assert entry is not None
    assert entry.detail["hint"] == "The secret was made for EU."


async def test_R84_a_token_is_not_said_to_be_revoked_where_it_lives_on(sites: Sites) -> None:
    """A 200 would claim that it is dead; the app that follows the answer ends it for real."""
    eu, us = sites["eu"], sites["us"]
    token = (await eu.tokens(await eu.app("mobile")))["refresh_token"]
    refused = await us.post(REVOKE[0], {"token": token})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert refused.json()["expected_issuer"] == eu.issuer
    assert (await eu.post(REVOKE[0], {"token": token})).status_code == 200
    ended = await eu.refresh(await eu.app("mobile"), token)
    assert ended.json()["error"] == "invalid_grant"


async def test_R84_an_app_in_a_browser_may_read_that_it_called_the_wrong_data_center(
    site: Site, apps: Mapping[str, App]
) -> None:
    """Its origin is registered elsewhere, and the answer says nothing that its own request did not."""
    for path in ("/oauth/v2/token", f"{DEVICE}/code", REVOKE[0]):
        for code, readable in (("eu", "*"), ("jp", None), ("us", None)):
            fields = {"client_id": mint(CLIENT_ID, code), "grant_type": "refresh_token"}
            answer = await site.post(path, fields, headers={"Origin": "https://spa.example"})
            assert answer.headers.get("access-control-allow-origin") == readable
            assert "access-control-allow-credentials" not in answer.headers


async def test_R84_the_vendors_wire_keeps_its_words(site: Site, apps: Mapping[str, App]) -> None:
    """Status and word as its libraries know them; the member beside them they don't read."""
    app = await site.app("server-based", vendor_compatible=True)
    answer = await site.exchange(app, mint(AUTHORIZATION_CODE, "eu"))
    assert (answer.status_code, answer.json()["error"]) == (200, "invalid_code")
    assert answer.json()["expected_issuer"] == EU.issuer
    for path in REVOKE:
        answer = await site.post(path, {**app.credentials, "token": mint(REFRESH_TOKEN, "eu")})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_code")
    shape = await site.call("GET", "/oauth/user/info", headers=bearer(mint(ACCESS_TOKEN, "eu")))
    assert (shape.status_code, shape.json()["cause"]) == (401, "INVALID_OAUTHTOKEN")


@pytest.mark.parametrize(
    ("name", "shown"), [("Europe", "Europe"), ("Österreich", "EU"), ('"E"', "EU"), ("a\\b", "EU")]
)
async def test_a_name_that_an_error_can_not_hold_gives_way_to_the_code(
    site: Site, name: str, shown: str
) -> None:
    """The description is plain ASCII (RFC 6749 §5.2)."""
    site.mint.data_centers = DataCenters(site.mint.home, (DataCenter("eu", EU.issuer, EU.api_domain, name),))
    answer = await site.refresh(await site.app("server-based"), mint(REFRESH_TOKEN, "eu"))
    assert f"belongs to the {shown} data center." in answer.json()["error_description"]
