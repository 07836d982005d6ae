"""Revival: a version that was read before comes back into the index, without a new upload.

Its workflow simply runs again. What earlier steps left in storage is looked at first: for every
step whose result is still there, its receipt is renewed, so the workflow passes it by.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.adapters.database import Session
from shared.adapters.objects import Objects
from shared.adapters.outbox import forget_receipts, leave_receipt, request_workflow
from shared.documents import service as documents
from shared.documents import trash
from shared.documents.model import Version, derived_prefix
from shared.ingestion.formats import reader_of
from shared.ingestion.task import IngestTask
from shared.kernel.ids import DocumentId, TenantId, UserId
from shared.kernel.killpoints import reach
from shared.realtime import service as realtime
from shared.realtime.model import Report, Stage


@dataclass(frozen=True, slots=True)
class Batch:
    """A stored run of vectors."""

    first: int
    size_bytes: int


def restore_version(
    session: Session,
    objects: Objects,
    document_id: DocumentId,
    number: int,
    *,
    embedding_model: str,
) -> Version:
    """Make an older version the current one again; returns it.

    Search keeps answering from the former one until this one is back in the index. A version that
    failed is tried again. Raises NotFoundError, ConflictError while it is still being read.
    """
    row = documents.find_document(session, document_id)
    version = documents.choose_version(session, document_id, number)
    if row.current_version_id == version.id and version.stage == "completed":
        return version
    return revive(session, objects, version, embedding_model=embedding_model)


def restore_document(
    session: Session,
    objects: Objects,
    document_id: DocumentId,
    *,
    restored_by: UserId,
    embedding_model: str,
) -> list[Version]:
    """Take a document out of the trash and its current version back into the index.

    The same goes for what came inside it and was removed with it. What had not been read to its
    end when it was removed is read now. Returns the versions under way. Raises NotFoundError when
    it is not in the trash, ConflictError when its file is there again.
    """
    revived: list[Version] = []
    for each in trash.restore_document(session, document_id, restored_by=restored_by):
        current = documents.find_document(session, each).current_version_id
        newest, *older = documents.list_versions(session, each)
        wanted = [version for version in older if version.id == current]
        if newest.id == current or newest.stage != "completed" or current is None:
            wanted.insert(0, newest)
        revived += [revive(session, objects, v, embedding_model=embedding_model) for v in wanted]
    return revived


def revive(
    session: Session, objects: Objects, version: Version, *, embedding_model: str
) -> Version:
    """Send a version through its workflow once more, past all steps whose results are there.

    ``embedding_model`` is the one in use: vectors of another are made anew, and so are all when
    it is empty.
    """
    assert session.tenant_id is not None
    forget_receipts(session, str(version.id))
    again = documents.begin_again(session, version.id)
    if version.stage == "completed":
        is_same_model = bool(embedding_model) and version.embedding_model == embedding_model
        _renew_receipts(session, objects, version, is_same_model=is_same_model)
    task = IngestTask(
        tenant_id=session.tenant_id,
        document_id=version.document_id,
        version_id=version.id,
        job_id=version.job_id,
        attempt=again.attempt,
        correlation_id=realtime.find_job(session, version.job_id).correlation_id,
        reader=reader_of(version.media_type),
    )
    request_workflow(session, task.execution_name, {"task": task.to_json()})
    realtime.report(
        session,
        Report(
            job_id=version.job_id,
            stage=Stage.UPLOADED,
            progress=0.05,
            step="restore",
            detail="back into the index",
            document_id=version.document_id,
            version_id=version.id,
        ),
    )
    reach("restore.recorded")
    return again


def _renew_receipts(
    session: Session, objects: Objects, version: Version, *, is_same_model: bool
) -> None:
    """Leave the receipts of reading and embedding again, as far as their results are stored."""
    assert session.tenant_id is not None
    prefix = derived_prefix(session.tenant_id, version.id)
    batches = _stored_vectors(objects, session.tenant_id, version)
    names = ("document.json.gz", "chunks.json.gz")
    if not batches or any(objects.describe(prefix + name) is None for name in names):
        return
    row_bytes = sum(batch.size_bytes for batch in batches) // version.chunk_count
    counts = [(batch.first, batch.size_bytes // row_bytes) for batch in batches]
    parts = [{"first": first, "count": count} for first, count in counts]
    leave_receipt(session, "parse", str(version.id), {"batches": parts})
    for part in parts if is_same_model else []:
        leave_receipt(session, "embed", f"{version.id}/{part['first']}", part)


def _stored_vectors(objects: Objects, tenant_id: TenantId, version: Version) -> list[Batch]:
    """List a version's stored runs of vectors; none when they are not one for each chunk."""
    prefix = f"{derived_prefix(tenant_id, version.id)}vectors/"
    batches = [
        Batch(int(info.key.removeprefix(prefix).partition(".")[0]), info.size_bytes)
        for info in objects.list(prefix)
    ]
    total = sum(batch.size_bytes for batch in batches)
    if version.chunk_count == 0 or total == 0 or total % version.chunk_count:
        return []
    row_bytes = total // version.chunk_count
    ends = [batch.first + batch.size_bytes // row_bytes for batch in batches]
    starts = [batch.first for batch in batches]
    return batches if [*starts, version.chunk_count] == [0, *ends] else []
