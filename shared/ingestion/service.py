"""Use cases of ingestion: the steps of the workflow — parse, embed, index, settle.

Each step may run any number of times and in parallel with itself: heavy work goes to objects with
fixed names, and one transaction holds the step's receipt, its effects and its announcements.
"""

from __future__ import annotations

import gzip
import json
import logging
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from shared.adapters.database import Database, Session
from shared.adapters.objects import Objects
from shared.adapters.outbox import find_receipt, leave_receipt
from shared.documents import service as documents
from shared.documents.model import ParsedFacts, Version, derived_prefix
from shared.inference.embedding import Embedder
from shared.inference.model import VectorSpace
from shared.ingestion import enclosed
from shared.ingestion.chunking.units import CountTokens
from shared.ingestion.derived import load_chunks, reading_prefix
from shared.ingestion.embeddings import Batch, embed_batch, load_vectors
from shared.ingestion.isolation import parse_isolated
from shared.ingestion.known_vectors import KnownVectors
from shared.ingestion.model import Chunk, ParsedDocument
from shared.ingestion.parsers import page_images
from shared.ingestion.parsers.port import ReadOptions, Source
from shared.ingestion.preferences import cut, find_settings
from shared.ingestion.readings import active_reading, record_reading
from shared.ingestion.serialization import (
    chunks_to_json,
    document_to_json,
)
from shared.ingestion.task import IngestTask
from shared.kernel.errors import InvalidError, NotFoundError
from shared.kernel.ids import VersionId
from shared.kernel.killpoints import reach
from shared.realtime import service as realtime
from shared.realtime.model import Report, Stage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)
_EMBED_FROM, _EMBED_TO = 0.35, 0.85  # share of a job's progress that embedding takes


class ChunkIndex(Protocol):
    """What ingestion asks of search; wiring brings them together."""

    def active_model(self, session: Session) -> str:
        """Return the name of the model that embeds the tenant's questions."""

    def write(
        self,
        session: Session,
        version: Version,
        chunks: Sequence[Chunk],
        vectors: NDArray[np.float16],
        *,
        model: VectorSpace,
        reading: int = 1,
    ) -> None:
        """Make a version's chunks findable, the model's vectors in the order of the chunks."""

    def remove(self, session: Session, version_id: VersionId) -> None:
        """Take a version's chunks out; taking out what is not there is no error."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one document may take.

    ``model_tokens`` is what the embedding model reads of a chunk, whatever the tenant wishes.
    """

    memory_mb: int
    timeout_s: int
    chunk_tokens: int
    batch_chunks: int
    model_tokens: int = 510


class Progress:
    """Reports one step of one task: when it began, and what a person should know of it."""

    def __init__(self, task: IngestTask, step: str) -> None:
        self._task = task
        self.step = step
        self._started = time.perf_counter()

    def reach(self, session: Session, stage: Stage, progress: float, detail: str = "") -> None:
        """Write the stage into version and job; raises NotFoundError when nobody waits any more."""
        if stage not in {Stage.COMPLETED, Stage.FAILED} and not documents.advance(
            session, self._task.version_id, stage
        ):
            raise NotFoundError("The document was removed or settled meanwhile.")
        realtime.report(
            session,
            Report(
                job_id=self._task.job_id,
                stage=stage,
                progress=progress,
                step=self.step,
                detail=detail,
                document_id=self._task.document_id,
                version_id=self._task.version_id,
                duration_ms=round((time.perf_counter() - self._started) * 1000),
            ),
        )


def parse(
    database: Database,
    objects: Objects,
    task: IngestTask,
    *,
    count_tokens: CountTokens,
    limits: Limits,
) -> dict[str, object]:
    """Read a version's file into canonical text and chunks; returns ``{"batches": […]}``.

    Raises InvalidError or UnsupportedError with a reason for a person when it cannot be read.
    """
    progress = Progress(task, "parse")
    receipt, version = _begin(database, task, progress, Stage.ANALYZING, share=0.1)
    if receipt is not None:
        enclosed.deliver(database, objects, task)
        return receipt
    prefix = derived_prefix(task.tenant_id, task.version_id)
    with database.transaction(task.tenant_id) as session:
        settings = find_settings(
            session, default_tokens=limits.chunk_tokens, model_tokens=limits.model_tokens
        )
    document = read(objects, version, limits, prefix, options=settings.options)
    reach("parse.read")
    with database.transaction(task.tenant_id) as session:
        progress.reach(session, Stage.CHUNKING, 0.25)
    chunks = cut(document, settings, count_tokens=count_tokens)
    if not chunks:
        raise InvalidError("The file contains no text.")
    keep_parsed(objects, prefix, document, chunks)
    result: dict[str, object] = {"batches": batches(len(chunks), limits.batch_chunks)}
    with database.transaction(task.tenant_id) as session:
        if not leave_receipt(session, "parse", str(task.version_id), result):
            return find_receipt(session, "parse", str(task.version_id)) or result
        left_out = enclosed.announce(session, task, version, document)
        facts = _facts(
            document,
            len(chunks),
            warnings=document.warnings + left_out,
            options=settings.to_json(),
        )
        documents.record_parsed(session, task.version_id, facts)
        record_reading(session, task.version_id, document, chunks, settings=settings)
        progress.reach(session, Stage.EMBEDDING, _EMBED_FROM, f"{len(chunks)} chunks")
        reach("parse.recorded")
    enclosed.deliver(database, objects, task)
    return result


def embed(
    database: Database, objects: Objects, task: IngestTask, batch: Batch, *, embedder: Embedder
) -> dict[str, object]:
    """Embed one run of chunks and store its vectors as float16 rows; returns what it did."""
    progress = Progress(task, "embed")
    key = f"{task.version_id}/{batch.first}"
    with database.transaction(task.tenant_id) as session:
        receipt = find_receipt(session, "embed", key)
        reading = active_reading(session, task.version_id)
    if receipt is not None:
        return receipt
    prefix = reading_prefix(task.tenant_id, task.version_id, reading)
    chunks = load_chunks(objects, task.tenant_id, task.version_id, reading=reading)
    known = KnownVectors(database, task.tenant_id, task.document_id, embedder)
    count = embed_batch(objects, prefix, chunks, batch, embedder=known)
    reach("embed.stored")
    result: dict[str, object] = {"first": batch.first, "count": count, "known": known.hits}
    with database.transaction(task.tenant_id) as session:
        if leave_receipt(session, "embed", key, result):
            done = (batch.first + count) / max(1, len(chunks))
            share = _EMBED_FROM + (_EMBED_TO - _EMBED_FROM) * done
            progress.reach(session, Stage.EMBEDDING, share, f"{count} of {len(chunks)} chunks")
            reach("embed.recorded")
    return result


def index(
    database: Database,
    objects: Objects,
    task: IngestTask,
    *,
    chunk_index: ChunkIndex,
) -> dict[str, object]:
    """Put a version's chunks and vectors into the search index, all in one transaction."""
    progress = Progress(task, "index")
    receipt, version = _begin(database, task, progress, Stage.INDEXING, share=0.88)
    if receipt is not None:
        return receipt
    with database.transaction(task.tenant_id) as session:
        wanted = chunk_index.active_model(session)
        reading = active_reading(session, task.version_id)
    chunks = load_chunks(objects, task.tenant_id, task.version_id, reading=reading)
    prefix = reading_prefix(task.tenant_id, task.version_id, reading)
    model, vectors = load_vectors(objects, prefix, len(chunks), preferred=wanted)
    result: dict[str, object] = {"chunks": len(chunks)}
    with database.transaction(task.tenant_id) as session:
        if not leave_receipt(session, "index", str(task.version_id), result):
            return result
        chunk_index.write(session, version, chunks, vectors, model=model, reading=reading)
        reach("index.written")
        progress.reach(session, Stage.INDEXING, 0.95, f"{len(chunks)} chunks")
        reach("index.recorded")
    return result


def settle_completed(
    database: Database, task: IngestTask, *, chunk_index: ChunkIndex, embedding_model: str
) -> dict[str, object]:
    """Make the version the document's current one and take the former one out of the index."""
    progress = Progress(task, "settle")
    with database.transaction(task.tenant_id) as session:
        if not leave_receipt(session, "settle", str(task.version_id), {"outcome": "completed"}):
            return {"outcome": "completed"}
        version = documents.find_version(session, task.version_id)
        superseded = documents.complete(session, version, embedding_model=embedding_model)
        if superseded is not None:
            chunk_index.remove(session, superseded)
        warnings = "; ".join(version.warnings)
        progress.reach(session, Stage.COMPLETED, 1.0, warnings)
        reach("settle.recorded")
    return {"outcome": "completed"}


def settle_failed(
    database: Database, task: IngestTask, reason: str, *, chunk_index: ChunkIndex
) -> dict[str, object]:
    """Mark the version failed with a reason a person understands, and leave no chunk behind."""
    progress = Progress(task, "settle")
    key = f"{task.version_id}/failed/{task.attempt}"
    with database.transaction(task.tenant_id) as session:
        if leave_receipt(session, "settle", key, {"outcome": "failed"}) and documents.fail(
            session, task.version_id, reason
        ):
            chunk_index.remove(session, task.version_id)
            progress.reach(session, Stage.FAILED, 1.0, reason)
            reach("settle.failed")
    return {"outcome": "failed", "reason": reason}


def failure_reason(error: Mapping[str, object]) -> str:
    """Turn a workflow's caught error (``Error``, ``Cause``) into a sentence for a person.

    Our own permanent errors carry theirs; everything else is our trouble, not the file's.
    """
    name = str(error.get("Error", ""))
    try:
        cause = json.loads(str(error.get("Cause", "{}")))
    except ValueError:
        cause = {}
    message = str(cause.get("errorMessage", "")) if isinstance(cause, dict) else ""
    if name in {"InvalidError", "UnsupportedError", "TooLargeError", "NotFoundError"} and message:
        return message
    if "Timedout" in name or "Timeout" in name:
        return "Reading the file took too long. Split it and upload the parts."
    return (
        f"Something went wrong on our side ({name or 'unknown'}). "
        "An administrator can start it again: see `kontor dlq list`."
    )


def _begin(
    database: Database, task: IngestTask, progress: Progress, stage: Stage, *, share: float
) -> tuple[dict[str, object] | None, Version]:
    """Return the step's receipt if it was done before, else announce that it begins."""
    with database.transaction(task.tenant_id) as session:
        version = documents.find_version(session, task.version_id)
        receipt = find_receipt(session, progress.step, str(task.version_id))
        if receipt is None:
            again = f"attempt {task.attempt}" if task.attempt > 1 else ""
            progress.reach(session, stage, share, again)
    return receipt, version


def read(
    objects: Objects, version: Version, limits: Limits, prefix: str, *, options: ReadOptions
) -> ParsedDocument:
    """Read a version in a child process and keep the files that were taken out of it."""
    with tempfile.TemporaryDirectory(prefix="kontor-") as folder:
        source = Source(
            path=Path(folder) / "original",
            media_type=version.media_type,
            filename=version.filename,
            files=Path(folder) / "files",
            options=options,
        )
        source.files.mkdir()
        objects.download(version.object_key, source.path, version=version.object_version)
        document = parse_isolated(source, memory_mb=limits.memory_mb, timeout_s=limits.timeout_s)
        for file in sorted(each for each in source.files.iterdir() if each.is_file()):
            objects.upload(f"{prefix}files/{file.name}", file)
            reach("parse.file")
        for file in sorted((source.files / page_images.FOLDER).glob("*.webp")):
            is_thumbnail = file.name == page_images.THUMBNAIL
            objects.upload(f"{prefix}{'' if is_thumbnail else 'pages/'}{file.name}", file)
            reach("parse.page_image")
    return document


def keep_parsed(
    objects: Objects, prefix: str, document: ParsedDocument, chunks: Sequence[Chunk]
) -> None:
    """Store a document's parsed form and its chunks below a prefix."""
    _put_json(objects, f"{prefix}document.json.gz", document_to_json(document))
    reach("parse.document")
    _put_json(objects, f"{prefix}chunks.json.gz", chunks_to_json(chunks))
    reach("parse.chunks")


def batches(count: int, size: int) -> list[dict[str, int]]:
    """Cut a number of chunks into the runs that one embed step handles."""
    return [{"first": n, "count": min(size, count - n)} for n in range(0, count, size)]


def _facts(
    document: ParsedDocument,
    chunk_count: int,
    *,
    warnings: tuple[str, ...],
    options: Mapping[str, object],
) -> ParsedFacts:
    return ParsedFacts(
        parser=f"{document.parser} {document.parser_version}",
        language=document.language,
        page_count=document.page_count,
        chunk_count=chunk_count,
        warnings=warnings,
        options=options,
        extracted=document.metadata,
    )


def _put_json(objects: Objects, key: str, text: str) -> None:
    # A fixed time stamp keeps equal content equal bytes.
    packed = gzip.compress(text.encode(), compresslevel=5, mtime=0)
    objects.put(key, packed, media_type="application/gzip")
