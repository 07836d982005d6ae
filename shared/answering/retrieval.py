"""What an answer is looked for in: the question's parts searched one by one, and fused.

A question with several parts ("how long is the notice and how high is the rent?") is searched
part by part as well as whole, because one vector and one bag of words mix what the parts ask.
Everything else is one search.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.adapters.database import Session
from shared.answering.model import Instruments, Source
from shared.answering.passages import distinct
from shared.inference.language import Language
from shared.search import service as search
from shared.search.model import Filters, Hit, SearchRequest, SearchResult

PASSAGES = 8
_DEPTH = 24  # so that enough is left when a document lies there in several formats


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the library was asked and the hits, best first; ``by_part`` has those of each part.

    ``further`` are hits behind those: too many to read, but worth a look for a field that fits.
    """

    query: str
    language: Language
    hits: tuple[Hit, ...]
    parts: tuple[str, ...] = ()
    by_part: tuple[tuple[Hit, ...], ...] = ()
    further: tuple[Hit, ...] = ()

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where the hits come from, each place once."""
        places = {
            (hit.version_id, tuple(hit.heading_path), hit.page): Source(
                hit.document_id, hit.version_id, hit.title, tuple(hit.heading_path), hit.page
            )
            for hit in reversed(self.hits)
        }
        return tuple(reversed(places.values()))


def gather(
    session: Session,
    tools: Instruments,
    query: str,
    *,
    parts: Sequence[str] = (),
    filters: Filters,
) -> Gathered:
    """Search for a question and, where it has parts, for each of them."""

    def found(text: str) -> SearchResult:
        request = SearchRequest(query=text, k=_DEPTH, filters=filters)
        result = search.find(session, tools.embedder, request, ranking=tools.ranking)
        return replace(result, hits=distinct(result.hits, most=_DEPTH))

    whole = found(query)
    if not parts:
        hits, further = whole.hits[:PASSAGES], whole.hits[PASSAGES:]
        return Gathered(query, whole.language, hits, further=further)
    by_part = tuple(found(part).hits[:PASSAGES] for part in parts)
    hits = fuse([*by_part, whole.hits[:PASSAGES]], most=PASSAGES + 2 * len(parts))
    return Gathered(query, whole.language, hits, tuple(parts), by_part)


def fuse(rankings: Sequence[Sequence[Hit]], *, most: int) -> tuple[Hit, ...]:
    """Take the first of every ranking, then the second of every one, each hit once.

    Scores of different questions do not compare; places do. Every part keeps its best passages.
    """
    chosen: dict[object, Hit] = {}
    for place in range(max(map(len, rankings), default=0)):
        for ranking in rankings:
            if place < len(ranking) and len(chosen) < most:
                chosen.setdefault(ranking[place].chunk_id, ranking[place])
    return tuple(chosen.values())
