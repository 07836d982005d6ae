"""An entry of the trail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.kernel.ids import UserId


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One thing that was done. ``actor_id`` is ``None`` when the system itself did it."""

    id: UUID
    at: datetime
    actor_id: UserId | None
    action: str
    subject: str
    correlation_id: str
    details: dict[str, object]
