"""What the sweep takes away because its time is over."""

from __future__ import annotations

from shared.adapters.cache_database import remove_expired
from shared.adapters.outbox import list_active_tenants
from shared.identity import accounts, post, sessions, throttling
from shared.ingestion.known_vectors import forget_old_vectors
from shared.kernel.ids import TenantId
from shared.limits import service as limits
from shared.limits.requests import forget_expired
from shared.wiring import App


def begin(app: App) -> list[TenantId]:
    """Take away what belongs to no tenant, and list the tenants to go on with."""
    with app.database.system_transaction() as session:
        limits.tidy(session)
        throttling.forget_old(session)
        return list_active_tenants(session)


def trim(app: App, tenant_id: TenantId) -> None:
    """Keep what a tenant's memories hold within their bounds; send letters that wait again."""
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
