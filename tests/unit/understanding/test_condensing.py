"""Follow-ups are understood from what was said before; what stands alone is left alone."""

from __future__ import annotations

import pytest

from shared.inference.model import Role
from shared.understanding.condensing import by_rules, split_parts
from shared.understanding.followups import leans_on_history
from tests.unit.understanding.questions import (
    FOLLOW_UPS,
    HELD_OUT_FOLLOW_UPS,
    HELD_OUT_STANDALONE,
    MULTI_PART,
    ONE_PART,
    STANDALONE,
)

BEFORE: list[tuple[Role, str]] = [
    ("user", "Wie lang ist die Kündigungsfrist für Mieter?"),
    ("assistant", "Drei Monate [1]."),
]


@pytest.mark.parametrize(("before", "question", "words"), FOLLOW_UPS)
def test_a_follow_up_is_asked_in_words_that_stand_alone(
    before: str, question: str, words: list[str]
) -> None:
    assert leans_on_history(question)
    condensed = by_rules(question, [("user", before)])
    assert [word for word in words if word not in condensed.lower()] == []


@pytest.mark.parametrize("question", STANDALONE)
def test_a_question_that_stands_alone_is_left_alone(question: str) -> None:
    assert not leans_on_history(question)


def test_questions_nobody_tuned_for_are_told_apart() -> None:
    found = [question for question in HELD_OUT_FOLLOW_UPS if leans_on_history(question)]
    assert len(found) >= 0.8 * len(HELD_OUT_FOLLOW_UPS)
    assert [question for question in HELD_OUT_STANDALONE if leans_on_history(question)] == []


def test_a_fragment_takes_the_place_of_what_it_answers_to() -> None:
    assert (
        by_rules("Und für Vermieter?", BEFORE) == "Wie lang ist die Kündigungsfrist für Vermieter?"
    )
    asked: list[tuple[Role, str]] = [("user", "How many vacation days do employees get?")]
    assert by_rules("And employers?", asked) == "How many vacation days do employers get?"
    assert by_rules("Since when?", [("user", "Who leads the Bonn office?")]) == (
        "Since when leads the Bonn office?"
    )


def test_who_is_followed_by_the_person_the_answer_names() -> None:
    said: list[tuple[Role, str]] = [
        ("user", "Who wrote the first program?"),
        ("assistant", "It was written by Ada Lovelace [1]."),
    ]
    assert "Ada Lovelace" in by_rules("When was she born?", said)


@pytest.mark.parametrize(("question", "wanted"), MULTI_PART)
def test_a_question_of_several_parts_is_parted(question: str, wanted: list[list[str]]) -> None:
    parts = split_parts(question)
    assert len(parts) == len(wanted)
    for part, words in zip(parts, wanted, strict=True):
        assert [word for word in words if word not in part.lower()] == []


@pytest.mark.parametrize("question", ONE_PART)
def test_one_question_stays_one(question: str) -> None:
    assert split_parts(question) == ()
