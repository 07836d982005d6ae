"""Conversations: trees that are continued, edited, searched, exported, stopped and forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from shared.adapters.database import Database
from shared.answering import conversations, retention, service, stopping
from shared.answering.export import thread_as_json, thread_as_markdown
from shared.answering.model import (
    Answer,
    AnswerEvent,
    Condensed,
    Considered,
    Instruments,
    Question,
    Thread,
    Titled,
    Token,
)
from shared.identity.model import Principal
from shared.inference.model import Role
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError
from shared.kernel.ids import ConversationId, MessageId, UserId, new_id
from tests.unit.answering.library import Listener, Scripted, Shelf


class Talk:
    """One person's talk with the library."""

    def __init__(self, tools: Instruments, principal: Principal) -> None:
        self.tools = tools
        self.principal = principal
        self.listener = Listener()

    def ask(
        self,
        text: str = "",
        *,
        conversation_id: ConversationId | None = None,
        edits: MessageId | None = None,
        regenerates: MessageId | None = None,
        history: tuple[tuple[Role, str], ...] = (),
        is_kept: bool = True,
    ) -> Answer:
        self.listener = Listener()
        question = Question(
            text=text,
            conversation_id=conversation_id,
            edits=edits,
            regenerates=regenerates,
            history=history,
            is_kept=is_kept,
        )
        return service.ask(self.tools, self.principal, question, emit=self.listener.emit)

    def read(self, conversation_id: ConversationId) -> Thread:
        with self.tools.database.transaction(self.principal.tenant_id) as session:
            return conversations.show_conversation(session, self.principal, conversation_id)

    def heard(self, kind: type[AnswerEvent]) -> list[AnswerEvent]:
        return [event for event in self.listener.events if isinstance(event, kind)]


@pytest.fixture
def talk(tools: Instruments, principal: Principal, shelf: Shelf) -> Talk:
    return Talk(tools, principal)


def test_a_follow_up_is_looked_up_in_the_light_of_what_was_said(talk: Talk) -> None:
    first = talk.ask("Wie hoch ist die Miete?")
    second = talk.ask("Und wann ist sie fällig?", conversation_id=first.conversation_id)
    (condensed,) = talk.heard(Condensed)
    assert condensed.payload() == {"query": "wann ist sie fällig (Miete)?", "parts": []}
    assert "dritten Werktag" in second.text
    message = talk.read(first.conversation_id).messages[2]
    assert message.content == "Und wann ist sie fällig?"
    assert message.condensed == "wann ist sie fällig (Miete)?"


def test_the_passages_are_told_before_the_first_word(talk: Talk) -> None:
    talk.ask("Wie hoch ist die Miete?")
    kinds = talk.listener.kinds
    assert kinds[:2] == ["start", "passages"]
    assert kinds.index("passages") < kinds.index("token")
    (considered,) = talk.heard(Considered)
    items = considered.payload()["items"]
    assert isinstance(items, list)
    assert items[0]["title"] == "Mietvertrag"


def test_a_question_of_two_parts_is_answered_part_by_part(talk: Talk) -> None:
    answer = talk.ask("Wie lang ist die Kündigungsfrist und wie hoch ist die Miete?")
    assert "Zu „Wie lang ist die Kündigungsfrist“:" in answer.text
    assert "Zu „Wie hoch ist die Miete“:" in answer.text
    quotes = " ".join(citation.quote for citation in answer.citations)
    assert "drei Monate" in quotes
    assert "850 Euro" in quotes


def test_an_edited_question_begins_a_branch(talk: Talk) -> None:
    first = talk.ask("Wie lang ist die Kündigungsfrist?")
    talk.ask("Wie hoch ist die Miete?", conversation_id=first.conversation_id)
    question = talk.read(first.conversation_id).messages[2]
    talk.ask("Sind Haustiere erlaubt?", edits=question.id)
    thread = talk.read(first.conversation_id)
    said = [message.content for message in thread.messages]
    assert said[0] == "Wie lang ist die Kündigungsfrist?"
    assert said[2] == "Sind Haustiere erlaubt?"
    assert len(said) == 4
    assert len(thread.messages[2].siblings) == 2
    with talk.tools.database.transaction(talk.principal.tenant_id) as session:
        thread = conversations.show_branch(session, talk.principal, question.id)
    assert thread.messages[2].content == "Wie hoch ist die Miete?"
    assert len(thread.messages) == 4
    assert thread == talk.read(first.conversation_id)


def test_the_very_first_question_can_be_edited(talk: Talk) -> None:
    first = talk.ask("Wie lang ist die Kündigungsfrist?")
    question = talk.read(first.conversation_id).messages[0]
    talk.ask("Wie hoch ist die Miete?", edits=question.id)
    thread = talk.read(first.conversation_id)
    assert thread.messages[0].content == "Wie hoch ist die Miete?"
    assert thread.conversation.title == "Wie lang ist die Kündigungsfrist?"


def test_an_answer_given_anew_stands_beside_the_first(talk: Talk) -> None:
    first = talk.ask("Wie hoch ist die Miete?")
    again = talk.ask(regenerates=first.message_id)
    assert again.conversation_id == first.conversation_id
    assert again.message_id != first.message_id
    thread = talk.read(first.conversation_id)
    assert [message.role for message in thread.messages] == ["user", "assistant"]
    assert thread.messages[1].siblings == (first.message_id, again.message_id)
    assert thread.messages[1].id == again.message_id
    question = thread.messages[0]
    third = talk.ask(regenerates=question.id)
    assert len(talk.read(first.conversation_id).messages[1].siblings) == 3
    talk.ask("Und wann?", conversation_id=first.conversation_id)
    assert talk.read(first.conversation_id).messages[2].parent_id == third.message_id


def test_branches_that_make_no_sense_are_refused(talk: Talk, principal: Principal) -> None:
    first = talk.ask("Wie hoch ist die Miete?")
    other = talk.ask("Wie lang ist die Kündigungsfrist?")
    with pytest.raises(InvalidError, match="no question"):
        talk.ask("Neu", edits=first.message_id)
    with pytest.raises(InvalidError, match="not both"):
        talk.ask("Neu", edits=first.message_id, regenerates=first.message_id)
    with pytest.raises(InvalidError, match="another conversation"):
        talk.ask(regenerates=first.message_id, conversation_id=other.conversation_id)
    with pytest.raises(NotFoundError):
        talk.ask("Neu", edits=MessageId(new_id()))
    stranger = Talk(talk.tools, replace(principal, user_id=UserId(new_id())))
    with pytest.raises(NotFoundError):
        stranger.ask(regenerates=first.message_id)
    with (
        pytest.raises(NotFoundError),
        talk.tools.database.transaction(principal.tenant_id) as session,
    ):
        conversations.show_branch(session, stranger.principal, first.message_id)


def test_history_may_be_given_and_nothing_kept(talk: Talk) -> None:
    answer = talk.ask(
        "Und wann ist sie fällig?",
        history=(("user", "Wie hoch ist die Miete?"), ("assistant", "850 Euro.")),
        is_kept=False,
    )
    assert "dritten Werktag" in answer.text
    with talk.tools.database.transaction(talk.principal.tenant_id) as session:
        assert conversations.list_conversations(session, talk.principal).items == []
    with pytest.raises(NotFoundError):
        talk.read(answer.conversation_id)


@pytest.fixture
def second_database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


def test_an_answer_is_stopped_from_elsewhere(
    talk: Talk, second_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping.StopWatch.__init__, "__kwdefaults__", {"every_s": 0.0})
    pieces = ["Die Miete ", "beträgt ", "850 ", "Euro ", "im ", "Monat."]
    tools = replace(talk.tools, open_language_model=Scripted(pieces).open)
    started: list[MessageId] = []
    heard: list[str] = []

    def emit(event: AnswerEvent) -> None:
        if event.kind == "start":
            started.append(MessageId(event.message_id))  # type: ignore[attr-defined]
        if isinstance(event, Token):
            heard.append(event.text)
            if len(heard) == 2:
                with second_database.transaction(talk.principal.tenant_id) as session:
                    conversations.stop_answer(session, talk.principal, started[0])
        elif event.kind == "done":
            heard.append("done")

    question = Question(text="Wie hoch ist die Miete?")
    answer = service.ask(tools, talk.principal, question, emit=emit)
    assert answer.state == "stopped"
    assert answer.text == "Die Miete"
    assert heard == ["Die ", "Miete ", "done"]
    assert talk.read(answer.conversation_id).messages[1].state == "stopped"
    with (
        pytest.raises(ConflictError, match="ended already"),
        second_database.transaction(talk.principal.tenant_id) as session,
    ):
        conversations.stop_answer(session, talk.principal, answer.message_id)


def test_only_who_asked_may_stop(talk: Talk, principal: Principal) -> None:
    stranger = replace(principal, user_id=UserId(new_id()))
    refused: list[str] = []

    def emit(event: AnswerEvent) -> None:
        if event.kind == "passages":
            with talk.tools.database.transaction(principal.tenant_id) as session:
                with pytest.raises(NotFoundError):
                    conversations.stop_answer(session, stranger, started[0])
                refused.append("stranger")
        elif event.kind == "start":
            started.append(MessageId(event.message_id))  # type: ignore[attr-defined]

    started: list[MessageId] = []
    answer = service.ask(talk.tools, principal, Question(text="Wie hoch ist die Miete?"), emit=emit)
    assert (answer.state, refused) == ("answer", ["stranger"])


def test_history_is_searched_by_stems_letters_and_titles(talk: Talk, principal: Principal) -> None:
    rent = talk.ask("Wie hoch ist die Miete?")
    talk.ask("How many vacation days do employees have?")

    def found(query: str, **paging: str | int) -> list[str]:
        with talk.tools.database.transaction(principal.tenant_id) as session:
            page = conversations.search_messages(session, principal, query, **paging)  # type: ignore[arg-type]
        return [f"{item.role}: {item.snippet}" for item in page.items]

    assert any("user: Wie hoch ist die Miete?" in line for line in found("Mieten"))
    assert any("850 Euro" in line for line in found("850 euro"))
    assert any("vacation" in line for line in found("vacations"))
    assert found("100%") == []
    assert len(found("miete", limit=1)) == 1
    with talk.tools.database.transaction(principal.tenant_id) as session:
        conversations.change_conversation(
            session, principal, rent.conversation_id, title="Lindenstraße"
        )
    assert any("Wie hoch ist die Miete?" in line for line in found("lindenstr"))
    stranger = replace(principal, user_id=UserId(new_id()))
    with talk.tools.database.transaction(principal.tenant_id) as session:
        assert conversations.search_messages(session, stranger, "Miete").items == []
        first = conversations.search_messages(session, principal, "Miete", limit=1)
        rest = conversations.search_messages(
            session, principal, "Miete", limit=1, cursor=first.next_cursor
        )
        assert rest.items
        assert rest.items[0].message_id < first.items[0].message_id
        with pytest.raises(InvalidError):
            conversations.search_messages(session, principal, "  ")


def test_conversations_are_named_pinned_and_put_away(talk: Talk, principal: Principal) -> None:
    asked = [talk.ask(f"Wie hoch ist die Miete {n}?").conversation_id for n in range(3)]
    with talk.tools.database.transaction(principal.tenant_id) as session:
        changed = conversations.change_conversation(
            session, principal, asked[0], title="  Meine\nMiete ", is_pinned=True
        )
        assert (changed.title, changed.is_pinned) == ("Meine Miete", True)
        conversations.change_conversation(session, principal, asked[1], is_archived=True)
        shown = conversations.list_conversations(session, principal, limit=1)
        rest = conversations.list_conversations(session, principal, cursor=shown.next_cursor)
        away = conversations.list_conversations(session, principal, is_archived=True)
        with pytest.raises(InvalidError, match="empty"):
            conversations.change_conversation(session, principal, asked[0], title=" \t")
        with pytest.raises(NotFoundError):
            stranger = replace(principal, user_id=UserId(new_id()))
            conversations.change_conversation(session, stranger, asked[0], title="Mine")
    assert [c.id for c in shown.items] == [asked[0]]
    assert [c.id for c in rest.items] == [asked[2]]
    assert [c.id for c in away.items] == [asked[1]]
    talk.ask("Und wann?", conversation_id=asked[1])
    assert not talk.read(asked[1]).conversation.is_archived


def test_a_model_names_a_new_conversation_but_never_one_a_person_named(talk: Talk) -> None:
    small = Scripted(['"Monatliche Miete"'])
    model = Scripted(["NO_ANSWER"], small=small)
    named = Talk(replace(talk.tools, open_language_model=model.open), talk.principal)
    first = named.ask("Wie hoch ist die Miete?")
    assert named.listener.kinds[-2:] == ["done", "title"]
    (titled,) = named.heard(Titled)
    assert titled.payload()["title"] == "Monatliche Miete"
    assert named.read(first.conversation_id).conversation.title == "Monatliche Miete"
    small.pieces = ["Anderer Titel"]
    named.ask("Wie lang ist die Kündigungsfrist?", conversation_id=first.conversation_id)
    assert named.heard(Titled) == []
    assert small.heard[-1].content == "Wie hoch ist die Miete?"


def test_an_export_holds_every_source(talk: Talk) -> None:
    answer = talk.ask("Wie hoch ist die Miete?")
    thread = talk.read(answer.conversation_id)
    markdown = thread_as_markdown(thread)
    assert markdown.filename == "Wie hoch ist die Miete.md"
    assert "# Wie hoch ist die Miete?" in markdown.content
    assert "## Sources\n\n- Mietvertrag" in markdown.content
    for citation in answer.citations:
        assert f"- [{citation.number}] {citation.title}" in markdown.content
    body = json.loads(thread_as_json(thread).content)
    assert body["messages"][1]["content"] == answer.text
    assert body["messages"][1]["citations"][0]["quote"] == answer.citations[0].quote


def test_old_conversations_are_forgotten_as_the_tenant_says(
    talk: Talk, principal: Principal, owner_url: str
) -> None:
    old = talk.ask("Wie hoch ist die Miete?")
    new = talk.ask("Wie lang ist die Kündigungsfrist?")
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "UPDATE kontor.conversations SET updated_at = now() - interval '31 days',"
            " is_pinned = true WHERE id = %s",
            (old.conversation_id,),
        )
    database = talk.tools.database
    assert retention.sweep(database, principal.tenant_id, default_days=0) == 0
    with database.transaction(principal.tenant_id) as session:
        assert retention.keep_days(session, default=7) == 7
        retention.change_keep_days(session, principal, 30)
        assert retention.keep_days(session, default=7) == 30
        with pytest.raises(InvalidError):
            retention.change_keep_days(session, principal, -1)
    assert retention.sweep(database, principal.tenant_id, default_days=0) == 1
    with pytest.raises(NotFoundError):
        talk.read(old.conversation_id)
    assert talk.read(new.conversation_id).messages


def test_an_erased_document_leaves_no_words_in_what_follow_ups_were_understood_as(
    talk: Talk,
) -> None:
    first = talk.ask("Wie hoch ist die Miete?")
    talk.ask("Und wann ist sie fällig?", conversation_id=first.conversation_id)
    with talk.tools.database.transaction(talk.principal.tenant_id) as session:
        service.forget_document(session, first.citations[0].document_id)
    thread = talk.read(first.conversation_id)
    assert [message.condensed for message in thread.messages] == [""] * 4
    assert thread.messages[1].content == service.ERASED_ANSWER
    assert thread.messages[1].citations[0].is_erased
