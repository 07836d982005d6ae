"""Lambda entry point of functions/sweep: every tenant, once a minute."""

from __future__ import annotations

import logging
import time
from typing import Any

from functions.sweep.tending import go_on, tend
from shared.adapters.cache_database import remove_expired
from shared.adapters.outbox import list_active_tenants
from shared.agents import retention as runs
from shared.answering import retention
from shared.identity import accounts, post, sessions, throttling
from shared.ingestion.known_vectors import forget_old_vectors
from shared.kernel.errors import KontorError, UnavailableError
from shared.kernel.ids import TenantId
from shared.limits import service as limits
from shared.limits.requests import forget_expired
from shared.recovery.orphans import Orphans
from shared.recovery.reconciliation import Reconciler
from shared.reprocessing import service as reprocessing
from shared.reprocessing import switching
from shared.wiring import app as wired

logger = logging.getLogger(__name__)
app = wired()
SWITCHING_S = 5.0


def handler(_event: dict[str, Any], _context: Any) -> dict[str, int]:
    """Mend every tenant; one that cannot be mended now never keeps the others waiting.

    Raises UnavailableError at the end when any failed, so that the failure shows.
    """
    reconciler = Reconciler(
        database=app.database,
        objects=app.objects,
        erasure=app.erasure,
        bus=app.bus,
        workflows=app.workflows,
        intake_queue=app.intake_queue,
        settler=app.settler,
        orphans=Orphans(app.database, app.objects),
        stuck_after_s=app.settings.stuck_after_s,
        max_running=app.settings.max_running_workflows,
        trash_days=app.settings.trash_days,
    )
    with app.database.system_transaction() as session:
        tenants = list_active_tenants(session)
        limits.tidy(session)
        throttling.forget_old(session)
    failed = 0
    go_on(app)
    for tenant_id in tenants:
        try:
            reconciler.sweep(tenant_id)
            reprocessing.sweep(
                app.database, app.workflows, tenant_id, silent_after_s=app.settings.stuck_after_s
            )
            _trim(tenant_id)
            switching.resume(app.database, tenant_id, until=time.monotonic() + SWITCHING_S)
            retention.sweep(app.database, tenant_id, default_days=app.settings.conversation_days)
            runs.sweep(app.database, tenant_id, default_days=app.settings.conversation_days)
            tend(app, tenant_id)
            app.mirror(tenant_id)
            app.relay(tenant_id)
        except KontorError as error:
            failed += 1
            logger.exception("sweep failed", extra={"tenant": str(tenant_id), "code": error.code})
    if failed:
        raise UnavailableError(f"{failed} of {len(tenants)} tenants could not be swept.")
    return {"tenants": len(tenants)}


def _trim(tenant_id: TenantId) -> None:
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
