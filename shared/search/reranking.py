"""Search, judged once more: more candidates than wanted, threshold, reranker, the best of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.inference.reranking.port import Candidate, Judgement, Reranker
from shared.search.model import MOST_HITS, Hit, SearchRequest, SearchResult


@dataclass(frozen=True, slots=True)
class Reranked:
    """A result in its new order; ``warning`` says why it is the old one, if it is."""

    result: SearchResult
    reranker: str
    warning: str


def wider(request: SearchRequest, factor: int) -> SearchRequest:
    """Return the search that finds what is to be judged: ``factor`` times as many hits.

    The threshold stays, so it is applied before, to the search's own scores. At most
    ``MOST_HITS`` are judged.
    """
    return replace(request, k=min(MOST_HITS, request.k * factor))


def rerank(found: SearchResult, reranker: Reranker, request: SearchRequest) -> Reranked:
    """Judge what was found and keep the best ``request.k``; their ``score`` is the reranker's.

    Needs no database, so that nobody holds a transaction while a model thinks.
    """
    started = time.perf_counter()
    judgement = reranker.judge(request.query.strip(), [_candidate(hit) for hit in found.hits])
    hits = _reordered(found.hits, judgement)[: request.k]
    took_ms = found.took_ms + round((time.perf_counter() - started) * 1000, 2)
    return Reranked(replace(found, hits=hits, took_ms=took_ms), reranker.name, judgement.warning)


def _candidate(hit: Hit) -> Candidate:
    return Candidate(
        text=hit.text,
        heading_path=tuple(hit.heading_path),
        title=hit.title,
        language=hit.language,
        score=hit.score,
        cosine=hit.dense_score,
    )


def _reordered(hits: Sequence[Hit], judgement: Judgement) -> tuple[Hit, ...]:
    """Sort by the new scores; what is judged alike keeps its order."""
    judged = [replace(hit, score=score) for hit, score in zip(hits, judgement.scores, strict=True)]
    return tuple(sorted(judged, key=lambda hit: -hit.score))
