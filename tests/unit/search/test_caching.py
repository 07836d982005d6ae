"""Cached search: the same as searching, worthless after any change, and never another's."""

from __future__ import annotations

import threading

import psycopg
import pytest

from shared.adapters.cache import LayeredCache, Level, MemoryCache
from shared.adapters.cache_database import DatabaseCache, find_corpus_state
from shared.adapters.database import Database
from shared.kernel.errors import InvalidError
from shared.kernel.ids import TenantId, new_id
from shared.search import caching, service
from shared.search.model import Filters, Ranking, SearchRequest, SearchResult
from tests.unit.search.library import Library, chunk


def layers(database: Database) -> LayeredCache:
    return LayeredCache([Level(MemoryCache(most=10), 300), Level(DatabaseCache(database), 3600)])


def find(
    library: Library, cache: LayeredCache, query: str = "garden gate", **filters: object
) -> SearchResult:
    assert library.embedder is not None
    request = SearchRequest(query=query, filters=Filters(**filters))  # type: ignore[arg-type]
    with library.database.transaction(library.tenant) as session:
        return caching.find(cache, session, library.embedder, request, ranking=Ranking())


def version(library: Library) -> int:
    with library.database.transaction(library.tenant) as session:
        return find_corpus_state(session).version


def test_a_cached_result_equals_the_search(library: Library) -> None:
    library.add_text("The garden gate is green.", "A gate of iron.", title="Gates")
    cache = layers(library.database)
    assert library.embedder is not None
    first, again = find(library, cache), find(library, cache)
    with library.database.transaction(library.tenant) as session:
        plain = service.find(session, library.embedder, SearchRequest(query="garden gate"))
    assert first.hits == again.hits == plain.hits != ()
    assert cache.hits == {"": 1, "memory": 1, "database": 0}


def test_another_process_finds_it_in_the_database(library: Library) -> None:
    library.add_text("The garden gate is green.")
    first = find(library, layers(library.database))
    elsewhere = layers(library.database)
    assert find(library, elsewhere).hits == first.hits
    assert find(library, elsewhere).hits == first.hits
    assert elsewhere.hits == {"": 0, "memory": 1, "database": 1}


def test_every_part_of_the_request_counts(library: Library) -> None:
    library.add_text("The garden gate is green.", tags=["a"])
    cache = layers(library.database)
    find(library, cache)
    find(library, cache, query="garden  gate")
    find(library, cache, languages=("en",))
    find(library, cache, metadata={"a": 1})
    assert cache.hits[""] == 4
    with pytest.raises(InvalidError):
        find(library, cache, query=" ")


CHANGES = [
    "UPDATE kontor.documents SET title = 'Doors'",
    "UPDATE kontor.documents SET removed_at = now()",
    "UPDATE kontor.documents SET tags = '{signed}'",
    "DELETE FROM kontor.chunk_vectors",
    "INSERT INTO kontor.folders (tenant_id, id, name, path, created_by)"
    " VALUES (%(tenant)s, %(id)s, 'a', 'a', %(id)s)",
    "INSERT INTO kontor.tenant_models (tenant_id, model_id) VALUES (%(tenant)s, 1)",
    "SELECT kontor.clear_caches()",
]


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_of_the_corpus_makes_it_worthless(library: Library, change: str) -> None:
    library.add_text("The garden gate is green.")
    cache = layers(library.database)
    find(library, cache)
    before = version(library)
    with library.database.transaction(library.tenant) as session:
        session.connection.execute(change.encode(), {"tenant": library.tenant, "id": new_id()})
        assert find_corpus_state(session).version == before, "it rises at the commit"
    assert version(library) == before + 1
    with library.database.transaction(library.tenant) as session:
        left = session.connection.execute("SELECT count(*) FROM kontor.cache_entries").fetchone()
        notes = session.connection.execute("SELECT 1 FROM kontor.tenants").fetchone()
    assert (left, notes) == ((0,), (1,))
    find(library, cache)
    assert cache.hits[""] == 2


def test_what_changes_nothing_and_what_is_rolled_back_keep_it(library: Library) -> None:
    library.add_text("The garden gate is green.")
    cache = layers(library.database)
    find(library, cache)
    before = version(library)
    with library.database.transaction(library.tenant) as session:
        session.connection.execute("UPDATE kontor.documents SET title = 'x' WHERE title = 'none'")
    with pytest.raises(ZeroDivisionError), library.database.transaction(library.tenant) as session:
        session.connection.execute("UPDATE kontor.documents SET title = 'x'")
        raise ZeroDivisionError
    assert version(library) == before
    find(library, cache)
    assert cache.hits["memory"] == 1


def test_indexing_counts_once_however_many_statements_it_takes(library: Library) -> None:
    before = version(library)
    library.add([chunk(f"Gate {n}", ordinal=n) for n in range(3)])
    assert version(library) == before + 1


def test_tenants_never_share_a_result(library: Library, other_library: Library) -> None:
    library.add_text("The garden gate is green.")
    other_library.add_text("The garden gate is red.")
    cache = layers(library.database)
    mine, theirs = find(library, cache), find(other_library, cache)
    assert {hit.text for hit in mine.hits}.isdisjoint({hit.text for hit in theirs.hits})
    before = version(other_library)
    library.add_text("Another gate.")
    assert version(other_library) == before


def test_a_removed_document_is_not_found_in_any_cache(library: Library) -> None:
    document = library.add_text("The garden gate is green.")
    caches = [layers(library.database), layers(library.database)]
    for cache in caches:
        assert find(library, cache).hits
    with library.database.transaction(library.tenant) as session:
        session.connection.execute(
            "UPDATE kontor.documents SET removed_at = now() WHERE id = %s", (document,)
        )
    for cache in caches:
        assert find(library, cache).hits == ()


def test_bytes_of_another_release_are_as_good_as_none(library: Library, owner_url: str) -> None:
    library.add_text("The garden gate is green.")
    first = find(library, layers(library.database))
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.cache_entries SET content = '{\"hits\": 3}'")
    assert find(library, layers(library.database)).hits == first.hits


def test_two_who_change_in_differing_order_do_not_lock_each_other_out(
    database_url: str, tenant: TenantId, library: Library
) -> None:
    library.add_text("The garden gate is green.")
    before = version(library)
    meeting = threading.Barrier(2)
    failures: list[Exception] = []

    def change(first: str, second: str) -> None:
        own = Database(database_url)
        try:
            with own.transaction(tenant) as session:
                session.connection.execute(first.encode())
                meeting.wait(timeout=20)
                session.connection.execute(second.encode())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            failures.append(error)
        finally:
            own.close()

    lock = "SELECT pg_advisory_xact_lock(7)"
    write = "INSERT INTO kontor.tenant_models (tenant_id, model_id) VALUES ('{}', 1)"
    threads = [
        threading.Thread(target=change, args=("UPDATE kontor.documents SET title = 'x'", lock)),
        threading.Thread(target=change, args=(lock, write.format(tenant))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert failures == []
    assert version(library) == before + 2


def test_who_may_see_what_depends_on_nothing_that_the_audience_does_not_name(
    owner_url: str,
) -> None:
    """Fails the day search looks at its caller: then ``kontor.audience`` must, too."""
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute(
            "SELECT proname, array_to_string(ARRAY(SELECT (regexp_matches(prosrc,"
            " 'current_setting\\(''([^'']+)''', 'g'))[1]), ' ') FROM pg_proc"
            " WHERE pronamespace = 'kontor'::regnamespace"
            " AND (proname LIKE 'search%' OR proname LIKE 'nearest%'"
            " OR proname IN ('versions_within', 'audience'))"
        ).fetchall()
    read = {str(name): set(str(found).split()) for name, found in rows}
    named = read.pop("audience") | {"app.tenant_id"}
    assert "versions_within" in read
    assert {name: found - named for name, found in read.items() if found - named} == {}
