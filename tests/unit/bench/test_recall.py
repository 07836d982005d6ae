"""The measurement of recall: passages of two sentences, tenants beside each other, ties."""

from __future__ import annotations

import pytest

from infra.bench.recall import measure_recall, passages_from
from shared.inference.embedding import Embedder
from shared.kernel.errors import InvalidError
from shared.search.model import Ranking

THINGS = ("bridge", "queen bee", "steam engine", "glacier", "violin", "harbour", "comet", "orchard")
TEXTS = [
    " ".join(
        f"The {thing} of {place} was described in {year}. Nobody had seen it before that."
        for year in range(1801, 1811)
    )
    for thing in THINGS
    for place in ("Rome", "Oslo")
]


def test_a_passage_is_two_neighbouring_sentences_and_none_comes_twice() -> None:
    text = "One stands here. Two follows it. Three ends it."
    assert passages_from([text, text], 2) == [
        "One stands here. Two follows it.",
        "Two follows it. Three ends it.",
    ]
    with pytest.raises(InvalidError, match="gives 2 different passages; 3 are needed"):
        passages_from([text, text], 3)


def test_every_tenant_is_measured_by_search_and_by_the_graph(embedder: Embedder) -> None:
    found = measure_recall(
        TEXTS,
        [f"when was the {thing} described" for thing in THINGS],
        embedder,
        progress=lambda _: None,
        sizes=(20, 120),
        ranking=Ranking(dense_weight_en=1, dense_weight_de=1, title_weight=0, exact_scan_chunks=30),
    )
    assert [(each.name, each.verdict) for each in found] == [
        ("recall@10 of search, 20 chunks", "met"),
        ("recall@10 of the graph, 20 chunks", ""),
        ("recall@10 of search, 120 chunks", "met"),
        ("recall@10 of the graph, 120 chunks", ""),
    ]
    assert all(0 < each.value <= 1 for each in found)
