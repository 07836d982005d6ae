"""Working: whichever job a message names is gone on with for as long as there is time."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from shared.access.people_store import lock_administrators
from shared.access.roles import require_administrator
from shared.adapters.database import Database
from shared.adapters.objects import Objects
from shared.adapters.queues import Queue
from shared.audit import service as audit
from shared.kernel.errors import KontorError
from shared.kernel.failures import Failure, classify
from shared.kernel.ids import TenantId
from shared.tenancy import store
from shared.tenancy.erasing import TenantErasure, erase_person
from shared.tenancy.exporting import Exporter
from shared.tenancy.model import KEPT_DAYS, Task, Work, export_prefix

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Workshop:
    """What jobs are done with; ``budget_s`` is how long one look may take."""

    database: Database
    objects: Objects
    queue: Queue
    erasure: TenantErasure
    budget_s: float = 200.0

    def go_on(self, work: Work) -> bool:
        """Go on with a job; False when it is not over, and has been sent to the next look."""
        until = time.monotonic() + self.budget_s
        if work.kind == "remains":
            self.erasure.sweep_remains(work.tenant_id)
            return True
        if work.kind == "erasure":
            is_over = self.erasure.run(work.tenant_id, until=until)
        else:
            is_over = self._task(work, until)
        if not is_over:
            self.queue.send(work.to_json())
        return is_over

    def _task(self, work: Work, until: float) -> bool:
        with self.database.transaction(work.tenant_id) as session:
            task = store.take_task(session, work.id)
        if task is None:
            return True
        try:
            if task.kind == "person_erasure":
                self._erase_person(work.tenant_id, task)
                return True
            exporter = Exporter(self.database, self.objects, work.tenant_id, task)
            is_over = exporter.run(until=until)
        except Exception as error:
            if classify(error) is not Failure.INFRASTRUCTURE:
                self._fail(work, error)
            raise
        with self.database.transaction(work.tenant_id) as session:
            if is_over:
                store.finish_task(session, task.id, "done", counts=exporter.counts)
            else:
                store.release_task(session, task.id)
        return is_over

    def _erase_person(self, tenant_id: TenantId, task: Task) -> None:
        assert task.person_id is not None
        with self.database.transaction(tenant_id) as session:
            # Two administrators who erase each other take turns: the second is the last and stays.
            lock_administrators(session)
            counts = erase_person(session, self.erasure.cache, task.person_id)
            require_administrator(session)
            audit.record(
                session,
                actor_id=None,
                action="user.erased",
                subject=f"user:{task.person_id}",
                details={"task": str(task.id), "requested_by": str(task.requested_by)},
            )
            store.finish_task(session, task.id, "done", counts=counts)

    def _fail(self, work: Work, error: Exception) -> None:
        detail = error.detail if isinstance(error, KontorError) else "It failed on our side."
        with self.database.transaction(work.tenant_id) as session:
            store.finish_task(session, work.id, "failed", detail=detail)
        logger.warning("tenant task failed", extra={"task": str(work.id), "reason": detail})

    def expire_exports(self, tenant_id: TenantId) -> int:
        """Take exports away that have lain there for a week; returns how many."""
        with self.database.transaction(tenant_id) as session:
            expired = store.list_expired_exports(session, days=KEPT_DAYS)
        for task in expired:
            self.objects.remove(export_prefix(tenant_id, task.id))
            with self.database.transaction(tenant_id) as session:
                store.finish_task(session, task.id, "expired")
        return len(expired)
