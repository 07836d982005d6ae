"""What memories hold beyond their time, thrown away."""

from __future__ import annotations

from shared.adapters.cache_database import remove_expired
from shared.adapters.database import Session
from shared.identity import accounts, post, sessions, throttling
from shared.ingestion.known_vectors import forget_old_vectors
from shared.kernel.ids import TenantId
from shared.limits import service as limits
from shared.limits.requests import forget_expired
from shared.wiring import App


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


def trim_everybodys(session: Session) -> None:
    """Forget what belongs to no tenant; in a system transaction."""
    limits.tidy(session)
    throttling.forget_old(session)
