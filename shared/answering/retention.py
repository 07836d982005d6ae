"""How long conversations are kept: the tenant says, a sweep deletes."""

from __future__ import annotations

from shared.adapters.database import Database, Session
from shared.answering import store
from shared.audit import service as audit
from shared.identity.model import Principal
from shared.kernel.errors import InvalidError
from shared.kernel.ids import TenantId

MOST_DAYS = 36500


def keep_days(session: Session, *, default: int) -> int:
    """Return how many days the tenant keeps conversations; 0 keeps them for good."""
    said = store.find_keeping(session)
    return default if said is None else said


def change_keep_days(session: Session, principal: Principal, days: int) -> None:
    """Say how many days the tenant keeps conversations after their last question.

    The rule holds for pinned ones, too: it is the tenant's, a pin is one person's.
    """
    if not 0 <= days <= MOST_DAYS:
        what = f"must lie between 0 and {MOST_DAYS}"
        raise InvalidError(f"The days {what}.", fields={"keep_days": what})
    store.record_keeping(session, keep_days=days, changed_by=principal.user_id)
    audit.record(
        session,
        actor_id=principal.user_id,
        action="conversations.keeping_changed",
        subject="tenant",
        details={"keep_days": days},
    )


def sweep(database: Database, tenant_id: TenantId, *, default_days: int) -> int:
    """Delete some of what is older than the tenant keeps it; returns how many conversations."""
    with database.transaction(tenant_id) as session:
        store.remove_lost_running(session)
        days = keep_days(session, default=default_days)
        return store.remove_old_conversations(session, days=days) if days else 0
