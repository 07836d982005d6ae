"""Connections that go to the very address that was checked, for clients made by others.

A name may answer differently when it is asked twice: once for the check, once for the connection
(DNS rebinding). LiteLLM's HTTP clients get transports from here, which look a name up once, check
what comes, and connect to that; for TLS the name stays the host's. Proxies of the environment are
not used. Imported together with LiteLLM, never before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import httpcore
import httpx
from httpcore._backends.sync import SyncBackend

from shared.adapters.allowing import EVERYBODY, AllowList
from shared.adapters.egress import resolve
from shared.generation.addresses import reachable
from shared.kernel.errors import KontorError

Resolve = Callable[[str, int], Sequence[str]]

# Whoever connects without having said for whom reaches public servers alone.
_INSIDE: ContextVar[frozenset[str] | None] = ContextVar("_INSIDE", default=frozenset())
_ALLOW: ContextVar[AllowList] = ContextVar("_ALLOW", default=EVERYBODY)


@contextmanager
def reaching(
    private_hosts: frozenset[str] | None, *, allow: AllowList = EVERYBODY
) -> Iterator[None]:
    """Let connections made in this block reach these hosts inside, too; ``None``: anywhere.

    Of the public ones they reach those that ``allow`` permits.
    """
    token, list_token = _INSIDE.set(private_hosts), _ALLOW.set(allow)
    try:
        yield
    finally:
        _INSIDE.reset(token)
        _ALLOW.reset(list_token)


def pinned_transport(resolver: Resolve = resolve) -> httpx.HTTPTransport:
    """Make a transport for an ``httpx.Client`` whose connections are checked."""
    return _PinnedTransport(resolver)


class _PinnedTransport(httpx.HTTPTransport):
    """HTTPX has no door for a backend of one's own, so its pool is replaced by one that has."""

    def __init__(self, resolver: Resolve) -> None:
        super().__init__()
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            network_backend=_PinnedBackend(resolver),
            # As many at once as HTTPX allows: its pool's own limit is ten.
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
        )


class _PinnedBackend(SyncBackend):
    """Connects to what it has just looked up and found allowed."""

    def __init__(self, resolver: Resolve) -> None:
        self._resolver = resolver

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers; one that is inside refuses them all."""
        try:
            found = reachable(
                host,
                port,
                private_hosts=_INSIDE.get(),
                resolver=self._resolver,
                allow=_ALLOW.get(),
            )
        except KontorError as error:
            raise httpcore.ConnectError(error.detail) from error
        last: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in found:
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last or httpcore.ConnectError(f"{host} has no address")
