"""Whether a sentence holds an answer, whatever its case, points and articles."""

from __future__ import annotations

import pytest

from shared.evaluation.matching import holds


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The defense gave up just 308 points.", "308"),
        ("Er wurde vom Deutschen Bundestag gewählt.", "deutschen Bundestag"),
        ("It is at the University, of Chicago", "The University of Chicago"),
        ("Ihr Name ist O’Neill.", "O'Neill"),
        ("Sie stieg um 5 %.", "5 %"),
        ("Der Preis liegt bei 5 €.", "€"),
    ],
)
def test_an_answer_is_found_in_its_sentence(text: str, answer: str) -> None:
    assert holds(text, answer)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The defense gave up 1308 points.", "308"),
        ("Chicago University of", "University of Chicago"),
        ("anything", ""),
        ("anything", "the"),
        ("", "308"),
    ],
)
def test_another_word_is_no_answer(text: str, answer: str) -> None:
    assert not holds(text, answer)
