"""Every authorization answer says who gave it (RFC 9207)."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from tests.conftest import SiteFactory
from tests.protocol.relying_party import verified
from tests.site import ISSUER, Site, answer_of


@pytest.mark.parametrize(
    ("type_name", "changes", "error"),
    [
        ("server-based", {}, None),
        ("server-based", {"decision": "deny"}, "access_denied"),
        ("server-based", {"scope": "nonsense"}, "invalid_scope"),
        ("server-based", {"prompt": "none"}, "consent_required"),
        ("server-based", {"response_mode": "form_post"}, "invalid_request"),
        ("server-based", {"request": "e30.e30."}, "request_not_supported"),
        ("server-based", {"response_type": None}, "invalid_request"),
        ("client-based", {"response_type": "token"}, None),
        ("client-based", {"response_type": "id_token token", "scope": "openid", "nonce": "n"}, None),
        ("client-based", {"response_type": "token", "decision": "deny"}, "access_denied"),
        ("client-based", {"response_type": "token", "scope": "nonsense"}, "invalid_scope"),
        ("client-based", {"response_type": "id_token", "scope": "openid"}, "unsupported_response_type"),
    ],
)
async def test_9207_2_a_every_answer_names_the_issuer(
    site: Site, type_name: str, changes: dict[str, Any], error: str | None
) -> None:
    """RFC 9207 §2: success and error, query and fragment, once each."""
    app = await site.app(type_name)
    browser = await site.signed_in()
    decision = changes.pop("decision", "allow") if "decision" in changes else "allow"
    page = await browser.get("/oauth/v2/auth", params=site.request(app, **changes))
    if page.status_code == 200:
        page = await browser.submit(page, {"decision": decision}, path="/oauth/v2/auth/decision")
    answer = answer_of(page)
    assert answer.get("error") == error
    assert answer["iss"] == ISSUER
    parts = urlsplit(page.headers["location"])
    names = [name for name, _ in parse_qsl(parts.fragment or parts.query)]
    assert names.count("iss") == 1
    assert not (parts.fragment and parts.query)


async def test_9207_2_b_the_value_is_the_issuer_of_the_metadata(open_a_site: SiteFactory) -> None:
    """RFC 9207 §2: an https address without query and fragment, the same to the letter."""
    issuer = "https://accounts.example"
    async with (
        open_a_site(public_url=issuer) as site,
        httpx2.AsyncClient(transport=site.transport, base_url=issuer) as http,
    ):
        app = await site.app("server-based")
        page = await http.get("/oauth/v2/auth", params=site.request(app, prompt="none"))
        document = (await http.get("/.well-known/oauth-authorization-server")).json()
    answer = answer_of(page)
    assert answer["error"] == "login_required"
    assert answer["iss"] == document["issuer"] == issuer


async def test_9207_2_3_a_the_metadata_announce_it(site: Site) -> None:
    """RFC 9207 §2.3."""
    document = (await site.call("GET", "/.well-known/oauth-authorization-server")).json()
    assert document["authorization_response_iss_parameter_supported"] is True
    answer = answer_of(await site.authorize(await site.app("server-based")))
    assert answer["iss"] == document["issuer"]


async def test_9207_2_4_d_parameter_and_id_token_name_the_same_issuer(site: Site) -> None:
    """RFC 9207 §2.4."""
    app = await site.app("client-based")
    answer = answer_of(await site.authorize(app, response_type="id_token token", scope="openid", nonce="n"))
    assert (await verified(site, app, answer["id_token"]))["iss"] == answer["iss"]
