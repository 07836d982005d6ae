"""What travels with every request: the correlation id and the tenant, for logs and messages.

Set once at a handler's edge; read by the log formatter, the outbox and outgoing messages, so one
id follows a request from the edge through queues and workflows to the WebSocket.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")
_tenant_id: ContextVar[str] = ContextVar("tenant_id", default="")


def correlation_id() -> str:
    """Return the correlation id of the work in hand; empty outside any."""
    return _correlation_id.get()


def tenant_id() -> str:
    """Return the tenant of the work in hand; empty before one is known."""
    return _tenant_id.get()


def set_tenant(tenant: str) -> None:
    """Name the tenant once it is known inside running work, so later log lines carry it."""
    _tenant_id.set(tenant)


@contextmanager
def working_on(*, correlation: str, tenant: str = "") -> Iterator[None]:
    """Attach both ids to everything done inside the block, and take them off afterwards."""
    correlation_token = _correlation_id.set(correlation)
    tenant_token = _tenant_id.set(tenant)
    try:
        yield
    finally:
        _tenant_id.reset(tenant_token)
        _correlation_id.reset(correlation_token)
