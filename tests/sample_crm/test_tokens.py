"""Whose calls the sample CRM carries out, and how it refuses the others."""

import logging
import re
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from grantline.sample_crm import CrmConfig, build_app
from grantline.sample_crm.modules import MODULES
from grantline.sample_crm.routes import ENDPOINTS, Endpoint
from tests.sample_crm.authorization_server import (
    API,
    ISSUER,
    NOW,
    AuthorizationServer,
    alive,
    listening,
    person,
)
from tests.sample_crm.conftest import Crm

LEADS = "/crm/v8/Leads?fields=Last_Name"


def challenge(answer: httpx2.Response) -> dict[str, str]:
    """The parameters of the one `WWW-Authenticate` header, whose scheme must be Bearer."""
    (value,) = answer.headers.get_list("www-authenticate")
    assert value.startswith("Bearer ")
    parameters = re.findall(r'([a-z_]+)="([\x20\x21\x23-\x5b\x5d-\x7e]*)"', value)
    assert value == "Bearer " + ", ".join(f'{name}="{text}"' for name, text in parameters)
    assert len(dict(parameters)) == len(parameters) >= 1
    return dict(parameters)


def assert_refused(answer: httpx2.Response, status: int, code: str) -> None:
    members = answer.json()
    assert (answer.status_code, members["code"], members["status"]) == (status, code, "error"), answer.text
    assert isinstance(members["details"], dict)
    assert members["message"].endswith(".")


@pytest.mark.parametrize("word", ["Bearer", "bearer", "BEARER", "Zoho-oauthtoken", "zoho-oauthtoken"])
async def test_6750_2_1_a_the_header_may_say_bearer_or_the_vendors_word_in_any_case(
    crm: Crm, word: str
) -> None:
    """RFC 6750 §2.1."""
    answer = await crm.call("GET", LEADS, token=None, headers={"Authorization": f"{word} ada"})
    assert answer.status_code == 200
    needed = ["CRM.modules.leads.READ"]
    asked = {"token": ["ada"], "token_type_hint": ["access_token"], "needed_scope": needed}
    assert crm.server.asked[-1] == asked


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
async def test_T100_no_route_answers_without_a_token_or_without_its_scope(
    crm: Crm, endpoint: Endpoint
) -> None:
    """RFC 6750 §3.1."""
    path = endpoint.path.format(module="Leads", id="1")
    bare = await crm.call(endpoint.method, path, token=None)
    assert_refused(bare, 401, "AUTHENTICATION_FAILURE")
    assert "error" not in challenge(bare)
    assert not crm.server.asked

    needed = endpoint.scopes(MODULES[0] if "{module}" in endpoint.path else None)
    assert needed
    assert all(name.startswith("CRM.") for name in needed)
    for missing in needed:
        others = [name for name in all_scopes() if name != missing]
        crm.server.tokens["almost"] = person(scope=" ".join(others))
        answer = await crm.call(endpoint.method, path, token="almost", json={})
        assert_refused(answer, 403, "OAUTH_SCOPE_MISMATCH")
        assert challenge(answer)["error"] == "insufficient_scope"
        assert challenge(answer)["scope"].split() == list(needed)
    crm.server.tokens["enough"] = person(scope=" ".join(needed))
    answer = await crm.call(endpoint.method, path, token="enough", json={})
    assert answer.status_code not in (401, 403, 500)


def all_scopes() -> list[str]:
    """Every single right in the CRM, each by itself."""
    things = ["modules.leads", "modules.contacts", "modules.products", "modules.invoices"]
    things += ["settings.fields", "settings.modules", "users", "org", "bulk", "files"]
    return [f"CRM.{thing}.{right}" for thing in things for right in ("READ", "CREATE", "UPDATE", "DELETE")]


def test_T100_a_route_without_a_scope_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="names no scope"):
        Endpoint("GET", "/crm/v8/secrets", (), lambda tx, call: None)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(
    ("granted", "status"),
    [
        ("CRM.modules.ALL", 200),
        ("CRM.modules.READ", 200),
        ("crm.MODULES.Leads.read", 200),
        ("CRM.modules.ALL.READ", 200),
        ("CRM.modules.leads.WRITE", 403),
        ("CRM.modules.contacts.ALL", 403),
        ("CRM.modules.lead.READ", 403),
        ("CRM.modules.leadsarchive.READ", 403),
        ("CRM.settings.ALL", 403),
        ("CRM.ALL.ALL.ALL.ALL", 403),
        ("openid email profile", 403),
        ("", 403),
    ],
)
async def test_T100_a_scope_covers_whole_segments_only(crm: Crm, granted: str, status: int) -> None:
    crm.server.tokens["some"] = person(scope=granted)
    answer = await crm.call("GET", LEADS, token="some")
    assert answer.status_code == status


async def test_the_operation_decides_what_a_token_may_do(crm: Crm) -> None:
    (id,) = await crm.create("Leads", {"Last_Name": "Adler"})
    crm.server.tokens["write"] = person(scope="CRM.modules.leads.WRITE")
    crm.server.tokens["create"] = person(scope="CRM.modules.leads.CREATE")
    record = {"data": [{"Last_Name": "Berg"}]}
    assert (await crm.call("GET", LEADS, token="write")).status_code == 403
    assert (await crm.call("PUT", f"/crm/v8/Leads/{id}", token="write", json=record)).status_code == 200
    assert (await crm.call("POST", "/crm/v8/Leads", token="create", json=record)).status_code == 201
    assert (await crm.call("POST", "/crm/v8/Leads/upsert", token="create", json=record)).status_code == 403
    assert (await crm.call("DELETE", f"/crm/v8/Leads/{id}", token="create")).status_code == 403
    assert (await crm.call("DELETE", f"/crm/v8/Leads/{id}", token="write")).status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"active": False},
        {"aud": "http://other.test"},
        {"aud": ["http://other.test", API + "/"]},
        {"aud": None},
        {"aud": API.encode().hex()},
        {"exp": NOW},
        {"exp": None},
        {"iss": "https://eu.accounts.test"},
        {"token_type": "refresh_token"},
        {"token_type": "N_A"},
    ],
)
async def test_T99_T95_a_token_that_is_not_an_access_token_for_this_api_opens_nothing(
    crm: Crm, changed: dict[str, Any]
) -> None:
    """RFC 6750 §3.1; RFC 9700 §4.10.2."""
    crm.server.tokens["bad"] = person(**changed)
    answer = await crm.call("GET", LEADS, token="bad")
    assert_refused(answer, 401, "INVALID_TOKEN")
    assert challenge(answer)["error"] == "invalid_token"


async def test_an_audience_may_be_a_list(crm: Crm) -> None:
    crm.server.tokens["two"] = person(aud=["http://other.test", API])
    assert (await crm.call("GET", LEADS, token="two")).status_code == 200


@pytest.mark.parametrize("missing", ["issuer", "client_id", "client_secret", "identifier"])
def test_T99_an_api_without_an_audience_of_its_own_cannot_be_configured(
    config: CrmConfig, missing: str
) -> None:
    with pytest.raises(ValueError, match=missing):
        replace(config, **{missing: ""})


def test_the_secret_is_not_in_the_text_of_the_configuration(config: CrmConfig) -> None:
    assert config.client_secret not in repr(config)


async def test_revoking_a_token_holds_at_the_next_call(crm: Crm) -> None:
    assert (await crm.call("GET", LEADS)).status_code == 200
    del crm.server.tokens["ada"]
    assert_refused(await crm.call("GET", LEADS), 401, "INVALID_TOKEN")
    assert len(crm.server.asked) == 2


async def test_a_token_ends_at_its_time_even_if_the_server_says_active(crm: Crm) -> None:
    crm.clock.now = NOW + 3599
    assert (await crm.call("GET", LEADS)).status_code == 200
    crm.clock.now = NOW + 3600
    assert (await crm.call("GET", LEADS)).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", LEADS + "&access_token=ada", None),
        ("POST", "/crm/v8/Leads", b"access_token=ada"),
        ("POST", "/crm/v8/Leads", b'{"access_token": "ada"}'),
    ],
)
async def test_T101_6750_2_3_a_a_token_in_the_address_or_the_body_is_ignored(
    crm: Crm, method: str, path: str, body: bytes | None
) -> None:
    """RFC 6750 §2.3."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await crm.call(method, path, token=None, headers=headers, content=body)
    assert_refused(answer, 401, "AUTHENTICATION_FAILURE")
    assert not crm.server.asked
    if "access_token" in path:
        assert "address" in answer.json()["message"]


async def test_6750_2_2_a_a_form_in_the_body_never_carries_a_token(crm: Crm) -> None:
    """RFC 6750 §2.2."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await crm.call("POST", "/crm/v8/Leads", token=None, headers=headers, content=b"access_token=ada")
    assert answer.status_code == 401


async def test_T58_a_cookie_means_nothing(crm: Crm) -> None:
    """RFC 6750 §5.3."""
    headers = {"Cookie": "session=ada; access_token=ada; Authorization=Bearer ada"}
    assert_refused(await crm.call("GET", LEADS, token=None, headers=headers), 401, "AUTHENTICATION_FAILURE")


async def test_T101_two_authorization_headers_are_one_too_many(crm: Crm) -> None:
    """RFC 6750 §3.1."""
    twice = [("Authorization", "Bearer ada"), ("Authorization", "Bearer bob")]
    answer = await crm.http.request("GET", LEADS, headers=twice)
    assert_refused(answer, 400, "BAD_REQUEST")
    assert challenge(answer)["error"] == "invalid_request"


@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer ", "Bearer a b", "Bearer ä", 'Bearer "x"', "Bearer x, y"]
)
async def test_an_unreadable_authorization_header_is_never_a_server_error(crm: Crm, value: str) -> None:
    headers = [(b"Authorization", value.encode("latin-1"))]
    answer = await crm.http.request("GET", LEADS, headers=headers)
    assert answer.status_code in (400, 401)
    assert challenge(answer)
    assert not crm.server.asked


async def test_another_scheme_is_no_token(crm: Crm) -> None:
    answer = await crm.call("GET", LEADS, token=None, headers={"Authorization": "Basic YWRhOnB3"})
    assert answer.status_code in (400, 401)
    assert not crm.server.asked


async def test_a_token_of_any_length_is_refused_before_it_is_asked_about(crm: Crm) -> None:
    answer = await crm.call("GET", LEADS, token="a" * 5000)
    assert answer.status_code in (400, 401)
    assert not crm.server.asked


async def test_T102_headers_say_nothing_about_who_calls(crm: Crm) -> None:
    headers = {"X-User": "500000002", "X-Organization": "700000002", "X-Forwarded-User": "bob"}
    answer = await crm.call("GET", "/crm/v8/users?type=CurrentUser", headers=headers)
    assert answer.json()["users"][0]["zuid"] == "500000001"


@pytest.mark.parametrize(
    "broken",
    [
        (500, b"{}", {}),
        (401, b'{"error":"invalid_client"}', {}),
        (302, b"", {"location": ISSUER}),
        (200, b"<html>", {}),
        (200, b"[]", {}),
        (200, b'{"active":"true"}', {}),
        (200, b"[" * 100_000, {}),
        (200, b'{"active":true}', {}),
    ],
)
async def test_an_unusable_introspection_answer_is_503_and_never_401_or_a_pass(
    crm: Crm, broken: tuple[int, bytes, dict[str, str]]
) -> None:
    crm.server.broken_answer = broken
    answer = await crm.call("GET", LEADS)
    if broken[1] == b'{"active":true}':  # no audience: whoever it is for, it is not us
        assert_refused(answer, 401, "INVALID_TOKEN")
    else:
        assert_refused(answer, 503, "INTERNAL_SERVER_ERROR")
        assert int(answer.headers["retry-after"]) > 0


async def test_the_servers_own_retry_after_is_passed_on(crm: Crm) -> None:
    crm.server.broken_answer = (429, b"{}", {"retry-after": "17"})
    assert (await crm.call("GET", LEADS)).headers["retry-after"] == "17"
    crm.server.broken_answer = (503, b"{}", {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"})
    assert (await crm.call("GET", LEADS)).headers["retry-after"] == "5"


async def test_a_token_without_an_organization_opens_nothing(crm: Crm) -> None:
    crm.server.tokens["homeless"] = {**person(), "organization": None}
    assert (await crm.call("GET", LEADS, token="homeless")).status_code == 403


async def test_over_http_one_connection_serves_many_calls_and_a_dead_server_is_503(
    config: CrmConfig, server: AuthorizationServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with listening(server) as issuer:
        server.tokens["tok-en-of-ada"] = person(iss=issuer)
        app: Any = build_app(replace(config, issuer=issuer), clock=lambda: NOW)
        async with (
            alive(app),
            httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=API) as http,
        ):
            headers = {"Authorization": "Bearer tok-en-of-ada"}
            for _ in range(5):
                assert (await http.get(LEADS, headers=headers)).status_code == 200
            assert len(server.peers) == 1
            dead = build_app(replace(config, issuer="http://127.0.0.1:1"), clock=lambda: NOW)
            transport = httpx2.ASGITransport(app=dead)
            async with alive(dead), httpx2.AsyncClient(transport=transport, base_url=API) as unlucky:
                answer = await unlucky.get(LEADS, headers=headers)
                assert_refused(answer, 503, "INTERNAL_SERVER_ERROR")
                assert "retry-after" in answer.headers
    assert "tok-en-of-ada" not in caplog.text
    assert config.client_secret not in caplog.text


async def every_refusal(crm: Crm) -> dict[str, httpx2.Response]:
    """One answer of each kind that refuses for lack of a usable token."""
    crm.server.tokens["narrow"] = person(scope="CRM.org.READ")
    return {
        "none": await crm.call("GET", LEADS, token=None),
        "other scheme": await crm.call("GET", LEADS, token=None, headers={"Authorization": "Basic YTpi"}),
        "malformed": await crm.call("GET", LEADS, token="a b"),
        "unknown": await crm.call("GET", LEADS, token="unknown"),
        "narrow": await crm.call("GET", LEADS, token="narrow"),
    }


async def test_6750_3_a_every_refusal_for_lack_of_a_token_carries_a_challenge(crm: Crm) -> None:
    """RFC 6750 §3."""
    for answer in (await every_refusal(crm)).values():
        assert challenge(answer)["realm"] == "sample CRM"


async def test_6750_3_b_a_challenge_holds_each_attribute_once_and_in_ascii(crm: Crm) -> None:
    """RFC 6750 §3."""
    for answer in (await every_refusal(crm)).values():
        assert answer.headers["www-authenticate"].isascii()
        assert set(challenge(answer)) <= {"realm", "scope", "error", "error_description", "resource_metadata"}


async def test_6750_3_c_a_bad_token_is_told_why(crm: Crm) -> None:
    """RFC 6750 §3."""
    assert challenge((await every_refusal(crm))["unknown"])["error"] == "invalid_token"


async def test_6750_3_1_a_each_error_has_its_status_and_the_scope_that_is_needed_is_named(crm: Crm) -> None:
    """RFC 6750 §3.1."""
    answers = await every_refusal(crm)
    told = {name: (answer.status_code, challenge(answer).get("error")) for name, answer in answers.items()}
    assert told["malformed"] == (400, "invalid_request")
    assert told["unknown"] == (401, "invalid_token")
    assert told["narrow"] == (403, "insufficient_scope")
    assert challenge(answers["narrow"])["scope"] == "CRM.modules.leads.READ"


async def test_6750_3_1_b_a_call_without_a_token_gets_no_error_code(crm: Crm) -> None:
    """RFC 6750 §3.1."""
    answers = await every_refusal(crm)
    for name in ("none", "other scheme"):
        assert answers[name].status_code == 401
        assert "error" not in challenge(answers[name])
