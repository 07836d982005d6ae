"""One typed function per query that browsing, suggesting and comparing ask of the index."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from shared.adapters.database import Session
from shared.inference.language import Language
from shared.kernel.ids import ChunkId, DocumentId, VersionId
from shared.search.store import QUERIES, HitRow


@dataclass(frozen=True, slots=True)
class RankRow:
    """A hit without its text; scores and ranks as in ``store.HitRow``."""

    chunk_id: ChunkId
    score: float
    dense_score: float
    lexical_score: float
    gram_score: float = 0.0
    title_share: float = 0.0
    exact_share: float = 0.0
    dense_rank: int = 0
    lexical_rank: int = 0
    gram_rank: int = 0
    most_dense: float = 0.0
    most_lexical: float = 0.0
    most_grams: float = 0.0


@dataclass(frozen=True, slots=True)
class DocumentOfRow:
    """Where a chunk belongs."""

    chunk_id: ChunkId
    document_id: DocumentId
    version_id: VersionId


@dataclass(frozen=True, slots=True)
class FacetRow:
    """How many documents have a value; ``value_count`` values are known of its facet."""

    facet: str
    value: str
    label: str
    document_count: int
    value_count: int


@dataclass(frozen=True, slots=True)
class SuggestionRow:
    """A title (with its document) or a word; ``is_exact`` when it begins as typed."""

    kind: str
    label: str
    document_id: UUID | None
    found_in: int
    is_exact: bool


@dataclass(frozen=True, slots=True)
class WordRow:
    """One word."""

    word: str


@dataclass(frozen=True, slots=True)
class VersionIdRow:
    """One version."""

    id: VersionId


@dataclass(frozen=True, slots=True)
class SourceChunkRow:
    """A chunk that others are compared with."""

    id: ChunkId
    language: Language
    heading_path: list[str]
    content: str


@dataclass(frozen=True, slots=True)
class MeanVectorRow:
    """The average of some vectors; empty when there are none."""

    mean: list[float]


@dataclass(frozen=True, slots=True)
class WordWeightRow:
    """A word and how telling it is."""

    word: str
    weight: float


@dataclass(frozen=True, slots=True)
class DocumentSourceRow:
    """The version of a document that is searched; ``None`` before its first is ready."""

    version_id: VersionId | None


def as_text(vector: Any) -> str:
    """Write a vector as statements take it."""
    from pgvector import HalfVector

    return str(HalfVector(vector).to_text())


def list_ranks(session: Session, params: dict[str, object], vector: Any) -> list[RankRow]:
    """Rank without reading texts; ``params`` and ``vector`` as for ``store.list_hits``."""
    return session.all(QUERIES["rank"], RankRow, {**params, "vector": as_text(vector)})


def list_chosen_hits(session: Session, ranks: Sequence[RankRow]) -> list[HitRow]:
    """Read the hits of a ranking, best first; what is not searched now is left out."""
    written = json.dumps([asdict(rank) for rank in ranks], default=str)
    return session.all(QUERIES["list_chosen_hits"], HitRow, {"ranks": written})


def list_documents_of(session: Session, chunk_ids: Sequence[ChunkId]) -> list[DocumentOfRow]:
    """Return the document of each chunk."""
    params = {"chunk_ids": list(chunk_ids)}
    return session.all(QUERIES["list_documents_of"], DocumentOfRow, params)


def list_old_versions(session: Session, version_ids: Sequence[VersionId]) -> list[VersionId]:
    """Return those versions that are not searched; at most ten."""
    params = {"version_ids": list(version_ids)}
    return [row.id for row in session.all(QUERIES["list_old_versions"], VersionIdRow, params)]


def count_facets(
    session: Session,
    document_ids: Sequence[DocumentId],
    *,
    facets: Sequence[str],
    most_values: int,
) -> list[FacetRow]:
    """Count the documents by facet and value, the most frequent values first."""
    params = {
        "document_ids": list(document_ids),
        "facets": list(facets),
        "most_values": most_values,
    }
    return session.all(QUERIES["count_facets"], FacetRow, params)


def list_suggestions(
    session: Session, *, starts: Sequence[str], patterns: Sequence[str], filters: str, most: int
) -> list[SuggestionRow]:
    """List titles and words that begin so, or else match one of the LIKE patterns."""
    params = {
        "starts": list(starts),
        "patterns": list(patterns),
        "filters": filters,
        "most": most,
    }
    return session.all(QUERIES["suggest"], SuggestionRow, params)


def list_unknown_words(session: Session, query: str, language: str) -> list[str]:
    """List the query's words that occur nowhere."""
    params = {"query": query, "language": language}
    return [row.word for row in session.all(QUERIES["list_unknown_words"], WordRow, params)]


def find_source_version(session: Session, document_id: DocumentId) -> VersionId | None:
    """Return the version of a document that is searched."""
    params = {"document_id": document_id}
    row = session.find(QUERIES["find_document_source"], DocumentSourceRow, params)
    return row.version_id if row else None


def list_source_chunks(
    session: Session, version_id: VersionId, *, most: int
) -> list[SourceChunkRow]:
    """List chunks spread over a version."""
    params = {"version_id": version_id, "most": most}
    return session.all(QUERIES["list_source_chunks"], SourceChunkRow, params)


def list_named_chunks(session: Session, chunk_ids: Sequence[ChunkId]) -> list[SourceChunkRow]:
    """List those of the chunks that are searched now."""
    params = {"chunk_ids": list(chunk_ids)}
    return session.all(QUERIES["list_named_chunks"], SourceChunkRow, params)


def find_mean_vector(
    session: Session, chunk_ids: Sequence[ChunkId], *, model_id: int
) -> list[float]:
    """Average the chunks' vectors of one model."""
    params = {"chunk_ids": list(chunk_ids), "model_id": model_id}
    return session.get(QUERIES["find_mean_vector"], MeanVectorRow, params).mean


def list_word_weights(session: Session, words: Sequence[str], language: str) -> dict[str, float]:
    """Weigh words by how seldom they are; unknown ones are left out."""
    params = {"words": list(words), "language": language}
    rows = session.all(QUERIES["weigh_words"], WordWeightRow, params)
    return {row.word: row.weight for row in rows}


def list_copies(
    session: Session, version_ids: Sequence[VersionId], source_ids: Sequence[VersionId]
) -> list[VersionId]:
    """List those versions most of whose chunks are also in the source's."""
    params = {"version_ids": list(version_ids), "source_ids": list(source_ids)}
    return [row.id for row in session.all(QUERIES["list_copies"], VersionIdRow, params)]
