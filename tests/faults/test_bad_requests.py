"""Bad requests at the endpoints for programs: an error of the right class, and nothing lost by it.

Each case goes with a request that passes: the same one without its fault.
"""

import base64
from collections.abc import Sequence
from typing import Any

import pytest

from grantline.oauth.errors import CATALOGUE
from tests.faults.raw import FORM, Answer, ask, encode, post_form
from tests.site import DEVICE_GRANT, VERIFIER, App, Site

TOKEN = "/oauth/v2/token"
Fields = list[tuple[str | bytes, str | bytes]]
ENDPOINTS = [
    TOKEN,
    "/oauth/v2/token/revoke",
    "/oauth/v2/revoke/token",
    "/oauth/v2/introspect",
    "/oauth/v3/device/code",
    "/oauth/v3/device/token",
]


def check_error(answer: Answer, error: str, code: str, status: int = 400) -> None:
    """The error is of this class, in the form of RFC 6749 §5.2."""
    told = answer.json
    assert (answer.status, told["error"], told["grantline_code"]) == (status, error, code), told
    assert told["error_description"] == CATALOGUE[code].description
    assert told["error_uri"].endswith(f"/errors/{code}")
    assert told["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"


@pytest.fixture
async def app(target: Site) -> App:
    return await target.app("self-client")


async def good(target: Site, app: App) -> Fields:
    """A request that passes: a fresh code, everything right."""
    code = await target.console_code(app)
    return [("grant_type", "authorization_code"), *app.credentials.items(), ("code", code)]


async def passes(target: Site, fields: Fields) -> bool:
    return (await post_form(target, TOKEN, fields)).status == 200


@pytest.mark.parametrize("name", ["grant_type", "client_id", "client_secret", "code"])
@pytest.mark.parametrize("second", ["same", "other", "empty"])
async def test_a_parameter_that_comes_twice_is_refused(
    target: Site, app: App, name: str, second: str
) -> None:
    """RFC 6749 §3.2: parameters must not be included more than once."""
    fields = await good(target, app)
    again = {"same": dict(fields)[name], "other": "x", "empty": ""}[second]
    for body in ([*fields, (name, again)], [(name, again), *fields]):
        check_error(await post_form(target, TOKEN, body), "invalid_request", "parameter_repeated")
    assert await passes(target, fields)


@pytest.mark.parametrize("name", ["grant_type", "client_id", "client_secret", "code"])
async def test_a_parameter_in_query_and_body_is_refused(target: Site, app: App, name: str) -> None:
    fields = await good(target, app)
    answer = await post_form(target, TOKEN, fields, query=encode([(name, dict(fields)[name])]))
    check_error(answer, "invalid_request", "parameter_repeated")
    assert await passes(target, fields)


@pytest.mark.parametrize(
    ("name", "error", "code", "status"),
    [
        ("grant_type", "invalid_request", "grant_type_missing", 400),
        ("client_id", "invalid_request", "client_id_missing", 400),
        ("client_secret", "invalid_client", "client_secret_missing", 401),
        ("code", "invalid_request", "parameter_missing", 400),
    ],
)
async def test_an_empty_parameter_counts_as_absent(
    target: Site, app: App, name: str, error: str, code: str, status: int
) -> None:
    """RFC 6749 §3.2: parameters sent without a value are treated as if they were omitted."""
    fields = await good(target, app)
    for body in ([(n, "" if n == name else v) for n, v in fields], [f for f in fields if f[0] != name]):
        check_error(await post_form(target, TOKEN, body), error, code, status)
    assert await passes(target, fields)


BAD_VALUES: list[tuple[str, bytes]] = [
    ("NUL", b"a\x00b"),
    ("line break", b"a\r\nb"),
    ("tab", b"a\tb"),
    ("delete", b"a\x7fb"),
    ("escape", b"a\x1b[2Jb"),
    ("C1", b"a\xc2\x9bb"),
    ("not UTF-8", b"a\xff\xfeb"),
    ("cut-off UTF-8", b"a\xe2\x82"),
    ("overlong UTF-8", b"a\xc0\xafb"),
    ("lone surrogate", b"a\xed\xa0\x80b"),
    ("no ASCII", "é１２".encode()),
]


@pytest.mark.parametrize("value", [value for _, value in BAD_VALUES], ids=[name for name, _ in BAD_VALUES])
@pytest.mark.parametrize("name", ["grant_type", "client_id", "client_secret", "code", "scope", "resource"])
async def test_T37_bytes_that_have_no_place_in_a_parameter_are_refused(
    target: Site, app: App, name: str, value: bytes
) -> None:
    fields = await good(target, app)
    body = [(n, v) for n, v in fields if n != name] + [(name, value)]
    check_error(await post_form(target, TOKEN, body), "invalid_request", "parameter_malformed")
    assert await passes(target, fields)


@pytest.mark.parametrize("raw", [b"code=%", b"code=%2", b"code=%zz", b"%zz=1", b"\xff=1", b"a=\xff", b"=%"])
async def test_a_broken_escape_is_refused(target: Site, app: App, raw: bytes) -> None:
    fields = await good(target, app)
    body = encode([f for f in fields if f[0] != "code"]) + b"&" + raw
    answer = await ask(target, "POST", TOKEN, headers=[(b"content-type", FORM)], body=body)
    check_error(answer, "invalid_request", "parameter_malformed")
    assert await passes(target, fields)


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_T133_a_body_of_64_kib_is_the_most(target: Site, path: str) -> None:
    """One byte more is refused before it is read, whether or not Content-Length tells."""
    limit = 64 * 1024
    whole = b"padding=" + b"a" * (limit - 8)
    form = (b"content-type", FORM)
    at_most = await ask(target, "POST", path, headers=[form], body=whole)
    assert at_most.status in (400, 401)
    for headers in ([form], [form, (b"content-length", b"12")], [form, (b"content-length", b"65537")]):
        pieces = [whole[start : start + 4096] for start in range(0, limit, 4096)] + [b"a"]
        answer = await ask(target, "POST", path, headers=headers, body=pieces)
        assert (answer.status, answer.json["error"]) == (413, "invalid_request")
        assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(("count", "status"), [(100, 400), (101, 400)])
async def test_T133_a_hundred_fields_are_the_most(target: Site, app: App, count: int, status: int) -> None:
    fields = await good(target, app)
    many: Fields = [*fields, *((f"x{number}", "1") for number in range(count - len(fields)))]
    answer = await post_form(target, TOKEN, many)
    if count > 100:
        check_error(answer, "invalid_request", "request_too_large", status)
        assert await passes(target, fields)
    else:
        assert answer.status == 200


@pytest.mark.parametrize("name", ["client_id", "client_secret", "code", "scope", "redirect_uri", "state"])
async def test_T133_a_parameter_has_a_longest(target: Site, app: App, name: str) -> None:
    fields = await good(target, app)
    body = [(n, v) for n, v in fields if n != name] + [(name, "a" * 8193)]
    check_error(await post_form(target, TOKEN, body), "invalid_request", "parameter_too_long")
    assert await passes(target, fields)


BASIC: Sequence[bytes] = [
    b"Basic",
    b"Basic ",
    b"Basic  ",
    b"Basic !!!!",
    b"Basic YTpi=",
    b"Basic YTpiYQ",
    b"Basic YTpi\xff",
    b"Basic " + base64.b64encode(b"no colon"),
    b"Basic " + base64.b64encode(b":secret only"),
    b"Basic " + base64.b64encode(b"a:b\x00c"),
    b"Basic " + base64.b64encode(b"a:\xff\xfe"),
    b"Basic " + base64.b64encode(b"a:%zz"),
    b"Basic YTpi YTpi",
    b"Basic\tYTpi",
    b"Basic " + b"A" * 6000,
]


@pytest.mark.parametrize("header", BASIC, ids=range(len(BASIC)))
async def test_T37_a_malformed_basic_header_is_refused(target: Site, app: App, header: bytes) -> None:
    """RFC 7617 §2: strict Base64, a colon, no control characters."""
    fields = await good(target, app)
    body = [f for f in fields if f[0] not in ("client_id", "client_secret")]
    answer = await post_form(target, TOKEN, body, headers=[(b"authorization", header)])
    check_error(answer, "invalid_request", "authorization_header_malformed")
    right = base64.b64encode(f"{app.id}:{app.secret}".encode())
    answer = await post_form(target, TOKEN, body, headers=[(b"authorization", b"Basic " + right)])
    assert answer.status == 200


@pytest.mark.parametrize(
    "kind",
    [
        b"",
        b"text/plain",
        b"application/json",
        b"application/xml",
        b"multipart/mixed; boundary=x",
        b"\xff\xfe",
    ],
)
@pytest.mark.parametrize("path", ENDPOINTS)
async def test_another_content_type_is_refused(target: Site, path: str, kind: bytes) -> None:
    """RFC 6749 §3.2 with §4.1.3: the entity is application/x-www-form-urlencoded."""
    answer = await ask(target, "POST", path, headers=[(b"content-type", kind)], body=b"grant_type=x")
    check_error(answer, "invalid_request", "content_type_wrong")


@pytest.mark.parametrize("kind", [FORM, FORM.upper(), FORM + b";charset=UTF-8", FORM + b" ; charset=utf-8"])
async def test_the_form_type_is_read_without_case_and_parameters(target: Site, app: App, kind: bytes) -> None:
    body = encode(await good(target, app))
    assert (await ask(target, "POST", TOKEN, headers=[(b"content-type", kind)], body=body)).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "token"])
@pytest.mark.parametrize("path", ENDPOINTS)
async def test_only_post_reaches_the_endpoint(target: Site, path: str, method: str) -> None:
    """RFC 6749 §3.2: the client must use POST."""
    answer = await ask(target, method, path, query=b"grant_type=authorization_code")
    assert answer.status == 405
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("secret", ["", " ", "null", "undefined", "\u00e9", "gls_us_x", "a" * 5000])
async def test_unknown_clients_and_wrong_secrets_are_one_class(target: Site, app: App, secret: str) -> None:
    fields: Fields = [("grant_type", "client_credentials"), ("scope", "CRM.modules.READ")]
    for client_id in ("nobody", "glc_us_" + "0" * 33, app.id):
        body = [*fields, ("client_id", client_id), ("client_secret", secret)]
        answer = await post_form(target, TOKEN, body)
        assert answer.json["error"] in ("invalid_client", "invalid_request")
        assert answer.status in (400, 401)
        assert answer.status == 400 or answer.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type", "grant_type_unknown"),
        ({"grant_type": "Authorization_code"}, "unsupported_grant_type", "grant_type_unknown"),
        ({"grant_type": DEVICE_GRANT, "device_code": "x"}, "unauthorized_client", "grant_type_not_allowed"),
        ({"code": "nonsense"}, "invalid_grant", "code_unknown"),
        ({"code_verifier": VERIFIER}, "invalid_grant", "code_verifier_unexpected"),
        ({"resource": "not absolute"}, "invalid_target", "resource_malformed"),
    ],
)
async def test_what_is_unknown_has_its_own_class(
    target: Site, app: App, changes: dict[str, Any], error: str, code: str
) -> None:
    fields = await good(target, app)
    check_error(await post_form(target, TOKEN, list((dict(fields) | changes).items())), error, code)
    assert await passes(target, fields)


@pytest.mark.parametrize(
    ("scope", "code"),
    [
        (None, "scope_missing"),
        (",", "scope_missing"),
        ("CRM.nothing.READ", "scope_unknown"),
        ('CRM.modules."READ', "scope_malformed"),
        ("a" * 4097, "scope_too_long"),
        (" ".join(f"a{number}" for number in range(101)), "scope_too_long"),
        ("openid", "scope_not_for_apps"),
    ],
)
async def test_T135_a_bad_scope_is_refused_by_its_kind(
    target: Site, app: App, scope: str | None, code: str
) -> None:
    fields: Fields = [("grant_type", "client_credentials"), *app.credentials.items()]
    body = fields if scope is None else [*fields, ("scope", scope)]
    check_error(await post_form(target, TOKEN, body), "invalid_scope", code)
    assert await passes(target, [*fields, ("scope", "CRM.modules.READ")])
