"""More like this: documents about the same, without the source and its copies."""

from __future__ import annotations

import pytest

from shared.kernel.errors import InvalidError, NotFoundError
from shared.kernel.ids import ChunkId, DocumentId, new_id
from shared.search import similar
from shared.search.model import Filters, Ranking
from tests.unit.search.library import Library, chunk, some_vectors

LEASE = ("The tenant pays the rent of the flat monthly.", "The landlord repairs the heating.")
OTHER_LEASE = ("Rent for the flat is due each month.", "Heating repairs are the landlord's.")
RECIPE = ("Whisk the eggs with sugar.", "Bake the cake for an hour.")


def titles(library: Library, source: object, **more: object) -> list[str]:
    with library.database.transaction(library.tenant) as session:
        assert library.embedder is not None
        made = source(session, library.embedder)  # type: ignore[operator]
        found = similar.find_similar(
            session, library.embedder, made, ranking=Ranking(), **{"k": 5, **more}
        )
    return [each.title for each in found]


@pytest.fixture
def lease(library: Library) -> DocumentId:
    made = library.add_text(*LEASE, title="Lease")
    library.add_text(*OTHER_LEASE, title="Another lease")
    library.add_text(*RECIPE, title="Recipe")
    return made


def test_the_nearest_document_comes_first_and_the_source_never(
    library: Library, lease: DocumentId
) -> None:
    found = titles(library, lambda s, e: similar.like_document(s, e, lease))
    assert found[0] == "Another lease"
    assert "Lease" not in found


def test_copies_are_left_out(library: Library, lease: DocumentId) -> None:
    library.add_text(*LEASE, title="Copy")
    found = titles(library, lambda s, e: similar.like_document(s, e, lease))
    assert "Copy" not in found
    assert found[0] == "Another lease"


def test_a_text_and_a_passage_do_as_well(library: Library, lease: DocumentId) -> None:
    text = "Who repairs the heating, landlord or tenant of the flat?"
    assert titles(library, lambda s, e: similar.like_text(s, e, text))[0].endswith("ease")
    with library.database.transaction(library.tenant) as session:
        row = session.connection.execute(
            "SELECT id FROM kontor.chunks WHERE document_id = %s ORDER BY ordinal LIMIT 1", (lease,)
        ).fetchone()
    assert row is not None
    found = titles(library, lambda s, e: similar.like_chunks(s, e, [ChunkId(row[0])]))
    assert found[0] == "Another lease"


def test_filters_and_count_are_obeyed(library: Library, lease: DocumentId) -> None:
    source = lambda s, e: similar.like_document(s, e, lease)  # noqa: E731 - read as a noun
    assert titles(library, source, filters=Filters(media_types=("text/csv",))) == []
    assert len(titles(library, source, k=1)) == 1
    with pytest.raises(InvalidError, match="between 1 and 50"):
        titles(library, source, k=51)


def test_a_long_document_is_taken_as_a_whole(library: Library, lease: DocumentId) -> None:
    long = library.add(
        [chunk(f"Paragraph {n} on whales and the sea.", ordinal=n) for n in range(80)],
        vectors=some_vectors(80),
        title="Whales",
    )[0]
    with library.database.transaction(library.tenant) as session:
        assert library.embedder is not None
        source = similar.like_document(session, library.embedder, long)
    assert "whales" in source.query
    assert abs(float(source.vector @ source.vector) - 1) < 1e-5


def test_what_is_not_there_has_nothing_like_it(
    library: Library, other_library: Library, lease: DocumentId
) -> None:
    with pytest.raises(NotFoundError):
        titles(other_library, lambda s, e: similar.like_document(s, e, lease))
    with pytest.raises(NotFoundError):
        titles(library, lambda s, e: similar.like_chunks(s, e, [ChunkId(new_id())]))
    with pytest.raises(InvalidError, match="empty"):
        titles(library, lambda s, e: similar.like_text(s, e, "  "))
