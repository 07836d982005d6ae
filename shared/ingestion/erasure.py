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
from shared.ingestion.service import ChunkIndex
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
        """Erase a document that is in the trash; repeating it goes on where it stopped.

        When this returns, nothing of it can be read any more. False while a step that was under
        way may still write files: the sweep takes those and the last rows within minutes. Raises
        NotFoundError when the document is not in the trash, UnavailableError when storage is away.
        """
        with self.database.transaction(tenant_id) as session:
            trash.begin_erasing(session, document_id)
            versions = trash.list_erasable_versions(session, document_id)
            for version in versions:
                self.chunk_index.remove(session, version.id)
            for forget in self.forgetting:
                forget(session, document_id)
            reach("erase.hidden")
        for version in versions:
            self.objects.remove(version.object_key)
            reach("erase.original")
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
        return sum(self.erase(tenant_id, document_id) for document_id in due)

    def _erase_rows(
        self,
        session: Session,
        document_id: DocumentId,
        versions: Sequence[ErasableVersion],
        erased_by: UserId | None,
    ) -> None:
        for version in versions:
            outbox.forget_receipts(session, str(version.id))
            outbox.forget_receipts(session, str(version.job_id))
        outbox.forget_document(session, document_id)
        realtime.forget_document(session, document_id)
        trash.erase(session, document_id)
        audit.record(
            session,
            actor_id=erased_by,
            action="document.erased",
            subject=f"document:{document_id}",
            details={"versions": len(versions)},
        )
        logger.info("document erased", extra={"document_id": str(document_id)})
