"""What travels with every request: the correlation id, the tenant, the viewer and the origin.

Set once at a handler's edge; the ids are read by the log formatter, the outbox and outgoing
messages, so one id follows a request from the edge through queues and workflows to the WebSocket.
The viewer is whose eyes a transaction sees with: the database narrows every row by it. Work that
the system does in nobody's name (ingestion, sweeps) has no viewer and sees all of its tenant.
The origin is from where and with what somebody calls: the trail writes it beside what they did.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """From where somebody calls, and what the call rests on: a sign-in, a key or a link."""

    address: str = ""
    user_agent: str = ""
    credential: str = ""
    session_id: str = ""


LONGEST_AGENT = 256
_NOWHERE = Origin()
_correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")
_tenant_id: ContextVar[str] = ContextVar("tenant_id", default="")
_viewer: ContextVar[str] = ContextVar("viewer", default="")
_origin: ContextVar[Origin] = ContextVar("origin", default=_NOWHERE)


def correlation_id() -> str:
    """Return the correlation id of the work in hand; empty outside any."""
    return _correlation_id.get()


def tenant_id() -> str:
    """Return the tenant of the work in hand; empty before one is known."""
    return _tenant_id.get()


def viewer() -> str:
    """Return whose eyes the work in hand sees with; empty for the system's own.

    ``user:UUID`` is a person or program, ``keys:UUID`` the same by a key that oversees nothing,
    ``link:UUID`` whoever came through a share link.
    """
    return _viewer.get()


def origin() -> Origin:
    """Return from where the work in hand was asked for; empty for the system's own."""
    return _origin.get()


def set_origin(found: Origin) -> None:
    """Name the origin once it is known inside running work."""
    _origin.set(found)


def set_tenant(tenant: str) -> None:
    """Name the tenant once it is known inside running work, so later log lines carry it."""
    _tenant_id.set(tenant)


def set_viewer(viewer: str) -> None:
    """Name the viewer once it is known inside running work: transactions see with its eyes."""
    _viewer.set(viewer)


@contextmanager
def working_on(
    *, correlation: str, tenant: str = "", viewer: str = "", origin: Origin = _NOWHERE
) -> Iterator[None]:
    """Attach ids, viewer and origin to all that is done inside the block, and take them off."""
    origin_token = _origin.set(origin)
    correlation_token = _correlation_id.set(correlation)
    tenant_token = _tenant_id.set(tenant)
    viewer_token = _viewer.set(viewer)
    try:
        yield
    finally:
        _origin.reset(origin_token)
        _viewer.reset(viewer_token)
        _tenant_id.reset(tenant_token)
        _correlation_id.reset(correlation_token)
