"""Readings and vectors that search does not see yet, or no more: written, swapped in, dropped.

A version's chunks lie either in the index or in the shadow. A swap moves both ways in one
transaction, so a question finds all of the one reading or all of the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from shared.adapters.database import Session
from shared.inference.model import EmbeddingModel, VectorSpace
from shared.kernel.errors import InvalidError, UnavailableError
from shared.kernel.ids import ChunkId, DocumentId, VersionId, new_id
from shared.lexicon import service as lexicon
from shared.search import service, store
from shared.search.model import NewChunk

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_DIMENSIONS = 4000
"""The widest vector that a graph holds (pgvector's HNSW over halfvec)."""


def register_model(session: Session, model: EmbeddingModel) -> int:
    """Return the number a model's vectors carry, given now, with a graph, if it is new.

    Raises InvalidError for a model whose vectors are too wide for a graph, or that reads less
    than the longest chunk.
    """
    check_width(model)
    longest = store.find_longest(session)
    if longest > model.content_tokens:
        raise InvalidError(
            f"{model.name} reads {model.content_tokens} tokens; chunks here have up to {longest}.",
            hint="Make the chunks smaller first: kontor settings --chunk-tokens "
            f"{model.content_tokens}, then kontor reprocess start --reason chunking.",
        )
    return store.register_model(session, model)


def admit_model(session: Session, model: EmbeddingModel) -> int:
    """Return the number a model's vectors carry, given now, with a graph, if it is new.

    Any transaction will do: models belong to no tenant. Raises InvalidError as ``check_width``.
    """
    check_width(model)
    return store.register_model(session, model)


def check_width(model: EmbeddingModel) -> None:
    """Raise InvalidError for a model whose vectors are wider than a graph can hold."""
    if not 1 <= model.dimension <= MOST_DIMENSIONS:
        raise InvalidError(
            f"{model.name} makes vectors of {model.dimension} numbers; "
            f"the index holds at most {MOST_DIMENSIONS}.",
            hint="Choose a smaller model.",
        )


def find_active_model(session: Session) -> str:
    """Return the name of the tenant's own embedding model, empty where it has the deployment's."""
    return store.find_active_model(session)


def write_shadow(
    session: Session,
    *,
    document_id: DocumentId,
    version_id: VersionId,
    model: VectorSpace,
    chunks: Iterable[NewChunk],
    vectors: NDArray[np.float16],
) -> int:
    """Write a reading into the shadow; what lies there of that reading is replaced.

    ``vectors`` are as in ``index_version``. Returns how many chunks were written.
    """
    model_id = store.find_model_id(session, model)
    service.check_vectors(vectors, model)
    session.use_vectors()
    count = 0
    for part in service.in_parts(iter(chunks)):
        if count == 0:
            store.remove_shadow(session, version_id, reading=part[0].reading)
        rows = vectors[count : count + len(part)]
        if len(rows) != len(part):
            raise service.mismatch(vectors)
        ids = [ChunkId(new_id()) for _ in part]
        weighed = service.weigh_chunks(session, part)
        store.record_chunks(
            session,
            document_id=document_id,
            version_id=version_id,
            chunks=service.chunk_rows(ids, part, weighed),
            weighed=weighed,
            into="record_shadow",
        )
        store.record_vectors(
            session,
            version_id=version_id,
            model_id=model_id,
            chunk_ids=ids,
            vectors=rows,
            into="record_shadow_vectors",
        )
        count += len(part)
    if count != len(vectors):
        raise service.mismatch(vectors)
    return count


def swap(session: Session, version_id: VersionId, *, reading: int) -> int:
    """Let ``reading`` be searched and keep what was searched so far; returns the chunk count.

    Raises UnavailableError when the shadow does not hold that reading: nothing is changed then.
    """
    store.lock_statistics(session)
    if store.count_shadow(session, version_id, reading=reading) == 0:
        raise UnavailableError(f"Reading {reading} of the version is not kept any more.")
    for said in service.said_by(session, version_id):
        lexicon.count_out(session, said)
    store.move_to_shadow(session, version_id)
    store.remove_rows(session, version_id)
    count = store.move_from_shadow(session, version_id, reading=reading)
    store.remove_shadow(session, version_id, reading=reading)
    for said in service.said_by(session, version_id):
        lexicon.count_in(session, said)
    return count


def drop_shadow(session: Session, version_id: VersionId, *, reading: int) -> int:
    """Forget a reading that is not searched; returns how many chunks it had."""
    return store.remove_shadow(session, version_id, reading=reading)


def add_vectors(
    session: Session,
    version_id: VersionId,
    *,
    model: VectorSpace,
    vectors: NDArray[np.float16],
) -> int:
    """Give a version's chunks in the index vectors of one more model, in the order of the chunks.

    What the model had made of them before is replaced. Returns 0, and writes nothing, when the
    version has left the index; raises InvalidError when the numbers differ.
    """
    model_id = store.find_model_id(session, model)
    service.check_vectors(vectors, model)
    session.use_vectors()
    store.lock_statistics(session)
    ids = store.list_chunk_ids(session, version_id)
    if not ids:
        return 0
    if len(ids) != len(vectors):
        raise service.mismatch(vectors)
    store.remove_vectors_of(session, version_id, model_id=model_id)
    store.record_vectors(
        session, version_id=version_id, model_id=model_id, chunk_ids=ids, vectors=vectors
    )
    return len(ids)


def switch_model(session: Session, model_id: int) -> None:
    """Let the tenant's questions be embedded by another model from the commit on."""
    store.lock_statistics(session)
    store.record_active_model(session, model_id)


def drop_vectors(session: Session, *, but_model_id: int) -> int:
    """Remove the vectors of every model but one; returns how many."""
    store.lock_statistics(session)
    return store.remove_other_vectors(session, model_id=but_model_id)


def find_active_model_id(session: Session) -> int | None:
    """Return the number of the tenant's own model, ``None`` where it has the deployment's."""
    return store.find_active_model_id(session)


def drop_model(session: Session, model_id: int) -> None:
    """Remove one model's vectors of the whole tenant."""
    store.lock_statistics(session)
    store.remove_model_vectors(session, model_id=model_id)


def hold_index(session: Session) -> None:
    """Let nobody write into the tenant's index until the transaction ends."""
    store.lock_statistics(session)
