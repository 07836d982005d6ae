"""How long agents' runs are kept: as long as the tenant keeps its conversations."""

from __future__ import annotations

from shared.adapters.database import Database
from shared.agents import store
from shared.answering.retention import keep_days
from shared.kernel.ids import TenantId


def sweep(database: Database, tenant_id: TenantId, *, default_days: int) -> int:
    """Delete some runs nobody has touched for longer than that, with their steps; returns how many.

    One that waits for a person's word is as old as its last step.
    """
    with database.transaction(tenant_id) as session:
        days = keep_days(session, default=default_days)
        return store.remove_old_runs(session, days=days) if days else 0
