"""The index: statistics always equal the chunks, whatever is added, repeated or removed."""

from __future__ import annotations

import threading

import numpy as np
import psycopg
import pytest

from shared.adapters.database import Database
from shared.inference.model import EmbeddingModel
from shared.kernel.errors import InvalidError, KontorError, UnavailableError
from shared.kernel.ids import DocumentId, TenantId, VersionId, new_id
from shared.search import service
from tests.unit.search.library import MINILM, Library, chunk, some_vectors

GERMAN = "Die Kündigungsfrist beträgt drei Monate zum Monatsende."
ENGLISH = "The notice period is three months to the end of a month."


def index_as_stored(owner_url: str) -> dict[str, list[tuple[object, ...]]]:
    """Everything the index holds, in an order of its own; ids differ between runs."""
    questions = {
        "lexemes": "SELECT tenant_id, language, lexeme, chunk_count FROM kontor.lexeme_statistics"
        " ORDER BY 1, 2, 3",
        "corpora": "SELECT * FROM kontor.corpus_statistics ORDER BY 1, 2",
        "chunks": "SELECT tenant_id, version_id, ordinal, language, heading_path, content, boxes,"
        " lexemes::text, lexeme_count FROM kontor.chunks ORDER BY 1, 2, 3",
        "vectors": "SELECT v.tenant_id, v.version_id, c.ordinal, v.embedding::text"
        " FROM kontor.chunk_vectors v JOIN kontor.chunks c ON c.id = v.chunk_id ORDER BY 1, 2, 3",
    }
    with psycopg.connect(owner_url) as connection:
        return {name: connection.execute(text).fetchall() for name, text in questions.items()}


def counted(owner_url: str) -> dict[tuple[object, object], int]:
    """Count lexemes the slow way, from the chunks themselves."""
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute(
            "SELECT language, l, count(*) FROM kontor.chunks, unnest(tsvector_to_array(lexemes)) l"
            " GROUP BY 1, 2"
        ).fetchall()
    return {(language, lexeme): int(count) for language, lexeme, count in rows}


def shelve(library: Library) -> VersionId:
    chunks = [
        chunk(GERMAN, language="de", headings=("Verträge", "Fristen")),
        chunk(ENGLISH, ordinal=1),
        chunk("months O'Brien a\\b 'quoted' 東京", ordinal=2, language="simple"),
    ]
    return library.add(chunks, vectors=some_vectors(3))[1]


def test_statistics_equal_a_recount(library: Library, owner_url: str) -> None:
    shelve(library)
    shelve(library)
    stored = index_as_stored(owner_url)
    assert {(row[1], row[2]): row[3] for row in stored["lexemes"]} == counted(owner_url)
    assert [row[1:3] for row in stored["corpora"]] == [("de", 2), ("en", 2), ("simple", 2)]
    assert stored["chunks"][0][4] == ["Verträge", "Fristen"]
    assert stored["chunks"][0][6] == [{"page": 1, "x0": 1.5}]


def test_a_repeat_changes_nothing(library: Library, owner_url: str) -> None:
    version = shelve(library)
    before = index_as_stored(owner_url)
    with library.database.transaction(library.tenant) as session:
        row = session.connection.execute(
            "SELECT document_id FROM kontor.chunks WHERE version_id = %s LIMIT 1", (version,)
        ).fetchone()
        assert row is not None
        again = [
            chunk(GERMAN, language="de", headings=("Verträge", "Fristen")),
            chunk(ENGLISH, ordinal=1),
            chunk("months O'Brien a\\b 'quoted' 東京", ordinal=2, language="simple"),
        ]
        count = service.index_version(
            session,
            document_id=DocumentId(row[0]),
            version_id=version,
            model=MINILM,
            chunks=iter(again),
            vectors=some_vectors(3),
        )
    assert count == 3
    assert index_as_stored(owner_url) == before


def test_removing_undoes_adding_exactly(library: Library, owner_url: str) -> None:
    shelve(library)
    before = index_as_stored(owner_url)
    version = shelve(library)
    assert index_as_stored(owner_url) != before
    with library.database.transaction(library.tenant) as session:
        assert service.remove_version(session, version) == 3
        assert service.remove_version(session, version) == 0
    assert index_as_stored(owner_url) == before


def test_removing_everything_leaves_no_row(library: Library, owner_url: str) -> None:
    version = shelve(library)
    with library.database.transaction(library.tenant) as session:
        service.remove_version(session, version)
    assert not any(index_as_stored(owner_url).values())


def test_another_tenants_version_cannot_be_removed(
    library: Library, other_library: Library, owner_url: str
) -> None:
    version = shelve(library)
    before = index_as_stored(owner_url)
    with other_library.database.transaction(other_library.tenant) as session:
        assert service.remove_version(session, version) == 0
    assert index_as_stored(owner_url) == before


@pytest.mark.parametrize("vectors", [2, 4])
def test_vectors_must_match_the_chunks(library: Library, owner_url: str, vectors: int) -> None:
    chunks = [chunk(ENGLISH, ordinal=i) for i in range(3)]
    with pytest.raises(InvalidError, match="another number of chunks"):
        library.add(chunks, vectors=some_vectors(vectors))
    assert not any(index_as_stored(owner_url).values())


def test_vectors_of_another_size_are_refused(library: Library) -> None:
    with pytest.raises(InvalidError, match="shape"):
        library.add([chunk(ENGLISH)], vectors=np.ones((1, 768), dtype=np.float16))


def test_a_model_the_database_does_not_know_is_refused(library: Library) -> None:
    stranger = EmbeddingModel("all-mpnet-base-v2", 768, "x", 384)
    with pytest.raises(UnavailableError, match="no place for vectors"):
        library.add([chunk(ENGLISH)], vectors=np.ones((1, 768), np.float16), model=stranger)


def test_text_postgres_cannot_store_is_an_invalid_request(library: Library) -> None:
    with pytest.raises(InvalidError):
        library.add([chunk("a\0b")], vectors=some_vectors(1))


def test_indexers_of_one_tenant_do_not_deadlock(
    library: Library, tenant: TenantId, database_url: str, owner_url: str
) -> None:
    orders = (list(range(120)), list(reversed(range(120))))
    failures: list[KontorError] = []
    start = threading.Barrier(2)

    def index(order: list[int]) -> None:
        database = Database(database_url)
        start.wait(10)
        try:
            for _ in range(3):
                texts = [chunk(f"word{n} shared", ordinal=i) for i, n in enumerate(order)]
                Library(database, tenant).add(texts, vectors=some_vectors(len(texts)))
        except KontorError as error:
            failures.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=index, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    stored = {(r[1], r[2]): r[3] for r in index_as_stored(owner_url)["lexemes"]}
    assert stored == counted(owner_url)
    assert stored["en", "share"] == 720


def test_the_application_cannot_reach_behind_the_search_function(
    library: Library, other_library: Library
) -> None:
    shelve(other_library)
    with library.database.transaction(library.tenant) as session:
        for table in ("chunks", "chunk_vectors", "lexeme_statistics", "corpus_statistics"):
            rows = session.connection.execute(f"SELECT 1 FROM kontor.{table}").fetchall()  # type: ignore[arg-type]
            assert rows == [], table
    for call in (
        "kontor.versions_within(%s, '{}')",
        "kontor.nearest_by_scan(%s, 1::smallint, NULL, NULL, 10)",
        "kontor.nearest_by_graph(%s, 1::smallint, NULL, NULL, 10)",
        "kontor.chunks_saying(%s, '{months}', NULL, 10)",
        "kontor.chunks_titled(%s, '{1}', '{1}', '{1}', NULL)",
    ):
        with (
            psycopg.connect(library.database._url) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(f"SELECT {call}", (new_id(),))  # type: ignore[arg-type]
