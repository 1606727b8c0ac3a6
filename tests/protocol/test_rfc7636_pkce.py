"""PKCE, with S256 as the only method (RFC 7636)."""

import base64
import hashlib
import secrets

import pytest

from grantline.oauth.pkce import s256
from tests.protocol.wire import code_of, refusal
from tests.site import CHALLENGE, VERIFIER, App, Site, answer_of

PUBLIC = ["client-based", "mobile"]


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


async def started(site: Site, app: App, challenge: str = CHALLENGE) -> str:
    return await site.code(app, code_challenge=challenge, code_challenge_method="S256")


async def test_7636_4_1_a_a_verifier_of_the_right_form_passes(site: Site) -> None:
    """43 to 128 unreserved characters (RFC 7636 §4.1)."""
    app = await site.app("mobile")
    for verifier in ("a" * 43, "a" * 128, "-._~" + "A0" * 20):
        code = await started(site, app, challenge_of(verifier))
        assert (await site.exchange(app, code, code_verifier=verifier)).status_code == 200


async def test_7636_4_1_a_the_server_enforces_the_grammar_of_the_verifier(site: Site) -> None:
    """A short or odd verifier is refused even where its hash is right (RFC 7636 §4.1)."""
    app = await site.app("mobile")
    for verifier in ("a" * 42, "a" * 129, "a" * 42 + "=", "a" * 42 + " ", "a" * 42 + "+"):
        code = await started(site, app, challenge_of(verifier))
        refused = await site.exchange(app, code, code_verifier=verifier)
        assert (refusal(refused), code_of(refused)) == ((400, "invalid_grant"), "code_verifier_malformed")


async def test_7636_4_2_b_the_example_of_the_specification_works(site: Site) -> None:
    """The vector of appendix B, end to end (RFC 7636 §4.2)."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert s256(verifier) == challenge
    for type_name in ("client-based", "mobile", "server-based"):
        app = await site.app(type_name)
        code = await started(site, app, challenge)
        assert (await site.exchange(app, code, code_verifier=verifier)).status_code == 200
    members = (await site.call("GET", "/.well-known/oauth-authorization-server")).json()
    assert members["code_challenge_methods_supported"] == ["S256"]


@pytest.mark.parametrize("type_name", ["server-based", *PUBLIC])
async def test_7636_4_3_a_a_challenge_without_a_method_is_refused(site: Site, type_name: str) -> None:
    """It would mean `plain`, which is not there, and is never taken for S256 (RFC 7636 §4.3)."""
    app = await site.app(type_name)
    for challenge in (CHALLENGE, VERIFIER):
        for method in (None, "plain"):
            asked = {"code_challenge": challenge, "code_challenge_method": method}
            answer = answer_of(await site.authorize(app, **asked))
            assert (answer["error"], answer["state"]) == ("invalid_request", "st-123")
            assert "S256" in answer["error_description"]
        assert await started(site, app)


async def test_7636_4_4_a_a_code_is_tied_to_its_own_challenge(site: Site) -> None:
    """The verifier of another flow does not open it (RFC 7636 §4.4)."""
    app = await site.app("mobile")
    other = secrets.token_urlsafe(32)
    mine, theirs = await started(site, app), await started(site, app, challenge_of(other))
    for code, wrong in ((mine, other), (theirs, VERIFIER)):
        refused = await site.exchange(app, code, code_verifier=wrong)
        assert (refusal(refused), code_of(refused)) == ((400, "invalid_grant"), "code_verifier_wrong")
    assert (await site.exchange(app, mine)).status_code == 200
    assert (await site.exchange(app, theirs, code_verifier=other)).status_code == 200


async def test_7636_4_4_b_the_challenge_can_be_read_from_nothing_that_we_send(site: Site) -> None:
    """A code is random: nothing of the challenge is in it, nor in any other answer (RFC 7636 §4.4)."""
    app = await site.app("mobile")
    page = await site.authorize(app)
    code = answer_of(page)["code"]
    assert CHALLENGE not in page.headers["location"]
    assert len({code, await started(site, app), await started(site, app)}) == 3
    refused = await site.exchange(app, code, code_verifier="b" * 43)
    tokens = await site.exchange(app, code)
    for response in (page, refused, tokens):
        text = response.text + str(response.headers)
        assert CHALLENGE not in text
        assert VERIFIER not in text
    assert tokens.status_code == 200


@pytest.mark.parametrize("type_name", PUBLIC)
async def test_7636_4_4_1_a_a_public_client_must_send_a_challenge(site: Site, type_name: str) -> None:
    """Without one, or with an unknown method, the request goes back at once (RFC 7636 §4.4.1)."""
    app = await site.app(type_name)
    none = {"code_challenge": None, "code_challenge_method": None}
    answer = answer_of(await site.authorize(app, **none))
    assert (answer["error"], answer["state"]) == ("invalid_request", "st-123")
    for method in ("S512", "s256", "S256 ", "RS256", "none"):
        answer = answer_of(await site.authorize(app, code_challenge_method=method))
        assert answer["error"] == "invalid_request"
    for challenge in ("short", CHALLENGE + "=", CHALLENGE + "a", CHALLENGE[:-1] + "+"):
        answer = answer_of(await site.authorize(app, code_challenge=challenge))
        assert answer["error"] == "invalid_request"
    taken_out = answer_of(await site.authorize(app, code_challenge=None, code_challenge_method="S256"))
    assert taken_out["error"] == "invalid_request"
    assert "code" in answer_of(await site.authorize(app))


async def test_7636_4_4_1_a_a_confidential_client_may_go_without(site: Site) -> None:
    """For it PKCE is enforced when it is used (RFC 7636 §4.4.1)."""
    app = await site.app("server-based")
    assert (await site.exchange(app, await site.code(app))).status_code == 200
    answer = answer_of(await site.authorize(app, code_challenge=CHALLENGE, code_challenge_method="S512"))
    assert answer["error"] == "invalid_request"


@pytest.mark.parametrize("type_name", ["server-based", *PUBLIC])
async def test_7636_4_6_a_a_wrong_verifier_is_an_invalid_grant(site: Site, type_name: str) -> None:
    """The right one proceeds (RFC 7636 §4.6)."""
    app = await site.app(type_name)
    code = await started(site, app)
    for wrong in (VERIFIER[:-1] + "l", VERIFIER.lower(), CHALLENGE):
        refused = await site.exchange(app, code, code_verifier=wrong)
        assert (refusal(refused), code_of(refused)) == ((400, "invalid_grant"), "code_verifier_wrong")
    assert (await site.exchange(app, code, code_verifier=VERIFIER)).status_code == 200


async def test_7636_4_6_a_a_verifier_cannot_be_guessed_at_length(site: Site) -> None:
    """The fifth wrong one burns the code (RFC 7636 §4.6)."""
    app = await site.app("mobile")
    code = await started(site, app)
    for _ in range(5):
        assert refusal(await site.exchange(app, code, code_verifier="x" * 43)) == (400, "invalid_grant")
    assert code_of(await site.exchange(app, code)) == "code_burned"


@pytest.mark.parametrize("type_name", ["server-based", *PUBLIC])
async def test_7636_4_5_a_a_challenge_makes_the_verifier_necessary(site: Site, type_name: str) -> None:
    """Left out is refused, and so is a verifier that no challenge asked for (RFC 7636 §4.5)."""
    app = await site.app(type_name)
    code = await started(site, app)
    for absent in (None, ""):
        refused = await site.exchange(app, code, code_verifier=absent)
        assert (refusal(refused), code_of(refused)) == ((400, "invalid_grant"), "code_verifier_missing")
    assert (await site.exchange(app, code, code_verifier=VERIFIER)).status_code == 200
    if type_name == "server-based":
        refused = await site.exchange(app, await site.code(app), code_verifier=VERIFIER)
        assert (refusal(refused), code_of(refused)) == ((400, "invalid_grant"), "code_verifier_unexpected")
