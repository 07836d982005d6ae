"""Lambda entry point of functions/webhook_delivery: deliveries that are worth a look."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from functions.edge.queue import queue_handler
from shared.adapters.queues import Queue
from shared.kernel.context import working_on
from shared.kernel.ids import TenantId
from shared.webhooks import sending
from shared.wiring import App


def _deliver(app: App, message: dict[str, Any]) -> None:
    tenant_id = TenantId(UUID(message["tenant_id"]))
    delivery_id = UUID(message["delivery_id"])
    with working_on(correlation=f"webhook-{delivery_id}", tenant=str(tenant_id)):
        sending.deliver(
            app.database,
            app.webhook_queue,
            app.webhook_wires,
            tenant_id,
            delivery_id,
            disable_after_days=app.settings.webhook_disable_days,
        )


def _queue(app: App) -> Queue:
    return app.webhook_queue


handler = queue_handler(_deliver, queue=_queue)
