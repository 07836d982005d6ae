"""What the sweep tends: trails, webhooks and jobs, and whatever is kept for a while only."""

from __future__ import annotations

from functools import partial

from shared.adapters.cache_database import remove_expired
from shared.adapters.database import Session
from shared.audit import proof
from shared.identity import accounts, post, sessions, throttling
from shared.ingestion.known_vectors import forget_old_vectors
from shared.kernel.ids import TenantId
from shared.limits import service as limits
from shared.limits.requests import forget_expired
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
    """Send every tenant's jobs that wait or have fallen silent to be gone on with.

    What belongs to no tenant and is over is forgotten.
    """
    with app.database.system_transaction() as session:
        limits.tidy(session)
        throttling.forget_old(session)
        waiting = tenancy.list_work(session)
    for work in waiting:
        app.tenant_queue.send(work.to_json())


def tidy(session: Session) -> None:
    """Forget what belongs to no tenant and is over."""
    limits.tidy(session)
    throttling.forget_old(session)


def trim(app: App, tenant_id: TenantId) -> None:
    """Keep what a tenant's memories hold within their bounds."""
    with app.database.transaction(tenant_id) as session:
        forget_old_vectors(
            session,
            days=app.settings.embedding_cache_days,
            most=app.settings.embedding_cache_vectors,
        )
        remove_expired(session)
        forget_expired(session)
        sessions.remove_ended(session)
        accounts.remove_expired(session)
        post.announce_waiting(session)
