"""The steps of the ingest workflow for a version that is done anew: parse, embed, index, settle.

As in ingestion each step may be repeated: heavy work goes to objects with fixed names, and one
transaction holds the step's receipt and its effects. Job and version keep their stage throughout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from shared.adapters.database import Database, Session
from shared.adapters.objects import Objects
from shared.adapters.outbox import find_receipt, leave_receipt
from shared.documents import service as documents
from shared.documents.model import Version
from shared.inference.embedding import Embedder
from shared.ingestion.chunking.units import CountTokens
from shared.ingestion.derived import load_chunks, load_document, reading_prefix
from shared.ingestion.embeddings import Batch, embed_batch, load_vectors
from shared.ingestion.known_vectors import KnownVectors
from shared.ingestion.model import Chunk
from shared.ingestion.preferences import cut, find_settings
from shared.ingestion.readings import record_reading
from shared.ingestion.service import Limits, batches, keep_parsed, read
from shared.ingestion.task import IngestTask
from shared.kernel.errors import InvalidError, NotFoundError
from shared.kernel.killpoints import reach
from shared.reprocessing import store
from shared.reprocessing.model import Item, Reprocessing
from shared.reprocessing.service import settle
from shared.search import shadow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared.inference.model import VectorSpace

Result = dict[str, object]


class ShadowIndex(Protocol):
    """What reprocessing asks of search that only wiring can bring together."""

    def write_shadow(
        self,
        session: Session,
        version: Version,
        chunks: Sequence[Chunk],
        vectors: NDArray[np.float16],
        *,
        model: VectorSpace,
        reading: int,
    ) -> None:
        """Write a reading where search does not look yet."""


def parse(
    database: Database,
    objects: Objects,
    task: IngestTask,
    *,
    count_tokens: CountTokens,
    limits: Limits,
) -> Result:
    """Read or cut a version anew, or find what is to be embedded; returns ``{"batches": […]}``."""
    receipt, found, item = _begin(database, task, "parse")
    if receipt is not None:
        return receipt
    if found.reason == "model":
        chunks = load_chunks(objects, task.tenant_id, task.version_id, reading=item.reading)
        return _done(
            database, task, "parse", {"batches": batches(len(chunks), limits.batch_chunks)}
        )
    prefix = reading_prefix(task.tenant_id, task.version_id, item.reading)
    with database.transaction(task.tenant_id) as session:
        settings = find_settings(
            session, default_tokens=limits.chunk_tokens, model_tokens=limits.model_tokens
        )
    if found.reason == "chunking":
        # Only the chunks are to change: what was read before is cut again.
        former = item.former_reading
        document = load_document(objects, task.tenant_id, task.version_id, reading=former)
    else:
        with database.transaction(task.tenant_id) as session:
            version = documents.find_version(session, task.version_id)
        document = read(objects, version, limits, prefix, options=settings.options)
    chunks = cut(document, settings, count_tokens=count_tokens)
    if not chunks:
        raise InvalidError("The file contains no text.")
    keep_parsed(objects, prefix, document, chunks)
    result: Result = {"batches": batches(len(chunks), limits.batch_chunks)}
    with database.transaction(task.tenant_id) as session:
        if not leave_receipt(session, "parse", _receipt_key(task), result):
            return find_receipt(session, "parse", _receipt_key(task)) or result
        record_reading(
            session, task.version_id, document, chunks, settings=settings, number=item.reading
        )
        reach("reparse.recorded")
    return result


def embed(
    database: Database, objects: Objects, task: IngestTask, batch: Batch, *, embedder: Embedder
) -> Result:
    """Embed one run of chunks and store its vectors; returns what it did."""
    step = f"embed/{batch.first}"
    receipt, _, item = _begin(database, task, step)
    if receipt is not None:
        return receipt
    prefix = reading_prefix(task.tenant_id, task.version_id, item.reading)
    chunks = load_chunks(objects, task.tenant_id, task.version_id, reading=item.reading)
    known = KnownVectors(database, task.tenant_id, task.document_id, embedder)
    count = embed_batch(objects, prefix, chunks, batch, embedder=known)
    reach("reembed.stored")
    result: Result = {"first": batch.first, "count": count, "known": known.hits}
    return _done(database, task, step, result)


def index(
    database: Database,
    objects: Objects,
    task: IngestTask,
    *,
    chunk_index: ShadowIndex,
    embedder_name: str,
) -> Result:
    """Write the reading into the shadow, or the model's vectors beside those in use."""
    receipt, found, item = _begin(database, task, "index")
    if receipt is not None:
        return receipt
    chunks = load_chunks(objects, task.tenant_id, task.version_id, reading=item.reading)
    prefix = reading_prefix(task.tenant_id, task.version_id, item.reading)
    model, vectors = load_vectors(objects, prefix, len(chunks), preferred=embedder_name)
    if model.name != embedder_name:
        raise InvalidError(f"The chunks were not embedded by {embedder_name}.")
    result: Result = {"chunks": len(chunks)}
    with database.transaction(task.tenant_id) as session:
        if not leave_receipt(session, "index", _receipt_key(task), result):
            return result
        if found.reason == "model":
            shadow.add_vectors(session, task.version_id, model=model, vectors=vectors)
        else:
            version = documents.find_version(session, task.version_id)
            chunk_index.write_shadow(
                session, version, chunks, vectors, model=model, reading=item.reading
            )
        reach("reindex.recorded")
    return result


def settle_done(database: Database, task: IngestTask) -> Result:
    """Note that a version waits for the switch, and start the next one."""
    return _settle(database, task, "ready", "")


def settle_failed(database: Database, task: IngestTask, reason: str) -> Result:
    """Note why a version could not be done anew; it keeps what it has."""
    return _settle(database, task, "failed", reason)


def _settle(
    database: Database, task: IngestTask, state: Literal["ready", "failed"], detail: str
) -> Result:
    assert task.reprocessing is not None
    with database.transaction(task.tenant_id) as session:
        item = store.find_item(session, task.reprocessing, task.version_id)
        if item is None:
            return {"outcome": "gone"}
        # An older attempt's workflow has no say any more.
        if item.attempt == task.attempt:
            settle(session, task.reprocessing, item, state, detail=detail)
        reach("reprocessing.settled")
    return {"outcome": state}


def _begin(
    database: Database, task: IngestTask, step: str
) -> tuple[Result | None, Reprocessing, Item]:
    """Return the step's receipt if it was done before, and what is to be done.

    Raises NotFoundError when the reprocessing was abandoned or the document removed.
    """
    assert task.reprocessing is not None
    with database.transaction(task.tenant_id) as session:
        found = store.find_reprocessing(session, task.reprocessing)
        item = store.find_item(session, task.reprocessing, task.version_id)
        receipt = find_receipt(session, step, _receipt_key(task))
    if found is None or item is None or item.state != "running":
        raise NotFoundError("The document was removed, or nobody wants it done anew any more.")
    return receipt, found, item


def _done(database: Database, task: IngestTask, step: str, result: Result) -> Result:
    with database.transaction(task.tenant_id) as session:
        if not leave_receipt(session, step, _receipt_key(task), result):
            return find_receipt(session, step, _receipt_key(task)) or result
    return result


def _receipt_key(task: IngestTask) -> str:
    """Name a step's receipt; every attempt does its work anew, for a plan may have changed."""
    return f"{task.key}/{task.attempt}"
