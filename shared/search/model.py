"""What is indexed, what may be asked, and what a search answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.adapters.opensearch import FoundChunk, IndexedChunk, IndexQuestion
from shared.documents.grids import CitedCell, Grid, Passage
from shared.inference.language import Language
from shared.inference.model import VectorSpace
from shared.kernel.ids import ChunkId, CollectionId, DocumentId, UserId, VersionId

MOST_HITS = 100
MOST_AROUND = 3
KINDS = ("document", "media", "wiki", "message", "task", "term", "memory")
"""What a passage can come from; one corpus, one search."""
LONGEST_QUERY = 4000
"""Characters; the embedding model reads about the first 1,000 anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChunk:
    """A chunk on its way into the index; ``content == canonical_text[span_start:span_end]``.

    ``searched`` is what its words are found by where that differs from ``content``. ``boxes`` and
    ``grids`` are JSON objects as ingestion wrote them. ``section`` numbers the parent, whose
    place is ``canonical_text[section_start:section_end]``; ``reading`` numbers the version's
    reading that the positions belong to.
    """

    ordinal: int
    language: Language
    heading_path: tuple[str, ...]
    content: str
    span_start: int
    span_end: int
    page_from: int | None
    page_to: int | None
    boxes: tuple[Mapping[str, object], ...] = ()
    token_count: int
    kind: str = "document"
    searched: str = ""
    reading: int = 1
    section: int = 0
    section_start: int = 0
    section_end: int = 0
    grids: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Where to look; an empty field restricts nothing.

    ``folder`` is a path ("contracts/2026") and includes everything below it; ``languages`` are
    the documents'; ``created_before`` is exclusive; ``metadata`` must be contained in theirs;
    of ``tags`` they must carry all. ``version_ids`` are current versions, for only those are
    indexed; ``kinds`` are what a passage comes from, of ``KINDS``.
    """

    folder: str | None = None
    document_ids: tuple[DocumentId, ...] | None = None
    media_types: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    metadata: Mapping[str, object] | None = None
    collection: CollectionId | None = None
    tags: tuple[str, ...] | None = None
    version_ids: tuple[VersionId, ...] | None = None
    kinds: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """One question to the index: ``k`` hits, none scoring below ``threshold`` (0 to 1).

    ``threshold`` is relative to the best hit; ``similarity`` is absolute and leaves out what is
    less likely to help. ``around`` asks for so many chunks before and after each hit, as far as
    its section goes; ``explain`` for the reasons why each hit ranks where it does.
    """

    query: str
    k: int = 10
    threshold: float = 0.0
    similarity: float = 0.0
    around: int = 0
    explain: bool = False
    filters: Filters = field(default_factory=Filters)


class ExternalIndex(Protocol):
    """Port: an index beside Postgres; it holds chunks of one embedding model."""

    @property
    def index(self) -> str:
        """What it is called; what it holds is kept under this name."""
        ...

    def write(self, tenant_id: str, chunks: Sequence[IndexedChunk]) -> None:
        """Put chunks in; raises UnavailableError when it does not take all of them."""
        ...

    def remove_version(self, tenant_id: str, version_id: str) -> None:
        """Take a version's chunks out."""
        ...

    def search(self, question: IndexQuestion) -> list[FoundChunk]:
        """Find chunks, best first."""
        ...


ExternalIndexes = Callable[[VectorSpace], ExternalIndex]
"""Opens the index of a model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """How the scores are mixed, and up to which size a tenant is scanned exactly.

    The dense weights are the vector score's share; the model reads English, so every other
    language leans on words (plain rank fusion harmed German). ``gram_weight`` is the share of
    character 4-grams in what words say, ``title_weight`` what a word in the document's title
    counts beside one in the text. Hits below ``similarity_threshold`` are left out; 0 leaves out
    none. ``external`` finds the candidates instead of Postgres, where it is set.
    """

    dense_weight_en: float = 0.6
    dense_weight_de: float = 0.2
    gram_weight: float = 0.5
    title_weight: float = 1.0
    exact_scan_chunks: int = 10_000
    similarity_threshold: float = 0.0
    external: ExternalIndexes | None = None

    def as_key(self) -> str:
        """Name everything it decides, as part of a cache's key."""
        decided = {each.name: getattr(self, each.name) for each in fields(self)}
        return json.dumps({**decided, "external": self.external is not None}, sort_keys=True)

    def dense_weight(self, language: Language) -> float:
        """Return the vector score's share for a question in ``language``."""
        return self.dense_weight_en if language == "en" else self.dense_weight_de


@dataclass(frozen=True, slots=True)
class TermShare:
    """What one lexeme adds to a hit's BM25.

    ``kind`` says what it is to the question's ``word``: the word itself (``exact``), a part of it,
    a compound with it, or the ``neighbour`` that was probably meant.
    """

    word: str
    lexeme: str
    kind: str
    weight: float
    frequency: int
    score: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a hit ranks where it does.

    Each ``share`` is the score relative to the best candidate's; ranks count from 1 among the
    candidates. ``score = dense_weight * dense_share + (1 - dense_weight) * ((1 - gram_weight) *
    lexical_share + gram_weight * gram_share) + exact_share``, divided by one plus the largest
    ``exact_share``. ``title_share`` is how much of the question's weight stands in the title; it
    counts into ``lexical_share``. ``exact`` lists the phrases and identifiers asked for.
    """

    dense_weight: float
    dense_share: float
    dense_rank: int
    lexical_share: float
    lexical_rank: int
    terms: tuple[TermShare, ...]
    gram_weight: float
    gram_score: float
    gram_share: float
    gram_rank: int
    title_weight: float
    title_share: float
    exact: tuple[str, ...]
    exact_share: float


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another place that says the same as a hit."""

    chunk_id: ChunkId
    document_id: DocumentId
    version_id: VersionId
    title: str
    page: int | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that matches.

    ``score`` is relative to the best hit of this search (0 to 1); ``similarity`` (0 to 1) means
    the same over all searches: how likely such a hit helps. ``dense_score`` is the cosine,
    ``lexical_score`` BM25. ``highlights`` are character offsets into ``text``; ``start`` and
    ``end`` are the chunk's place in the canonical text of the version's ``reading``, and
    ``section_start`` and ``section_end`` that of the section around it. ``cells`` are the cells
    of tables that the question points at. ``also_in`` are other documents that say the same.
    """

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
    language: Language
    media_type: str
    ordinal: int = 0
    reading: int = 1
    section_start: int = 0
    section_end: int = 0
    grids: tuple[Grid, ...] = ()
    highlights: tuple[tuple[int, int], ...] = ()
    cells: tuple[CitedCell, ...] = ()
    before: str = ""
    after: str = ""
    similarity: float = 0.0
    also_in: tuple[Elsewhere, ...] = ()
    explanation: Explanation | None = None

    @property
    def passage(self) -> Passage:
        """The hit as its tables see it."""
        return Passage(self.text, self.start, self.grids, self.boxes)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The hits, best first, the question's language and the time it took."""

    hits: tuple[Hit, ...]
    language: Language
    took_ms: float


@dataclass(frozen=True, slots=True)
class OwnRanking:
    """A tenant's own weights, and what spoke for them."""

    id: UUID
    dense_weight_en: float
    dense_weight_de: float
    evidence: dict[str, object]
    created_by: UserId
    created_at: datetime
