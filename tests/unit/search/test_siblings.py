"""A hit can be widened by what stands around it, as far as its section goes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.kernel.errors import InvalidError
from shared.search import service
from shared.search.model import Hit, SearchRequest
from tests.unit.search.library import Library, Prepared, chunk, some_vectors

TEXTS = ["Alpha begins.", "Beta follows.", "Gamma is the needle.", "Delta ends.", "Epsilon is new."]


def shelve(library: Library) -> None:
    chunks = [
        replace(chunk(text, ordinal=n), section=0 if n < 4 else 1, section_end=9)
        for n, text in enumerate(TEXTS)
    ]
    library.add(chunks, vectors=some_vectors(len(chunks)))


def find(library: Library, query: str, around: int) -> Hit:
    vector = some_vectors(5)[TEXTS.index(next(t for t in TEXTS if query in t))]
    request = SearchRequest(query=query, k=1, around=around)
    with library.database.transaction(library.tenant) as session:
        (hit,) = service.find(session, Prepared(vector.astype("float32")), request).hits
    return hit


def test_nothing_is_added_unless_asked_for(library: Library) -> None:
    shelve(library)
    hit = find(library, "needle", 0)
    assert (hit.before, hit.after) == ("", "")


def test_siblings_come_in_the_order_of_the_text(library: Library, other_library: Library) -> None:
    shelve(library)
    shelve(other_library)
    hit = find(library, "needle", 1)
    assert (hit.before, hit.text, hit.after) == (TEXTS[1], TEXTS[2], TEXTS[3])
    hit = find(library, "needle", 3)
    assert (hit.before, hit.after) == ("\n\n".join(TEXTS[:2]), TEXTS[3])


def test_another_section_is_never_added(library: Library) -> None:
    shelve(library)
    hit = find(library, "Epsilon", 3)
    assert (hit.before, hit.after) == ("", "")


def test_too_much_is_refused(library: Library) -> None:
    shelve(library)
    with pytest.raises(InvalidError, match="around"):
        find(library, "needle", 4)
