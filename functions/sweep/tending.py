"""What the sweep does for a tenant's trail and webhooks."""

from __future__ import annotations

from functools import partial

from shared.audit import proof
from shared.kernel.ids import TenantId
from shared.webhooks import sending
from shared.webhooks import service as webhooks
from shared.wiring import App


def tend(app: App, tenant_id: TenantId) -> None:
    """Let go of entries whose time is over, anchor the trail once a day, send what was not sent."""
    with app.database.transaction(tenant_id) as session:
        proof.expire(session)
        webhooks.tend(session, partial(sending.send, app.webhook_queue, tenant_id))
    if app.anchors is not None:
        proof.anchor(app.database, tenant_id, app.anchors)
