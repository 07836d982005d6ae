"""Search sees with its caller's eyes: nothing hidden is found, counted, suggested or cached."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import numpy as np
import pytest

from shared.adapters.cache import LayeredCache, Level, MemoryCache
from shared.adapters.database import Session
from shared.inference.embedding import Embedder
from shared.kernel.ids import DocumentId
from shared.search import caching, service, similar
from shared.search.facets import count_facets
from shared.search.model import Filters, Ranking, SearchRequest
from shared.search.suggestions import correct, suggest
from tests.unit.access.world import World
from tests.unit.search.library import Library, Prepared, chunk, some_vectors

SECRET = "The merger with Globex is called Project Bluebird and stays confidential."
PUBLIC = "The canteen serves soup on Mondays and fish on Fridays."
RANKING = Ranking()


class Scene:
    """A public and a secret document; Ada made the secret one and shares it with nobody."""

    def __init__(self, world: World, embedder: Embedder) -> None:
        self.world = world
        self.embedder = embedder
        self.ada, self.bob = world.people["ada"], world.people["bob"]
        self.library = Library(world.database, world.tenant, embedder)
        self.folder = world.folder("board", self.ada)
        self.public = self.library.add_text(PUBLIC, title="Canteen", created_by=self.bob)
        self.secret = self.library.add_text(
            SECRET, title="Merger", created_by=self.ada, folder_id=self.folder, tags=["bluebird"]
        )
        world.grant("folder", self.folder, f"user:{self.ada}", "manage")

    def found(self, user: UUID, query: str, **filters: object) -> set[DocumentId]:
        request = SearchRequest(query=query, filters=Filters(**filters))  # type: ignore[arg-type]
        with self.world.eyes_of(user) as session:
            return {
                hit.document_id
                for hit in service.find(session, self.embedder, request, ranking=RANKING).hits
            }


@pytest.fixture
def scene(world: World, embedder: Embedder) -> Scene:
    return Scene(world, embedder)


@pytest.mark.parametrize("query", ["Project Bluebird", '"stays confidential"', "Merger"])
def test_what_is_hidden_is_not_found_by_meaning_words_phrases_or_title(
    scene: Scene, query: str
) -> None:
    assert scene.secret in scene.found(scene.ada, query)
    assert scene.secret not in scene.found(scene.bob, query)


def test_no_filter_finds_what_is_hidden(scene: Scene) -> None:
    for filters in (
        {"folder": "board"},
        {"document_ids": (scene.secret,)},
        {"tags": ("bluebird",)},
    ):
        assert scene.found(scene.ada, "merger", **filters) == {scene.secret}
        assert scene.found(scene.bob, "merger", **filters) == set()


def test_facets_count_only_what_is_seen(scene: Scene) -> None:
    def tags(user: UUID) -> dict[str, int]:
        with scene.world.eyes_of(user) as session:
            facets = count_facets(
                session,
                scene.embedder,
                SearchRequest(query="merger canteen"),
                ["tag", "folder"],
                ranking=RANKING,
            )
        return {value.value: value.document_count for f in facets.facets for value in f.values}

    assert tags(scene.ada) == {"bluebird": 1, "board": 1}
    assert tags(scene.bob) == {}


def test_nothing_hidden_is_suggested_or_told_by_a_correction(scene: Scene) -> None:
    def asked(user: UUID, look: Callable[[Session], object]) -> object:
        with scene.world.eyes_of(user) as session:
            return look(session)

    for typed in ("blueb", "merg"):
        assert asked(scene.ada, lambda s, typed=typed: suggest(s, typed))  # type: ignore[misc]
        assert asked(scene.bob, lambda s, typed=typed: suggest(s, typed)) == []  # type: ignore[misc]
    assert asked(scene.ada, lambda s: correct(s, "bluebirt")) == "Bluebird"
    assert asked(scene.bob, lambda s: correct(s, "bluebirt")) == ""
    scene.library.add_text("A canteens menu and a bluebirt.", created_by=scene.bob)
    assert asked(scene.bob, lambda s: correct(s, "bluebird")) == "bluebirt", (
        "that a hidden document knows the word changes nothing"
    )


def test_more_like_this_neither_starts_from_nor_ends_at_what_is_hidden(scene: Scene) -> None:
    twin = scene.library.add_text(
        "Globex merges with us; the project's name is Bluebird.", title="Twin", created_by=scene.bob
    )

    def like(user: UUID, document: DocumentId) -> set[str]:
        with scene.world.eyes_of(user) as session:
            source = similar.like_document(session, scene.embedder, document)
            found = similar.find_similar(session, scene.embedder, source, ranking=RANKING, k=5)
        return {each.title for each in found}

    assert "Merger" in like(scene.ada, twin)
    assert "Merger" not in like(scene.bob, twin)
    with pytest.raises(Exception, match="no such document"):
        like(scene.bob, scene.secret)


def test_caches_are_shared_by_those_who_see_the_same_and_by_nobody_else(scene: Scene) -> None:
    cache = LayeredCache([Level(MemoryCache(most=10), 300)])
    cem = scene.world.people["cem"]

    def ask(user: UUID) -> set[DocumentId]:
        with scene.world.eyes_of(user) as session:
            found = caching.find(
                cache, session, scene.embedder, SearchRequest(query="merger"), ranking=RANKING
            )
        return {hit.document_id for hit in found.hits}

    assert scene.secret in ask(scene.ada)
    assert scene.secret not in ask(scene.bob)
    assert scene.secret not in ask(cem)
    assert cache.hits == {"": 2, "memory": 1}, "bob and cem see the same"
    scene.world.grant("folder", scene.folder, f"user:{cem}", "view")
    assert scene.secret in ask(cem)
    assert scene.secret not in ask(scene.bob)
    scene.world.withdraw("folder", scene.folder, f"user:{cem}")
    assert scene.secret not in ask(cem)


def test_who_joins_a_group_while_somebody_searches_leaves_nothing_in_the_cache(
    scene: Scene,
) -> None:
    """The key is read first; what is found after it may be more than the key's people see."""
    group = scene.world.group("board")
    scene.world.grant("folder", scene.folder, f"group:{group}", "view")
    with scene.world.eyes_of(scene.bob) as session:
        before = session.connection.execute("SELECT version FROM kontor.corpus_versions").fetchone()
    with scene.world.transaction() as session:
        scene.world.join(session, group, scene.bob)
    with scene.world.eyes_of(scene.bob) as session:
        after = session.connection.execute("SELECT version FROM kontor.corpus_versions").fetchone()
    assert before is not None
    assert after is not None
    assert after[0] > before[0]


def test_no_table_tells_what_is_hidden(scene: Scene) -> None:
    def rows(user: UUID, table: str) -> int:
        with scene.world.eyes_of(user) as session:
            row = session.connection.execute(f"SELECT count(*) FROM kontor.{table}".encode())
            found = row.fetchone()
        assert found is not None
        return int(found[0])

    for table in ("documents", "chunks", "chunk_vectors", "title_tails"):
        assert rows(scene.ada, table) == 2 * rows(scene.bob, table) > 0, table
    assert rows(scene.bob, "folders") == 0


@pytest.mark.parametrize("exact_limit", [10_000, 1])
def test_the_nearest_among_what_is_seen_are_found(world: World, exact_limit: int) -> None:
    """Recall inside what a restricted viewer sees, by scan and through the graph."""
    ada, bob = world.people["ada"], world.people["bob"]
    library = Library(world.database, world.tenant)
    closed = world.folder("closed", ada)
    vectors = some_vectors(300)
    mine: list[tuple[DocumentId, int]] = []
    for number in range(30):
        own = number % 3 == 0
        document, _ = library.add(
            [chunk(f"Text {number} {i}", ordinal=i) for i in range(10)],
            vectors=vectors[number * 10 : number * 10 + 10],
            folder_id=None if own else closed,
            created_by=bob if own else ada,
        )
        if own:
            mine += [(document, number * 10 + i) for i in range(10)]
    world.grant("folder", closed, f"user:{ada}", "manage")
    ranking = Ranking(exact_scan_chunks=exact_limit)
    found = wanted = 0
    for seed in range(10):
        question = some_vectors(1, seed=100 + seed)[0].astype(np.float32)
        best = sorted(mine, key=lambda m: -float(vectors[m[1]].astype(np.float32) @ question))[:10]
        with world.eyes_of(bob) as session:
            hits = service.find(
                session, Prepared(question), SearchRequest(query="zzz", k=10), ranking=ranking
            ).hits
        texts = {(hit.document_id, hit.text) for hit in hits}
        assert {document for document, _ in texts} <= {document for document, _ in mine}
        wanted += 10
        found += sum(
            (document, f"Text {place // 10} {place % 10}") in texts for document, place in best
        )
    assert found / wanted >= 0.98
