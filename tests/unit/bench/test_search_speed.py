"""`kontor bench scale`: passages out of files, tenants of several sizes, searches of each."""

from __future__ import annotations

from infra.bench.search_speed import measure_search_speed, passages_from
from shared.inference.embedding import Embedder

TEXTS = [
    "The notice period for tenants is three months to the end of a month.",
    "Rent is due on the third working day of every month, in advance.",
    "The heating is repaired by the landlord within a week of a complaint.",
]


def test_passages_are_about_as_long_as_chunks() -> None:
    content = "\n\n".join([*(f"{text} " * 4 for text in TEXTS), "x" * 5000, "end"]).encode()
    passages = passages_from([content])
    assert all(450 <= len(passage) <= 1800 for passage in passages[:-1])
    assert passages[-1] == "end"
    assert passages_from([b""]) == []


def test_every_tenant_is_searched_by_one_client_and_by_many(embedder: Embedder) -> None:
    told: list[str] = []
    found = measure_search_speed(
        TEXTS,
        ["When is rent due?", "Who repairs the heating?"],
        embedder,
        calls=16,
        progress=told.append,
        tenants={"3 chunks": 3, "60 chunks": 60},
    )
    assert [each.name for each in found] == [
        f"{what}, {size}"
        for size in ("3 chunks", "60 chunks")
        for what in ("search p50", "search p95", "searches")
    ]
    assert all(each.value > 0 for each in found)
    assert "Building the vectors' graphs." in told
