"""How well the real search finds what was judged relevant: nDCG, recall, MRR and its time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.bench.judged import JudgedQuery, JudgedSet, spread
from infra.bench.measurement import Progress, percentile
from infra.bench.scratch import TENANT, Filling
from shared.evaluation.measures import measures_of
from shared.evaluation.model import Run
from shared.search import service as search
from shared.search.model import LONGEST_QUERY, MOST_HITS, Ranking, SearchRequest

if TYPE_CHECKING:
    from shared.adapters.database import Database
    from shared.inference.embedding import Embedder
    from shared.kernel.ids import DocumentId

TIMED_QUERIES = 200
_SAY_EVERY = 25
Rankings = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Searcher:
    """The real search over a filled library, answering in the set's own ids."""

    database: Database
    embedder: Embedder
    ranking: Ranking
    text_of: Mapping[DocumentId, str]

    def find(self, query: str, *, k: int) -> list[str]:
        """Rank texts by their best chunk among the first ``k``.

        Texts that say the same as a hit stand behind it.
        """
        request = SearchRequest(query=query[:LONGEST_QUERY], k=k)
        with self.database.transaction(TENANT) as session:
            hits = search.find(session, self.embedder, request, ranking=self.ranking).hits
        documents = (
            document
            for hit in hits
            for document in (hit.document_id, *(each.document_id for each in hit.also_in))
        )
        return list(dict.fromkeys(self.text_of[document] for document in documents))


def rank_all(
    searcher: Searcher, queries: Sequence[JudgedQuery], *, progress: Progress
) -> dict[str, list[str]]:
    """Return the ranking of every query, as deep as search goes."""
    rankings: dict[str, list[str]] = {}
    for number, query in enumerate(queries):
        if number % _SAY_EVERY == 0:
            progress(f"Searching {number:,} of {len(queries):,}.")
        rankings[query.id] = searcher.find(query.text, k=MOST_HITS)
    return rankings


def measure_time(
    searcher: Searcher, queries: Sequence[JudgedQuery], *, k: int, progress: Progress
) -> dict[str, float]:
    """Return p50 and p95 of one client's searches for ``k`` hits, embedding included."""
    progress("Timing searches.")
    chosen = spread(queries, TIMED_QUERIES)
    times: list[float] = []
    for query in chosen:
        began = time.perf_counter()
        searcher.find(query.text, k=k)
        times.append((time.perf_counter() - began) * 1000)
    return {"p50": percentile(times, 0.5), "p95": percentile(times, 0.95)}


def score(
    judged: JudgedSet,
    rankings: Rankings,
    *,
    k: int,
    latency_ms: Mapping[str, float],
    circumstances: Mapping[str, object],
) -> Run:
    """Measure every ranking against what was judged."""
    found = {
        query.id: measures_of(rankings.get(query.id, ()), query.grades, k=k)
        for query in judged.queries
    }
    names = next(iter(found.values()))
    return Run(
        kind="retrieval",
        name=judged.name,
        measures={name: {query: values[name] for query, values in found.items()} for name in names},
        circumstances=circumstances,
        latency_ms=latency_ms,
    )


def circumstances_of(
    filling: Filling, *, embedder: Embedder, ranking: Ranking
) -> dict[str, object]:
    """Say what was searched, with which model and weights."""
    return {
        **asdict(filling),
        "model": f"{embedder.model.name}@{embedder.model.revision}",
        "ranking": asdict(ranking),
    }


def write_trec_run(path: Path, rankings: Rankings, *, tag: str = "kontor") -> None:
    """Write rankings as trec_eval reads them; scores only repeat the order."""
    with path.open("w", encoding="utf-8") as stream:
        for query, ranked in rankings.items():
            for place, text_id in enumerate(ranked, 1):
                stream.write(f"{query} Q0 {text_id} {place} {len(ranked) - place + 1} {tag}\n")
