"""Answers rest on what their reader may see, and old ones keep their words back when that ends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

import pytest

from shared.answering import conversations, service
from shared.answering.model import Answer, Instruments, Memory, Question
from shared.answering.store import WITHDRAWN
from shared.identity.model import Principal
from shared.inference.embedding import Embedder
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
