"""What audit announces: an act that somebody outside asked to hear of."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from shared.kernel.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ActRecorded(Event):
    """An entry of the trail that a webhook waits for; the database announces it by itself."""

    event_id: UUID
    action: str
    subject: str
    actor_id: UUID | None
    details: dict[str, object]
    at: str
