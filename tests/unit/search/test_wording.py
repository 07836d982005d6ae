"""Compounds, misspellings and short questions: what resembles a word finds, and weighs less."""

from __future__ import annotations

import pytest

from shared.inference.language import Language
from shared.search import service
from shared.search.model import Hit, Ranking, SearchRequest
from shared.search.scoring import Weights
from shared.search.wording import edit_distance
from tests.unit.search.library import Library, Prepared, chunk, some_vectors

WORDS = Ranking(dense_weight_en=0, dense_weight_de=0)


def find(library: Library, query: str) -> list[Hit]:
    """Find by words alone."""
    library.embedder = Prepared(some_vectors(1, seed=99)[0].astype("float32"))
    request = SearchRequest(query=query, explain=True)
    with library.database.transaction(library.tenant) as session:
        return list(service.find(session, library.embedder, request, ranking=WORDS).hits)


def shelve(library: Library, texts: list[str], language: Language) -> None:
    """One document, and so much else that nothing is found by being the only thing there."""
    other = [
        f"{word} {number}"
        for number in range(20)
        for word in ("Sonne", "Garten", "Wetter", "Straße")
    ]
    chunks = [chunk(text, ordinal=n, language=language) for n, text in enumerate([*texts, *other])]
    library.add(chunks, vectors=some_vectors(len(chunks)))


@pytest.mark.parametrize(
    ("query", "text", "kind"),
    [
        ("Frist", "Die Kündigungsfrist beträgt drei Monate.", "compound"),
        ("Vertrag", "Der Vertragspartner unterschreibt.", "compound"),
        ("Kündigungsfrist", "Die Frist zur Kündigung ist lang.", "part"),
        ("Kündigungsfirst", "Die Kündigungsfrist beträgt drei Monate.", "neighbour"),
        ("Vetrag", "Der Vertrag ist unterschrieben.", "neighbour"),
    ],
)
def test_german_words_find_what_they_are_made_of_and_meant_to_be(
    library: Library, query: str, text: str, kind: str
) -> None:
    shelve(library, [text], "de")
    best = find(library, query)[0]
    assert best.text == text
    assert best.lexical_score > 0
    assert best.explanation is not None
    assert {term.kind for term in best.explanation.terms} == {kind}


@pytest.mark.parametrize("query", ["recieve", "managment", "acommodation"])
def test_english_misspellings_find(library: Library, query: str) -> None:
    texts = ["They receive goods.", "The management met.", "Cheap accommodation here."]
    shelve(library, texts, "en")
    assert find(library, query)[0].text in texts
    assert find(library, query)[0].lexical_score > 0


def test_the_word_itself_ranks_before_what_resembles_it(library: Library) -> None:
    shelve(library, ["Die Kündigungsfrist endet.", "Die Frist endet.", "Fristen enden."], "de")
    texts = [hit.text for hit in find(library, "Frist")]
    assert set(texts[:2]) == {"Die Frist endet.", "Fristen enden."}
    assert texts[2] == "Die Kündigungsfrist endet."


def test_a_known_word_has_no_neighbours(library: Library) -> None:
    shelve(library, ["Das Haus steht.", "Die Maus läuft.", "Die Laus beißt."], "de")
    scored = {hit.text: hit.lexical_score for hit in find(library, "Haus")}
    assert scored.pop("Das Haus steht.") > 0
    assert not any(scored.values())


def test_one_tenants_words_are_no_neighbours_for_another(
    library: Library, other_library: Library
) -> None:
    shelve(other_library, ["Die Geheimwaffe ist da."], "de")
    shelve(library, ["Nichts."], "de")
    assert all(hit.lexical_score == 0 for hit in find(library, "Geheimwafe"))
    with library.database.transaction(library.tenant) as session:
        rows = session.connection.execute(
            "SELECT lexeme FROM kontor.look_up('Geheimwafe Waffe', 'de', 32) WHERE chunk_count > 0"
        ).fetchall()
    assert rows == []


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ("frist", "frist", 0),
        ("frist", "first", 1),
        ("frist", "fristen", 2),
        ("kitten", "sitting", 3),
        ("abc", "abcdefg", 3),
        ("abcd", "badc", 2),
        ("", "ab", 2),
    ],
)
def test_edit_distance(one: str, other: str, distance: int) -> None:
    assert edit_distance(one, other, most=2) == distance
    assert edit_distance(other, one, most=2) == distance


def test_a_question_too_short_to_tell_is_weighed_as_the_corpus_is_written() -> None:
    ranking = Ranking(dense_weight_en=0.6, dense_weight_de=0.2)
    assert Weights.of(ranking, "simple", {"en": 30, "de": 10}).dense == pytest.approx(0.5)
    assert Weights.of(ranking, "simple", {}).dense == pytest.approx(0.2)
    assert Weights.of(ranking, "en", {"de": 10}).dense == pytest.approx(0.6)
