"""Lambda entry point of functions/webhook_fan: a fact on the bus, deliveries to make of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from shared.kernel.context import working_on
from shared.kernel.ids import TenantId
from shared.webhooks import sending
from shared.wiring import app as wired

app = wired()


def handler(event: dict[str, Any], _context: Any) -> dict[str, int]:
    """Make a delivery for everybody who asked to hear of this; returns how many."""
    detail = event["detail"]
    tenant_id = TenantId(UUID(str(detail["tenant_id"])))
    with working_on(correlation=detail.get("correlation_id", ""), tenant=str(tenant_id)):
        return {"made": sending.fan_out(app.database, app.webhook_queue, tenant_id, detail)}
