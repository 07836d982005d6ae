"""Answers given again: the same events and a message of their own, and never a stranger's."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from shared.answering import conversations, service
from shared.answering.model import Answer, Instruments, Memory, Question
from shared.identity.model import Principal
from shared.kernel.errors import UnavailableError
from shared.kernel.ids import UserId, new_id
from shared.search.model import Filters
from tests.unit.answering.library import Listener, Scripted, Shelf

QUESTION = "Wie lang ist die Kündigungsfrist?"
SAME = "Können Sie mir bitte sagen, wie lang die Kündigungsfrist ist?"


def model() -> Scripted:
    return Scripted(["Die Kündigungsfrist beträgt drei Monate ", "zum Monatsende [1]."])


@pytest.fixture
def scripted() -> Scripted:
    return model()


@pytest.fixture
def remembering(tools: Instruments, scripted: Scripted) -> Instruments:
    memory = Memory(whose="models")
    return replace(tools, open_language_model=scripted.open, memory=memory)


def ask(
    tools: Instruments, principal: Principal, text: str, **fields: object
) -> tuple[Answer, Listener]:
    listener = Listener()
    question = Question(text=text, **fields)  # type: ignore[arg-type]
    return service.ask(tools, principal, question, emit=listener.emit), listener


def is_cached(answer: Answer) -> bool:
    return answer.answerer.endswith("(cached)")


def test_the_same_question_in_other_words_is_answered_without_the_model(
    remembering: Instruments, principal: Principal, shelf: Shelf, scripted: Scripted
) -> None:
    first, heard = ask(remembering, principal, QUESTION)
    assert not is_cached(first)
    scripted.heard.clear()
    again, repeated = ask(remembering, principal, SAME)
    assert again.answerer == "scripted/model (cached)"
    assert scripted.heard == []
    assert (again.text, again.state) == (first.text, "answer")
    assert repeated.text.split() == heard.text.split()
    assert repeated.kinds[0] == "start"
    assert repeated.kinds[-1] == "done"
    assert [c.quote for c in again.citations] == [c.quote for c in first.citations] != []
    for citation in again.citations:
        shelf.check(citation)
    assert {c.id for c in again.citations}.isdisjoint({c.id for c in first.citations})


def test_it_is_a_message_of_the_new_conversation(
    remembering: Instruments, principal: Principal, shelf: Shelf
) -> None:
    first, _ = ask(remembering, principal, QUESTION)
    again, _ = ask(remembering, principal, SAME)
    assert again.conversation_id != first.conversation_id
    with remembering.database.transaction(principal.tenant_id) as session:
        thread = conversations.show_conversation(session, principal, again.conversation_id)
        found = conversations.find_citation(session, principal, again.citations[0].id)
    assert [said.content for said in thread.messages] == [SAME, first.text]
    assert thread.messages[1].answerer == again.answerer
    assert found.quote == first.citations[0].quote


def test_near_misses_filters_and_history_are_answered_anew(
    remembering: Instruments, principal: Principal, shelf: Shelf
) -> None:
    first, _ = ask(remembering, principal, QUESTION)
    for text in (
        "Wie lang ist die Kündigungsfrist nicht?",
        "Wie lang war die Kündigungsfrist?",
        "Wie lang ist die Kündigungsfrist für 2024?",
    ):
        assert not is_cached(ask(remembering, principal, text)[0]), text
    filters = Filters(languages=("de",))
    assert not is_cached(ask(remembering, principal, QUESTION, filters=filters)[0])
    going_on, _ = ask(remembering, principal, QUESTION, conversation_id=first.conversation_id)
    assert not is_cached(going_on)
    assert is_cached(ask(remembering, principal, QUESTION)[0])


def test_a_change_of_the_library_makes_it_worthless(
    remembering: Instruments, principal: Principal, shelf: Shelf, owner_url: str
) -> None:
    ask(remembering, principal, QUESTION)
    shelf.put("Ein anderer Vertrag mit einer Frist.", title="Anderes", language="de")
    assert not is_cached(ask(remembering, principal, QUESTION)[0])
    with psycopg.connect(owner_url) as connection:
        kept = connection.execute("SELECT count(*) FROM kontor.answer_cache").fetchone()
        connection.execute("UPDATE kontor.documents SET is_erasing = true, removed_at = now()")
        connection.commit()
        left = connection.execute("SELECT count(*) FROM kontor.answer_cache").fetchone()
    assert (kept, left) == ((1,), (0,))


def test_people_of_one_tenant_share_and_another_model_does_not(
    remembering: Instruments, principal: Principal, shelf: Shelf
) -> None:
    ask(remembering, principal, QUESTION)
    colleague = replace(principal, user_id=UserId(new_id()))
    assert is_cached(ask(remembering, colleague, QUESTION)[0])
    other = replace(model(), name="scripted/other")
    elsewhere = replace(remembering, open_language_model=other.open)
    assert not is_cached(ask(elsewhere, principal, QUESTION)[0])


def test_unfounded_answers_and_fallbacks_are_not_kept(
    remembering: Instruments, principal: Principal, shelf: Shelf
) -> None:
    vague = Scripted(["Das weiß man nicht genau."])
    for _ in range(2):
        told = replace(remembering, open_language_model=vague.open)
        answer, _ = ask(told, principal, QUESTION)
        assert (answer.state, is_cached(answer)) == ("related", False)
    away = Scripted([], failure=UnavailableError("away"))
    for _ in range(2):
        told = replace(remembering, open_language_model=away.open)
        answer, _ = ask(told, principal, QUESTION)
        assert answer.answerer.startswith("extractive (")


@pytest.mark.parametrize(("whose", "is_kept"), [("off", False), ("models", False), ("all", True)])
def test_extracted_answers_are_kept_only_when_all_are(
    tools: Instruments, principal: Principal, shelf: Shelf, whose: str, *, is_kept: bool
) -> None:
    told = replace(tools, memory=Memory(whose=whose))  # type: ignore[arg-type]
    first, _ = ask(told, principal, QUESTION)
    assert first.state == "answer"
    again, _ = ask(told, principal, SAME)
    assert is_cached(again) is is_kept
    assert again.text == first.text


def test_a_listener_who_leaves_keeps_what_was_heard(
    remembering: Instruments, principal: Principal, shelf: Shelf
) -> None:
    ask(remembering, principal, QUESTION)
    listener = Listener(patience=3)
    answer = service.ask(remembering, principal, Question(text=SAME), emit=listener.emit)
    assert answer.state == "stopped"
    assert is_cached(answer)
