"""One typed function per query of the index."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.inference.language import Language
from shared.inference.model import EmbeddingModel, VectorSpace
from shared.kernel.errors import UnavailableError
from shared.kernel.ids import ChunkId, DocumentId, VersionId
from shared.lexicon.model import Weighed
from shared.lexicon.sparse import word_codes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

QUERIES = load_queries("shared.search")


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A registered embedding model."""

    id: int
    dimension: int


@dataclass(frozen=True, slots=True)
class ModelIdRow:
    """The number a model's vectors carry."""

    id: int


@dataclass(frozen=True, slots=True)
class ActiveModelRow:
    """The embedding model a tenant has of its own."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class LongestRow:
    """The tokens of the tenant's longest chunk."""

    tokens: int


@dataclass(frozen=True, slots=True)
class ChunkIdRow:
    """One chunk of a version."""

    id: ChunkId


@dataclass(frozen=True, slots=True)
class SampleRow:
    """A chunk the recall gate asks about."""

    id: ChunkId
    content: str
    heading_path: list[str]
    language: Language


@dataclass(frozen=True, slots=True)
class NearestRow:
    """The chunks nearest to a vector, nearest first."""

    ids: list[ChunkId]


@dataclass(frozen=True, slots=True)
class CountRow:
    """A number of rows."""

    count: int


@dataclass(frozen=True, slots=True)
class LexemesRow:
    """A word with what it is in the index of a language: one lexeme, none or several."""

    language: str
    word: str
    lexemes: list[str]


@dataclass(frozen=True, slots=True)
class HitRow:
    """A hit before its highlights are known."""

    chunk_id: ChunkId
    document_id: DocumentId
    version_id: VersionId
    title: str
    heading_path: list[str]
    page: int | None
    boxes: list[dict[str, object]]
    start: int
    end: int
    text: str
    score: float
    dense_score: float
    lexical_score: float
    gram_score: float
    title_share: float
    exact_share: float
    dense_rank: int
    lexical_rank: int
    gram_rank: int
    most_dense: float
    most_lexical: float
    most_grams: float
    language: Language
    media_type: str
    ordinal: int
    reading: int
    section_start: int
    section_end: int
    grids: list[dict[str, object]]


@dataclass(frozen=True, slots=True)
class NeighbourRow:
    """A chunk next to a hit: nobody searched for it, so it has no scores."""

    chunk_id: ChunkId
    document_id: DocumentId
    version_id: VersionId
    title: str
    heading_path: list[str]
    page: int | None
    boxes: list[dict[str, object]]
    start: int
    end: int
    text: str
    language: Language
    media_type: str
    ordinal: int
    reading: int
    section_start: int
    section_end: int
    grids: list[dict[str, object]]


@dataclass(frozen=True, slots=True)
class FormRow:
    """A lexeme that is, or resembles, one of the question's words in a language of the tenant's.

    ``chunk_count`` chunks have it, of ``corpus_chunks`` in that language and of ``total_chunks``
    altogether. ``model_id`` is that of the question's model, in every row the same.
    """

    kind: Literal["exact", "part", "compound", "neighbour"]
    word: str
    language: Language
    lexeme: str
    chunk_count: int
    corpus_chunks: int
    total_chunks: int
    model_id: int | None


@dataclass(frozen=True, slots=True)
class FrequencyRow:
    """How often a chunk of so many lexemes says one of them."""

    chunk_id: ChunkId
    lexeme: str
    frequency: int
    lexeme_count: int


@dataclass(frozen=True, slots=True)
class SaidRow:
    """What an indexed chunk says; ``shown`` are its headings and its content."""

    ordinal: int
    language: Language
    shown: str
    lexemes: str


@dataclass(frozen=True, slots=True)
class SiblingRow:
    """A chunk near another one in the same section; before it where ``distance`` is negative."""

    chunk_id: ChunkId
    distance: int
    text: str


def find_model_id(session: Session, model: VectorSpace) -> int:
    """Return the number vectors of ``model`` carry; raises UnavailableError when unregistered."""
    row = session.find(
        QUERIES["find_model_id"], ModelRow, {"name": model.name, "revision": model.revision}
    )
    if row is None or row.dimension != model.dimension:
        raise UnavailableError(
            f"This database has no place for vectors of {model.name} {model.revision}.",
            hint="Run `kontor migrate`, or set EMBEDDING_MODEL to the model it was made for.",
        )
    return row.id


def lock_statistics(session: Session) -> None:
    """Wait until no other transaction changes this tenant's statistics; held until the end."""
    session.execute(QUERIES["lock_statistics"])


def record_chunks(
    session: Session,
    *,
    document_id: DocumentId,
    version_id: VersionId,
    chunks: Sequence[dict[str, object]],
    weighed: Weighed,
    into: Literal["record_chunks", "record_shadow"] = "record_chunks",
) -> None:
    """Write chunk rows and what ranks them by their words, in the order of the rows."""
    from pgvector import SparseVector

    rows = list(chunks)
    if into == "record_chunks":  # only what is searched is gathered by its words
        assert session.tenant_id is not None, "chunks are written in a tenant's transaction"
        codes = [word_codes(session.tenant_id, each) for each in weighed.stems]
        rows = [{**row, "codes": own} for row, own in zip(rows, codes, strict=True)]
    session.execute(
        QUERIES[into],
        {
            "document_id": document_id,
            "version_id": version_id,
            "chunks": json.dumps(rows),
            "stems": [SparseVector.from_binary(each.to_binary()) for each in weighed.stems],
            "grams": [SparseVector.from_binary(each.to_binary()) for each in weighed.grams],
        },
    )


def record_vectors(
    session: Session,
    *,
    version_id: VersionId,
    model_id: int,
    chunk_ids: Sequence[UUID],
    vectors: NDArray[np.float16],
    into: Literal["record_vectors", "record_shadow_vectors"] = "record_vectors",
) -> None:
    """Write the chunks' vectors: float16, (n, dimension), rows in the order of ``chunk_ids``."""
    from pgvector import HalfVector

    session.execute(
        QUERIES[into],
        {
            "version_id": version_id,
            "model_id": model_id,
            "chunk_ids": list(chunk_ids),
            "vectors": [HalfVector(row) for row in vectors],
        },
    )


def list_said(session: Session, version_id: VersionId, *, after: int, most: int) -> list[SaidRow]:
    """List what a version's chunks say, in order, from beyond an ordinal."""
    params = {"version_id": version_id, "after": after, "most": most}
    return session.all(QUERIES["list_said"], SaidRow, params)


def remove_rows(session: Session, version_id: VersionId) -> int:
    """Delete the version's vectors and chunks; returns how many chunks."""
    session.execute(QUERIES["remove_vectors"], {"version_id": version_id})
    return session.execute(QUERIES["remove_chunks"], {"version_id": version_id})


def count_chunks(session: Session, version_id: VersionId) -> int:
    """Count the version's chunks in the index."""
    return session.get(QUERIES["count_chunks"], CountRow, {"version_id": version_id}).count


def list_hits(session: Session, params: dict[str, object], vector: Any) -> list[HitRow]:
    """Run the search; ``vector`` is the question's, (dimension,), length 1."""
    from pgvector import HalfVector

    text = HalfVector(vector).to_text()
    return session.all(QUERIES["search"], HitRow, {**params, "vector": text})


def look_up(
    session: Session, *, query: str, language: Language, most: int, model: VectorSpace
) -> list[FormRow]:
    """List what the question's words are in the tenant's languages, and what resembles them."""
    params = {"query": query, "language": language, "most": most, **_named(model)}
    return session.all(QUERIES["look_up"], FormRow, params)


def list_frequencies(
    session: Session, chunk_ids: Sequence[ChunkId], *, terms: Sequence[tuple[str, str]]
) -> list[FrequencyRow]:
    """List how often chunks say each of ``terms``, which are (language, lexeme) pairs."""
    params = {
        "chunk_ids": list(chunk_ids),
        "languages": [language for language, _ in terms],
        "lexemes": [lexeme for _, lexeme in terms],
    }
    return session.all(QUERIES["list_frequencies"], FrequencyRow, params)


def list_lexemes(session: Session, words: Sequence[tuple[str, str]]) -> list[LexemesRow]:
    """List what each (language, word) is in the index; words hold no spaces."""
    params = {
        "languages": " ".join(language for language, _ in words),
        "words": " ".join(word for _, word in words),
    }
    return session.all(QUERIES["list_lexemes"], LexemesRow, params)


def register_model(session: Session, model: EmbeddingModel) -> int:
    """Return the number of a model, given now if it is new."""
    return session.get(QUERIES["register_model"], ModelIdRow, _named(model)).id


def _named(model: VectorSpace) -> dict[str, object]:
    return {"name": model.name, "revision": model.revision, "dimension": model.dimension}


def find_longest(session: Session) -> int:
    """Return the tokens of the tenant's longest chunk, 0 without any."""
    return session.get(QUERIES["find_longest"], LongestRow).tokens


def find_active_model(session: Session) -> str:
    """Return the name of the tenant's own model, or an empty string."""
    row = session.find(QUERIES["find_active_model"], ActiveModelRow)
    return row.name if row else ""


def find_active_model_id(session: Session) -> int | None:
    """Return the number of the tenant's own model, or ``None``."""
    row = session.find(QUERIES["find_active_model"], ActiveModelRow)
    return row.id if row else None


def remove_model_vectors(session: Session, *, model_id: int) -> None:
    """Delete one model's vectors."""
    session.execute(QUERIES["remove_model_vectors"], {"model_id": model_id})


def record_active_model(session: Session, model_id: int) -> None:
    """Write the tenant's own model."""
    session.execute(QUERIES["record_active_model"], {"model_id": model_id})


def count_shadow(session: Session, version_id: VersionId, *, reading: int) -> int:
    """Count a reading's chunks in the shadow."""
    params = {"version_id": version_id, "reading": reading}
    return session.get(QUERIES["count_shadow"], CountRow, params).count


def move_to_shadow(session: Session, version_id: VersionId) -> None:
    """Copy what the index has of a version into the shadow."""
    for name in ("move_to_shadow", "move_vectors_to_shadow"):
        session.execute(QUERIES[name], {"version_id": version_id})


def move_from_shadow(session: Session, version_id: VersionId, *, reading: int) -> int:
    """Copy a reading from the shadow into the index; returns how many chunks."""
    params = {"version_id": version_id, "reading": reading}
    count = session.execute(QUERIES["move_from_shadow"], params)
    session.execute(QUERIES["move_vectors_from_shadow"], params)
    return count


def remove_shadow(session: Session, version_id: VersionId, *, reading: int) -> int:
    """Delete a reading from the shadow; returns how many chunks."""
    params = {"version_id": version_id, "reading": reading}
    session.execute(QUERIES["remove_shadow_vectors"], params)
    return session.execute(QUERIES["remove_shadow_chunks"], params)


def list_chunk_ids(session: Session, version_id: VersionId) -> list[ChunkId]:
    """List a version's chunks in the order of the text."""
    rows = session.all(QUERIES["list_chunk_ids"], ChunkIdRow, {"version_id": version_id})
    return [row.id for row in rows]


def remove_vectors_of(session: Session, version_id: VersionId, *, model_id: int) -> None:
    """Delete one model's vectors of a version."""
    session.execute(QUERIES["remove_vectors_of"], {"version_id": version_id, "model_id": model_id})


def remove_other_vectors(session: Session, *, model_id: int) -> int:
    """Delete the vectors of every other model; returns how many."""
    return session.execute(QUERIES["remove_other_vectors"], {"model_id": model_id})


def list_sample(session: Session, *, most: int) -> list[SampleRow]:
    """List chunks in an order that has nothing to do with time or document."""
    return session.all(QUERIES["list_sample"], SampleRow, {"most": most})


def list_nearest(
    session: Session, vector: Any, *, model_id: int, most: int, is_exact: bool
) -> list[ChunkId]:
    """List the chunks nearest to a vector, (dimension,), by scan or through the graph."""
    from pgvector import HalfVector

    params = {
        "vector": HalfVector(vector).to_text(),
        "model_id": model_id,
        "most": most,
        "is_exact": is_exact,
    }
    return session.get(QUERIES["find_nearest"], NearestRow, params).ids


def list_siblings(
    session: Session, chunk_ids: Sequence[ChunkId], *, around: int
) -> list[SiblingRow]:
    """List the chunks around each of some chunks that share its section, in their order."""
    params = {"chunk_ids": list(chunk_ids), "around": around}
    return session.all(QUERIES["list_siblings"], SiblingRow, params)


def list_neighbours(session: Session, chunk_ids: Sequence[ChunkId]) -> list[NeighbourRow]:
    """List the chunks next to some chunks in the same sections, without those themselves."""
    return session.all(QUERIES["list_neighbours"], NeighbourRow, {"chunk_ids": list(chunk_ids)})
