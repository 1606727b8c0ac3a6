"""Mail: what is in it, and how it goes to a real server or into a folder."""

import asyncio
import ssl
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP as SmtpProtocol
from aiosmtpd.smtp import AuthResult, Envelope
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from grantline.mail import (
    FolderPost,
    Mail,
    MailNotSent,
    MailUnusable,
    SmtpPost,
    SmtpServer,
    open_post,
    parse_smtp_url,
    render_mail,
)
from grantline.settings import Settings

NOW = 1_795_000_000
SENDER = "grantline@accounts.example"
MAIL = Mail(
    to="ines@example.com",
    subject="Invitation to the workspace “Northgate & Söhne”",
    text="Grüße\n\nhttps://accounts.example/console/invitations/abc\n",
    html="<p>Grüße</p>",
)


@dataclass
class Received:
    """What the server was handed."""

    envelopes: list[Envelope] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    refuse: str = ""

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        if self.refuse:
            return self.refuse
        self.envelopes.append(envelope)
        self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        return "250 OK"

    def message(self) -> EmailMessage:
        content = self.envelopes[-1].content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=default)
        assert isinstance(message, EmailMessage)
        return message


@dataclass
class MailServer:
    """An SMTP server on loopback, and the context that trusts its certificate."""

    received: Received
    port: int
    trusting: ssl.SSLContext

    def post(self, tls: str, **changes: Any) -> SmtpPost:
        return SmtpPost(SmtpServer("localhost", self.port, tls, **changes), SENDER, self.trusting)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    day = timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - day)
        .not_valid_after(datetime.now(UTC) + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return chain, private


def check_password(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    right = data.login == b"grantline" and data.password == b"p@ss word"
    return AuthResult(success=right, handled=right)


@pytest.fixture
async def server(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[MailServer]:
    """`request.param`: off, starttls, implicit, or auth: with a password, over STARTTLS."""
    kind = request.param
    chain, private = certificate(tmp_path)
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.load_cert_chain(chain, private)
    options: dict[str, Any] = {"hostname": "localhost", "loop": asyncio.get_running_loop()}
    if kind in ("starttls", "auth"):
        options |= {"tls_context": own, "require_starttls": True}
    if kind == "auth":
        options |= {"authenticator": check_password, "auth_required": True}
    received, talking = Received(), list[SmtpProtocol]()

    def answer() -> SmtpProtocol:
        talking.append(SmtpProtocol(received, **options))
        return talking[-1]

    listening = await asyncio.get_running_loop().create_server(
        answer, "127.0.0.1", 0, ssl=own if kind == "implicit" else None
    )
    trusting = ssl.create_default_context(cafile=chain)
    yield MailServer(received, listening.sockets[0].getsockname()[1], trusting)
    listening.close()
    for one in talking:
        if one.transport is not None:
            one.transport.abort()
    await listening.wait_closed()
    await asyncio.sleep(0)  # the transports let go of their sockets in a turn of their own


@pytest.mark.parametrize("server", ["off", "starttls", "implicit"], indirect=True)
async def test_a_mail_arrives_as_text_and_html(server: MailServer, request: pytest.FixtureRequest) -> None:
    kind = request.node.callspec.params["server"]
    await server.post(kind).send(MAIL, NOW)
    message = server.received.message()
    assert server.received.envelopes[0].rcpt_tos == ["ines@example.com"]
    assert server.received.encrypted == [kind != "off"]
    assert (message["To"], message["From"], message["Subject"]) == (MAIL.to, SENDER, MAIL.subject)
    assert message["Auto-Submitted"] == "auto-generated"
    parts = [part.get_content_type() for part in message.iter_parts()]
    assert parts == ["text/plain", "text/html"]
    text = message.get_body(("plain",))
    assert text is not None
    assert text.get_content().replace("\r\n", "\n") == MAIL.text


@pytest.mark.parametrize("server", ["auth"], indirect=True)
async def test_a_server_with_a_password_takes_the_right_one_alone(server: MailServer) -> None:
    await server.post("starttls", username="grantline", password="p@ss word").send(MAIL, NOW)
    assert len(server.received.envelopes) == 1
    with pytest.raises(MailNotSent) as refused:
        await server.post("starttls", username="grantline", password="wrong").send(MAIL, NOW)
    assert refused.value.reason == "password"
    assert len(server.received.envelopes) == 1


@pytest.mark.parametrize("server", ["off"], indirect=True)
async def test_nothing_is_said_to_a_server_without_the_tls_that_was_asked_for(server: MailServer) -> None:
    with pytest.raises(MailNotSent):
        await server.post("starttls", username="grantline", password="p@ss word").send(MAIL, NOW)
    with pytest.raises(MailNotSent):
        await server.post("implicit").send(MAIL, NOW)
    assert server.received.envelopes == []


@pytest.mark.parametrize("server", ["starttls", "implicit"], indirect=True)
async def test_a_certificate_that_nobody_trusts_is_refused(
    server: MailServer, request: pytest.FixtureRequest
) -> None:
    kind = request.node.callspec.params["server"]
    stranger = SmtpPost(SmtpServer("localhost", server.port, kind), SENDER)
    with pytest.raises(MailNotSent) as refused:
        await stranger.send(MAIL, NOW)
    assert refused.value.reason == "untrusted"
    assert server.received.envelopes == []


@pytest.mark.parametrize("server", ["off"], indirect=True)
@pytest.mark.parametrize("answer", ["452 too much mail", "550 no"])
async def test_a_server_that_does_not_take_the_mail_is_told_of(server: MailServer, answer: str) -> None:
    server.received.refuse = answer
    with pytest.raises(MailNotSent) as refused:
        await server.post("off").send(MAIL, NOW)
    assert refused.value.reason == "refused"


async def test_a_server_that_is_away_is_told_of(unused_tcp_port: int) -> None:
    with pytest.raises(MailNotSent) as refused:
        await SmtpPost(SmtpServer("127.0.0.1", unused_tcp_port, "off"), SENDER).send(MAIL, NOW)
    assert refused.value.reason == "away"


@pytest.mark.parametrize(
    "bad",
    ["a@b.c\r\nBcc: x@y.z", "a@b.c,x@y.z", "A <a@b.c>", "a\x00@b.c", "a@b.c\n", "", "no", "ü@b.c", "a b@c.d"],
)
async def test_T81_no_address_brings_a_second_one_or_a_header(bad: str) -> None:
    for mail, sender in ((Mail(bad, "x", "x", "x"), SENDER), (MAIL, bad)):
        with pytest.raises(MailUnusable):
            render_mail(mail, sender=sender, now=NOW)


@pytest.mark.parametrize("bad", ["x\r\nBcc: a@b.c", "x\ny", "x\x00", "a\u202eb", "x\u2028y", "x" * 300])
async def test_T81_no_subject_brings_a_header(bad: str) -> None:
    with pytest.raises(MailUnusable):
        render_mail(Mail("a@b.c", bad, "x", "x"), sender=SENDER, now=NOW)


async def test_a_folder_keeps_each_mail_for_its_owner_alone(tmp_path: Path) -> None:
    post = FolderPost(tmp_path / "mail", SENDER)
    assert post.newest() == []
    for turn in range(3):
        await post.send(Mail(f"p{turn}@example.com", f"Mail {turn}", "Hello\n", "<p>Hello</p>"), NOW + turn)
    assert [mail.subject for mail in post.newest()] == ["Mail 2", "Mail 1", "Mail 0"]
    assert post.newest()[0].text == "Hello\n"
    files = list((tmp_path / "mail").iterdir())
    assert {path.suffix for path in files} == {".eml"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "mail").stat().st_mode) == 0o700


async def test_a_folder_that_cannot_be_written_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file")
    with pytest.raises(MailNotSent) as refused:
        await FolderPost(tmp_path / "mail", SENDER).send(MAIL, NOW)
    assert refused.value.reason == "folder"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", SmtpServer("mail.example", 587, "starttls")),
        ("smtp://me:p%40ss@mail.example:2525", SmtpServer("mail.example", 2525, "starttls", "me", "p@ss")),
        ("smtps://me:x@mail.example", SmtpServer("mail.example", 465, "implicit", "me", "x")),
        ("smtp://mail.example:25?tls=off", SmtpServer("mail.example", 25, "off")),
        ("smtp://127.0.0.1:1025", SmtpServer("127.0.0.1", 1025, "off")),
        ("smtps://localhost", SmtpServer("localhost", 465, "implicit")),
    ],
)
def test_a_mail_server_is_named_by_its_url(url: str, expected: SmtpServer) -> None:
    assert parse_smtp_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://mail.example/path",
        "smtp://mail.example?tls=maybe",
        "smtps://mail.example?tls=off",
        "smtp://me:geheim@mail.example?tls=off",
        "smtp://me:geheim@mail.example?x=1",
        "smtp://me:geheim@mail.example:port",
    ],
)
def test_a_wrong_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_smtp_url(url)
    assert "geheim" not in str(refused.value)


def test_settings_choose_where_mails_go(tmp_path: Path) -> None:
    assert open_post("", SENDER, None) is None
    assert isinstance(open_post("", SENDER, tmp_path), FolderPost)
    assert isinstance(open_post("smtp://localhost", SENDER, None), SmtpPost)
    with pytest.raises(ValueError):
        Settings(smtp_url="smtp://localhost")
    with pytest.raises(ValueError):
        Settings(smtp_url="smtp://localhost", mail_from=SENDER, mail_folder=tmp_path)
    settings = Settings(smtp_url="smtp://me:geheim@localhost", mail_from=SENDER)
    assert "geheim" not in repr(settings)
