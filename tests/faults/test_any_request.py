"""Whatever comes in, an answer of a clear class goes out: never a 5xx, and never what was sent."""

import json
import os
import string
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grantline.clients import ApiDeclaration, create_api, list_workspace_apis
from grantline.oauth.errors import CATALOGUE
from grantline.opaque import digest
from grantline.web.app import CONSOLE, PEOPLE
from grantline.web.routes import PROGRAMS
from tests.faults.raw import FORM, Answer, ask, encode
from tests.site import ISSUER, Browser, Site

ERRORS: Final = {entry.error for entry in CATALOGUE.values()}
MARKER: Final = "zq<'\">zq"
NAMES: Final = [
    "access_token",
    "access_type",
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "decision",
    "device_code",
    "email",
    "flow",
    "grant_type",
    "id_token_hint",
    "login_hint",
    "max_age",
    "nonce",
    "password",
    "post_logout_redirect_uri",
    "prompt",
    "redirect_uri",
    "refresh_token",
    "request",
    "request_id",
    "request_uri",
    "resource",
    "response_mode",
    "response_type",
    "scope",
    "soid",
    "state",
    "token",
    "token_type_hint",
    "user_code",
    "x",
]
LONG: Final = os.environ.get("TEST_LENGTH") == "long"
GENERAL = settings(
    max_examples=2000 if LONG else 40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

odd_texts = st.sampled_from(
    [
        *("", " ", "\x00", "\r\n", "a\r\nSet-Cookie: x=1", "\u2028", "\u0130", "\uff11\uff12", "1_0", " 5"),
        *("-1", "1e9", "99999999999", "null", "true", "[]", "{}", "../..", "//evil.example", "%00", "%", "'"),
        *('"', "--", "%25", "_", "\\", "\U0001f600", "\ud800", MARKER, "a" * 9000, "code", "none", "login"),
        *("https://evil.example/cb", "javascript:alert(1)", "glc_us_" + "0" * 33, "gla_us_" + "0" * 64),
    ]
)
values = st.one_of(odd_texts, st.text(max_size=40), st.binary(max_size=40))
fields = st.lists(st.tuples(st.one_of(st.sampled_from(NAMES), st.text(max_size=10)), values), max_size=8)
raw_bodies = st.one_of(st.binary(max_size=200), fields.map(encode))
kinds = st.one_of(
    st.sampled_from(
        [FORM, FORM + b";charset=latin-1", b"multipart/form-data; boundary=x", b"text/plain", b""]
    ),
    st.binary(max_size=60).map(lambda raw: raw.replace(b"\n", b"").replace(b"\r", b"")),
)
printable = st.text(alphabet=string.printable[:-5], max_size=60).map(str.encode)
authorizations = st.one_of(
    st.none(),
    st.sampled_from([b"", b" ", b"Bearer", b"Bearer ", b"Bearer  x", b"bearer x y", b"Basic Og==", b"Basic"]),
    st.binary(max_size=60).map(lambda raw: b"Basic " + raw),
    st.binary(max_size=60).map(lambda raw: b"Bearer " + raw),
    printable,
    st.binary(max_size=60),
)
headers = st.lists(
    st.tuples(
        st.sampled_from(
            [b"origin", b"accept", b"cookie", b"user-agent", b"x-forwarded-for", b"content-length", b"range"]
        ),
        st.one_of(printable, st.binary(max_size=40)),
    ),
    max_size=3,
)


def check_answer(answer: Answer, *, program: bool) -> None:
    """The answer is whole: a status below 500, the headers of its kind, and the form of an error."""
    assert answer.status < 500, answer
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert all("\r" not in value and "\n" not in value for value in answer.headers.values())
    assert MARKER.encode() not in answer.body
    if program and answer.status >= 400:
        told: dict[str, Any] = json.loads(answer.body)
        assert told.get("error") in ERRORS | {"not_found"}, told
        assert told.get("grantline_code") is None or told["grantline_code"] in CATALOGUE


@GENERAL
@given(
    path=st.sampled_from(sorted(PROGRAMS)),
    method=st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT"]),
    query=raw_bodies,
    kind=kinds,
    authorization=authorizations,
    more=headers,
    body=raw_bodies,
)
async def test_T37_an_endpoint_for_programs_answers_anything(
    target: Site,
    path: str,
    method: str,
    query: bytes,
    kind: bytes,
    authorization: bytes | None,
    more: list[tuple[bytes, bytes]],
    body: bytes,
) -> None:
    sent = [(b"content-type", kind), *more]
    if authorization is not None:
        sent.append((b"authorization", authorization))
    answer = await ask(target, method, path, query=query, headers=sent, body=body)
    check_answer(answer, program=method not in ("HEAD", "OPTIONS"))


BASES: Final[dict[str, dict[str, str]]] = {
    "/oauth/v2/token": {"grant_type": "client_credentials", "scope": "CRM.modules.READ"},
    "/oauth/v2/token#code": {"grant_type": "authorization_code", "code": "glg_us_x"},
    "/oauth/v2/token#refresh": {"grant_type": "refresh_token", "refresh_token": "glr_us_x"},
    "/oauth/v2/introspect": {"token": "gla_us_x"},
    "/oauth/v2/token/revoke": {"token": "gla_us_x", "token_type_hint": "access_token"},
    "/oauth/v3/device/code": {"scope": "CRM.modules.READ", "access_type": "offline"},
    "/oauth/v3/device/token": {"grant_type": "device_token", "code": "gld_us_x"},
}


@pytest.mark.parametrize("base", BASES)
@GENERAL
@given(name=st.sampled_from(NAMES), value=values, twice=st.booleans(), authorization=authorizations)
async def test_T37_one_odd_value_beside_right_ones_is_no_server_error(
    target: Site, base: str, name: str, value: str | bytes, twice: bool, authorization: bytes | None
) -> None:
    """Past authentication, too: everything else is as it should be."""
    app = await target.app("non-browser" if "device" in base else "self-client")
    good = {**app.credentials, "client_id": app.id, **BASES[base]}
    sent = [pair for pair in good.items() if pair[0] != name or twice]
    head = [(b"content-type", FORM)]
    if authorization is not None and twice:
        head.append((b"authorization", authorization))
    body = encode([*sent, (name, value)])
    answer = await ask(target, "POST", base.partition("#")[0], headers=head, body=body)
    check_answer(answer, program=True)


@GENERAL
@given(name=st.sampled_from(NAMES), value=values, twice=st.booleans(), in_body=st.booleans())
async def test_T24_one_odd_value_at_the_authorization_endpoint_is_a_page_or_a_clean_redirect(
    target: Site, name: str, value: str | bytes, twice: bool, in_body: bool
) -> None:
    app = await target.app("server-based")
    good = target.request(app, nonce="n", access_type="offline")
    sent = encode([*[pair for pair in good.items() if pair[0] != name or twice], (name, value)])
    if in_body:
        answer = await ask(target, "POST", "/oauth/v2/auth", headers=[(b"content-type", FORM)], body=sent)
    else:
        answer = await ask(target, "GET", "/oauth/v2/auth", query=sent)
    check_answer(answer, program=False)
    if answer.status == 303:
        assert answer.headers["location"].startswith(app.redirect_uri)
        assert answer.headers["location"].isascii()


@GENERAL
@given(
    body=st.binary(max_size=400), boundary=st.sampled_from([b"x", b'"x"', b"", b"a" * 200, b"\xff", b"x; y"])
)
async def test_T133_any_multipart_body_is_read_or_refused(target: Site, body: bytes, boundary: bytes) -> None:
    head = [(b"content-type", b"multipart/form-data; boundary=" + boundary)]
    for piece in (body, b"--x\r\n" + body, b"--x\r\nContent-Disposition: form-data; " + body + b"\r\n--x--"):
        answer = await ask(target, "POST", "/oauth/v2/token", headers=head, body=piece)
        check_answer(answer, program=True)


PAGES: Final = (*PEOPLE, *CONSOLE)
_ONE: Final = "/console/clients/{client_id}"
ACTIONS: Final = {
    "/signin": "signin",
    "/signin/elsewhere": "signin",
    "/signout": "signout",
    "/oauth/v2/auth/decision": "consent ",
    "/oauth/v3/device": "device",
    "/oauth/v3/device/decision": "device ",
    "/account/apps/remove": "apps",
    "/account/sessions/end": "sessions",
    "/console/workspace": "workspace.switch",
    "/console/workspaces/new": "workspace.create",
    "/console/team/rename": "rename:{member}",
    "/console/team/members/{member}/role": "role:{member}:{member}",
    "/console/team/members/{member}/remove": "remove:{member}:{member}",
    "/console/team/leave": "leave:{member}",
    "/console/team/invitations": "invite:{member}",
    "/console/team/invitations/{invitation}/again": "invited:{member}",
    "/console/team/invitations/{invitation}/withdraw": "invited:{member}",
    "/console/invitations/{invitation}": "invitation.accept",
    "/console/clients/new/manifest": "client.manifest",
    "/console/clients/new/{type}": "client.create",
    "/console/samples/{sample}": "sample:{sample}",
    "/console/keys": "keys",
    "/console/keys/revoke": "keys",
    "/console/apis/new": "apis",
    "/console/apis/{api_id}": "apis",
    "/console/apis/{api_id}/secrets": "apis",
    "/console/apis/{api_id}/delete": "apis",
    f"{_ONE}/redirects": "redirects:{client_id}",
    f"{_ONE}/scopes": "scopes:{client_id}",
    f"{_ONE}/settings": "settings:{client_id}",
    f"{_ONE}/logo": "logo:{client_id}",
    f"{_ONE}/switch": "switch:{client_id}",
    f"{_ONE}/transfer": "transfer:{client_id}",
    f"{_ONE}/delete": "delete:{client_id}",
    f"{_ONE}/manifest": "manifest:{client_id}",
    f"{_ONE}/secrets/add": "secrets:{client_id}",
    f"{_ONE}/secrets/reset": "secrets:{client_id}",
    f"{_ONE}/secrets/revoke": "secrets:{client_id}",
    f"{_ONE}/data-centers/switch": "data-centers:{client_id}",
    f"{_ONE}/data-centers/secrets/add": "data-centers:{client_id}",
    f"{_ONE}/data-centers/secrets/reset": "data-centers:{client_id}",
    f"{_ONE}/data-centers/secrets/revoke": "data-centers:{client_id}",
    f"{_ONE}/data-centers/secrets/share": "data-centers:{client_id}",
    f"{_ONE}/code": "code:{client_id}",
    f"{_ONE}/code/exchange": "code:{client_id}",
    f"{_ONE}/activity/add": "redirect.add:{client_id}",
    f"{_ONE}/users/revoke": "users:{client_id}",
    "/console/troubleshoot": "look-up",
    "/console/troubleshoot/revoke": "revoke:",
    f"{_ONE}/try": "try:{client_id}",
    f"{_ONE}/rehearsal": "rehearsal:{client_id}",
}
"""What the form token of each page's form is made for, so that generated forms get past it."""
_OF_AN_API: Final = (
    "name",
    "identifier",
    "scope_prefix",
    "token_format",
    "token_seconds",
    "origins_policy",
    "scope-0-name",
    "scope-0-sentence",
    "scope-0-level",
)
FIELDS: Final = {
    "/signin": ("email", "password", "flow"),
    "/signin/elsewhere": ("data_center", "flow"),
    "/signout": ("flow",),
    "/oauth/v2/auth/decision": ("decision",),
    "/oauth/v3/device": ("user_code",),
    "/oauth/v3/device/decision": ("decision",),
    "/account/apps/remove": ("client_id",),
    "/account/sessions/end": ("session",),
    "/console/workspace": ("workspace",),
    "/console/workspaces/new": ("name",),
    "/console/team/rename": ("name",),
    "/console/team/members/{member}/role": ("role",),
    "/console/team/invitations": ("email", "role"),
    "/console/clients/new/manifest": ("manifest",),
    "/console/clients/new/{type}": ("name", "homepage_url", "redirect_uris", "creation_key"),
    "/console/samples/{sample}": ("creation_key", "secret"),
    "/console/keys": ("name", "days", "scopes"),
    "/console/keys/revoke": ("key",),
    "/console/apis/new": _OF_AN_API,
    "/console/apis/{api_id}": _OF_AN_API,
    "/console/apis/{api_id}/secrets": ("act", "secret_id"),
    "/console/apis/{api_id}/delete": ("sure",),
    f"{_ONE}/redirects": ("redirect_uris", "origins"),
    f"{_ONE}/scopes": ("scope",),
    f"{_ONE}/settings": ("name", "homepage_url", "policy_url", "terms_url", "vendor_compatible"),
    f"{_ONE}/logo": ("logo", "act"),
    f"{_ONE}/transfer": ("workspace",),
    f"{_ONE}/delete": ("typed_name",),
    f"{_ONE}/manifest": ("manifest", "act"),
    f"{_ONE}/secrets/add": ("old_ends",),
    f"{_ONE}/secrets/revoke": ("secret_id",),
    f"{_ONE}/data-centers/switch": ("center", "to"),
    f"{_ONE}/data-centers/secrets/add": ("center",),
    f"{_ONE}/data-centers/secrets/reset": ("center",),
    f"{_ONE}/data-centers/secrets/revoke": ("center", "secret_id"),
    f"{_ONE}/data-centers/secrets/share": ("center",),
    f"{_ONE}/code": ("scope", "minutes", "description"),
    f"{_ONE}/code/exchange": ("code",),
    f"{_ONE}/activity/add": ("request_id",),
    f"{_ONE}/users/revoke": ("authorization", "person"),
    "/console/troubleshoot": ("q",),
    "/console/troubleshoot/revoke": ("authorization",),
    f"{_ONE}/try": ("act", "scope", "at"),
    f"{_ONE}/rehearsal": ("act", "failure", "count"),
}


@pytest.fixture(scope="module")
async def browser(target: Site) -> Browser:
    """Somebody who is signed in."""
    return await target.signed_in()


def cookies_of(browser: Browser) -> bytes:
    return "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items()).encode()


def form_token(site: Site, browser: Browser, action: str) -> str:
    """The token that a page of ours would have put into its form."""
    cookies = dict(browser.http.cookies.items())
    session = digest(cookies["gl_us_session"]).hex()
    return site.mint.keyring.form_token(cookies["gl_us_browser"], session, action)


async def api_of(site: Site) -> str:
    """An API of the account's workspace."""
    known = await list_workspace_apis(site.db, site.account.id)
    if known:
        return known[0].client_id
    said = ApiDeclaration("https://billing.example", "Billing", "Billing")
    api, _ = await create_api(
        site.db, said=said, data_center="us", now=site.clock(), workspace_id=site.account.id
    )
    return api.client_id


async def addresses(site: Site, path: str) -> dict[str, str]:
    app = await site.app("self-client")
    return {
        "{client_id}": app.id,
        "{api_id}": await api_of(site),
        "{type}": "server-based",
        "{sample}": "data_sync",
        "{code}": "code_unknown",
        "{member}": str(site.account.id),
        "{invitation}": "x" * 43,
    }


def fill(text: str, places: dict[str, str]) -> str:
    for place, value in places.items():
        text = text.replace(place, value)
    return text


@pytest.mark.parametrize("path", sorted({route.path for route in PAGES}))
@settings(GENERAL, max_examples=300 if LONG else 6)
@given(query=raw_bodies, signed=st.booleans(), method=st.sampled_from(["GET", "HEAD", "POST", "OPTIONS"]))
async def test_a_page_answers_any_query(
    target: Site, browser: Browser, path: str, query: bytes, signed: bool, method: str
) -> None:
    where = fill(path, await addresses(target, path))
    sent = [(b"cookie", cookies_of(browser))] if signed else []
    answer = await ask(target, method, where, query=query, headers=sent)
    check_answer(answer, program=False)


@pytest.mark.parametrize("path", sorted(ACTIONS))
@settings(GENERAL, max_examples=400 if LONG else 8)
@given(data=st.data())
async def test_a_form_answers_any_value_behind_its_token(
    target: Site, browser: Browser, path: str, data: st.DataObject
) -> None:
    """The token is right, the sign-in is fresh: what the fields hold is all that is odd."""
    places = await addresses(target, path)
    pairs = [(name, data.draw(values)) for name in FIELDS.get(path, ()) if data.draw(st.booleans())]
    extra = data.draw(st.lists(st.tuples(st.sampled_from(["x", "token", "verified"]), values), max_size=1))
    head = [
        (b"cookie", cookies_of(browser)),
        (b"origin", ISSUER.encode()),
        (b"content-type", FORM),
    ]
    token = form_token(target, browser, fill(ACTIONS[path], places))
    if path == "/signin":
        pairs = [(name, value) for name, value in pairs if name != "password"]
    if path == "/signout":
        pairs = [("flow", "x"), ("flow", "y")]  # nobody is to be signed out here
    body = encode([*pairs, ("token", token), *extra])
    answer = await ask(target, "POST", fill(path, places), headers=head, body=body)
    if path.endswith("/delete"):
        assert answer.status != 303
    check_answer(answer, program=False)


def test_every_form_of_the_site_is_among_those_above() -> None:
    """A new POST route without an entry fails here."""
    posts = {route.path for route in PAGES if "POST" in (route.methods or ())}
    assert posts - {"/oauth/v2/auth", "/oauth/v2/logout"} == set(ACTIONS)
