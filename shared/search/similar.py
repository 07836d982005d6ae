"""More like this: documents near a document, some passages, or a text.

What is looked for is the average of the vectors together with the most telling words. The source
itself and its copies are left out: nobody asks for what they hold in their hands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.adapters.database import Session
from shared.inference.embedding import Embedder
from shared.inference.language import Language, detect_language
from shared.inference.stemming import words
from shared.kernel.errors import InvalidError, NotFoundError
from shared.kernel.ids import ChunkId, DocumentId, VersionId
from shared.search import discovery_store as store
from shared.search.discovery_store import SourceChunkRow
from shared.search.model import LONGEST_QUERY, Filters, Hit, Ranking, SearchRequest
from shared.search.ranks import rank, relevant
from shared.search.service import check_request, plan, present
from shared.search.store import find_model_id

MOST_SIMILAR = 50
_SOURCE_CHUNKS = 32
_TELLING_WORDS = 12
_CANDIDATE_WORDS = 200
_SHORTEST_WORD = 4
_PASSAGES_EACH = 8
"""Passages ranked for each document wanted: several of a document's may come first."""


@dataclass(frozen=True, slots=True)
class Similar:
    """A document like the source: its passage that comes nearest, and that passage's score."""

    document_id: DocumentId
    title: str
    score: float
    hit: Hit


@dataclass(frozen=True, slots=True)
class Source:
    """What others are compared with: an average vector, and the words that tell most about it.

    ``version_ids`` are left out, with all that says the same.
    """

    vector: NDArray[np.float32]
    query: str
    version_ids: frozenset[VersionId]


def like_document(session: Session, embedder: Embedder, document_id: DocumentId) -> Source:
    """Describe a document by up to 32 chunks spread over it.

    Raises NotFoundError when it is not there or not indexed.
    """
    version_id = store.find_source_version(session, document_id)
    chunks = [] if version_id is None else _spread(session, version_id)
    if version_id is None or not chunks:
        raise NotFoundError(
            "There is no such document, or it is not searched yet.",
            hint="Wait until its stage is completed.",
        )
    return _from_chunks(session, embedder, chunks, frozenset({version_id}))


def like_chunks(session: Session, embedder: Embedder, chunk_ids: Sequence[ChunkId]) -> Source:
    """Describe some passages; raises NotFoundError when one of them is not searched (any more)."""
    chunks = store.list_named_chunks(session, chunk_ids)
    if not chunks or len(chunks) < len(set(chunk_ids)):
        raise NotFoundError("One of these passages is not there (any more).")
    rows = store.list_documents_of(session, [chunk.id for chunk in chunks])
    return _from_chunks(session, embedder, chunks, frozenset(row.version_id for row in rows))


def like_text(session: Session, embedder: Embedder, text: str) -> Source:
    """Describe a text; raises InvalidError when there is nothing in it."""
    if not text.strip():
        raise InvalidError("The text is empty.", fields={"text": "write something"})
    language = detect_language(text)
    telling = _telling_words(session, [(language, text)])
    query = telling or text.strip()[:LONGEST_QUERY]
    return Source(embedder.embed([text])[0], query, frozenset())


def find_similar(
    session: Session,
    embedder: Embedder,
    source: Source,
    *,
    k: int,
    ranking: Ranking,
    filters: Filters | None = None,
) -> list[Similar]:
    """List up to ``k`` documents like ``source``, nearest first, each with its nearest passage."""
    if not 1 <= k <= MOST_SIMILAR:
        raise InvalidError(
            f"k must lie between 1 and {MOST_SIMILAR}.", fields={"k": "out of range"}
        )
    request = SearchRequest(query=source.query, k=k, filters=filters or Filters())
    check_request(request)
    depth = (k + len(source.version_ids)) * _PASSAGES_EACH + _SOURCE_CHUNKS
    planned = plan(session, embedder.model, request, ranking=ranking)
    ranks = relevant(
        rank(session, embedder, planned, ranking=ranking, most=depth, vector=source.vector)
    )
    rows = store.list_documents_of(session, [row.chunk_id for row in ranks])
    places = {row.chunk_id: row.version_id for row in rows}
    left_out = set(source.version_ids)
    if left_out:
        found = list(dict.fromkeys(places.values()))
        left_out.update(store.list_copies(session, found, sorted(left_out)))
    best: dict[VersionId, store.RankRow] = {}
    for row in ranks:
        version_id = places.get(row.chunk_id)
        if version_id is not None and version_id not in left_out:
            best.setdefault(version_id, row)
    chosen = list(best.values())[:k]
    hits = present(session, request, planned, store.list_chosen_hits(session, chosen))
    return [Similar(hit.document_id, hit.title, hit.score, hit) for hit in hits]


def _spread(session: Session, version_id: VersionId) -> list[SourceChunkRow]:
    return store.list_source_chunks(session, version_id, most=_SOURCE_CHUNKS)


def _from_chunks(
    session: Session,
    embedder: Embedder,
    chunks: Sequence[SourceChunkRow],
    version_ids: frozenset[VersionId],
) -> Source:
    model_id = find_model_id(session, embedder.model)
    mean = store.find_mean_vector(session, [chunk.id for chunk in chunks], model_id=model_id)
    texts = [
        (chunk.language, "\n".join([*chunk.heading_path[-1:], chunk.content])) for chunk in chunks
    ]
    if mean:
        vector = np.asarray(mean, dtype=np.float32)
        length = float(np.linalg.norm(vector))
        vector = vector / length if length else vector
    else:
        vector = embedder.embed([texts[0][1]])[0]
    query = _telling_words(session, texts) or texts[0][1][:LONGEST_QUERY].strip() or "?"
    return Source(vector, query, version_ids)


def _telling_words(session: Session, texts: Sequence[tuple[Language, str]]) -> str:
    """Choose the words that are frequent here and seldom elsewhere (tf times idf)."""
    counts: dict[Language, Counter[str]] = {}
    for language, text in texts:
        counts.setdefault(language, Counter()).update(
            word for word in words(text) if len(word) >= _SHORTEST_WORD and not word.isdigit()
        )
    scores: Counter[str] = Counter()
    for language, found in counts.items():
        candidates = [word for word, _ in found.most_common(_CANDIDATE_WORDS)]
        weights = store.list_word_weights(session, candidates, language)
        for word, weight in weights.items():
            scores[word] += found[word] * weight  # type: ignore[assignment]
    return " ".join(word for word, _ in scores.most_common(_TELLING_WORDS))
