"""What the sweep does for tenants' trails, webhooks and jobs."""

from __future__ import annotations

from functools import partial

from shared.audit import proof
from shared.kernel.ids import TenantId
from shared.tenancy import service as tenancy
from shared.webhooks import sending
from shared.webhooks import service as webhooks
from shared.wiring import App


def tend(app: App, tenant_id: TenantId) -> None:
    """Let go of entries whose time is over, anchor the trail once a day, send what was not sent."""
    with app.database.transaction(tenant_id) as session:
        proof.expire(session)
        webhooks.tend(session, partial(sending.send, app.webhook_queue, tenant_id))
    app.workshop.expire_exports(tenant_id)
    if app.anchors is not None:
        proof.anchor(app.database, tenant_id, app.anchors)


def go_on(app: App) -> None:
    """Send every tenant's jobs that wait or have fallen silent to be gone on with."""
    with app.database.system_transaction() as session:
        waiting = tenancy.list_work(session)
    for work in waiting:
        app.tenant_queue.send(work.to_json())
