"""Revival: a version that was read before comes back into the index, without a new upload.

Its workflow simply runs again. What earlier steps left in storage is looked at first: for every
step whose result is still there, its receipt is renewed, so the workflow passes it by.
"""

from __future__ import annotations

from shared.adapters.database import Session
from shared.adapters.objects import Objects
from shared.adapters.outbox import forget_receipts, leave_receipt, request_workflow
from shared.documents import service as documents
from shared.documents import trash
from shared.documents.model import Version
from shared.files.formats import reader_of
from shared.inference.model import VectorSpace
from shared.ingestion.derived import FIRST_READING, reading_prefix
from shared.ingestion.embeddings import space_of
from shared.ingestion.readings import activate, active_reading
from shared.ingestion.task import IngestTask
from shared.kernel.errors import ConflictError
from shared.kernel.ids import DocumentId, UserId
from shared.kernel.killpoints import reach
from shared.realtime import service as realtime
from shared.realtime.model import Report, Stage

_NUMBER_BYTES = 2  # of a float16


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
    again = documents.begin_again(session, version)
    if again is None:
        raise ConflictError("The version went on meanwhile.", hint="Look again, then try again.")
    if version.stage == "completed":
        _renew_receipts(session, objects, version, embedding_model=embedding_model)
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
    session: Session, objects: Objects, version: Version, *, embedding_model: str
) -> None:
    """Leave the receipts of reading and embedding again, as far as their results are stored.

    The reading that is searched counts; when it is lost, the version is read as at first.
    """
    assert session.tenant_id is not None
    reading = active_reading(session, version.id)
    prefix = reading_prefix(session.tenant_id, version.id, reading)
    names = ("document.json.gz", "chunks.json.gz")
    by_model = _stored_vectors(objects, f"{prefix}vectors/", version.chunk_count)
    if not by_model or any(objects.describe(prefix + name) is None for name in names):
        if reading != FIRST_READING:
            activate(session, version.id, FIRST_READING)
        return
    batches = by_model.get(embedding_model) or next(iter(by_model.values()))
    leave_receipt(session, "parse", str(version.id), {"batches": batches})
    for batch in batches if embedding_model in by_model else []:
        leave_receipt(session, "embed", f"{version.id}/{batch['first']}", batch)


def _stored_vectors(
    objects: Objects, prefix: str, chunk_count: int
) -> dict[str, list[dict[str, int]]]:
    """List the stored runs of vectors of each model that has one vector for each chunk."""
    stored: dict[VectorSpace, list[tuple[int, int]]] = {}
    for info in objects.list(prefix):
        folder, _, name = info.key.removeprefix(prefix).rpartition("/")
        first = int(name.partition(".")[0])
        stored.setdefault(space_of(folder), []).append((first, info.size_bytes))
    whole: dict[str, list[dict[str, int]]] = {}
    for space, runs in stored.items():
        row_bytes = _NUMBER_BYTES * space.dimension
        batches = [{"first": first, "count": size // row_bytes} for first, size in sorted(runs)]
        ends = [batch["first"] + batch["count"] for batch in batches]
        is_cut = any(size % row_bytes for _, size in runs)
        if (
            chunk_count
            and not is_cut
            and [*(batch["first"] for batch in batches), chunk_count] == [0, *ends]
        ):
            whole[space.name] = batches
    return whole
