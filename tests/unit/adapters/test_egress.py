"""The way out: nothing that is not public is reached, however its address is disguised."""

from __future__ import annotations

import datetime
import gzip
import socket
import ssl
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.adapters.addresses import is_public
from shared.adapters.allowing import EVERYBODY, read_allow_list
from shared.adapters.egress import Egress, Limits
from shared.kernel.errors import (
    InvalidError,
    KontorError,
    RefusedError,
    TooLargeError,
    UnavailableError,
    UnsupportedError,
)
from tests.unit.adapters.web import Asked, Page, WebServer, web_server

ATTACKS = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://0x7f000001/",
    "http://2130706433/",
    "http://0177.0.0.1/",
    "http://0x7f.1/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://localhost/",
    "http://localhost./",
    "http://0/",
    "http://[::]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:7f00:1::]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1%25eth0]/",
    "http://1.1.1.1:22/",
    "http://1.1.1.1:9001/",
    "https://1.1.1.1:80/",
    "file:///etc/passwd",
    "gopher://1.1.1.1/",
    "//1.1.1.1/",
    "http://public.example@127.0.0.1/",
    "http://127。0。0。1/",
    "http://①②⑦.⓪.⓪.①/",
    "http://１２７.0.0.1/",
    "http://public.example\\@127.0.0.1/",
    "http://public.example\r\nhost: inside/",
    "http://127.0.0.1.nip.example/",
    "http://10.0.0.8/",
    "http://100.64.0.1/",
    "http:///x",
    "http://a" + "a" * 2000,
]
NOT_PUBLIC = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.1.1",
    "172.16.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::808:808",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "2001:0:808:808::f7f7:f7f7",
    "fc00::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "2a00:1450::5efe:a00:1",
    "fe80::1%eth0",
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
NAMES = {"localhost": "127.0.0.1", "localhost.": "127.0.0.1", "127.0.0.1.nip.example": "127.0.0.1"}


class Names:
    """A resolver of the test's own; notes what it was asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if self.answers:
            return self.answers.pop(0)
        if host in NAMES:
            return [NAMES[host]]
        raise socket.gaierror(-2, "unknown")


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as serving:
        yield serving


def egress(server: WebServer, **limits: float) -> Egress:
    return Egress(inside=server.place, limits=Limits(**limits), resolver=Names())  # type: ignore[arg-type]


@pytest.fixture
def no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **more: object) -> socket.socket:
        pytest.fail(f"connected to {args}")

    monkeypatch.setattr(socket, "create_connection", refuse)


@pytest.mark.parametrize("url", ATTACKS, ids=range(len(ATTACKS)))
def test_the_inside_is_never_reached(url: str, no_connection: None) -> None:
    with pytest.raises((RefusedError, InvalidError, UnavailableError)) as caught:
        Egress(resolver=Names()).get(url)
    assert caught.value.detail


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_what_is_not_public_is_known_in_every_writing(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_public_is_known(text: str) -> None:
    assert is_public(ip_address(text))


def test_one_inner_address_among_many_refuses_the_host(no_connection: None) -> None:
    names = Names(["8.8.8.8", "10.0.0.1"])
    with pytest.raises(RefusedError, match="not a public address"):
        Egress(resolver=names).get("http://mixed.example/")


def test_a_name_is_asked_once_and_the_checked_address_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: the second answer would lead inside, but there is no second question."""
    names = Names(["8.8.8.8"], ["127.0.0.1"])
    connected: list[object] = []

    def connect(place: object, timeout: float) -> socket.socket:
        connected.append(place)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(UnavailableError, match="does not answer"):
        Egress(resolver=names).get("http://rebinding.example/")
    assert connected == [("8.8.8.8", 80)]
    assert names.asked == ["rebinding.example"]


def test_a_page_is_fetched_with_its_type_and_without_proxies(
    server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server.pages["/über"] = Page(b"", status=500)
    server.pages["/%C3%BCber"] = Page("Grüße".encode("latin-1"), "text/plain; charset=latin-1")
    found = egress(server).get(f"{server.url}/über?q=ä#part", accept=["text/*"])
    assert (found.text(), found.media_type, found.status) == ("Grüße", "text/plain", 200)
    assert found.url == f"{server.url}/%C3%BCber?q=%C3%A4"
    assert server.asked[0].headers["host"] == server.place
    assert "cookie" not in server.asked[0].headers


@pytest.mark.parametrize("target", ["http://10.0.0.1/", "file:///etc/passwd", "http://[::1]/"])
def test_a_redirect_is_checked_like_the_first_address(server: WebServer, target: str) -> None:
    server.pages["/"] = Page(status=302, headers={"location": target})
    with pytest.raises((RefusedError, InvalidError)):
        egress(server).get(server.url)
    assert server.paths == ["/"]


def test_three_redirects_are_followed_and_a_fourth_is_not(server: WebServer) -> None:
    for number in range(9):
        server.pages[f"/{number}"] = Page(status=301, headers={"location": f"{number + 1}"})
    server.pages["/3"] = Page(b"here")
    assert egress(server).get(f"{server.url}/0").body == b"here"
    with pytest.raises(RefusedError, match="more than 3"):
        egress(server).get(f"{server.url}/4")


def test_headers_do_not_follow_to_another_host_nor_a_body_to_any(server: WebServer) -> None:
    with web_server() as other:
        server.pages["/"] = Page(status=302, headers={"location": f"{other.url}/"})
        client = Egress(inside=server.place, resolver=Names())
        with pytest.raises(RefusedError):
            client.get(server.url, headers={"x-key": "secret"})
        with pytest.raises(RefusedError, match="not sent on"):
            client.post(server.url, b"{}", media_type="application/json")
        assert not other.asked
    assert server.asked[0].headers["x-key"] == "secret"


def test_a_body_is_sent(server: WebServer) -> None:
    def echo(asked: Asked) -> Page:
        return Page(asked.body, asked.headers["content-type"])

    server.pages["/hook"] = echo
    answer = egress(server).post(f"{server.url}/hook", b'{"a": 1}', media_type="application/json")
    assert (answer.body, answer.media_type) == (b'{"a": 1}', "application/json")


def test_other_types_are_refused_unread(server: WebServer) -> None:
    server.pages["/"] = Page(b"\x00" * 100, "application/octet-stream")
    with pytest.raises(UnsupportedError, match="application/octet-stream"):
        egress(server).get(server.url, accept=["text/html"])


@pytest.mark.parametrize("says_length", [True, False])
def test_long_answers_are_given_up(server: WebServer, says_length: bool) -> None:
    server.pages["/"] = Page(b"x" * 5000, says_length=says_length)
    with pytest.raises(TooLargeError):
        egress(server, most_bytes=4999).get(server.url)
    assert len(egress(server, most_bytes=5000).get(server.url).body) == 5000


def test_packed_answers_are_unpacked_up_to_the_limit(server: WebServer) -> None:
    packed = {"content-encoding": "gzip"}
    server.pages["/"] = Page(gzip.compress(b"hello " * 100), headers=packed)
    server.pages["/bomb"] = Page(gzip.compress(b"\x00" * 50_000_000), headers=packed)
    server.pages["/broken"] = Page(b"not packed", headers=packed)
    server.pages["/odd"] = Page(b"x", headers={"content-encoding": "br"})
    assert egress(server).get(server.url).body == b"hello " * 100
    for path, error in (
        ("/bomb", TooLargeError),
        ("/broken", UnsupportedError),
        ("/odd", UnsupportedError),
    ):
        with pytest.raises(error):
            egress(server, most_bytes=100_000).get(f"{server.url}{path}")


def test_an_answer_that_drips_is_cut_off_in_time(server: WebServer) -> None:
    server.pages["/"] = Page(b"x", "text/drip", says_length=False)
    with pytest.raises(UnavailableError, match="too long"):
        egress(server, timeout_s=0.3).get(server.url)


def test_an_answer_that_breaks_off_is_not_taken_for_whole(server: WebServer) -> None:
    server.pages["/"] = Page(b"half", headers={"content-length": "1000"})
    with pytest.raises(UnavailableError):
        egress(server).get(server.url)


def test_nobody_there_is_unavailable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(UnavailableError, match="does not answer"):
        Egress(inside=f"127.0.0.1:{port}").get(f"http://127.0.0.1:{port}/")


def test_a_wrong_setting_is_named() -> None:
    with pytest.raises(KontorError, match="EGRESS_INSIDE"):
        Egress(inside="search.internal")


LIST = "api.example.org, *.Partner.example,1.1.1.1"


@pytest.mark.parametrize(
    ("text", "host", "is_permitted"),
    [
        ("", "anybody.example", True),
        ("none", "anybody.example", False),
        (LIST, "api.example.org", True),
        (LIST, "API.example.org.", True),
        (LIST, "example.org", False),
        (LIST, "x.api.example.org", False),
        (LIST, "api.example.org.attacker.example", False),
        (LIST, "a.partner.example", True),
        (LIST, "a.b.partner.example", True),
        (LIST, "partner.example", False),
        (LIST, "evilpartner.example", False),
        (LIST, "1.1.1.1", True),
        (LIST, "1.1.1.2", False),
    ],
)
def test_the_list_permits_what_is_on_it(text: str, host: str, is_permitted: bool) -> None:
    assert read_allow_list(text).permits(host) is is_permitted


@pytest.mark.parametrize(
    "text", ["https://a.example", "a.example:443", "*", "a.*.example", "none,a"]
)
def test_a_list_that_says_something_else_than_hosts_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="EGRESS_ALLOW"):
        read_allow_list(text)


def test_a_public_host_that_is_not_on_the_list_is_not_even_looked_up(no_connection: None) -> None:
    names = Names(["8.8.8.8"])
    client = Egress(resolver=names, allow=read_allow_list("api.example.org"))
    for ask in (client.get, client.check):
        with pytest.raises(RefusedError, match="may reach") as caught:
            ask("https://elsewhere.example/")
        assert "EGRESS_ALLOW" in caught.value.hint
    with pytest.raises(RefusedError):
        client.post("https://elsewhere.example/", b"{}", media_type="application/json")
    assert names.asked == []
    assert client.check("https://api.example.org/x") == "https://api.example.org/x"


def test_a_redirect_to_a_host_that_is_not_on_the_list_is_not_followed(server: WebServer) -> None:
    server.pages["/"] = Page(status=302, headers={"location": "https://elsewhere.example/"})
    names = Names(["8.8.8.8"])
    client = Egress(inside=server.place, resolver=names, allow=read_allow_list("none"))
    with pytest.raises(RefusedError, match=r"elsewhere\.example"):
        client.get(server.url)  # the place inside itself is the operator's own word
    assert server.paths == ["/"]
    assert "elsewhere.example" not in names.asked
    assert EVERYBODY.permits("elsewhere.example")


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(begins)
        .not_valid_after(begins + datetime.timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private


def test_the_certificate_must_be_the_hosts_though_the_address_is_dialled(tmp_path: Path) -> None:
    certificate, private = _certificate(tmp_path, "page.example")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, private)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with web_server(serving) as server:
        server.pages["/"] = Page(b"secured")
        for host, is_right in (("page.example", True), ("other.example", False)):
            place = f"{host}:{server.server_port}"
            names = Names(["127.0.0.1"])
            client = Egress(inside=place, resolver=names, tls=trusting)
            if is_right:
                assert client.get(f"https://{place}/").body == b"secured"
            else:
                with pytest.raises(UnavailableError):
                    client.get(f"https://{place}/")
