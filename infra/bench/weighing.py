"""Judged sets tried with every weight: what the fusion's weights are chosen by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from infra.bench.evaluated import open_evaluated
from infra.bench.judged import JudgedQuery, JudgedSet
from infra.bench.measurement import Progress
from infra.bench.retrieval import Searcher
from shared.evaluation.fitting import Origin
from shared.evaluation.measures import ndcg
from shared.evaluation.weights import Tried, try_weights
from shared.search.model import Ranking

_DEPTH = 20
_SAY_EVERY = 10


def try_set(
    judged: JudgedSet, *, ranking: Ranking, work: Path, threads: int, progress: Progress
) -> Tried:
    """Search a set's queries with every weight, in a library of its own."""
    with open_evaluated(work, judged.name, judged.texts, threads, progress) as opened:
        app = opened.app
        searcher = Searcher(app.database, app.embedder, ranking, opened.library.text_of)
        asked = [
            (_name(judged, query), query.text, (number, query))
            for number, query in enumerate(judged.queries)
        ]

        def gain(question: tuple[int, JudgedQuery], tried: Ranking) -> float:
            number, query = question
            if number % _SAY_EVERY == 0:
                progress(f"{judged.name}: trying weights on query {number:,} of {len(asked):,}.")
            ranked = replace(searcher, ranking=tried).find(query.text, k=_DEPTH)
            return ndcg(ranked, query.grades, 10)

        return try_weights(asked, gain, ranking=ranking)


def origins_of(judged: JudgedSet) -> Mapping[str, Origin]:
    """Say where each query is from; queries that one text answers best are about one thing."""
    return {
        _name(judged, query): Origin(judged.name, _best_text(query)) for query in judged.queries
    }


def _name(judged: JudgedSet, query: JudgedQuery) -> str:
    return f"{judged.name}/{query.id}"


def _best_text(query: JudgedQuery) -> str:
    return min(query.grades, key=lambda text: (-query.grades[text], text))
