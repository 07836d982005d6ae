"""The event base: a fact in the past tense that a room records in the outbox for others to hear.

A subclass is a frozen dataclass in its room's ``events.py``. Its class name is the EventBridge
``detail-type``; who listens is written in a ``function.yml``. ``is_external`` marks a fact that
only outsiders (webhooks, exports) listen to.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar
from uuid import UUID

from shared.kernel.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every fact says: whose it is. Fields must be JSON-friendly or UUIDs."""

    is_external: ClassVar[bool] = False

    tenant_id: TenantId

    @classmethod
    def name(cls) -> str:
        """Return the ``detail-type`` under which listeners know this fact."""
        return cls.__name__

    def payload(self) -> dict[str, object]:
        """Return the fields as JSON values; UUIDs become strings."""
        return {
            key: str(value) if isinstance(value, UUID) else value
            for key, value in asdict(self).items()
        }
