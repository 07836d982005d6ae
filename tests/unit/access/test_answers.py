"""Answers rest on what their reader may see, and old ones keep their words back when that ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import pytest

from shared.answering import conversations, service
from shared.answering.export import thread_as_json, thread_as_markdown
from shared.answering.model import Answer, Instruments, Memory, Question, Thread
from shared.answering.store import WITHDRAWN
from shared.evaluation import service as evaluation
from shared.evaluation.feedback import Opinion
from shared.identity.model import Principal
from shared.inference.embedding import Embedder
from shared.inference.model import Message
from shared.kernel.context import working_on
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import DocumentId
from shared.kernel.settings import read_settings
from shared.search import service as search
from tests.unit.access.world import World
from tests.unit.answering.library import HANDBOOK, LEASE, Listener, Shelf
from tests.unit.search.library import Library

QUESTION = "Wie lange ist die Kündigungsfrist?"


@dataclass
class Desk:
    """Two documents; Bob and Cem ask."""

    world: World
    tools: Instruments
    lease: DocumentId

    def ask(self, who: str, text: str = QUESTION) -> tuple[Answer, Listener]:
        person = self.principal(who)
        listener = Listener()
        with working_on(correlation="t", tenant=str(self.world.tenant), viewer=person.viewer):
            answer = service.ask(self.tools, person, Question(text=text), emit=listener.emit)
        return answer, listener

    def principal(self, who: str) -> Principal:
        user = self.world.people[who]
        return Principal(self.world.tenant, user, f"{who}@acme.example", "editor")


@pytest.fixture
def desk(world: World, embedder: Embedder) -> Desk:
    shelf = Shelf(Library(world.database, world.tenant, embedder))
    lease = shelf.put(LEASE, title="Mietvertrag", language="de")
    shelf.put(HANDBOOK, title="Handbook", language="en")
    config = read_settings({})
    tools = Instruments(
        database=world.database,
        embedder=embedder,
        open_language_model=lambda _purpose="chat": None,
        ranking=search.ranking(config),
        answer_threshold=config.answer_threshold,
        related_threshold=config.related_threshold,
    )
    return Desk(world, replace(tools, memory=Memory(whose="all")), lease)


def documents_of(listener: Listener) -> set[UUID]:
    return {citation.document_id for citation in listener.citations}


def test_answers_cite_nothing_that_the_asker_may_not_see(desk: Desk) -> None:
    world = desk.world
    _, heard = desk.ask("bob")
    assert documents_of(heard) == {desk.lease}
    world.grant("document", desk.lease, f"user:{world.people['bob']}", "view")
    _, again = desk.ask("bob", "Wie lang ist denn die Kündigungsfrist?")
    assert documents_of(again) == {desk.lease}
    for text in (QUESTION, "Wie lang ist denn die Kündigungsfrist?"):
        answer, overheard = desk.ask("cem", text)
        assert desk.lease not in documents_of(overheard)
        assert "drei Monate" not in overheard.text
        assert not answer.answerer.endswith("(cached)")


def test_old_answers_keep_their_words_back_once_access_is_withdrawn(desk: Desk) -> None:
    world = desk.world
    answer, heard = desk.ask("bob")
    (citation, *_) = heard.citations
    bob = desk.principal("bob")

    def said() -> list[str]:
        with world.eyes_of(bob.user_id) as session:
            found = conversations.show_conversation(session, bob, answer.conversation_id)
        return [message.content for message in found.messages]

    def cited() -> str:
        with world.eyes_of(bob.user_id) as session:
            return conversations.find_citation(session, bob, citation.id).quote

    assert "drei Monate" in said()[1]
    assert "drei Monate" in cited()
    world.grant("document", desk.lease, f"user:{world.people['ada']}", "view")
    assert said() == [QUESTION, WITHDRAWN]
    with pytest.raises(NotFoundError):
        cited()
    with world.eyes_of(bob.user_id) as session:
        page = conversations.search_messages(session, bob, "Monate", cursor=None, limit=10)
    assert page.items == []
    world.grant("document", desk.lease, f"user:{bob.user_id}", "view")
    assert "drei Monate" in said()[1], "and give them again with the access"


def test_what_a_model_wrote_is_kept_back_with_everything_it_had_read(desk: Desk) -> None:
    world = desk.world
    bob = desk.principal("bob")
    heard: list[str] = []
    desk.tools = replace(desk.tools, open_language_model=lambda _purpose="chat": _Chatty(heard))
    first, _ = desk.ask("bob", "Wie lange ist die Kündigungsfrist? How many days of leave?")
    follow_up = Question(text="Und für Vermieter?", conversation_id=first.conversation_id)
    with working_on(correlation="t", tenant=str(world.tenant), viewer=bob.viewer):
        second = service.ask(desk.tools, bob, follow_up, emit=lambda _event: None)

    def thread() -> Thread:
        with world.eyes_of(bob.user_id) as session:
            return conversations.show_conversation(session, bob, first.conversation_id)

    assert [each.content for each in thread().messages][1::2] == [first.text, second.text]
    asked = world.run(
        "UPDATE kontor.messages SET condensed = 'drei Monate für Vermieter' WHERE parent_id = %s",
        first.message_id,
    )
    assert asked == 1
    world.grant("document", desk.lease, f"user:{world.people['ada']}", "view")
    messages = thread().messages
    assert [each.content for each in messages][1::2] == [WITHDRAWN, WITHDRAWN]
    assert not any(each.condensed for each in messages), "a later question's own words stay"
    assert [each.content for each in messages][0::2] == [
        "Wie lange ist die Kündigungsfrist? How many days of leave?",
        "Und für Vermieter?",
    ]
    for exported in (thread_as_json(thread()), thread_as_markdown(thread())):
        assert "drei Monate" not in exported.content
    heard.clear()
    with working_on(correlation="t", tenant=str(world.tenant), viewer=bob.viewer):
        service.ask(desk.tools, bob, follow_up, emit=lambda _event: None)
    assert heard
    assert not any("drei Monate" in prompt for prompt in heard), "no later question reads it"


def test_an_erased_document_takes_the_words_of_models_that_read_it_along(desk: Desk) -> None:
    world = desk.world
    bob = desk.principal("bob")
    desk.tools = replace(desk.tools, open_language_model=lambda _purpose="chat": _Chatty([]))
    answer, _ = desk.ask("bob")
    with world.transaction() as session:
        # Whatever it cites, its writer had read the lease.
        session.connection.execute("DELETE FROM kontor.citations")
        service.forget_document(session, desk.lease)
    with world.eyes_of(bob.user_id) as session:
        thread = conversations.show_conversation(session, bob, answer.conversation_id)
    assert thread.messages[1].content == service.ERASED_ANSWER


@dataclass
class _Chatty:
    """A language model that says what it read without saying where."""

    heard: list[str]
    name: str = "scripted/chatty"

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float
    ) -> Iterator[str]:
        said = "\n".join(message.content for message in messages)
        self.heard.append(said)
        yield "Die Kündigungsfrist beträgt drei Monate [1]. "
        yield "Somebody spoke of a notice period."


def test_feedback_shows_nobody_an_answer_that_rests_on_what_they_may_not_see(desk: Desk) -> None:
    world = desk.world
    answer, _ = desk.ask("bob")
    bob, cem = desk.principal("bob"), desk.principal("cem")
    with world.eyes_of(bob.user_id) as session:
        evaluation.give_feedback(session, bob, answer.message_id, Opinion(verdict="up"))

    def told(who: Principal) -> list[str]:
        with world.eyes_of(who.user_id) as session:
            return [each.answer for each in evaluation.list_feedback(session).items]

    assert "drei Monate" in told(cem)[0]
    world.grant("document", desk.lease, f"user:{bob.user_id}", "view")
    assert told(cem) == [""]
    assert "drei Monate" in told(bob)[0]
