"""How candidates are gathered: by rare words, within a budget, and by whichever way is cheap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import psycopg
import pytest

from shared.search import service
from shared.search.highlighting import find_highlights
from shared.search.model import Filters, Ranking, SearchRequest
from shared.search.repetition import collapse
from shared.search.wording import Term, Wording
from tests.unit.search.library import Library, Prepared, chunk, some_vectors

WORDS = Ranking(dense_weight_en=0, dense_weight_de=0)


@pytest.fixture
def owner(owner_url: str) -> psycopg.Connection:
    return psycopg.connect(owner_url, autocommit=True)


def gather(
    owner: psycopg.Connection, counts: Sequence[tuple[str, int]], *, budget: int, total: int
) -> str:
    with owner:
        row = owner.execute(
            "SELECT kontor.gathering_query(%s, %s, %s, %s)::text",
            ([word for word, _ in counts], [count for _, count in counts], budget, total),
        ).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize(
    ("counts", "gathered"),
    [
        ([("a", 10), ("b", 60), ("c", 400)], "'a' | 'b'"),
        ([("a", 100)], "'a'"),
        ([("a", 300)], "'a'"),
        # The rarest alone is in too many: it must stand beside one of the next.
        ([("a", 300), ("b", 600), ("c", 1_000), ("d", 9_000)], "'a' & ( 'b' | 'c' )"),
        ([("a", 300), ("b", 9_000)], "'a' & 'b'"),
        # What only resembles a word (0) gathers always.
        ([("a", 10), ("x", 0), ("b", 400)], "'a' | 'x'"),
        ([("x", 0), ("a", 300), ("b", 600)], "'a' & 'b' | 'x'"),
        ([("x", 0)], "'x'"),
        ([("it's", 10), ("a\\b", 20)], "'it''s' | 'a\\\\b'"),
    ],
)
def test_the_rarest_words_gather_until_the_budget_is_spent(
    owner: psycopg.Connection, counts: list[tuple[str, int]], gathered: str
) -> None:
    assert gather(owner, counts, budget=100, total=10_000) == gathered


def test_functions_of_the_version_before_gather_by_all_they_name(
    owner: psycopg.Connection,
) -> None:
    with owner:
        row = owner.execute(
            "SELECT kontor.gathering_query(ARRAY['a', 'b'], NULL, 1, 10)::text"
        ).fetchone()
    assert row == ("'a' | 'b'",)


def test_a_filter_finds_the_frequent_word_its_versions_have(library: Library) -> None:
    """The rarest words lie outside of what may be seen; more than 500 chunks may be seen."""
    inside, _ = library.add(
        [chunk("harbour light" if n else "harbour crane", ordinal=n) for n in range(600)],
        vectors=some_vectors(600),
    )
    library.add(
        [chunk("rarity", ordinal=0), chunk("crane rarity", ordinal=1)], vectors=some_vectors(2)
    )
    library.embedder = Prepared(some_vectors(1, seed=99)[0].astype(np.float32))
    filters = Filters(document_ids=(inside,))
    request = SearchRequest(query="rarity crane harbour", filters=filters)
    with library.database.transaction(library.tenant) as session:
        best = service.find(session, library.embedder, request, ranking=WORDS).hits[0]
    assert best.text == "harbour crane"


def wording(**lexemes: str) -> Wording:
    terms = tuple(Term(word, "en", lexeme, "exact", 1, 1, 1) for word, lexeme in lexemes.items())
    return Wording(terms, dict.fromkeys(lexemes, 1.0), {}, {}, (), {"en": 1})


@pytest.mark.parametrize(
    ("asked", "text", "marked"),
    [
        ({"dying": "die"}, "They die, he dies; a diet is no dying-out", ["die", "dies", "dying"]),
        ({"sky": "sky"}, "Skies over the SKY, sky_high", ["Skies", "SKY", "sky_high"]),
        ({"house": "hous"}, "housing Houses warehouse", ["housing", "Houses"]),
        ({"x": "x"}, "x xx X", ["x", "X"]),
    ],
)
def test_words_are_marked_whole_and_in_every_form(
    library: Library, asked: dict[str, str], text: str, marked: list[str]
) -> None:
    with library.database.transaction(library.tenant) as session:
        for _ in range(2):  # the second time the words are known
            ((*spans,),) = find_highlights(session, wording(**asked), [("en", text)])
            assert [text[start:end] for start, end in spans] == marked


def test_no_more_are_kept_than_asked_for_but_other_places_are_told(library: Library) -> None:
    for _ in range(3):
        library.add_text("The lease ends on 31 March.", title="lease")
    library.add_text("The lease ends on 30 April.", title="other")
    library.embedder = Prepared(some_vectors(1)[0].astype(np.float32))
    request = SearchRequest(query="lease ends march", k=1)
    with library.database.transaction(library.tenant) as session:
        (hit,) = service.find(session, library.embedder, request, ranking=WORDS).hits
    assert hit.text.endswith("March.")
    assert len(hit.also_in) == 2
    assert collapse([], most=1) == []
