"""`kontor bench scale`: passages out of files, tenants of several sizes, searches of each."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from infra.bench.clients import measure_throughput
from infra.bench.search_speed import measure_search_speed, passages_from
from shared.adapters.database import Database
from shared.inference.embedding import Embedder
from shared.kernel.errors import UnavailableError

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
        for what in ("search p50", "search p95", "searches", "search CPU")
    ]
    assert all(each.value > 0 for each in found)
    assert "Building the vectors' graphs." in told


def test_a_client_that_fails_ends_the_measurement() -> None:
    def ask(database: Database, questions: Sequence[str]) -> list[float]:
        del database
        raise LookupError(f"no answer to {len(questions)} questions")

    with pytest.raises(UnavailableError, match="client"):
        measure_throughput("postgresql://nowhere", ["What?"] * 16, ask)
