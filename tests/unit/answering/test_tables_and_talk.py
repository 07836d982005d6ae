"""Answers by cell, several questions at once, small talk, and how sure an answer is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.answering import conversations, service
from shared.answering.model import Answer, Done, Instruments, Question
from shared.documents.grids import Cell, Grid, grids_to_json
from shared.identity.model import Principal
from shared.kernel.ids import ConversationId
from shared.search.model import NewChunk
from tests.unit.answering.library import Listener, Shelf

ROWS = [
    ["Tarif", "Preis im Monat", "Kündigungsfrist"],
    ["Basis", "12,50 €", "ein Monat"],
    ["Premium", "29,00 €", "drei Monate"],
    ["Summe", "41,50 €", "keine"],
]


def ask(
    tools: Instruments,
    principal: Principal,
    text: str,
    *,
    conversation_id: ConversationId | None = None,
    listener: Listener | None = None,
) -> Answer:
    question = Question(text=text, conversation_id=conversation_id)
    return service.ask(tools, principal, question, emit=(listener or Listener()).emit)


def put_table(shelf: Shelf) -> None:
    lines = [" | ".join(row) for row in ROWS]
    text = "\n".join(lines)
    cells, position = [], 0
    for row, values in enumerate(ROWS):
        for column, value in enumerate(values):
            start = text.index(value, position)
            position = start + len(value)
            is_header = row == 0 or column == 0
            cells.append(Cell(row, column, 1, 1, start, position, is_header))
    columns = dict(enumerate(ROWS[0]))
    labels = {row: values[0] for row, values in enumerate(ROWS) if row}
    chunk = NewChunk(
        ordinal=0,
        language="de",
        heading_path=("Tarife",),
        content=text,
        span_start=0,
        span_end=len(text),
        page_from=1,
        page_to=1,
        token_count=30,
        grids=tuple(grids_to_json([Grid(0, columns, labels, tuple(cells))])),
    )
    shelf.library.add([chunk], title="Tarife", language="de")


@pytest.mark.parametrize(
    ("question", "said", "cell"),
    [
        ("Was kostet der Tarif Premium im Monat?", "Premium, Preis im Monat: 29,00 € [1]", "29,00"),
        (
            "Welche Kündigungsfrist hat der Tarif Basis?",
            "Basis, Kündigungsfrist: ein Monat [1]",
            "ein Monat",
        ),
        ("Wie hoch ist die Summe der Preise?", "Summe, Preis im Monat: 41,50 € [1]", "41,50 €"),
    ],
)
def test_a_table_answers_by_its_cell_and_that_cell_is_cited(
    tools: Instruments, principal: Principal, shelf: Shelf, question: str, said: str, cell: str
) -> None:
    put_table(shelf)
    answer = ask(tools, principal, question)
    assert answer.state == "answer"
    assert answer.text.startswith(said)
    first = answer.citations[0]
    assert cell in first.quote
    assert [each["text"] for each in first.cells] == [first.quote]


def test_a_row_is_said_in_words_when_no_column_is_asked_for(
    tools: Instruments, principal: Principal, shelf: Shelf
) -> None:
    put_table(shelf)
    answer = ask(tools, principal, "Was gilt im Tarif Premium?")
    said = "Tarif: Premium; Preis im Monat: 29,00 €; Kündigungsfrist: drei Monate [1]"
    assert answer.text.removeprefix(
        "Eine sichere Antwort steht nicht in den Dokumenten. Am nächsten kommt: "
    ).startswith(said)
    assert answer.citations[0].quote == "Premium | 29,00 € | drei Monate"


def test_several_questions_at_once_are_answered_one_by_one(
    tools: Instruments, principal: Principal, shelf: Shelf
) -> None:
    answer = ask(
        tools, principal, "Wie hoch ist die Miete und wie lang ist die Kündigungsfrist der Wohnung?"
    )
    assert answer.state == "answer"
    quotes = " ".join(citation.quote for citation in answer.citations)
    assert "850 Euro" in quotes
    assert "drei Monate" in quotes


def test_a_part_that_nothing_answers_is_admitted(
    tools: Instruments, principal: Principal, shelf: Shelf
) -> None:
    both = "Wie hoch ist die Miete und wer gewann 1972 die Schachweltmeisterschaft?"
    answer = ask(tools, principal, both)
    assert "850 Euro" in answer.citations[0].quote
    assert "Zu „Wer gewann 1972 die Schachweltmeisterschaft?“ finde ich nichts" in answer.text
    alone = ask(tools, principal, "Wie hoch ist die Miete?")
    assert answer.confidence is not None
    assert alone.confidence is not None
    assert answer.confidence < alone.confidence


def test_an_answer_says_how_sure_it_is(
    tools: Instruments, principal: Principal, shelf: Shelf
) -> None:
    listener = Listener()
    answer = ask(tools, principal, "Wie hoch ist die Miete?", listener=listener)
    done = listener.events[-1]
    assert isinstance(done, Done)
    assert done.confidence == answer.confidence
    assert answer.confidence is not None
    assert 0.5 < answer.confidence < 1


def test_small_talk_is_answered_before_anything_is_searched(
    tools: Instruments, principal: Principal, shelf: Shelf
) -> None:
    answer = ask(tools, principal, "Hallo, wer bist du?")
    assert (answer.state, answer.answerer, answer.citations) == ("smalltalk", "elyza", ())
    assert answer.text.startswith("Ich bin Kontor, ein Programm")
    assert answer.confidence is None
    again = ask(tools, principal, "Danke!", conversation_id=answer.conversation_id)
    assert again.state == "smalltalk"
    with tools.database.transaction(principal.tenant_id) as session:
        thread = conversations.show_conversation(session, principal, answer.conversation_id)
    assert [said.state for said in thread.messages] == ["asked", "smalltalk"] * 2


def test_a_greeting_with_a_question_is_a_question(
    tools: Instruments, principal: Principal, shelf: Shelf
) -> None:
    answer = ask(tools, principal, "Hallo, wie hoch ist die Miete?")
    assert answer.state == "answer"
    assert "850 Euro" in answer.citations[0].quote


def test_talk_follows_an_unknown_answer_only_where_it_is_wanted(
    tools: Instruments, principal: Principal, shelf: Shelf
) -> None:
    said = "I feel lonely because my goldfish died"
    plain = ask(tools, principal, said)
    assert plain.state == "unknown"
    talking = ask(replace(tools, talks_when_unknown=True), principal, said)
    assert talking.state == "smalltalk"
    assert talking.text.startswith(plain.text)
    assert "Just small talk, not a fact: " in talking.text
    assert talking.citations == ()
