"""Erasure: a document goes for good — passages, vectors, words, objects, and at last its rows.

In that order, so that a crash at any point leaves a document that nobody can read and that the
sweep goes on erasing: its rows are the note that says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.adapters import outbox
from shared.adapters.database import Database, Session
from shared.adapters.objects import Objects
from shared.audit import service as audit
from shared.documents import trash
from shared.documents.model import derived_prefix
from shared.documents.trash_store import ErasableVersion
from shared.ingestion.known_vectors import forget_vectors
from shared.ingestion.service import ChunkIndex
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import DocumentId, TenantId, UserId
from shared.kernel.killpoints import reach
from shared.realtime import service as realtime

logger = logging.getLogger(__name__)
Forget = Callable[[Session, DocumentId], None]
"""What a room above this one does to forget a document, in the transaction it is given."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """The parts that erasing needs; ``forgetting`` are the rooms that keep words of documents."""

    database: Database
    objects: Objects
    chunk_index: ChunkIndex
    forgetting: Sequence[Forget]

    def erase(
        self, tenant_id: TenantId, document_id: DocumentId, *, erased_by: UserId | None = None
    ) -> bool:
        """Erase a document that is in the trash, and what came inside it.

        Repeating it goes on where it stopped. When this returns, nothing of it can be read any
        more. False while a step that was under way may still write files: the sweep takes those
        and the last rows within minutes. Raises NotFoundError when the document is not in the
        trash, UnavailableError when storage is away.
        """
        with self.database.transaction(tenant_id) as session:
            going = trash.begin_erasing(session, document_id)
            for each in going:
                for version in trash.list_erasable_versions(session, each):
                    self.chunk_index.remove(session, version.id)
                forget_vectors(session, each)
                for forget in self.forgetting:
                    forget(session, each)
            reach("erase.hidden")
        finished = [self._finish(tenant_id, each, erased_by=erased_by) for each in going]
        return all(finished)

    def _finish(
        self, tenant_id: TenantId, document_id: DocumentId, *, erased_by: UserId | None
    ) -> bool:
        """Take the objects and then the rows of one document that is hidden already."""
        with self.database.transaction(tenant_id) as session:
            versions = trash.list_erasable_versions(session, document_id)
            uploads = trash.list_erasable_uploads(session, document_id)
        keys = {version.object_key for version in versions}
        for key in keys | {upload.object_key for upload in uploads}:
            self.objects.remove(key)
            reach("erase.original")
        for version in versions:
            self.objects.remove(derived_prefix(tenant_id, version.id))
            reach("erase.derived")
        if any(version.may_be_written for version in versions):
            return False
        with self.database.transaction(tenant_id) as session:
            self._erase_rows(session, document_id, versions, erased_by)
            reach("erase.rows")
        return True

    def erase_due(self, tenant_id: TenantId, *, trash_days: int) -> int:
        """Erase what has been in the trash long enough or is half erased; returns how many."""
        with self.database.transaction(tenant_id) as session:
            due = trash.list_erasable(session, trash_days=trash_days)
        return sum(self._erase_if_there(tenant_id, document_id) for document_id in due)

    def _erase_if_there(self, tenant_id: TenantId, document_id: DocumentId) -> bool:
        try:
            return self.erase(tenant_id, document_id)
        except NotFoundError:
            return False  # it went with the document that it came inside

    def _erase_rows(
        self,
        session: Session,
        document_id: DocumentId,
        versions: Sequence[ErasableVersion],
        erased_by: UserId | None,
    ) -> None:
        job_ids = [upload.id for upload in trash.list_erasable_uploads(session, document_id)]
        for key in (*(version.id for version in versions), *job_ids):
            outbox.forget_receipts(session, str(key))
        outbox.forget_document(session, document_id, job_ids)
        realtime.forget_document(session, document_id, job_ids)
        trash.erase(session, document_id, job_ids)
        audit.record(
            session,
            actor_id=erased_by,
            action="document.erased",
            subject=f"document:{document_id}",
            details={"versions": len(versions)},
        )
        logger.info("document erased", extra={"document_id": str(document_id)})
