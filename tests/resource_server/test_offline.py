"""Verifying JWT access tokens with the issuer's keys: what passes, what is refused, and how keys are had."""

import hmac
import json
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from grantline.oauth.jwk import public_jwk
from grantline.oauth.jwt import sign
from grantline.resource_server import Offline
from grantline.resource_server.asking import Asker
from tests.resource_server.apps import Caller, plain_asgi
from tests.resource_server.conftest import Protect
from tests.resource_server.issuer import API, ISSUER, NOW, READ, Clock, Issuer, claims
from tests.resource_server.test_adapters import App, challenge


@pytest.fixture
def call(protect: Protect, issuer: Issuer) -> Caller:
    issuer.new_key()
    return plain_asgi(protect(Offline()))


def encode(part: Any) -> str:
    data = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(data).rstrip(b"=").decode()


async def test_9068_4_b_a_token_that_holds_opens_every_adapter(
    app: App, protect: Protect, issuer: Issuer
) -> None:
    """RFC 9068 §4."""
    call = app(protect(Offline()))
    answer = await call("GET", "/leads", issuer.sign())
    assert answer.status_code == 200, answer.text
    assert answer.json()["organization"] == "700000001"
    assert (await call("POST", "/leads", issuer.sign())).status_code == 403
    assert not issuer.asked


BAD: dict[str, dict[str, Any]] = {
    "wrong audience": {"aud": "https://other.example.com"},
    "no audience": {"aud": None},
    "an audience that only begins like ours": {"aud": f"{API}.evil.example"},
    "wrong issuer": {"iss": "https://evil.example.com"},
    "an issuer with a slash": {"iss": f"{ISSUER}/"},
    "a list of issuers": {"iss": [ISSUER]},
    "expired": {"exp": NOW - 61},
    "no end": {"exp": None},
    "an end that is no number": {"exp": True},
    "not valid yet": {"nbf": NOW + 61},
    "issued in the future": {"iat": NOW + 61},
    "no client": {"client_id": None},
    "no subject": {"sub": None},
}


@pytest.mark.parametrize("case", BAD)
async def test_9068_4_c_a_token_whose_claims_do_not_hold_is_invalid(
    call: Caller, issuer: Issuer, case: str
) -> None:
    """RFC 9068 §4."""
    answer = await call("GET", "/leads", issuer.sign(**BAD[case]))
    assert answer.status_code == 401
    assert challenge(answer)["error"] == "invalid_token"


@pytest.mark.parametrize("good", [{"exp": NOW - 59}, {"nbf": NOW + 59}, {"aud": [API, "https://b.example"]}])
async def test_clocks_may_differ_by_a_minute_and_audiences_may_be_several(
    call: Caller, issuer: Issuer, good: dict[str, Any]
) -> None:
    assert (await call("GET", "/leads", issuer.sign(**good))).status_code == 200


@pytest.mark.parametrize("typ", ["JWT", "jwt", "", "at+jwt2", "logout+jwt"])
async def test_9068_4_a_T95_an_id_token_and_other_kinds_open_nothing(
    call: Caller, issuer: Issuer, typ: str
) -> None:
    """RFC 9068 §4."""
    assert (await call("GET", "/leads", issuer.sign(typ=typ))).status_code == 401
    assert (await call("GET", "/leads", issuer.sign(typ="application/at+jwt"))).status_code == 200


async def test_T90_another_algorithm_than_the_apis_opens_nothing(call: Caller, issuer: Issuer) -> None:
    (kid,) = issuer.keys
    public = issuer.keys[kid].public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    body = {**claims(), "jti": "1"}
    assert (await call("GET", "/leads", issuer.sign())).status_code == 200
    for alg in ("none", "None", "NONE"):
        for signature in ("", encode(b"x")):
            token = f"{encode({'alg': alg, 'kid': kid, 'typ': 'at+jwt'})}.{encode(body)}.{signature}"
            assert (await call("GET", "/leads", token)).status_code in (400, 401)
    for secret in (pem, json.dumps(public_jwk(public)).encode(), kid.encode()):
        header = {"alg": "HS256", "kid": kid, "typ": "at+jwt"}
        signed = f"{encode(header)}.{encode(body)}"
        forged = f"{signed}.{encode(hmac.digest(secret, signed.encode(), 'sha256'))}"
        assert (await call("GET", "/leads", forged)).status_code == 401


async def test_T90_a_key_inside_the_token_is_never_used(call: Caller, issuer: Issuer) -> None:
    own = ec.generate_private_key(ec.SECP256R1())
    (kid,) = issuer.keys
    stranger = sign({**claims(), "jti": "1"}, own, alg="ES256", kid=kid, typ="at+jwt")
    assert (await call("GET", "/leads", stranger)).status_code == 401
    for name, value in (
        ("jwk", public_jwk(own)),
        ("jku", "https://evil.example/keys"),
        ("x5u", "https://e.e"),
    ):
        payload, signature = stranger.split(".")[1:]
        header = {"alg": "ES256", "kid": kid, "typ": "at+jwt", name: value}
        assert (await call("GET", "/leads", f"{encode(header)}.{payload}.{signature}")).status_code == 401
    assert all(address.startswith(ISSUER) for address in issuer.addresses)


async def test_T91_a_token_that_was_changed_opens_nothing(call: Caller, issuer: Issuer) -> None:
    token = issuer.sign()
    header, payload, signature = token.split(".")
    wide = json.loads(urlsafe_b64decode(payload + "=="))
    wide["scope"] = "CRM.modules.ALL"
    for changed in (
        f"{header}.{encode(wide)}.{signature}",
        f"{header}.{payload}.{signature[:-4]}AAAA",
        f"{header}.{payload}.",
        f"{header}.{payload}",
        f"{token}.x",
        "gla_us_" + "a" * 40,
        "a" * 9000,
    ):
        assert (await call("GET", "/leads", changed)).status_code in (400, 401), changed[:20]
    assert (await call("GET", "/leads", token)).status_code == 200


async def test_an_api_takes_the_algorithms_that_it_names(protect: Protect, issuer: Issuer) -> None:
    rsa_key = issuer.new_key(rsa_bits=2048)
    ec_key = issuer.new_key()
    by_rsa = issuer.sign(kid=rsa_key, alg="RS256")
    by_ec = issuer.sign(kid=ec_key)
    for algs, expected in (
        (("ES256",), (401, 200)),
        (("RS256",), (200, 401)),
        (("ES256", "RS256"), (200, 200)),
    ):
        call = plain_asgi(protect(Offline(algs=algs)))
        got = [(await call("GET", "/leads", token)).status_code for token in (by_rsa, by_ec)]
        assert tuple(got) == expected
    for algs in ((), ("none",), ("HS256",), ("ES256", "HS256")):
        with pytest.raises(ValueError, match="algs"):
            Offline(algs=algs)


async def test_keys_are_fetched_once_for_all_tokens(call: Caller, issuer: Issuer) -> None:
    for number in range(5):
        assert (await call("GET", "/leads", issuer.sign(jti=str(number)))).status_code == 200
    assert issuer.addresses == [f"{ISSUER}/.well-known/oauth-authorization-server", f"{ISSUER}/oauth/v2/keys"]


async def test_T93_a_new_key_is_found_and_made_up_ones_cost_one_fetch_a_minute(
    call: Caller, issuer: Issuer, clock: Clock
) -> None:
    stranger = ec.generate_private_key(ec.SECP256R1())
    assert (await call("GET", "/leads", issuer.sign())).status_code == 200
    new = issuer.new_key()
    assert (await call("GET", "/leads", issuer.sign(kid=new))).status_code == 200
    assert issuer.count("/keys") == 2
    for number in range(200):
        kid = ("../../dev/null", "' OR 1=1", f"made up {number}")[number % 3]
        forged = sign({**claims(), "jti": "1"}, stranger, alg="ES256", kid=kid, typ="at+jwt")
        assert (await call("GET", "/leads", forged)).status_code == 401
    assert issuer.count("/keys") == 2
    clock.now += 61
    later = issuer.new_key()
    assert (await call("GET", "/leads", issuer.sign(kid=later))).status_code == 200
    assert issuer.count("/keys") == 3
    assert set(issuer.addresses) == {
        f"{ISSUER}/.well-known/oauth-authorization-server",
        f"{ISSUER}/oauth/v2/keys",
    }


async def test_T98_a_withdrawn_key_stops_working_within_five_minutes_even_for_known_tokens(
    call: Caller, issuer: Issuer, clock: Clock
) -> None:
    token = issuer.sign()
    assert (await call("GET", "/leads", token)).status_code == 200
    issuer.keys.clear()
    issuer.new_key()
    clock.now += 299
    assert (await call("GET", "/leads", token)).status_code == 200
    clock.now += 1
    assert (await call("GET", "/leads", token)).status_code == 401


async def test_keys_are_kept_for_an_hour_while_the_issuer_is_away_and_then_nothing_opens(
    call: Caller, issuer: Issuer, clock: Clock
) -> None:
    token = issuer.sign(exp=NOW + 20_000)
    assert (await call("GET", "/leads", token)).status_code == 200
    issuer.broken = httpx2.ConnectError("refused")
    clock.now += 3599
    assert (await call("GET", "/leads", token)).status_code == 200
    unknown = sign(
        {**claims(exp=NOW + 20_000), "jti": "1"},
        ec.generate_private_key(ec.SECP256R1()),
        alg="ES256",
        kid="another",
        typ="at+jwt",
    )
    assert (await call("GET", "/leads", unknown)).status_code == 503
    clock.now += 1
    answer = await call("GET", "/leads", token)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    issuer.broken = None
    clock.now += 5
    assert (await call("GET", "/leads", token)).status_code == 200


@pytest.mark.parametrize(
    "broken",
    [
        httpx2.ConnectError("refused"),
        httpx2.Response(404),
        httpx2.Response(302, headers={"location": "https://evil.example/"}),
        httpx2.Response(200, content=b"[]"),
        httpx2.Response(200, json={"issuer": "https://evil.example", "jwks_uri": f"{ISSUER}/keys"}),
        httpx2.Response(200, json={"issuer": ISSUER, "jwks_uri": "http://accounts.example.com/keys"}),
        httpx2.Response(200, json={"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"}),
        httpx2.Response(200, json={"issuer": ISSUER}),
        httpx2.Response(200, content=b" " * 70_000 + b"{}"),
    ],
)
async def test_without_keys_nothing_opens_and_nothing_is_blamed_on_the_token(
    call: Caller, issuer: Issuer, broken: httpx2.Response | Exception
) -> None:
    issuer.broken = broken
    answer = await call("GET", "/leads", issuer.sign())
    assert answer.status_code == 503
    assert "www-authenticate" not in answer.headers
    assert set(issuer.addresses) == {f"{ISSUER}/.well-known/oauth-authorization-server"}
    await call("GET", "/leads", issuer.sign())
    assert len(issuer.addresses) == 1  # not asked again at once


async def test_T94_keys_of_other_kinds_in_the_list_are_passed_over(protect: Protect, issuer: Issuer) -> None:
    kid = issuer.new_key()
    listed = [
        {"kty": "oct", "k": encode(b"secret"), "kid": "sym"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "broken"},
        {"kty": "EC", "crv": "P-521", "kid": "other"},
        {**public_jwk(issuer.keys[kid]), "use": "enc", "kid": "enc"},
        "text",
        public_jwk(issuer.keys[kid], kid=kid),
    ]
    answer, usual = httpx2.Response(200, json={"keys": listed}), issuer.answer

    def tell(request: httpx2.Request) -> httpx2.Response:
        return answer if request.url.path.endswith("/keys") else usual(request)

    issuer.answer = tell  # type: ignore[method-assign]
    call = plain_asgi(protect(Offline()))
    assert (await call("GET", "/leads", issuer.sign())).status_code == 200
    assert (await call("GET", "/leads", issuer.sign(kid="", typ="JWT"))).status_code == 401


async def test_T98_a_known_token_keeps_its_claims_and_no_decision(call: Caller, issuer: Issuer) -> None:
    token = issuer.sign(scope=READ)
    assert (await call("GET", "/leads", token)).status_code == 200
    assert (await call("POST", "/leads", token)).status_code == 403
    assert (await call("GET", "/both", token)).status_code == 403


async def test_T98_a_known_token_ends_when_it_expires(call: Caller, issuer: Issuer, clock: Clock) -> None:
    token = issuer.sign(exp=NOW + 100)
    assert (await call("GET", "/leads", token)).status_code == 200
    clock.now += 161
    assert (await call("GET", "/leads", token)).status_code == 401


async def test_a_page_reads_answers_if_the_token_or_the_api_names_its_origin(
    protect: Protect, issuer: Issuer
) -> None:
    page = "https://app.example.com"
    call = plain_asgi(protect(Offline(), origins=("https://listed.example",)))
    named = issuer.sign(origins=[page])
    assert (await call("GET", "/leads", named, Origin=page)).headers["access-control-allow-origin"] == page
    assert (await call("GET", "/leads", named, Origin="https://listed.example")).status_code == 403
    plain = await call("GET", "/leads", issuer.sign(), Origin="https://listed.example")
    assert plain.headers["access-control-allow-origin"] == "https://listed.example"


async def test_many_threads_share_one_fetch_of_keys(protect: Protect, issuer: Issuer) -> None:
    issuer.new_key()
    issuer.seconds = 0.1
    resource = protect(Offline())
    asker, tokens = Asker(resource.wire), [issuer.sign(jti=str(number)) for number in range(12)]
    subjects: list[str] = []

    def work(token: str) -> None:
        visit = resource.arrive(authorization=(f"Bearer {token}",), origin=None, query=b"")
        subjects.append(asker.run(visit.check((READ,))).subject)

    threads = [threading.Thread(target=work, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert subjects == ["500000001"] * 12
    assert issuer.count("/keys") == 1
