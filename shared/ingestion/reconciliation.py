"""Reconciliation: find what a crash or a lost event left behind, and set it going again.

Runs once a minute for every tenant. It only repeats what is idempotent, so running it at the
wrong moment costs work and never correctness.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from shared.adapters import outbox
from shared.adapters.bus import Bus
from shared.adapters.database import Database
from shared.adapters.objects import Objects
from shared.adapters.queues import Queue
from shared.adapters.workflows import Workflows
from shared.documents import service as documents
from shared.documents.members import find_member
from shared.documents.model import Upload, Version, derived_prefix
from shared.ingestion.formats import reader_of
from shared.ingestion.task import IngestTask
from shared.kernel.clock import now
from shared.kernel.context import working_on
from shared.kernel.ids import DocumentId, TenantId
from shared.kernel.killpoints import reach
from shared.realtime import service as realtime
from shared.realtime.model import Report, Stage

logger = logging.getLogger(__name__)
OUTBOX_GRACE_S = 5.0  # the handler that recorded it is probably about to send it
UPLOAD_GRACE_S = 10.0  # S3 announces within seconds
MAX_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Reconciler:
    """The parts a sweep needs."""

    database: Database
    objects: Objects
    bus: Bus
    workflows: Workflows
    intake_queue: Queue
    stuck_after_s: float
    trash_days: int

    def sweep(self, tenant_id: TenantId) -> dict[str, int]:
        """Mend one tenant; returns how much of what was found."""
        with working_on(correlation="sweep", tenant=str(tenant_id)):
            found = {
                "uploads": self._resend_uploads(tenant_id),
                "versions": self._restart_versions(tenant_id),
                "erased": self._erase_trash(tenant_id),
                "connections": self._expire(tenant_id),
                "announcements": outbox.relay(
                    self.database,
                    tenant_id,
                    bus=self.bus,
                    workflows=self.workflows,
                    older_than_s=OUTBOX_GRACE_S,
                ),
            }
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
            elif info is not None:
                self.intake_queue.send(_s3_event(self.objects.bucket, upload, info.version))
                mended += 1
            elif upload.expires_at < now():
                self._expire_upload(tenant_id, upload)
                mended += 1
        return mended

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

    def _restart_versions(self, tenant_id: TenantId) -> int:
        """Start the workflow again for versions that went silent and whose workflow is gone."""
        with self.database.transaction(tenant_id) as session:
            stuck = documents.list_stuck_versions(session, older_than_s=self.stuck_after_s)
        restarted = 0
        for version in stuck:
            with self.database.transaction(tenant_id) as session:
                job = realtime.find_job(session, version.job_id)
            task = _task(tenant_id, version, correlation_id=job.correlation_id)
            if not self.workflows.is_running(task.execution_name):
                self._restart(task)
                restarted += 1
        return restarted

    def _restart(self, task: IngestTask) -> None:
        with (
            working_on(correlation=task.correlation_id, tenant=str(task.tenant_id)),
            self.database.transaction(task.tenant_id) as session,
        ):
            if task.attempt >= MAX_ATTEMPTS:
                reason = f"Reading the file was interrupted {task.attempt} times. Upload it again."
                documents.fail(session, task.version_id, reason)
                realtime.report(session, _failed(task, reason))
                return
            version = documents.begin_again(session, task.version_id)
            again = _task(task.tenant_id, version, correlation_id=task.correlation_id)
            outbox.request_workflow(session, again.execution_name, {"task": again.to_json()})
            reach("sweep.restarted")

    def _erase_trash(self, tenant_id: TenantId) -> int:
        """Delete objects and rows of documents whose days in the trash are over."""
        with self.database.transaction(tenant_id) as session:
            gone = documents.list_erasable(session, trash_days=self.trash_days)
            for document_id in gone:
                self._erase_objects(tenant_id, document_id)
                documents.erase(session, document_id)
        return len(gone)

    def _erase_objects(self, tenant_id: TenantId, document_id: DocumentId) -> None:
        with self.database.transaction(tenant_id) as session:
            versions = documents.list_erasable_versions(session, document_id)
        for version in versions:
            self.objects.remove(version.object_key)
            self.objects.remove(derived_prefix(tenant_id, version.id))

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


def _s3_event(bucket: str, upload: Upload, object_version: str) -> dict[str, object]:
    """Write the notification S3 would have sent."""
    item = {"key": upload.object_key, "size": upload.size_bytes, "versionId": object_version}
    return {
        "Records": [
            {
                "eventSource": "kontor:sweep",
                "eventName": "ObjectCreated:Post",
                "s3": {"bucket": {"name": bucket}, "object": item},
            }
        ]
    }
