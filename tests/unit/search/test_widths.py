"""Vectors of any width: every model has a graph of its own, which its questions walk."""

from __future__ import annotations

import re

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray

from shared.adapters.database import Database, UnexpectedDatabaseError
from shared.inference.model import EmbeddingModel
from shared.kernel.ids import TenantId
from shared.search import service, store
from shared.search.model import Ranking, SearchRequest
from shared.search.shadow import register_model
from tests.unit.search.library import Library, Prepared, chunk

WIDE = EmbeddingModel("wide", 768, "1", 384)
GRAPH_ONLY = Ranking(dense_weight_en=1, dense_weight_de=1, exact_scan_chunks=0)


def clustered(count: int, seed: int, *, width: int = 768) -> NDArray[np.float16]:
    """Vectors as text has them: topics, and spread inside each."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(20, width))
    rows = centres[random.integers(0, 20, size=count)] + 0.7 * random.normal(size=(count, width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


@pytest.fixture
def wide(database: Database, tenant: TenantId) -> Library:
    """A tenant whose chunks have vectors of 768 numbers, beside some of 384."""
    with database.transaction(tenant) as session:
        register_model(session, WIDE)
    library = Library(database, tenant)
    chunks = [chunk("x", ordinal=number) for number in range(600)]
    library.add(chunks, vectors=clustered(600, seed=1), model=WIDE)
    library.add(chunks[:100], vectors=clustered(100, seed=2, width=384))
    return library


def test_a_wide_models_graph_finds_what_a_full_scan_finds(wide: Library) -> None:
    vectors = clustered(600, seed=1).astype(np.float32)
    shared = 0
    for asked in vectors[:20] + 0.01:
        question = asked / np.linalg.norm(asked)
        exact = set(np.argsort(-(vectors @ question))[:10].tolist())
        with wide.database.transaction(wide.tenant) as session:
            request = SearchRequest(query="nothing")
            found = service.find(session, Prepared(question, WIDE), request, ranking=GRAPH_ONLY)
        shared += len({hit.start // 1000 for hit in found.hits} & exact)
    assert shared / 200 >= 0.95


def test_the_recall_gate_sees_both_widths(wide: Library) -> None:
    for model, width in ((WIDE, 768), (None, 384)):
        question = clustered(1, seed=3, width=width)[0].astype(np.float32)
        with wide.database.transaction(wide.tenant) as session:
            model_id = 1 if model is None else store.find_model_id(session, model)
            exact, graph = (
                store.list_nearest(session, question, model_id=model_id, most=10, is_exact=is_exact)
                for is_exact in (True, False)
            )
        assert len(set(exact) & set(graph)) >= 9


def test_each_model_is_asked_through_its_own_index(wide: Library, owner_url: str) -> None:
    with psycopg.connect(owner_url) as connection:
        plans = [
            connection.execute(
                "EXPLAIN SELECT chunk_id FROM kontor.chunk_vectors WHERE tenant_id = %s"
                f" AND model_id = {model} ORDER BY embedding::halfvec({width})"
                f" <#> array_fill(0.1, ARRAY[{width}])::halfvec({width}) LIMIT 5",
                (wide.tenant,),
            ).fetchall()
            for model, width in ((1, 384), (2, 768))
            if connection.execute("SET enable_seqscan = off; SET enable_sort = off")
        ]
        definitions = dict(
            connection.execute("SELECT indexname::text, indexdef FROM pg_indexes").fetchall()
        )
        indexes = connection.execute(
            "SELECT c.relname FROM pg_class AS c WHERE c.relname LIKE 'chunk_vectors_graph%'"
            " ORDER BY 1"
        ).fetchall()
    assert [name for (name,) in indexes] == ["chunk_vectors_graph_1", "chunk_vectors_graph_2"]
    named = [" ".join(line for (line,) in plan) for plan in plans]
    for plan, predicate in zip(named, ("(model_id = 1)", "(model_id = 2)"), strict=True):
        used = re.search(r"Index Scan using (\w+)", plan)
        assert used is not None, plan
        assert definitions[used[1]].endswith(f"WHERE {predicate}")


def test_registering_again_changes_nothing(database: Database, tenant: TenantId) -> None:
    numbers = []
    for _ in range(2):
        with database.transaction(tenant) as session:
            numbers.append(register_model(session, WIDE))
    assert numbers == [2, 2]


def test_a_width_no_graph_can_hold_is_refused(database: Database, tenant: TenantId) -> None:
    endless = EmbeddingModel("endless", 4001, "1", 384)
    with pytest.raises(UnexpectedDatabaseError), database.transaction(tenant) as session:
        store.register_model(session, endless)
