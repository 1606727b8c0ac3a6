"""The way to the authorization server, over real sockets: certificates, connections that stay open."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from grantline.resource_server import Introspection, ProtectedResource, Wire
from grantline.resource_server.asking import Asker, AsyncAsker
from grantline.resource_server.refusals import Refusal
from grantline.resource_server.resource import Visit
from tests.mail.test_mail import certificate
from tests.resource_server.issuer import API, NOW, READ, claims


class Server(ThreadingHTTPServer):
    """Says that every token is good, and remembers from which port each question came."""

    daemon_threads = True

    def __init__(self, chain: Path, private: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, private)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.issuer = f"https://localhost:{self.server_address[1]}"
        self.ports: list[int] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about clients that do not trust us."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.ports.append(self.client_address[1])
        said = {"active": True, "token_type": "Bearer", **claims(iss=self.server.issuer)}
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *parts: object) -> None:
        """Say nothing."""


@contextmanager
def serving(chain: Path, private: Path) -> Iterator[Server]:
    with Server(chain, private) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def arrive(resource: ProtectedResource) -> Visit:
    return resource.arrive(authorization=("Bearer good",), origin=None, query=b"")


async def test_a_server_is_believed_by_its_certificate_alone(tmp_path: Path) -> None:
    chain, private = certificate(tmp_path)
    with serving(chain, private) as server:
        for wire, believed in ((Wire(), False), (Wire(ca_file=str(chain)), True)):
            check = Introspection("id", "secret")
            resource = ProtectedResource(
                resource=API, issuer=server.issuer, check=check, wire=wire, clock=lambda: NOW
            )
            asker, waiting = Asker(wire), AsyncAsker(wire)
            if believed:
                for _ in range(4):
                    assert asker.run(arrive(resource).check((READ,))).subject == "500000001"
                    assert (await waiting.run(arrive(resource).check((READ,)))).subject == "500000001"
            else:
                with pytest.raises(Refusal, match="503"):
                    asker.run(arrive(resource).check((READ,)))
                with pytest.raises(Refusal, match="503"):
                    await waiting.run(arrive(resource).check((READ,)))
                assert not server.ports
            asker.close()
            await waiting.close()
        assert len(server.ports) == 8
        assert len(set(server.ports)) == 2  # one connection for each driver


@pytest.mark.parametrize("values", [("Bearer a", "Bearer b"), ("Bearer a", "Bearer a")])
def test_T101_two_headers_are_one_too_many(values: tuple[str, ...]) -> None:
    """RFC 6750 §2."""
    resource = ProtectedResource(
        resource=API, issuer="https://accounts.example.com", check=Introspection("id", "s")
    )
    visit = resource.arrive(authorization=values, origin=None, query=b"")
    with pytest.raises(Refusal, match="400"):
        next(visit.check((READ,)))
