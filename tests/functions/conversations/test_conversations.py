"""Conversations through the whole handler: list, branches, search, export, settings."""

from __future__ import annotations

import json
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from shared.identity.model import Principal
from shared.kernel.ids import MessageId, UserId, new_id
from tests.functions.conversations.conftest import Ask, Say
from tests.functions.pipeline import Pipeline

LEASE = "# Lease\n\nThe rent is 850 euros a month.\n\nThe notice period is three months.\n"


@pytest.fixture
def talked(pipeline: Pipeline, say: Say) -> str:
    """A conversation of two questions."""
    pipeline.put(LEASE)
    first = say("How high is the rent?")
    say("How long is the notice period?", conversation_id=first.conversation_id)
    return str(first.conversation_id)


def test_a_conversation_is_shown_changed_and_removed(ask: Ask, talked: str) -> None:
    path = f"/conversations/{talked}"
    thread = ask("GET", path).body
    assert [message["role"] for message in thread["messages"]] == ["user", "assistant"] * 2
    assert thread["title"] == "How high is the rent?"
    assert "850 euros" in thread["messages"][1]["citations"][0]["quote"]
    assert thread["messages"][2]["parent_id"] == thread["messages"][1]["id"]
    assert thread["messages"][2]["siblings"] == [thread["messages"][2]["id"]]
    changed = ask("PATCH", path, body={"title": "Rent", "is_pinned": True}).body
    assert (changed["title"], changed["is_pinned"]) == ("Rent", True)
    assert ask("PATCH", path, body={"is_archived": True}).body["title"] == "Rent"
    assert ask("GET", "/conversations").body["items"] == []
    (item,) = ask("GET", "/conversations", query={"archived": "true"}).body["items"]
    assert item["id"] == talked
    assert ask("DELETE", path).status == 204
    assert ask("GET", path).status == 404


def test_branches_are_switched(ask: Ask, say: Say, talked: str) -> None:
    path = f"/conversations/{talked}"
    question = ask("GET", path).body["messages"][2]
    say("What is the rent a month?", edits=MessageId(UUID(question["id"])))
    edited = ask("GET", path).body["messages"][2]
    assert edited["content"] == "What is the rent a month?"
    assert edited["siblings"] == [question["id"], edited["id"]]
    shown = ask("POST", f"/messages/{question['id']}/show").body
    assert shown["messages"][2]["content"] == "How long is the notice period?"
    assert ask("GET", path).body == shown


def test_history_is_searched(ask: Ask, talked: str) -> None:
    found = ask("GET", "/messages", query={"q": "notice", "limit": "1"}).body
    assert found["items"][0]["conversation_id"] == talked
    more = ask("GET", "/messages", query={"q": "notice", "cursor": found["next_cursor"]}).body
    assert more["items"][0]["message_id"] < found["items"][0]["message_id"]
    assert ask("GET", "/messages", query={"q": ""}).status == 422
    assert ask("GET", "/messages", query={"q": "a", "cursor": "x"}).status == 422


def test_a_conversation_is_exported(ask: Ask, talked: str) -> None:
    path = f"/conversations/{talked}/export"
    markdown = ask("GET", path).body
    assert markdown["filename"] == "How high is the rent.md"
    assert "## Sources" in markdown["content"]
    whole = ask("GET", path, query={"form": "json"}).body
    assert whole["media_type"] == "application/json"
    assert len(json.loads(whole["content"])["messages"]) == 4
    assert ask("GET", path, query={"form": "pdf"}).status == 422


def test_an_answer_that_has_ended_cannot_be_stopped(ask: Ask, talked: str) -> None:
    answer = ask("GET", f"/conversations/{talked}").body["messages"][1]
    assert ask("POST", f"/messages/{answer['id']}/stop").status == 409
    assert ask("POST", f"/messages/{uuid4()}/stop").status == 404


def test_how_long_conversations_are_kept_is_the_administrators_word(
    ask: Ask, editor: Principal
) -> None:
    path = "/settings/conversations"
    assert ask("GET", path).body == {"keep_days": 0}
    assert ask("PUT", path, body={"keep_days": 30}).status == 403
    admin = replace(editor, role="admin")
    assert ask("PUT", path, body={"keep_days": 30}, principal=admin).body == {"keep_days": 30}
    assert ask("GET", path).body == {"keep_days": 30}
    assert ask("PUT", path, body={"keep_days": -1}, principal=admin).status == 422


def test_conversations_are_closed_to_others(
    ask: Ask, talked: str, editor: Principal, stranger: Principal
) -> None:
    message = ask("GET", f"/conversations/{talked}").body["messages"][0]["id"]
    colleague = replace(editor, user_id=UserId(new_id()))
    guest = replace(editor, role="guest")
    for method, path, body in (
        ("GET", f"/conversations/{talked}", None),
        ("PATCH", f"/conversations/{talked}", {"title": "Mine"}),
        ("GET", f"/conversations/{talked}/export", None),
        ("POST", f"/messages/{message}/show", None),
        ("POST", f"/messages/{message}/stop", None),
        ("DELETE", f"/conversations/{talked}", None),
    ):
        for principal in (colleague, stranger):
            assert ask(method, path, body=body, principal=principal).status == 404, path
        assert ask(method, path, body=body, principal=guest).status == 403, path
        assert ask(method, path, body=body, principal=None).status == 401, path
    assert ask("GET", "/messages", query={"q": "rent"}, principal=colleague).body["items"] == []
    assert ask("GET", "/conversations", query={"cursor": "x"}).status == 422
