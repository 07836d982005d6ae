"""Facets count what was found; pages go on where the last one ended."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from shared.documents.folders import make_folder
from shared.kernel.errors import InvalidError
from shared.kernel.ids import CollectionId, UserId, VersionId, new_id
from shared.search.checking import check_versions
from shared.search.facets import Facet, Facets, count_facets
from shared.search.model import Filters, Ranking, SearchRequest
from shared.search.paging import ResultPage, find_page
from shared.search.ranks import DEPTH
from shared.search.service import find
from tests.unit.search.library import Library, Prepared, chunk, some_vectors

RANKING = Ranking()
AWAY = Prepared(np.eye(1, 384, 5, dtype=np.float32)[0])


def shelve(library: Library, text: str, **columns: object) -> VersionId:
    """Put a document whose vector has nothing to do with the question's."""
    vector = np.eye(1, 384, 9, dtype=np.float16)
    return library.add([chunk(text)], vectors=vector, **columns)[1]


def folder(library: Library, path: str) -> object:
    with library.database.transaction(library.tenant) as session:
        return make_folder(session, path, created_by=UserId(library.tenant))


def counts(library: Library, *names: str, query: str = "lease", **filters: object) -> Facets:
    request = SearchRequest(query=query, filters=Filters(**filters))  # type: ignore[arg-type]
    with library.database.transaction(library.tenant) as session:
        return count_facets(session, AWAY, request, names, ranking=RANKING)


def read(facets: Facets, name: str) -> dict[str, int]:
    (facet,) = (each for each in facets.facets if each.name == name)
    return {value.value: value.document_count for value in facet.values}


def test_only_what_was_found_is_counted(library: Library, other_library: Library) -> None:
    for media_type in ("text/plain", "text/plain", "application/pdf"):
        shelve(library, "A lease of rooms.", media_type=media_type)
    shelve(library, "Nothing of the kind.", media_type="text/csv")
    shelve(other_library, "A lease elsewhere.", media_type="image/png")
    found = counts(library, "media_type")
    assert read(found, "media_type") == {"text/plain": 2, "application/pdf": 1}
    assert (found.document_count, found.is_capped) == (3, False)


def test_documents_are_counted_not_passages(library: Library) -> None:
    chunks = [chunk(f"The lease, part {n}.", ordinal=n) for n in range(4)]
    library.add(chunks, vectors=some_vectors(4))
    assert read(counts(library, "media_type"), "media_type") == {"text/plain": 1}


def test_a_facet_is_counted_with_the_filters_of_the_others(library: Library) -> None:
    for media_type, language in (("text/plain", "en"), ("text/csv", "en"), ("text/csv", "de")):
        shelve(library, "A lease.", media_type=media_type, language=language)
    found = counts(library, "media_type", "language", media_types=("text/csv",), languages=("en",))
    assert read(found, "media_type") == {"text/csv": 1, "text/plain": 1}
    assert read(found, "language") == {"de": 1, "en": 1}
    assert found.document_count == 1


def test_folders_count_what_lies_below_them(library: Library) -> None:
    shelve(library, "A lease.", folder_id=folder(library, "contracts"))
    shelve(library, "A lease.", folder_id=folder(library, "contracts/2026"))
    shelve(library, "A lease.", folder_id=folder(library, "private"))
    everywhere = {"contracts": 2, "contracts/2026": 1, "private": 1}
    assert read(counts(library, "folder"), "folder") == everywhere
    assert read(counts(library, "folder", folder="private"), "folder") == everywhere


def test_months_tags_metadata_and_kinds_are_facets(library: Library) -> None:
    january = datetime(2026, 1, 5, tzinfo=UTC)
    shelve(library, "A lease.", tags=["signed", "old"], created_at=january)
    shelve(library, "A lease.", tags=["signed"], created_at=january, metadata={"client": "Müller"})
    found = counts(library, "month", "year", "tag", "metadata", "kind")
    assert read(found, "month") == {"2026-01": 2}
    assert read(found, "year") == {"2026": 2}
    assert read(found, "tag") == {"signed": 2, "old": 1}
    assert read(found, "metadata.client") == {"Müller": 1}
    assert read(found, "kind") == {"document": 2}
    assert read(counts(library, "tag", tags=("old",)), "tag") == {"signed": 1, "old": 1}


def test_a_chosen_metadata_value_shows_the_others(library: Library) -> None:
    for client, year in (("Müller", 2025), ("Meier", 2025), ("Meier", 2026)):
        shelve(library, "A lease.", metadata={"client": client, "year": year})
    found = counts(library, "metadata", metadata={"client": "Müller"})
    assert read(found, "metadata.client") == {"Meier": 2, "Müller": 1}
    assert read(found, "metadata.year") == {"2025": 1}


def test_collections_are_counted_by_name(library: Library) -> None:
    version = shelve(library, "A lease.")
    collection = CollectionId(new_id())
    with library.database.transaction(library.tenant) as session:
        session.connection.execute(
            "INSERT INTO kontor.collections (tenant_id, id, name, created_by)"
            " VALUES (%s, %s, 'Board', %s)",
            (library.tenant, collection, library.tenant),
        )
        session.connection.execute(
            "INSERT INTO kontor.collection_documents (tenant_id, collection_id, document_id,"
            " added_by) SELECT tenant_id, %s, id, tenant_id FROM kontor.documents"
            " WHERE current_version_id = %s",
            (collection, version),
        )
    (facet,) = counts(library, "collection").facets
    assert [(each.value, each.label) for each in facet.values] == [(str(collection), "Board")]


def test_a_long_facet_says_how_many_values_it_has(library: Library) -> None:
    shelve(library, "A lease.", tags=[f"tag {n}" for n in range(30)])
    (facet,) = counts(library, "tag").facets
    assert (len(facet.values), facet.value_count) == (20, 30)


def test_nothing_found_has_empty_facets(library: Library) -> None:
    found = counts(library, "language", "tag", query="nothing")
    assert found.facets == (Facet("language", (), 0), Facet("tag", (), 0))


def test_unknown_facets_are_refused(library: Library) -> None:
    with pytest.raises(InvalidError, match="colour"):
        counts(library, "colour")


# -- pages ---------------------------------------------------------------------------------------


def page(
    library: Library, cursor: str | None, k: int = 7, query: str = "lease", **more: object
) -> ResultPage:
    request = SearchRequest(query=query, k=k, filters=Filters(**more))  # type: ignore[arg-type]
    with library.database.transaction(library.tenant) as session:
        return find_page(session, AWAY, request, ranking=RANKING, cursor=cursor)


def walk(library: Library, k: int) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        one = page(library, cursor, k)
        found += [hit.text for hit in one.result.hits]
        cursor = one.next_cursor
        if cursor is None:
            return found


def fill(library: Library, count: int) -> set[str]:
    texts = [f"Clause {n} of the lease: {'lease ' * (n % 5)}" for n in range(count)]
    chunks = [chunk(text, ordinal=n) for n, text in enumerate(texts)]
    library.add(chunks, vectors=some_vectors(count))
    return set(texts)


@pytest.mark.parametrize("k", [7, 60])
def test_pages_show_everything_once_and_in_order(library: Library, k: int) -> None:
    texts = fill(library, 150)
    found = walk(library, k)
    assert len(found) == len(set(found)) == 150
    assert set(found) == texts
    request = SearchRequest(query="lease", k=k)
    with library.database.transaction(library.tenant) as session:
        assert [hit.text for hit in find(session, AWAY, request).hits] == found[:k]


def test_later_pages_have_highlights(library: Library) -> None:
    fill(library, 20)
    first = page(library, None)
    second = page(library, first.next_cursor)
    hit = second.result.hits[0]
    start, end = hit.highlights[0]
    assert hit.text[start:end].casefold() == "lease"


def test_what_goes_meanwhile_shifts_no_page(library: Library) -> None:
    for number in range(20):
        shelve(library, f"A lease, number {number}.")
    first = page(library, None, 5)
    second = page(library, first.next_cursor, 5)
    with library.database.transaction(library.tenant) as session:
        session.connection.execute(
            "UPDATE kontor.documents SET removed_at = now() WHERE id = %s",
            (second.result.hits[0].document_id,),
        )
    third = page(library, second.next_cursor, 5)
    shown = [hit.chunk_id for one in (first, second, third) for hit in one.result.hits]
    assert len(shown) == len(set(shown)) == 15


def test_a_cursor_is_bound_to_its_question(library: Library) -> None:
    fill(library, 20)
    cursor = page(library, None).next_cursor
    assert cursor is not None
    for changed in ({"query": "clause"}, {"k": 8}, {"media_types": ("text/csv",)}):
        with pytest.raises(InvalidError, match="another search"):
            page(library, cursor, **changed)  # type: ignore[arg-type]
    for wrong in ("x", cursor[:-6], "WyJhIl0"):
        with pytest.raises(InvalidError, match="cursor"):
            page(library, wrong)


def test_paging_ends_at_its_depth(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(library, 40)
    for module in ("paging", "ranks"):
        monkeypatch.setattr(f"shared.search.{module}.DEPTH", 25)
    assert len(walk(library, 10)) == 25
    assert DEPTH == 1000


# -- filters -------------------------------------------------------------------------------------


def found_titles(library: Library, **filters: object) -> set[str]:
    one = page(library, None, 50, **filters)
    return {hit.title for hit in one.result.hits}


def test_versions_and_kinds_restrict(library: Library) -> None:
    first = shelve(library, "A lease.", title="First")
    shelve(library, "Another lease of rooms.", title="Second")
    assert found_titles(library, version_ids=(first,)) == {"First"}
    assert found_titles(library, kinds=("document",)) == {"First", "Second"}
    assert found_titles(library, kinds=("wiki", "media")) == set()
    with pytest.raises(InvalidError, match=r"filters\.kinds"):
        found_titles(library, kinds=("song",))


def test_only_current_versions_can_be_named(library: Library, other_library: Library) -> None:
    old = library.add([chunk("A lease.")], vectors=some_vectors(1), is_current=False)[1]
    foreign = shelve(other_library, "A lease.")
    current = shelve(library, "A lease.")
    with library.database.transaction(library.tenant) as session:
        check_versions(session, Filters(version_ids=(current,)))
        for version in (old, foreign):
            with pytest.raises(InvalidError, match="only a document's current version"):
                check_versions(session, Filters(version_ids=(current, version)))
