"""Mail over a real SMTP conversation, with TLS and without, and into a folder."""

from __future__ import annotations

import ipaddress
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.adapters.mail import FolderMailer, Message, NoMailer, SmtpMailer, compose, open_mailer
from shared.kernel.clock import now
from shared.kernel.errors import InvalidError, NotFoundError, UnavailableError
from shared.kernel.settings import read_settings

SENDER = "Kontor <kontor@acme.example>"
MESSAGE = Message("bea@acme.example", "Grüße", "Schöne Grüße\n", "<p>Schöne Grüße</p>", "de")


@dataclass
class Server:
    """What an SMTP server heard; ``refusal`` is what it says to a recipient."""

    refusal: str = ""
    said: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    was_encrypted: bool = False


class Listening(socketserver.ThreadingTCPServer):
    """Where an SMTP server listens, and how it speaks."""

    daemon_threads = True

    def __init__(self, server: Server, tls: ssl.SSLContext | None, *, wrapped: bool) -> None:
        self.heard, self.tls, self.wrapped = server, tls, wrapped
        super().__init__(("127.0.0.1", 0), Conversation)


class Conversation(socketserver.StreamRequestHandler):
    """SMTP as far as one mail needs it (RFC 5321, STARTTLS of RFC 3207)."""

    server: Listening

    def handle(self) -> None:
        with suppress(ConnectionError, ssl.SSLError):
            if self.server.wrapped:
                self.encrypt()
            self.say("220 here")
            while self.answer(self.rfile.readline().decode().strip()):
                pass
        self.request.close()

    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")

    def encrypt(self) -> None:
        assert self.server.tls is not None
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
        self.server.heard.was_encrypted = True

    def answer(self, line: str) -> bool:
        heard = self.server.heard
        heard.said.append(line)
        verb = line.split(" ", maxsplit=1)[0].upper()
        offer = "250-STARTTLS" if self.server.tls and not heard.was_encrypted else "250-SIZE 99"
        known = {
            "EHLO": f"250-here\r\n{offer}\r\n250 AUTH PLAIN",
            "STARTTLS": "220 go on",
            "AUTH": "235 welcome",
            "RCPT": heard.refusal or "250 fine",
            "DATA": "354 go on",
            "QUIT": "221 bye",
        }
        self.say(known.get(verb, "250 fine"))
        if verb == "STARTTLS":
            self.encrypt()
        elif verb == "DATA":
            body = b""
            while not body.endswith(b"\r\n.\r\n"):
                body += self.rfile.readline()
            heard.mails.append(body[:-5])
            self.say("250 taken")
        return verb not in {"QUIT", ""}


@contextmanager
def serving(
    server: Server, tls: ssl.SSLContext | None = None, *, wrapped: bool = False
) -> Iterator[int]:
    """Serve on a free port; gives the port."""
    with Listening(server, tls, wrapped=wrapped) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield listening.server_address[1]
        listening.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that nobody trusts by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_mail_arrives_with_text_and_html_that_say_the_same() -> None:
    server = Server()
    with serving(server) as port:
        SmtpMailer(f"smtp://127.0.0.1:{port}?tls=off", sender=SENDER).send(MESSAGE)
    read = message_from_bytes(server.mails[0], policy=default)
    assert (read["From"], read["To"], read["Subject"]) == (SENDER, "bea@acme.example", "Grüße")
    assert (read["Content-Language"], read["Auto-Submitted"]) == ("de", "auto-generated")
    parts = [part.get_content_type() for part in read.walk()]
    assert parts == ["multipart/alternative", "text/plain", "text/html"]
    bodies = [part.get_content() for part in read.iter_parts()]  # type: ignore[attr-defined]
    assert all("Schöne Grüße" in body for body in bodies)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_password_is_said_over_tls_only_and_to_a_trusted_server_only(
    tls: ssl.SSLContext, certificate: Path, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange, trusted = Server(), Server()
    wrapped = scheme == "smtps"
    with serving(strange, tls, wrapped=wrapped) as port:
        mailer = SmtpMailer(f"{scheme}://ada:s%40fe@127.0.0.1:{port}", sender=SENDER)
        assert "s@fe" not in repr(mailer)
        with pytest.raises(UnavailableError):
            mailer.send(MESSAGE)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(trusted, tls, wrapped=wrapped) as port:
        SmtpMailer(f"{scheme}://ada:s%40fe@127.0.0.1:{port}", sender=SENDER).send(MESSAGE)
    assert not [line for line in strange.said if line.startswith(("AUTH", "MAIL"))]
    assert (trusted.was_encrypted, len(trusted.mails)) == (True, 1)
    assert "AUTH PLAIN AGFkYQBzQGZl" in trusted.said


def test_server_without_encryption_gets_nothing() -> None:
    server = Server()
    with serving(server) as port, pytest.raises(UnavailableError):
        SmtpMailer(f"smtp://ada:safe@127.0.0.1:{port}", sender=SENDER).send(MESSAGE)
    assert not server.mails
    assert not [line for line in server.said if line.startswith("AUTH")]


@pytest.mark.parametrize(
    ("refusal", "error"),
    [("550 no such user", InvalidError), ("451 try later", UnavailableError)],
)
def test_refused_recipient_is_for_ever_or_for_now(refusal: str, error: type[Exception]) -> None:
    with serving(Server(refusal)) as port, pytest.raises(error):
        SmtpMailer(f"smtp://127.0.0.1:{port}?tls=off", sender=SENDER).send(MESSAGE)


def test_server_that_is_away_is_tried_again_later() -> None:
    with pytest.raises(UnavailableError):
        SmtpMailer("smtp://127.0.0.1:1?tls=off", sender=SENDER).send(MESSAGE)


@pytest.mark.parametrize(
    "url", ["http://x", "smtp://", "mail.example", "smtp://mail.example?tls=off"]
)
def test_bad_address_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(InvalidError):
        SmtpMailer(url, sender=SENDER)


@pytest.mark.parametrize(
    "message",
    [
        Message("bea@acme.example\nBcc: eve@x.example", "s", "t", "h"),
        Message("bea@acme.example", "s\r\nBcc: eve@x.example", "t", "h"),
    ],
)
def test_no_header_can_be_slipped_in(message: Message) -> None:
    with pytest.raises(InvalidError):
        compose(message, sender=SENDER)


def test_folder_keeps_mails_for_their_owner_only(tmp_path: Path) -> None:
    mailer = FolderMailer(tmp_path / "mail", sender=SENDER)
    mailer.send(MESSAGE)
    mailer.send(MESSAGE)
    kept = sorted((tmp_path / "mail").iterdir())
    assert [path.suffix for path in kept] == [".eml", ".eml"]
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError):
        FolderMailer(tmp_path / "file" / "mail", sender=SENDER).send(MESSAGE)


def test_mailer_follows_the_settings(tmp_path: Path) -> None:
    def absent(_name: str) -> str:
        raise NotFoundError("no secret")

    def opened(read: Callable[[str], str] = absent, **given: str) -> object:
        return open_mailer(read_settings(given), read)

    assert isinstance(opened(SMTP_URL="smtps://mail.example", MAIL_DIR="x"), SmtpMailer)
    assert isinstance(opened(MAIL_DIR=str(tmp_path)), FolderMailer)
    assert isinstance(opened(lambda _: "smtps://mail.example", SMTP_SECRET="s"), SmtpMailer)
    nothing = opened(SMTP_SECRET="s")
    assert isinstance(nothing, NoMailer)
    with pytest.raises(UnavailableError, match="No mail server"):
        nothing.send(MESSAGE)
