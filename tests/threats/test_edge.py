"""The edge: whose host, whose address, how much (T67, T68, T133, T139)."""

import contextlib
import json
import socket
from ipaddress import ip_network
from typing import Any

import pytest
from pydantic import ValidationError

from grantline.settings import Settings
from grantline.web.peer import Peer, find_peer
from tests.conftest import ServerFactory, SiteFactory
from tests.faults.raw import FORM, ask, encode
from tests.running import Server
from tests.site import ISSUER, Site

PROXIES = (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"))
FORGED = [
    (b"x-forwarded-host", b"evil.example"),
    (b"x-forwarded-port", b"666"),
    (b"x-forwarded-prefix", b"/evil"),
    (b"x-forwarded-server", b"evil.example"),
    (b"x-original-url", b"/console"),
    (b"x-rewrite-url", b"/console"),
    (b"x-http-method-override", b"DELETE"),
    (b"forwarded", b"host=evil.example;proto=https"),
    (b"x-real-ip", b"198.51.100.66"),
    (b"x-forwarded-for", b"198.51.100.66"),
    (b"via", b"1.1 evil.example"),
]


@pytest.mark.parametrize("proxies", ["", "127.0.0.0/8"])
@pytest.mark.parametrize("header", FORGED, ids=[name.decode() for name, _ in FORGED])
async def test_T67_no_header_changes_who_we_say_we_are(
    open_a_site: SiteFactory, proxies: str, header: tuple[bytes, bytes]
) -> None:
    """RFC 8414 §3.3: the issuer comes from the settings alone, whoever the peer is."""
    async with open_a_site(trusted_proxies=proxies) as site:
        app = await site.app("server-based")
        query = encode(list(site.request(app, prompt="none").items()))
        for headers in ([], [header]):
            metadata = await ask(site, "GET", "/.well-known/openid-configuration", headers=headers)
            assert metadata.json["issuer"] == ISSUER
            assert "evil" not in metadata.body.decode()
            answer = await ask(site, "GET", "/oauth/v2/auth", query=query, headers=headers)
            assert answer.headers["location"].startswith(app.redirect_uri)
            assert "evil" not in json.dumps(dict(answer.headers))
            page = await ask(site, "GET", "/console", headers=headers)
            assert page.headers["location"].startswith("/signin?flow=")
            assert "Secure" not in page.headers["set-cookie"]


@pytest.mark.parametrize(
    "host",
    [b"evil.example", b"evil.example:8700", b"127.0.0.1", b"127.0.0.1:8701", b"localhost:8700", b"", b"\xff"],
)
async def test_T67_a_request_for_another_host_is_misdirected(site: Site, host: bytes) -> None:
    """RFC 9110 §15.5.20; also what keeps DNS rebinding out (T124)."""
    for path in ("/signin", "/oauth/v2/auth", "/.well-known/openid-configuration", "/nothing"):
        refused = await ask(site, "GET", path, host=host)
        assert refused.status == 421
        assert b"evil" not in refused.body
    posted = await ask(site, "POST", "/oauth/v2/token", headers=[(b"content-type", FORM)], host=host)
    assert posted.status == 421
    assert (await ask(site, "GET", "/health/live", host=host)).status == 200
    assert (await ask(site, "GET", "/signin")).status == 200


async def test_T67_two_host_headers_are_refused(site: Site) -> None:
    twice = await ask(site, "GET", "/signin", headers=[(b"host", b"evil.example")])
    assert twice.status == 400


@pytest.mark.parametrize("proxies", ["0.0.0.0/0", "::/0", "10.0.0.0/8,0.0.0.0/0"])
def test_T67_trusting_every_address_is_refused_at_the_start(proxies: str) -> None:
    with pytest.raises(ValidationError, match="trusting every address"):
        Settings(trusted_proxies=proxies)  # type: ignore[arg-type]
    assert Settings(trusted_proxies="10.0.0.0/8").trusted_proxies  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url",
    [
        "https://accounts.example/",
        "https://accounts.example/path",
        "https://user@accounts.example",
        "https://accounts.example?x",
        "http://accounts.example",
        "ftp://accounts.example",
        "accounts.example",
        "",
    ],
)
def test_T67_the_issuer_is_a_bare_https_origin(url: str) -> None:
    """RFC 8414 §2: https, no query, no fragment; a path would be read in two ways."""
    with pytest.raises(ValidationError):
        Settings(public_url=url)
    assert Settings(public_url="https://accounts.example").public_url == "https://accounts.example"


async def test_T67_the_scheme_counts_from_a_trusted_proxy_alone(open_a_site: SiteFactory) -> None:
    assert find_peer("127.0.0.1", "http", None, "https", PROXIES).https
    assert not find_peer("203.0.113.7", "http", None, "https", PROXIES).https
    assert not find_peer("127.0.0.1", "http", None, "https, http", PROXIES).https


@pytest.mark.parametrize(
    ("peer", "forwarded", "address", "network"),
    [
        ("203.0.113.7", None, "203.0.113.7", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "198.51.100.1, 10.0.0.9", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "1.2.3.4, 198.51.100.1, 10.0.0.9, 127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "::ffff:198.51.100.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "2001:db8:7:1:aaaa::1", "2001:db8:7:1:aaaa::1", "2001:db8:7:1::/64"),
        ("2001:db8:7:1::2", None, "2001:db8:7:1::2", "2001:db8:7:1::/64"),
        ("127.0.0.1", "1.2.3.4, garbage", "127.0.0.1", None),
        ("127.0.0.1", "1.2.3.4, 198.51.100.1:555", "127.0.0.1", None),
        ("127.0.0.1", "", "127.0.0.1", None),
        ("127.0.0.1", " , ,", "127.0.0.1", None),
        ("127.0.0.1", None, "127.0.0.1", None),
        ("::1", None, "::1", None),
        ("::ffff:127.0.0.1", None, "127.0.0.1", None),
        ("unix", None, "unknown", "unknown"),
        (None, "1.2.3.4", "unknown", "unknown"),
    ],
)
def test_T68_the_address_is_the_nearest_that_is_no_proxy_of_ours(
    peer: str | None, forwarded: str | None, address: str, network: str | None
) -> None:
    found = find_peer(peer, "http", forwarded, None, PROXIES)
    assert (found.address, found.network) == (address, network)


@pytest.mark.parametrize(
    "text", ["fe80::1%eth0", "fe80::1%/../x", "1.2.3.4%x", "::ffff:0:0:0:1", "0x7f.1", "１.2.3.4"]
)
def test_T68_an_odd_address_is_no_error(text: str) -> None:
    for found in (
        find_peer(text, "http", None, None, ()),
        find_peer("127.0.0.1", "http", text, None, PROXIES),
    ):
        assert isinstance(found, Peer)


def test_T68_ten_thousand_addresses_of_one_line_share_a_bucket() -> None:
    networks = {
        find_peer("127.0.0.1", "http", f"2001:db8:7:1:{number:x}::{number:x}", None, PROXIES).network
        for number in range(10_000)
    }
    assert networks == {"2001:db8:7:1::/64"}


async def test_T68_a_list_that_proxies_wrote_in_several_lines_is_one_list(open_a_site: SiteFactory) -> None:
    """RFC 9110 §5.3: the last line alone would name a proxy, and no limit would hold."""
    async with open_a_site(limits="1", trusted_proxies="127.0.0.0/8,10.0.0.0/8") as site:
        app = await site.app("server-based")
        body = encode([("client_id", app.id), ("client_secret", "wrong"), ("token", "x")])
        statuses = []
        for number in range(25):
            lines = [(b"x-forwarded-for", f"1.2.3.{number}, 198.51.100.1".encode())]
            lines += [(b"x-forwarded-for", b"10.0.0.9")]
            answer = await ask(
                site, "POST", "/oauth/v2/introspect", headers=[(b"content-type", FORM), *lines], body=body
            )
            statuses.append(answer.status)
        assert statuses == [401] * 20 + [429] * 5


async def test_T68_an_empty_or_broken_address_header_signs_nobody_in(open_a_site: SiteFactory) -> None:
    async with open_a_site(limits="1", trusted_proxies="127.0.0.0/8") as site:
        for value in (b"", b"garbage", b"\xff\xfe", b"," * 500, b"127.0.0.1", b"localhost"):
            page = await ask(site, "GET", "/account", headers=[(b"x-forwarded-for", value)])
            assert page.status == 303
            assert page.headers["location"].startswith("/signin")


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        (b"a=" + b"a" * 8200, [], 414),
        (b"", [(b"x-a", b"a" * 17_000)], 431),
        (b"", [(b"x-%d" % number, b"a") for number in range(64)], 431),
        (b"", [(b"x-%d" % number, b"a") for number in range(60)], 200),
        (b"a=" + b"a" * 8000, [], 200),
    ],
)
async def test_T133_addresses_and_headers_have_a_longest(
    site: Site, query: bytes, headers: list[tuple[bytes, bytes]], status: int
) -> None:
    for path in ("/signin", "/oauth/v2/keys"):
        assert (await ask(site, "GET", path, query=query, headers=headers)).status == status


@pytest.mark.parametrize("lying", [None, b"0", b"10", b"99999999999999999999", b"-1", b"x"])
async def test_T133_a_form_of_a_page_is_bounded_while_it_streams(site: Site, lying: bytes | None) -> None:
    headers = [(b"content-type", FORM), (b"origin", ISSUER.encode())]
    if lying is not None:
        headers.append((b"content-length", lying))
    pieces = [b"email=" + b"a" * 4096] + [b"a" * 4096] * 20
    assert (await ask(site, "POST", "/signin", headers=headers, body=pieces)).status == 413


async def test_T133_a_body_that_breaks_off_is_not_acted_on(site: Site) -> None:
    """What came so far would be a whole and valid request."""
    app = await site.app("self-client")
    tokens = await site.tokens(app)
    body = encode([*app.credentials.items(), ("token", tokens["refresh_token"])])
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": body, "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": "/oauth/v2/token/revoke",
        "raw_path": b"/oauth/v2/token/revoke",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:8700"), (b"content-type", FORM)],
        "client": ("127.0.0.1", 1),
    }
    await site.edge(scope, receive, send)
    assert sent[0]["status"] == 400
    assert await site.works(tokens["access_token"])
    assert (await site.refresh(app, tokens["refresh_token"])).status_code == 200


@pytest.mark.parametrize(("count", "fits"), [(20, True), (21, False)])
async def test_T133_twenty_parts_are_the_most(site: Site, count: int, fits: bool) -> None:
    app = await site.app("self-client")
    fields = {"grant_type": "client_credentials", "scope": "CRM.modules.READ", **app.credentials}
    names = [*fields, *(f"x{number}" for number in range(count - len(fields)))]
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{fields.get(name, "1")}\r\n'
        for name in names
    ]
    body = ("".join(parts) + "--b--\r\n").encode()
    head = [(b"content-type", b"multipart/form-data; boundary=b")]
    answer = await ask(site, "POST", "/oauth/v2/token", headers=head, body=body)
    assert answer.status == (200 if fits else 400)


MULTIPART = {
    "preamble": b"x" * 60_000 + b"--b\r\n",
    "endless part header": b"--b\r\nX-A: " + b"a" * 60_000,
    "many part headers": b"--b\r\n" + b"X-A: a\r\n" * 5000 + b"\r\n1\r\n--b--",
    "a file": b'--b\r\nContent-Disposition: form-data; name="code"; filename="x"\r\n\r\n1\r\n--b--\r\n',
    "no name": b"--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--\r\n",
    "no end": b'--b\r\nContent-Disposition: form-data; name="code"\r\n\r\n1',
    "not UTF-8": b'--b\r\nContent-Disposition: form-data; name="code"\r\n\r\n\xff\xfe\r\n--b--\r\n',
    "a thousand parts": b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n' * 1001 + b"--b--",
}


@pytest.mark.parametrize("case", MULTIPART)
async def test_T133_a_multipart_body_that_is_abused_is_refused(site: Site, case: str) -> None:
    head = [(b"content-type", b"multipart/form-data; boundary=b")]
    answer = await ask(site, "POST", "/oauth/v2/token", headers=head, body=MULTIPART[case])
    assert answer.status in (400, 413)
    assert answer.json["error"] == "invalid_request"


def exchange(server: Server, raw: bytes) -> bytes:
    """Everything that comes back on one connection for these bytes."""
    host, _, port = server.issuer.partition("://")[2].partition(":")
    told = b""
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            while piece := connection.recv(65536):
                told += piece
    return told


SMUGGLED = b"GET /health/live HTTP/1.1\r\nHost: h\r\n\r\n"
DISAGREEING = {
    "length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two lengths": b"Content-Length: 0\r\nContent-Length: 40\r\n\r\n" + SMUGGLED,
    "list of lengths": b"Content-Length: 0, 40\r\n\r\n" + SMUGGLED,
    "length with a sign": b"Content-Length: +0\r\n\r\n" + SMUGGLED,
    "length in hex": b"Content-Length: 0x0\r\n\r\n" + SMUGGLED,
    "unknown coding": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "coding with a tab": b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunk without an end": b"Transfer-Encoding: chunked\r\n\r\n1\r\naX0\r\n\r\n" + SMUGGLED,
    "chunk size with junk": b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n" + SMUGGLED,
    "space before the colon": b"Content-Length : 0\r\n\r\n" + SMUGGLED,
    "folded line": b"X-A: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "NUL in a value": b"X-A: a\x00b\r\nContent-Length: 0\r\n\r\n",
    "CR in a value": b"X-A: a\rContent-Length: 40\r\n\r\n" + SMUGGLED,
}


def test_T139_where_a_request_ends_is_never_in_doubt(server_process: ServerFactory) -> None:
    """RFC 9112 §6.1, RFC 9112 §6.3: 400 and the connection closed; the second request is not answered."""
    server = server_process()
    host = server.issuer.partition("://")[2].encode()
    start = b"POST /oauth/v2/token HTTP/1.1\r\nHost: " + host + b"\r\n"
    fine = exchange(server, start + b"Content-Length: 0\r\n\r\n" + SMUGGLED)
    assert fine.count(b"HTTP/1.1 ") == 2
    wrong = []
    for case, rest in DISAGREEING.items():
        told = exchange(server, start + rest)
        if told.count(b"HTTP/1.1 ") != 1 or not told.startswith(b"HTTP/1.1 400 "):
            wrong.append((case, told[:200]))
    assert not wrong
    bare = exchange(
        server, start.replace(b"\r\n", b"\n") + b"Content-Length: 0\n\n" + SMUGGLED.replace(b"\r\n", b"\n")
    )
    assert bare.count(b"HTTP/1.1 ") <= 1
    assert exchange(server, b"GET /health/live HTTP/1.1\r\nHost: " + host + b"\r\n\r\n").startswith(
        b"HTTP/1.1 200"
    )
