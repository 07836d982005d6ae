"""Reconciliation: find what a crash or a lost event left behind, and set it going again.

Runs once a minute for every tenant. It only repeats what is idempotent, so running it at the
wrong moment costs work and never correctness.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from shared.adapters import outbox
from shared.adapters.bus import Bus
from shared.adapters.database import Database
from shared.adapters.objects import Objects
from shared.adapters.queues import Queue
from shared.adapters.workflows import Workflows
from shared.documents import service as documents
from shared.documents.members import find_member
from shared.documents.model import Upload, Version
from shared.files.formats import reader_of
from shared.ingestion.erasure import Erasure
from shared.ingestion.intake import announcement
from shared.ingestion.task import IngestTask
from shared.kernel.clock import now
from shared.kernel.context import working_on
from shared.kernel.ids import TenantId
from shared.kernel.killpoints import reach
from shared.realtime import service as realtime
from shared.realtime.model import Report, Stage
from shared.recovery import store
from shared.recovery.orphans import Orphans
from shared.recovery.service import arrival_of, bury
from shared.recovery.settling import REDRIVABLE, Settler, count_interruptions

logger = logging.getLogger(__name__)
OUTBOX_GRACE_S = 5.0  # the handler that recorded it is probably about to send it
UPLOAD_GRACE_S = 10.0  # S3 announces within seconds
RUN_GRACE_S = 15.0  # an execution is listed at once, its row a moment later
MAX_ATTEMPTS = 8
REMOVED = "The document was removed before it was read."


@dataclass(frozen=True, slots=True)
class Reconciler:
    """The parts a sweep needs."""

    database: Database
    objects: Objects
    erasure: Erasure
    bus: Bus
    workflows: Workflows
    intake_queue: Queue
    settler: Settler
    orphans: Orphans
    stuck_after_s: float
    max_running: int
    trash_days: int

    def sweep(self, tenant_id: TenantId) -> dict[str, int]:
        """Mend one tenant; returns how much of what was found."""
        with working_on(correlation="sweep", tenant=str(tenant_id)):
            found = {
                "uploads": self._resend_uploads(tenant_id),
                "versions": self._restart_versions(tenant_id),
                "removed": self._end_removed(tenant_id),
                "runs": self._end_dead_runs(tenant_id),
                "erased": self.erasure.erase_due(tenant_id, trash_days=self.trash_days),
                "connections": self._expire(tenant_id),
                "announcements": outbox.relay(
                    self.database,
                    tenant_id,
                    bus=self.bus,
                    workflows=self.workflows,
                    max_running=self.max_running,
                    older_than_s=OUTBOX_GRACE_S,
                ),
                **self.orphans.sweep(tenant_id),
            }
        with self.database.transaction(tenant_id) as session:
            store.record_position(session, "sweep", "", **found)
        if any(found.values()):
            logger.info("sweep mended", extra={"tenant": str(tenant_id), **found})
        return found

    def _resend_uploads(self, tenant_id: TenantId) -> int:
        """Announce arrived uploads whose event was lost, and expire those that never came."""
        with self.database.transaction(tenant_id) as session:
            waiting = documents.list_waiting_uploads(session, older_than_s=UPLOAD_GRACE_S)
        mended = 0
        for upload in waiting:
            info = self.objects.describe(upload.object_key)
            if info is None and self._deliver(tenant_id, upload):
                # S3 announces the copy by itself.
                mended += 1
            elif info is not None and self._is_overdue(upload):
                arrival = arrival_of(tenant_id, upload)
                bury(self.database, arrival, error="Nobody took it in for too long.")
                mended += 1
            elif info is not None:
                self.intake_queue.send(announcement(self.objects.bucket, upload, info.version))
                reach("sweep.resent")
                with self.database.transaction(tenant_id) as session:
                    documents.count_resent(session, upload.id)
                mended += 1
            elif upload.expires_at < now():
                self._expire_upload(tenant_id, upload)
                mended += 1
        return mended

    def _is_overdue(self, upload: Upload) -> bool:
        return now() - upload.created_at > timedelta(seconds=self.settler.give_up_after_s)

    def _end_dead_runs(self, tenant_id: TenantId) -> int:
        """Give back the places of workflows that ended without anybody being told."""
        with self.database.transaction(tenant_id) as session:
            names = outbox.list_running(session, older_than_s=RUN_GRACE_S)
        dead = [name for name in names if not self.workflows.is_running(name)]
        if dead:
            with self.database.transaction(tenant_id) as session:
                for name in dead:
                    outbox.end_workflow(session, name)
        return len(dead)

    def _deliver(self, tenant_id: TenantId, upload: Upload) -> bool:
        """Copy a file that came inside another one to where intake takes it; False for others."""
        with self.database.transaction(tenant_id) as session:
            member = find_member(session, upload.id)
        if member is None or self.objects.describe(member.source_key) is None:
            return False
        self.objects.copy(member.source_key, upload.object_key)
        return True

    def _expire_upload(self, tenant_id: TenantId, upload: Upload) -> None:
        with self.database.transaction(tenant_id) as session:
            if documents.find_upload(session, upload.id).state != "waiting":
                return
            documents.settle_upload(session, upload.id, "expired")
            realtime.report(
                session,
                Report(
                    job_id=upload.id,
                    stage=Stage.FAILED,
                    progress=1.0,
                    step="sweep",
                    detail="The file was announced but never arrived. Upload it again.",
                ),
            )
            reach("sweep.expired")

    def _restart_versions(self, tenant_id: TenantId) -> int:
        """Start the workflow again for versions that went silent and whose workflow is gone."""
        with self.database.transaction(tenant_id) as session:
            stuck = documents.list_stuck_versions(session, older_than_s=self.stuck_after_s)
        restarted = 0
        for version in stuck:
            with self.database.transaction(tenant_id) as session:
                job = realtime.find_job(session, version.job_id)
                task = _task(tenant_id, version, correlation_id=job.correlation_id)
                if outbox.is_start_waiting(session, task.execution_name):
                    continue
            if not self.workflows.is_running(task.execution_name):
                restarted += self._restart(task, version)
        return restarted

    def _restart(self, task: IngestTask, version: Version) -> bool:
        """Start a version's workflow again, or give it up; False when it went on meanwhile."""
        with working_on(correlation=task.correlation_id, tenant=str(task.tenant_id)):
            with self.database.transaction(task.tenant_id) as session:
                waits = count_interruptions(session, task).times
            if task.attempt - waits >= MAX_ATTEMPTS:
                reason = f"Reading the file was interrupted {task.attempt - waits} times."
                self.settler.give_up(task, f"{reason} {REDRIVABLE}", "Interrupted.")
                return True
            with self.database.transaction(task.tenant_id) as session:
                begun = documents.begin_again(session, version)
                if begun is None:
                    return False
                again = _task(task.tenant_id, begun, correlation_id=task.correlation_id)
                outbox.end_workflow(session, task.execution_name)
                outbox.request_workflow(session, again.execution_name, {"task": again.to_json()})
                reach("sweep.restarted")
        return True

    def _end_removed(self, tenant_id: TenantId) -> int:
        """End the jobs of documents that were removed before anybody could read them."""
        with self.database.transaction(tenant_id) as session:
            waiting = documents.list_removed_unfinished_versions(
                session, older_than_s=self.stuck_after_s
            )
        ended = 0
        for version in waiting:
            task = _task(tenant_id, version, correlation_id="sweep")
            if self.workflows.is_running(task.execution_name):
                continue  # its next step notices
            with self.database.transaction(tenant_id) as session:
                if documents.fail(session, version.id, REMOVED):
                    realtime.report(session, _failed(task, REMOVED))
                    ended += 1
                reach("sweep.removal_ended")
        return ended

    def _expire(self, tenant_id: TenantId) -> int:
        with self.database.transaction(tenant_id) as session:
            outbox.remove_old(session)
            return realtime.remove_expired(session)


def _task(tenant_id: TenantId, version: Version, *, correlation_id: str) -> IngestTask:
    return IngestTask(
        tenant_id=tenant_id,
        document_id=version.document_id,
        version_id=version.id,
        job_id=version.job_id,
        attempt=version.attempt,
        correlation_id=correlation_id,
        reader=reader_of(version.media_type),
    )


def _failed(task: IngestTask, reason: str) -> Report:
    return Report(
        job_id=task.job_id,
        stage=Stage.FAILED,
        progress=1.0,
        step="sweep",
        detail=reason,
        document_id=task.document_id,
        version_id=task.version_id,
    )
