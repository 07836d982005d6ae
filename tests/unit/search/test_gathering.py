"""How candidates are gathered: by rare words, within a budget, and by whichever way is cheap."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

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


TENANT = UUID("0198c2f0-7a5e-7c11-8a3b-9d2f4c6e8b01")
Gathered = tuple[set[str], set[str], set[str]]


def gather(
    owner: psycopg.Connection,
    counts: Sequence[tuple[str, int]],
    *,
    gathered: list[int] | None,
    budget: int = 100,
) -> Gathered:
    """Return which words gather alone, and which of the second only beside the third."""
    words = [word for word, _ in counts]
    with owner:
        codes = owner.execute("SELECT kontor.word_codes(%s, %s)", (TENANT, words)).fetchone()
        row = owner.execute(
            "SELECT alone, first, beside FROM kontor.gathering_codes(%s, %s, %s, %s, 10000)",
            (TENANT, words, gathered, budget),
        ).fetchone()
    assert codes is not None
    assert row is not None
    word_of = dict(zip(codes[0], words, strict=True))
    alone, first, beside = ({word_of[code] for code in each} for each in row)
    return alone, first, beside


@pytest.mark.parametrize(
    ("counts", "gathered"),
    [
        ([("a", 10), ("b", 60), ("c", 400)], ({"a", "b"}, set(), set())),
        ([("a", 100)], ({"a"}, set(), set())),
        ([("a", 300)], ({"a"}, set(), set())),
        # The rarest alone is in too many: it must stand beside one of the next.
        ([("a", 300), ("b", 600), ("c", 1_000), ("d", 9_000)], (set(), {"a"}, {"b", "c"})),
        ([("a", 300), ("b", 9_000)], (set(), {"a"}, {"b"})),
        # What only resembles a word (0) gathers always.
        ([("a", 10), ("x", 0), ("b", 400)], ({"a", "x"}, set(), set())),
        ([("x", 0), ("a", 300), ("b", 600)], ({"x"}, {"a"}, {"b"})),
        ([("x", 0)], ({"x"}, set(), set())),
        ([("it's", 10), ("a\\b", 20)], ({"it's", "a\\b"}, set(), set())),
    ],
)
def test_the_rarest_words_gather_until_the_budget_is_spent(
    owner: psycopg.Connection, counts: list[tuple[str, int]], gathered: Gathered
) -> None:
    assert gather(owner, counts, gathered=[count for _, count in counts]) == gathered


def test_functions_of_the_version_before_gather_by_all_they_name(
    owner: psycopg.Connection,
) -> None:
    found = gather(owner, [("a", 1), ("b", 1)], gathered=None, budget=1)
    assert found == ({"a", "b"}, set(), set())


def test_codes_of_a_word_differ_from_tenant_to_tenant_and_are_the_databases_own(
    owner: psycopg.Connection, library: Library
) -> None:
    library.add([chunk("Harbour lights, harbour cranes: 1,000 müde Möwen")])
    with owner, owner.transaction():
        rows = owner.execute(
            "SELECT c.codes, kontor.word_codes(c.tenant_id, tsvector_to_array(c.lexemes)),"
            " kontor.word_codes(%s, tsvector_to_array(c.lexemes))"
            " FROM kontor.chunks AS c WHERE c.tenant_id = %s",
            (TENANT, library.tenant),
        ).fetchall()
    ((written, own, others),) = rows
    assert sorted(written) == sorted(own)
    assert set(written).isdisjoint(others)


def test_rows_that_come_without_codes_get_theirs(
    owner: psycopg.Connection, library: Library
) -> None:
    library.add([chunk("Harbour lights")])
    columns = (
        "tenant_id, document_id, version_id, language, content, span_start, span_end,"
        " token_count, lexemes, lexeme_count"
    )
    with owner:
        row = owner.execute(
            f"INSERT INTO kontor.chunks (id, ordinal, {columns})"
            f" SELECT gen_random_uuid(), 1, {columns} FROM kontor.chunks WHERE tenant_id = %s"
            " RETURNING codes = kontor.word_codes(tenant_id, tsvector_to_array(lexemes))",
            (library.tenant,),
        ).fetchone()
    assert row == (True,)


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
