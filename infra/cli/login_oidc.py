"""Signing in at an identity provider from a terminal: the browser does it, we wait at a port.

A native application's sign-in as RFC 8252 describes it: a loopback address with a port that is
free just now, PKCE, and no embedded browser. What comes to the port is a code that counts once
and only together with the verifier, which never leaves this process.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import secrets
import sys
import threading
import time
import webbrowser
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from infra.cli.terminal import clean
from shared.kernel.errors import NotFoundError, UnauthenticatedError, UnavailableError

if TYPE_CHECKING:
    from infra.cli.client import AskCode, KontorClient
    from infra.cli.target import Profile

PATIENCE_S = 300.0
_PAGE = """<!doctype html><meta charset="utf-8"><title>Kontor</title>
<p>%s You may close this window.</p>"""


def sign_in_there(
    client: KontorClient,
    provider: str,
    *,
    tenant: str,
    opens_browser: bool,
    ask_code: AskCode,
) -> Profile:
    """Sign in at a tenant's provider in the browser and remember the login.

    Raises NotFoundError for a provider the tenant does not have, UnauthenticatedError when the
    sign-in is refused, UnavailableError when nobody comes back in five minutes.
    """
    start_url = find_provider(client, provider, tenant)["start_url"]

    def address(return_to: str, challenge: str) -> str:
        asked = urlencode({"return_to": return_to, "challenge": challenge})
        return f"{client.profile.api}{start_url}?{asked}"

    body = go_there(address, opens_browser=opens_browser)
    return client.enter("/auth/oidc/token", body, ask_code=ask_code)


def go_there(address_of: Callable[[str, str], str], *, opens_browser: bool) -> dict[str, object]:
    """Send the browser to a provider and wait for it; returns the code and its verifier.

    ``address_of`` makes the address to open out of where it is to end and a challenge. Raises
    UnauthenticatedError when the provider or the server refuses, UnavailableError when nobody
    comes back in five minutes.
    """
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    with _Port() as port:
        url = address_of(port.address, challenge)
        open_address(url, "Sign in in the browser", opens_browser=opens_browser)
        came = port.wait(PATIENCE_S)
    if "code" not in came:
        raise UnauthenticatedError(
            clean(came.get("error_description", "The sign-in was refused.")),
            hint="Try again, or ask an administrator of the tenant.",
        )
    return {"code": came["code"], "code_verifier": verifier}


def open_address(url: str, why: str, *, opens_browser: bool) -> None:
    """Open an address in the browser, or ask for that; say which."""
    is_open = opens_browser and webbrowser.open(url)
    said = why if is_open else "Open this address in a browser"
    sys.stderr.write(f"{said}: {url}\n")


def find_provider(client: KontorClient, provider: str, tenant: str) -> dict[str, str]:
    """Find a tenant's provider by its name; raises NotFoundError."""
    slug = tenant or client.profile.tenant
    if not slug:
        raise NotFoundError("Whose provider is it?", hint="Name the tenant with --tenant SLUG.")
    answer = client.get_openly("/auth/oidc/providers", tenant=slug)
    items = answer.get("items")
    found = {
        str(each["name"]): {name: str(value) for name, value in each.items()}
        for each in (items if isinstance(items, list) else [])
    }
    if provider not in found:
        there = f"It has: {', '.join(found)}." if found else "It has none."
        raise NotFoundError(f"{slug} has no identity provider {provider}.", hint=there)
    return found[provider]


class _Handler(http.server.BaseHTTPRequestHandler):
    """Takes the one request that the browser is sent to; everything else is not found."""

    path_wanted: ClassVar[str]
    came: ClassVar[dict[str, str]]
    arrived: ClassVar[threading.Event]

    def do_GET(self) -> None:
        """Take what came in the query, once."""
        parts = urlsplit(self.path)
        facts = dict(parse_qsl(parts.query))
        if parts.path != self.path_wanted or not {"code", "error"} & facts.keys():
            self.send_error(404)
            return
        self.came.update(facts)
        told = (
            "Your provider signed you in; the terminal goes on."
            if "code" in facts
            else "You were not signed in."
        )
        body = (_PAGE % told).encode()
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-security-policy", "default-src 'none'")
        self.send_header("cache-control", "no-store")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.arrived.set()

    def log_message(self, *_: object) -> None:
        """Say nothing: the request line holds the code."""


class _Port:
    """A port of this machine on which the browser is expected."""

    def __enter__(self) -> _Port:
        path = f"/{secrets.token_urlsafe(16)}"

        class Handler(_Handler):
            path_wanted = path
            came: ClassVar[dict[str, str]] = {}
            arrived = threading.Event()

        self._handler = Handler
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}{path}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self, seconds: float) -> dict[str, str]:
        """Wait for the browser; in short naps, so that Ctrl-C is heard."""
        deadline = time.monotonic() + seconds
        while not self._handler.arrived.wait(0.2):
            if time.monotonic() > deadline:
                raise UnavailableError("Nobody came back from the browser.", hint="Try again.")
        return dict(self._handler.came)
