"""The only way out to other people's servers: a small HTTP client that cannot be led inside.

Used for web pages and web search, and made for webhooks, identity providers and link previews. A
host is resolved once, every address it has must be public, and the connection goes to the very
address that was checked, so a name that answers differently the second time (DNS rebinding) gains
nothing; for TLS the name stays the host's. Proxies of the environment are never used.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import SplitResult, urljoin, urlsplit

from shared.adapters.addresses import is_public, read_address
from shared.adapters.allowing import EVERYBODY, AllowList
from shared.kernel.errors import (
    InvalidError,
    RefusedError,
    TooLargeError,
    UnavailableError,
    UnsupportedError,
)

MOST_BYTES = 5 * 1024 * 1024
TIMEOUT_S = 10.0
MOST_REDIRECTS = 3
LONGEST_URL = 2000
AGENT = "Kontor/1 (+knowledge platform; fetches pages for its users)"
_PORTS = {"http": 80, "https": 443}
_REDIRECTS = {
    HTTPStatus.MOVED_PERMANENTLY,
    HTTPStatus.FOUND,
    HTTPStatus.SEE_OTHER,
    HTTPStatus.TEMPORARY_REDIRECT,
    HTTPStatus.PERMANENT_REDIRECT,
}
_BLOCK = 64 * 1024
_LABELS = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?")
# A host whose last label is a number is an address in one of many disguises: 127.1, 0x7f000001.
_DISGUISED = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)\.?")
_UNWRITABLE = re.compile(r"[\x00-\x20\x7f\\]")

Resolve = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one request may take; ``timeout_s`` is for all of it, redirects included."""

    most_bytes: int = MOST_BYTES
    timeout_s: float = TIMEOUT_S
    most_redirects: int = MOST_REDIRECTS


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a server answered; ``url`` is where the last redirect led."""

    url: str
    status: int
    media_type: str
    charset: str
    body: bytes

    def text(self) -> str:
        """Return the body as text; what its encoding cannot say is replaced."""
        try:
            return self.body.decode(self.charset or "utf-8", errors="replace")
        except LookupError:
            return self.body.decode("utf-8", errors="replace")


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """One request on its way; ``headers`` go to the first host only."""

    method: str
    url: str
    accept: tuple[str, ...]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = None


def resolve(host: str, port: int) -> list[str]:
    """Ask the system for every address of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Egress:
    """Fetches from public servers and from nothing else.

    ``inside`` names each ``host:port`` that may be reached although it is not public, such as a
    search engine of one's own beside Kontor; several are parted by commas. Of the public ones only
    those are reached that ``allow`` permits, redirects included.
    """

    def __init__(
        self,
        *,
        inside: str = "",
        allow: AllowList = EVERYBODY,
        limits: Limits | None = None,
        resolver: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._inside = _read_inside(inside)
        self._allow = allow
        self._limits = limits or Limits()
        self._resolve = resolver
        self._tls = tls

    def get(
        self, url: str, *, accept: Sequence[str] = (), headers: Mapping[str, str] | None = None
    ) -> Fetched:
        """Fetch an address; every redirect is checked like the first one.

        ``accept`` lists media types, ``text/*`` included; anything else is refused unread.
        ``headers`` never follow a redirect to another host. Raises InvalidError for something
        that is no address, RefusedError for one that may not be reached, UnsupportedError,
        TooLargeError, and UnavailableError when nobody answers in time.
        """
        deadline = time.monotonic() + self._limits.timeout_s
        request = _Outgoing("GET", url, tuple(accept), headers or {})
        for _ in range(self._limits.most_redirects + 1):
            answer = self._once(request, deadline)
            if isinstance(answer, Fetched):
                return answer
            request = _redirected(request, answer)
        raise RefusedError(
            f"{_host(url)} redirects more than {self._limits.most_redirects} times.",
            hint="Use the address it ends at.",
        )

    def post(
        self,
        url: str,
        body: bytes,
        *,
        media_type: str,
        accept: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Fetched:
        """Send a body; a redirect is an error, because the body was meant for this address."""
        deadline = time.monotonic() + self._limits.timeout_s
        given = {**(headers or {}), "content-type": media_type}
        answer = self._once(_Outgoing("POST", url, tuple(accept), given, body), deadline)
        if isinstance(answer, Fetched):
            return answer
        raise RefusedError(
            f"{_host(url)} redirects; what is sent is not sent on.", hint="Use its new address."
        )

    def check(self, url: str) -> str:
        """Return an address as it would be fetched, without asking anybody; raises as ``get``."""
        return self._permitted(url).geturl()

    def is_inside(self, url: str) -> bool:
        """Tell whether an address is one inside that may be reached."""
        parts = _read(url, self._inside)
        return (str(parts.hostname), parts.port or _PORTS[parts.scheme]) in self._inside

    def _permitted(self, url: str) -> SplitResult:
        """Read an address; raises RefusedError where its host is not on the list."""
        parts = _read(url, self._inside)
        host = str(parts.hostname)
        if (host, parts.port or _PORTS[parts.scheme]) not in self._inside:
            self._allow.require(host)
        return parts

    def _once(self, request: _Outgoing, deadline: float) -> Fetched | str:
        """Send one request; returns the answer, or the address it redirects to."""
        parts = self._permitted(request.url)
        host, port = str(parts.hostname), parts.port or _PORTS[parts.scheme]
        reached = self._connect(host, port, deadline)
        try:
            with _cut_off(reached, deadline):
                wire = self._secured(reached, host) if parts.scheme == "https" else reached
                with closing(wire):
                    answer = _exchange(wire, request, parts, limits=self._limits)
                _left(deadline)  # what was cut off may look whole
                return answer
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(
                f"{host} does not answer as a web server should, or takes too long.",
                hint="Try again later.",
            ) from error

    def _connect(self, host: str, port: int, deadline: float) -> socket.socket:
        for address in self._addresses(host, port):
            try:
                return socket.create_connection((address, port), timeout=_left(deadline))
            except OSError:
                continue
        raise UnavailableError(f"{host} does not answer.", hint="Try again later.")

    def _addresses(self, host: str, port: int) -> list[str]:
        """Resolve once; one address that is not public refuses them all."""
        literal = read_address(host)
        if literal is not None:
            found: Sequence[str] = [str(literal)]
        else:
            try:
                found = self._resolve(host, port)
            except OSError as error:
                raise UnavailableError(
                    f"There is no host called {host}.", hint="Check the address."
                ) from error
        for address in found:
            read = read_address(address)
            is_inside = (host, port) in self._inside
            if read is None or not (is_inside or is_public(read)):
                raise RefusedError(
                    f"{host} is not a public address.",
                    hint="Only servers on the open internet may be reached.",
                )
        return list(found)

    def _secured(self, reached: socket.socket, host: str) -> ssl.SSLSocket:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls.wrap_socket(reached, server_hostname=host)


@contextmanager
def _cut_off(reached: socket.socket, deadline: float) -> Iterator[None]:
    """End a connection at its deadline, however slowly its bytes drip; close it in any case.

    The descriptor is doubled, because TLS takes the socket over; the base class is called,
    because a secured socket would first say goodbye.
    """
    with closing(reached.dup()) as held, closing(reached):
        timer = threading.Timer(_left(deadline), socket.socket.shutdown, (held, socket.SHUT_RDWR))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _read_inside(inside: str) -> frozenset[tuple[str, int]]:
    found = set()
    for place in filter(None, (part.strip() for part in inside.split(","))):
        host, _, port = place.rpartition(":")
        if not host or not port.isdecimal():
            raise InvalidError(
                f"{place!r} in EGRESS_INSIDE or OIDC_INSIDE is not host:port.",
                hint="Write it like search.internal:8080.",
            )
        found.add((host.strip("[]").lower(), int(port)))
    return frozenset(found)


def _read(url: str, inside: frozenset[tuple[str, int]]) -> SplitResult:
    """Read an address strictly: what two programs could read differently is refused."""
    if len(url) > LONGEST_URL or _UNWRITABLE.search(url):
        raise InvalidError("This is not a web address.", hint="Write it as https://host/path.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidError("This is not a web address.") from error
    host = _ascii_host(parts.hostname or "")
    if parts.scheme not in _PORTS or not host:
        raise InvalidError(
            "Only addresses that begin with http:// or https:// can be fetched.",
            hint="Write it as https://host/path.",
        )
    if parts.username is not None or parts.password is not None:
        raise RefusedError("An address with a user name in it is not fetched.")
    number = port or _PORTS[parts.scheme]
    if (host, number) not in inside:
        if number != _PORTS[parts.scheme]:
            raise RefusedError(f"Port {number} is not fetched from.", hint="Use 80 or 443.")
        if read_address(host) is None and _DISGUISED.fullmatch(host):
            raise RefusedError("This address hides a number; it is not fetched.")
    shown = f"[{host}]" if ":" in host else host
    place = shown if number == _PORTS[parts.scheme] else f"{shown}:{number}"
    path = _escaped(parts.path) or "/"
    return SplitResult(parts.scheme, place, path, _escaped(parts.query), "")


def _ascii_host(host: str) -> str:
    """Return a host in letters, digits and hyphens, or ``""`` when it cannot be written so."""
    if read_address(host) is not None:
        return host.lower()
    try:
        name = host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""
    return name if _LABELS.fullmatch(name) else ""


def _escaped(text: str) -> str:
    return re.sub(
        r"[^\x21-\x7e]+", lambda m: "".join(f"%{byte:02X}" for byte in m[0].encode()), text
    )


def _host(url: str) -> str:
    return urlsplit(url).hostname or "The server"


def _redirected(request: _Outgoing, target: str) -> _Outgoing:
    """Return the request to where it was redirected, without headers meant for another host."""
    url = urljoin(request.url, target)
    before, after = urlsplit(request.url), urlsplit(url)
    if before.scheme == "https" and after.scheme == "http":
        raise RefusedError(f"{before.hostname} redirects to an address that is not encrypted.")
    is_same = before.netloc == after.netloc
    return _Outgoing("GET", url, request.accept, request.headers if is_same else {})


def _exchange(
    wire: socket.socket,
    request: _Outgoing,
    parts: SplitResult,
    *,
    limits: Limits,
) -> Fetched | str:
    connection = http.client.HTTPConnection(str(parts.hostname))
    connection.sock = wire
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    headers = {
        "host": parts.netloc,
        "user-agent": AGENT,
        "accept": ", ".join(request.accept) or "*/*",
        "accept-encoding": "gzip, identity",
        "connection": "close",
        **request.headers,
    }
    connection.request(request.method, target, request.body, headers)
    with closing(connection.getresponse()) as answer:
        location = answer.getheader("location")
        if answer.status in _REDIRECTS and location:
            return location
        kind = answer.headers.get_content_type()
        if not _is_accepted(kind, request.accept):
            raise UnsupportedError(f"{parts.hostname} answers with {kind}, which is not read here.")
        return Fetched(
            url=parts.geturl(),
            status=answer.status,
            media_type=kind,
            charset=answer.headers.get_content_charset() or "",
            body=b"".join(_bytes(answer, most=limits.most_bytes)),
        )


def _is_accepted(kind: str, accept: Sequence[str]) -> bool:
    return not accept or any(
        kind == each or (each.endswith("/*") and kind.startswith(each[:-1])) for each in accept
    )


def _bytes(answer: http.client.HTTPResponse, *, most: int) -> Iterator[bytes]:
    """Read a body piece by piece, unpacked; nothing is kept of one that is too long."""
    coding = (answer.getheader("content-encoding") or "identity").lower()
    if coding not in {"identity", "gzip", "x-gzip", "deflate"}:
        raise UnsupportedError(f"The answer is packed as {coding}, which is not read here.")
    unpacker = None if coding == "identity" else zlib.decompressobj(zlib.MAX_WBITS | 32)
    size = 0
    while True:
        block = answer.read1(_BLOCK)
        piece = block if unpacker is None else _unpacked(unpacker, block, most - size + 1)
        size += len(piece)
        if size > most:
            raise TooLargeError(f"The answer is longer than {most:,} bytes.")
        yield piece
        if not block:
            break
    if answer.length:
        raise http.client.IncompleteRead(b"", answer.length)


def _unpacked(unpacker: zlib._Decompress, block: bytes, room: int) -> bytes:
    try:
        return unpacker.decompress(unpacker.unconsumed_tail + block, room)
    except zlib.error as error:
        raise UnsupportedError("The answer is packed wrongly.") from error


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the request took too long")
    return left
