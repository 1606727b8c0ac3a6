"""Each response type gives exactly its parts, in its own place (OAuth 2.0 Multiple Response Types)."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.site import SCOPE, Site, answer_of

ALWAYS = {"state", "iss", "location", "accounts-server"}
TOKEN = {"access_token", "token_type", "expires_in", "scope", "api_domain"}
ERROR = {"error", "error_description", "error_uri", "state", "iss"}


@pytest.mark.parametrize(
    ("changes", "parts", "place"),
    [
        ({"response_type": "code", "scope": SCOPE}, {"code"}, "query"),
        ({"response_type": "code", "scope": "openid", "nonce": "n"}, {"code"}, "query"),
        ({"response_type": "token", "scope": SCOPE}, TOKEN, "fragment"),
        ({"response_type": "token", "scope": "email"}, {*TOKEN, "id_token"}, "fragment"),
        ({"response_type": "token", "scope": "profile"}, {*TOKEN, "id_token"}, "fragment"),
        ({"response_type": "token", "scope": "openid", "nonce": "n"}, {*TOKEN, "id_token"}, "fragment"),
        (
            {"response_type": "id_token token", "scope": "openid", "nonce": "n"},
            {*TOKEN, "id_token"},
            "fragment",
        ),
        (
            {"response_type": "token id_token", "scope": "openid", "nonce": "n"},
            {*TOKEN, "id_token"},
            "fragment",
        ),
    ],
)
async def test_mrt_5_a_each_combination_gives_its_parts(
    site: Site, changes: dict[str, Any], parts: set[str], place: str
) -> None:
    """OAuth 2.0 Multiple Response Types §5: with state; R59 adds an id_token to `token`."""
    app = await site.app("client-based")
    page = await site.authorize(app, **changes)
    location = urlsplit(page.headers["location"])
    assert bool(location.query) is (place == "query")
    assert bool(location.fragment) is (place == "fragment")
    answer = answer_of(page)
    assert set(answer) == ALWAYS | parts
    assert answer["state"] == "st-123"
    without = answer_of(await site.authorize(app, **{**changes, "state": None}))
    assert set(without) == (ALWAYS | parts) - {"state"}


@pytest.mark.parametrize(
    ("response_type", "mode", "place"),
    [
        ("code", "fragment", "query"),
        ("code", "form_post", "query"),
        ("code", "web_message", "query"),
        ("code", "QUERY", "query"),
        ("code", "nonsense", "query"),
        ("token", "query", "fragment"),
        ("token", "form_post", "fragment"),
        ("id_token token", "query", "fragment"),
    ],
)
async def test_mrt_2_1_a_a_mode_that_is_not_the_types_own_is_refused(
    site: Site, response_type: str, mode: str, place: str
) -> None:
    """OAuth 2.0 Multiple Response Types §2.1: told where the type's answers go, not the mode's."""
    app, browser = await site.app("client-based"), await site.signed_in()
    fields: dict[str, Any] = {"response_type": response_type, "scope": "openid", "nonce": "n"}
    page = await site.authorize(app, browser=browser, response_mode=mode, **fields)
    assert f"{'?' if place == 'query' else '#'}error=invalid_request" in page.headers["location"]
    assert set(answer_of(page)) == ERROR
    assert "error" not in answer_of(await site.authorize(app, browser=browser, response_mode=place, **fields))


async def test_mrt_3_a_an_id_token_is_never_in_the_query(site: Site) -> None:
    """OAuth 2.0 Multiple Response Types §3: not even when asked for, and not the error either."""
    app, browser = await site.app("client-based"), await site.signed_in()
    fields: dict[str, Any] = {"response_type": "id_token token", "scope": "openid", "nonce": "n"}
    page = await site.authorize(app, browser=browser, response_mode="query", **fields)
    assert urlsplit(page.headers["location"]).query == ""
    assert answer_of(page)["error"] == "invalid_request"
    page = await site.authorize(app, browser=browser, **fields)
    assert urlsplit(page.headers["location"]).query == ""
    assert "id_token=" in urlsplit(page.headers["location"]).fragment


@pytest.mark.parametrize("response_type", ["none", "none code", "code none", "token none"])
async def test_mrt_4_a_none_is_not_supported_alone_or_with_others(site: Site, response_type: str) -> None:
    """OAuth 2.0 Multiple Response Types §4."""
    app, browser = await site.app("client-based"), await site.signed_in()
    answer = answer_of(await site.authorize(app, browser=browser, response_type=response_type))
    assert set(answer) == ERROR
    assert answer["error"] == "unsupported_response_type"
    assert "code" in answer_of(await site.authorize(app, browser=browser))


async def test_form_post_is_refused_and_not_announced(site: Site) -> None:
    """OAuth 2.0 Form Post Response Mode §2: no page of ours posts anything to an app."""
    app, browser = await site.app("server-based"), await site.signed_in()
    page = await site.authorize(app, browser=browser, response_mode="form_post")
    assert (page.status_code, answer_of(page)["error"]) == (303, "invalid_request")
    document = (await site.call("GET", "/.well-known/openid-configuration")).json()
    assert "form_post" not in document["response_modes_supported"]
