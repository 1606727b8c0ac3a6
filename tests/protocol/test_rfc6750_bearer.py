"""Bearer tokens at the userinfo endpoint and at an API behind Grantline, the sample CRM (RFC 6750)."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import SiteFactory
from tests.protocol.wire import LEADS, bearer, challenge, code_of, open_crm
from tests.site import API, ISSUER, SCOPE, Site

USERINFO = "/oauth/v2/userinfo"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def openid_token(site: Site, scope: str = f"openid {SCOPE}") -> str:
    return str((await site.tokens(await site.app("server-based"), scope=scope))["access_token"])


async def test_6750_2_a_a_token_travels_in_one_place(site: Site) -> None:
    """Header and body, or header and query: refused, though both are right (RFC 6750 §2)."""
    token = await openid_token(site)
    in_body = await site.post(USERINFO, {"access_token": token}, headers=bearer(token))
    in_query = await site.call("GET", USERINFO, params={"access_token": token}, headers=bearer(token))
    for refused in (in_body, in_query):
        assert refused.status_code == 400
        assert challenge(refused)[1]["error"] == "invalid_request"
    for method in ("GET", "POST"):
        assert (await site.call(method, USERINFO, headers=bearer(token))).status_code == 200


async def test_6750_2_1_a_the_header_is_accepted_whatever_the_case_of_its_scheme(
    site: Site, tmp_path: Path
) -> None:
    """`Bearer`, in any case, and the word of the vendor's SDKs (RFC 6750 §2.1)."""
    async with open_crm(site, tmp_path) as crm:
        token = await openid_token(site)
        for word in ("Bearer", "bearer", "BEARER", "Zoho-oauthtoken", "zoho-OAUTHtoken"):
            header = {"Authorization": f"{word} {token}"}
            assert (await site.call("GET", USERINFO, headers=header)).status_code == 200
            assert (await crm.get(LEADS, headers=header)).status_code in (200, 204)
        for wrong in ("Basic", "Token", "DPoP", "Bearerx"):
            header = {"Authorization": f"{wrong} {token}"}
            assert (await site.call("GET", USERINFO, headers=header)).status_code in (400, 401)
            assert (await crm.get(LEADS, headers=header)).status_code == 401


async def test_6750_2_2_a_a_token_in_a_body_is_not_taken(site: Site, tmp_path: Path) -> None:
    """Neither in a form nor in JSON nor in several parts, at userinfo or the API (RFC 6750 §2.2)."""
    async with open_crm(site, tmp_path) as crm:
        token = await openid_token(site)
        field = {"access_token": token}
        answers = [
            await site.post(USERINFO, field),
            await site.call("POST", USERINFO, json=field),
            await site.call("POST", USERINFO, files={"access_token": (None, token)}),
            await site.call("GET", USERINFO, content=f"access_token={token}", headers=FORM),
            await crm.post("/crm/v8/Leads", data=field),
            await crm.post("/crm/v8/Leads", json=field),
            await crm.request("GET", LEADS, content=f"access_token={token}", headers=FORM),
        ]
        assert [answer.status_code for answer in answers] == [401] * len(answers)
        assert (await crm.get(LEADS, headers=bearer(token))).status_code in (200, 204)


async def test_6750_2_3_a_a_token_in_the_address_is_not_taken(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Refused, and not written to the log (RFC 6750 §2.3)."""
    async with open_crm(site, tmp_path) as crm:
        token = await openid_token(site)
        for refused in (
            await site.call("GET", USERINFO, params={"access_token": token}),
            await site.call("GET", "/oauth/user/info", params={"access_token": token}),
            await crm.get(f"{LEADS}&access_token={token}"),
        ):
            assert refused.status_code == 401
            assert challenge(refused)[0] == "Bearer"
            assert token not in refused.text
        assert (await crm.get(LEADS, headers=bearer(token))).status_code in (200, 204)
    logged = capsys.readouterr()
    assert token not in logged.out + logged.err


async def refused_calls(site: Site, crm: httpx2.AsyncClient) -> dict[str, httpx2.Response]:
    """Refusals of every class, from both servers."""
    poor = str((await site.tokens(await site.app("server-based"), scope="CRM.users.READ"))["access_token"])
    odd = {"Authorization": "Bearer"}
    unreadable = {"Authorization": 'Bearer a"b c'}
    return {
        "userinfo, nothing": await site.call("GET", USERINFO),
        "userinfo, bad token": await site.call("GET", USERINFO, headers=bearer("nonsense")),
        "userinfo, poor token": await site.call("GET", USERINFO, headers=bearer(poor)),
        "userinfo, no token": await site.call("GET", USERINFO, headers=odd),
        "userinfo, unreadable": await site.call("GET", USERINFO, headers=unreadable),
        "user/info, nothing": await site.call("GET", "/oauth/user/info"),
        "user/info, bad token": await site.call("GET", "/oauth/user/info", headers=bearer("nonsense")),
        "user/info, poor token": await site.call("GET", "/oauth/user/info", headers=bearer(poor)),
        "CRM, nothing": await crm.get(LEADS),
        "CRM, bad token": await crm.get(LEADS, headers=bearer("nonsense")),
        "CRM, poor token": await crm.get(LEADS, headers=bearer(poor)),
        "CRM, unreadable": await crm.get(LEADS, headers=unreadable),
    }


async def test_6750_3_a_every_refusal_has_a_bearer_challenge(site: Site, tmp_path: Path) -> None:
    """Scheme Bearer and at least one parameter; a success has none (RFC 6750 §3)."""
    async with open_crm(site, tmp_path) as crm:
        for name, refused in (await refused_calls(site, crm)).items():
            scheme, attributes = challenge(refused)
            assert (scheme, bool(attributes)) == ("Bearer", True), name
            assert refused.status_code in (400, 401, 403), name
        fine = await crm.get(LEADS, headers=bearer(await openid_token(site)))
        assert "www-authenticate" not in fine.headers


async def test_6750_3_b_no_attribute_stands_twice_or_leaves_its_characters(
    site: Site, tmp_path: Path
) -> None:
    """Held against the grammar by `challenge`, whatever was sent (RFC 6750 §3)."""
    known = {"realm", "scope", "error", "error_description", "error_uri", "resource_metadata"}
    sent = [
        'Bearer "',
        "Bearer \\",
        'Bearer x", error="mine',
        "Bearer a, b",
        "Bearer \xe9",
        "Bearer " + "a" * 9000,
    ]
    async with open_crm(site, tmp_path) as crm:
        answers = list((await refused_calls(site, crm)).values())
        for text in sent:
            header = [(b"authorization", b"Bearer " + text.encode("latin-1"))]
            answers.append(await site.call("GET", USERINFO, headers=header))
            answers.append(await crm.get(LEADS, headers=header))
        for refused in answers:
            _, attributes = challenge(refused)
            assert set(attributes) <= known
            assert attributes.get("error") != "mine"


async def test_6750_3_c_a_token_that_came_and_is_bad_is_told_why(site: Site, tmp_path: Path) -> None:
    """`error` names the reason (RFC 6750 §3)."""
    expected = {"bad token": "invalid_token", "poor token": "insufficient_scope"}
    async with open_crm(site, tmp_path) as crm:
        for name, refused in (await refused_calls(site, crm)).items():
            error = expected.get(name.partition(", ")[2])
            if error is not None:
                assert challenge(refused)[1]["error"] == error, name


async def test_6750_3_1_a_each_error_has_its_status(site: Site, tmp_path: Path) -> None:
    """400 for the request, 401 for the token, 403 for the scope, which is named (RFC 6750 §3.1)."""
    async with open_crm(site, tmp_path) as crm:
        calls = await refused_calls(site, crm)
    statuses = {"unreadable": 400, "bad token": 401, "poor token": 403, "no token": 400}
    for name, refused in calls.items():
        why = name.partition(", ")[2]
        if why in statuses:
            assert refused.status_code == statuses[why], name
    assert challenge(calls["userinfo, poor token"])[1]["scope"] == "openid"
    assert challenge(calls["user/info, poor token"])[1]["scope"] == "AaaServer.profile.READ"
    assert challenge(calls["CRM, poor token"])[1]["scope"] == SCOPE


async def test_6750_3_1_b_without_a_token_the_challenge_has_no_error(site: Site, tmp_path: Path) -> None:
    """There was nothing to be wrong (RFC 6750 §3.1)."""
    async with open_crm(site, tmp_path) as crm:
        for name, refused in (await refused_calls(site, crm)).items():
            if name.endswith("nothing"):
                assert refused.status_code == 401
                # An API tells where its metadata is, too, and what the call would need.
                helpful = {"scope", "resource_metadata"} if name.startswith("CRM") else set()
                assert set(challenge(refused)[1]) == {"realm"} | helpful, name
            else:
                assert "error" in challenge(refused)[1], name


async def test_6750_5_2_a_a_token_lives_an_hour_and_holds_what_was_put_into_it(
    site: Site, open_a_site: SiteFactory
) -> None:
    """Limited and tamper-proof, for every kind (RFC 6750 §5.2)."""
    for type_name in ("server-based", "client-based", "self-client", "mobile"):
        tokens = await site.tokens(await site.app(type_name))
        assert tokens["expires_in"] == 3600
        token = tokens["access_token"]
        swapped = token[:30] + token[31] + token[30] + token[32:]
        assert await site.works(swapped) is (swapped == token)
        assert await site.works(token)
    site.clock.advance(3600)
    assert not await site.works(token)
    with pytest.raises(ValueError, match="less than or equal to 3600"):
        async with open_a_site(access_token_seconds=3601):
            pass
    async with open_a_site(access_token_seconds=300) as short:
        tokens = await short.tokens(await short.app("self-client"))
        assert tokens["expires_in"] == 300
        short.clock.advance(300)
        assert not await short.works(tokens["access_token"])


async def test_6750_5_3_c_a_token_is_short_lived_and_meant_for_its_api(site: Site, tmp_path: Path) -> None:
    """An hour, and meant for the API asked for, those of the scopes, or the issuer (RFC 6750 §5.3)."""
    async with open_crm(site, tmp_path) as crm:
        await site.api("http://127.0.0.1:8799", "Books")
        app = await site.app("server-based")

        async def audience(**asked: Any) -> tuple[object, str]:
            tokens = await site.tokens(app, **asked)
            return (await site.introspect(app, tokens["access_token"]))["aud"], tokens["access_token"]

        assert (await audience(resource=API))[0] == API
        assert (await audience())[0] == API
        assert (await audience(scope="openid"))[0] == ISSUER
        both = await audience(scope=f"{SCOPE} Books.READ")
        assert both[0] == [API, "http://127.0.0.1:8799"]
        elsewhere, token = await audience(scope=f"{SCOPE} Books.READ", resource="http://127.0.0.1:8799")
        assert elsewhere == "http://127.0.0.1:8799"
        refused = await crm.get(LEADS, headers=bearer(token))
        assert (refused.status_code, challenge(refused)[1]["error"]) == (401, "invalid_token")
        assert (await crm.get(LEADS, headers=bearer(both[1]))).status_code in (200, 204)


async def test_a_browser_app_can_read_that_its_token_has_expired(site: Site) -> None:
    """A refusal for a token of ours names the origin of its app, and no other (R60, RFC 6750 §3)."""
    app = await site.app("client-based")
    token = (await site.tokens(app, scope="openid"))["access_token"]
    own, foreign = {"Origin": "https://spa.example"}, {"Origin": "https://evil.example"}
    site.clock.advance(3600)
    refused = await site.call("GET", USERINFO, headers={**bearer(token), **own})
    assert (refused.status_code, code_of(refused)) == (401, "token_invalid")
    assert refused.headers["access-control-allow-origin"] == "https://spa.example"
    for headers in ({**bearer(token), **foreign}, {**bearer("nonsense"), **own}):
        refused = await site.call("GET", USERINFO, headers=headers)
        assert refused.status_code == 401
        assert "access-control-allow-origin" not in refused.headers
