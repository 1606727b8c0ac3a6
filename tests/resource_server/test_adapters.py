"""The same rules behind every adapter: who gets in, how the others are refused, what pages may read."""

import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from grantline.resource_server import ProtectedResource
from tests.resource_server.apps import Caller
from tests.resource_server.conftest import Protect
from tests.resource_server.issuer import API, CREATE, ISSUER, READ, USERS, Issuer

App = Callable[[ProtectedResource], Caller]
PAGE = "https://app.example.com"


def challenge(answer: httpx2.Response) -> dict[str, str]:
    """The parameters of the one challenge, whose scheme must be Bearer."""
    (value,) = answer.headers.get_list("www-authenticate")
    assert value.startswith("Bearer ")
    parameters = re.findall(r'([a-z_]+)="([\x20\x21\x23-\x5b\x5d-\x7e]*)"', value)
    assert value == "Bearer " + ", ".join(f'{name}="{text}"' for name, text in parameters)
    assert len(dict(parameters)) == len(parameters) >= 1
    return dict(parameters)


async def test_a_route_gets_the_token_that_it_requires(app: App, protect: Protect, issuer: Issuer) -> None:
    answer = await app(protect())("GET", "/leads", issuer.active("good"))
    assert answer.status_code == 200, answer.text
    told = {"subject": "500000001", "organization": "700000001", "client_id": "glc_us_app"}
    assert answer.json() == told
    assert issuer.asked == [{"token": "good", "token_type_hint": "access_token", "needed_scope": READ}]


async def test_6750_2_1_a_both_words_open_in_any_case(app: App, protect: Protect, issuer: Issuer) -> None:
    """RFC 6750 §2.1."""
    call = app(protect())
    issuer.active("good")
    for word in ("Bearer", "bearer", "BEARER", "Zoho-oauthtoken", "zoho-oauthtoken"):
        assert (await call("GET", "/leads", Authorization=f"{word} good")).status_code == 200
    assert (await call("GET", "/leads", Authorization="Basic Z29vZDo=")).status_code == 401


async def test_6750_3_1_b_a_call_without_a_token_gets_a_bare_challenge(
    app: App, protect: Protect, issuer: Issuer
) -> None:
    """RFC 6750 §3.1, RFC 9728 §5.1."""
    answer = await app(protect(realm="leads"))("GET", "/leads")
    assert answer.status_code == 401
    metadata = f"{API}/.well-known/oauth-protected-resource"
    assert challenge(answer) == {"realm": "leads", "scope": READ, "resource_metadata": metadata}
    assert answer.json()["error"] == "token_missing"
    assert answer.headers["cache-control"] == "no-store"
    assert not issuer.asked


async def test_6750_3_c_a_bad_token_is_told_so(app: App, protect: Protect) -> None:
    """RFC 6750 §3, RFC 6750 §3.1."""
    answer = await app(protect())("GET", "/leads", "unknown")
    assert answer.status_code == 401
    assert challenge(answer)["error"] == "invalid_token"
    assert answer.json()["error"] == "invalid_token"
    assert "unknown" not in answer.headers["www-authenticate"]


async def test_6750_3_1_a_a_scope_that_is_missing_is_named_with_all_others(
    app: App, protect: Protect, issuer: Issuer
) -> None:
    """RFC 6750 §3.1."""
    call = app(protect())
    answer = await call("GET", "/both", issuer.active("good"))
    assert answer.status_code == 403
    assert challenge(answer)["error"] == "insufficient_scope"
    assert challenge(answer)["scope"].split() in ([READ, USERS], [USERS, READ])
    issuer.active("wide", scope="CRM.modules.ALL CRM.users.ALL")
    assert (await call("GET", "/both", "wide")).status_code == 200
    assert (await call("POST", "/leads", "good")).status_code == 403
    assert (await call("POST", "/leads", issuer.active("writes", scope="CRM.modules.leads.WRITE"))).is_success


async def test_T101_a_token_in_the_address_is_refused(app: App, protect: Protect, issuer: Issuer) -> None:
    """RFC 6750 §2.3."""
    call = app(protect())
    issuer.active("good")
    alone = await call("GET", "/leads?access_token=good")
    assert alone.status_code == 401
    assert "address" in alone.json()["error_description"]
    for query in ("access_token=good", "a=1&access%5Ftoken=x"):
        both = await call("GET", f"/leads?{query}", "good")
        assert both.status_code == 400
        assert challenge(both)["error"] == "invalid_request"
    assert not issuer.asked
    assert (await call("GET", "/leads?my_access_token=1&a=access_token", "good")).status_code == 200


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer a b", 'Bearer "x"', "Bearer x, Bearer y"])
async def test_an_unreadable_header_is_malformed(
    app: App, protect: Protect, issuer: Issuer, value: str
) -> None:
    answer = await app(protect())("GET", "/leads", Authorization=value)
    assert answer.status_code in (400, 401)
    assert challenge(answer)
    assert not issuer.asked


async def test_a_public_route_needs_no_token_and_gets_none(
    app: App, protect: Protect, issuer: Issuer
) -> None:
    call = app(protect())
    assert (await call("GET", "/open")).status_code == 200
    assert (await call("GET", "/listed", "nonsense")).status_code == 200
    assert not issuer.asked


async def test_T100_what_says_nothing_is_closed(app: App, protect: Protect, issuer: Issuer) -> None:
    call = app(protect())
    answer = await call("GET", "/closed", issuer.active("good", scope="CRM.modules.ALL"))
    assert answer.status_code in (404, 500)
    assert "false" not in answer.text


PLACES = [(API, ""), (f"{API}/", ""), (f"{API}/v1/leads", "/v1/leads")]
ROOT = "/.well-known/oauth-protected-resource"


@pytest.mark.parametrize(("resource", "path"), PLACES)
async def test_9728_3_a_the_metadata_is_at_the_root_and_at_the_apis_path(
    app: App, protect: Protect, resource: str, path: str
) -> None:
    """RFC 9728 §3."""
    call = app(protect(resource=resource))
    for place in {ROOT, ROOT + path}:
        assert (await call("GET", place)).status_code == 200
        assert (await call("POST", place)).status_code == 405
        assert (await call("HEAD", place)).text == ""
    assert challenge(await call("GET", "/leads"))["resource_metadata"] == API + ROOT + path
    assert (await call("GET", f"{ROOT}/other")).status_code != 200


@pytest.mark.parametrize(("resource", "path"), PLACES)
async def test_9728_2_a_the_metadata_names_the_api_as_it_was_told_and_its_issuer(
    app: App, protect: Protect, resource: str, path: str
) -> None:
    """RFC 9728 §2."""
    call = app(protect(resource=resource, name="Leads", scopes=(READ,)))
    for place in {ROOT, ROOT + path}:
        assert (await call("GET", place)).json() == {
            "resource": resource,
            "authorization_servers": [ISSUER],
            "scopes_supported": [READ],
            "bearer_methods_supported": ["header"],
            "resource_name": "Leads",
        }


async def test_9728_3_2_a_the_metadata_is_json_for_every_page_without_empty_members(
    app: App, protect: Protect
) -> None:
    """RFC 9728 §3.2."""
    answer = await app(protect())("GET", ROOT, Origin="https://anybody.example")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert set(answer.json()) == {"resource", "authorization_servers", "bearer_methods_supported"}


async def test_9728_5_1_a_the_challenge_points_to_the_metadata(
    app: App, protect: Protect, issuer: Issuer
) -> None:
    """RFC 9728 §5.1."""
    call = app(protect())
    issuer.active("good")
    for answer in (await call("GET", "/leads", "bad"), await call("POST", "/leads", "good")):
        assert challenge(answer)["resource_metadata"] == f"{API}/.well-known/oauth-protected-resource"


async def test_T57_only_pages_of_the_app_behind_the_token_read_answers(
    app: App, protect: Protect, issuer: Issuer
) -> None:
    call = app(protect())
    issuer.active("browser", origins=[PAGE])
    answer = await call("GET", "/leads", "browser", Origin=PAGE)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "WWW-Authenticate" in answer.headers["access-control-expose-headers"]
    assert "Origin" in answer.headers["vary"]
    assert "access-control-allow-credentials" not in answer.headers

    for origin in ("null", "https://app.example.com.evil", "http://app.example.com", f"{PAGE}:8443"):
        answer = await call("GET", "/leads", "browser", Origin=origin)
        assert answer.status_code == 403, origin
        assert "access-control-allow-origin" not in answer.headers
        assert "Origin" in answer.headers["vary"]


async def test_T57_an_app_that_is_no_browser_app_gets_an_answer_that_no_page_can_read(
    app: App, protect: Protect, issuer: Issuer
) -> None:
    answer = await app(protect())("GET", "/leads", issuer.active("desktop"), Origin=PAGE)
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
    listed = await app(protect(origins=(PAGE,)))("GET", "/leads", "desktop", Origin=PAGE)
    assert listed.headers["access-control-allow-origin"] == PAGE


async def test_an_api_whose_owner_lets_every_page_in_names_the_page_that_asks(
    app: App, protect: Protect, issuer: Issuer
) -> None:
    call = app(protect())
    answer = await call("GET", "/leads", issuer.active("any", origins=["*"]), Origin=PAGE)
    assert answer.headers["access-control-allow-origin"] == PAGE
    for origin in ("null", "*", "http://app.example.com"):
        assert (await call("GET", "/leads", "any", Origin=origin)).status_code == 403
    issuer.active("none", origins=[])
    assert (await call("GET", "/leads", "none", Origin=PAGE)).status_code == 403
    assert (await call("GET", "/leads", "none")).status_code == 200


async def test_T57_a_registered_page_can_read_why_it_is_refused(
    app: App, protect: Protect, issuer: Issuer
) -> None:
    call = app(protect())
    issuer.active("browser", origins=[PAGE])
    before = await call("GET", "/leads", "expired", Origin=PAGE)
    assert "access-control-allow-origin" not in before.headers
    missing = await call("POST", "/leads", "browser", Origin=PAGE)
    assert missing.status_code == 403
    assert missing.headers["access-control-allow-origin"] == PAGE

    expired = await call("GET", "/leads", "expired", Origin=PAGE)
    assert expired.status_code == 401
    assert expired.headers["access-control-allow-origin"] == PAGE
    stranger = await call("GET", "/leads", "expired", Origin="https://evil.example")
    assert "access-control-allow-origin" not in stranger.headers


async def test_T57_a_pre_flight_promises_headers_and_asks_nobody(
    app: App, protect: Protect, issuer: Issuer
) -> None:
    call = app(protect(allowed_headers=("x-crm-org",)))
    asks = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "authorization"}
    answer = await call("OPTIONS", "/leads", Origin=PAGE, **asks)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-headers"] == "authorization, content-type, x-crm-org"
    assert "POST" in answer.headers["access-control-allow-methods"]
    for origin in ("null", "http://app.example.com", f"{PAGE}/", "app.example.com"):
        refused = await call("OPTIONS", "/leads", Origin=origin, **asks)
        assert "access-control-allow-origin" not in refused.headers
    assert not issuer.asked


async def test_T102_a_header_may_repeat_the_organization_but_not_choose_one(
    app: App, protect: Protect, issuer: Issuer
) -> None:
    call = app(protect(organization_header="X-CRM-ORG"))
    issuer.active("good")
    assert (await call("GET", "/leads", "good", X_CRM_ORG="700000001")).status_code == 200
    other = await call("GET", "/leads", "good", X_CRM_ORG="700000002")
    assert other.status_code == 403
    forged = {"X_User": "1", "X_Organization": "700000002", "Grantline_Visit": "x", "Token": "x"}
    assert (await call("GET", "/leads", "good", **forged)).json()["organization"] == "700000001"


async def test_a_token_of_another_data_center_is_told_where_it_belongs(
    app: App, protect: Protect, issuer: Issuer
) -> None:
    issuer.tokens["european"] = {"active": False, "expected_issuer": "https://eu.accounts.example.com"}
    answer = await app(protect())("GET", "/leads", "european")
    assert answer.status_code == 401
    assert answer.json()["expected_issuer"] == "https://eu.accounts.example.com"
    assert challenge(answer)["expected_issuer"] == "https://eu.accounts.example.com"
    assert "of another data center" in answer.text
    for odd in ('https://x.example"', "javascript:1", 5, ISSUER):
        issuer.tokens["odd"] = {"active": False, "expected_issuer": odd}
        answer = await app(protect())("GET", "/leads", "odd")
        assert answer.status_code == 401
        assert "expected_issuer" not in {**answer.json(), **challenge(answer)}


@pytest.mark.parametrize(
    ("token", "place", "status", "code"),
    [
        (None, "/leads", 401, "AUTHENTICATION_FAILURE"),
        ("bad", "/leads", 401, "INVALID_TOKEN"),
        ("good", "/both", 403, "OAUTH_SCOPE_MISMATCH"),
        ("a b", "/leads", 400, "BAD_REQUEST"),
    ],
)
async def test_refusals_come_in_the_vendors_envelope_where_that_is_asked_for(
    app: App, protect: Protect, issuer: Issuer, token: str | None, place: str, status: int, code: str
) -> None:
    issuer.active("good")
    answer = await app(protect(vendor_bodies=True))("GET", place, token)
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"], body["status"]) == (status, code, "error")
    assert isinstance(body["details"], dict)
    assert body["message"].endswith(".")
    assert challenge(answer)


async def test_an_issuer_that_cannot_be_reached_is_a_503_and_never_a_401(
    app: App, protect: Protect, issuer: Issuer
) -> None:
    call = app(protect())
    for broken in (
        httpx2.ConnectError("refused"),
        httpx2.Response(500),
        httpx2.Response(401, json={"error": "invalid_client"}),
        httpx2.Response(200, content=b"<html>"),
        httpx2.Response(200, json={"active": "yes"}),
        httpx2.Response(200, json=[]),
        httpx2.Response(302, headers={"location": "https://evil.example"}),
        httpx2.Response(200, content=b'{"active": false, "pad": "' + b"x" * 70_000 + b'"}'),
    ):
        issuer.broken = broken
        answer = await call("GET", "/leads", "good")
        assert answer.status_code == 503, broken
        assert answer.headers["retry-after"] == "5"
        assert "www-authenticate" not in answer.headers
    issuer.broken = httpx2.Response(429, headers={"retry-after": "17"})
    assert (await call("GET", "/leads", "good")).headers["retry-after"] == "17"
    issuer.broken = None
    assert (await call("GET", "/leads", issuer.active("good"))).status_code == 200
    assert all(address.startswith(ISSUER) for address in issuer.addresses)


async def test_the_names_of_scopes_are_checked_where_they_are_written() -> None:
    from grantline.resource_server import flask, starlette

    for module in (flask, starlette):
        for names in ((), ("",), ("a b",), ('a"',), ("ä",)):
            with pytest.raises(ValueError, match="scope"):
                module.require(*names)
    assert CREATE
