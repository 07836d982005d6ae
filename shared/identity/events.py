"""What identity announces: a letter waits to be sent, a link was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from shared.kernel.events import Event
from shared.kernel.ids import TenantId

NOBODY = TenantId(UUID(int=0))
"""The tenant of a question that comes before one is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterWritten(Event):
    """A letter lies sealed in the database and is to be sent."""

    mail_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkAsked(Event):
    """Somebody without a session wants a link by mail; whether the address is known is not said.

    It goes to the bus directly, whoever asks and whatever for, so that neither the answer nor its
    time tells who exists. ``purpose`` is ``reset_password`` or ``verify_email``.
    """

    purpose: str
    email: str
    tenant_slug: str | None
