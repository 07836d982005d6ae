"""Asking over a WebSocket: frames as API Gateway hands them in, and what is posted back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from functions.edge.caller import context_of
from shared.adapters.sockets import Sockets
from shared.answering import conversations, store
from shared.answering.model import Done, Started, Token
from shared.identity.model import Principal
from shared.inference.embedding import Embedder
from shared.kernel.ids import ConversationId, MessageId, TenantId, new_id
from shared.realtime import service as realtime
from shared.wiring import App
from tests.functions.callbacks import Callbacks, listening
from tests.functions.library import caller, fill
from tests.unit.answering.library import Shelf

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def gateway() -> Iterator[Callbacks]:
    with listening() as made:
        yield made


@pytest.fixture
def shelf(served: App, tenant: TenantId, embedder: Embedder, gateway: Callbacks) -> Shelf:
    served.__dict__["sockets"] = Sockets(gateway.url, region="eu-central-1")
    return fill(served, tenant, embedder)


@pytest.fixture
def ask(served: App, shelf: Shelf, tenant: TenantId) -> Ask:
    from functions.chat_socket import handler as module
    from functions.edge.socket import socket_handler

    handler = socket_handler(module._handle)

    def send(
        principal: Principal | None = None, action: str = "ask", **body: object
    ) -> dict[str, Any]:
        who = principal or caller(tenant)
        with served.database.transaction(tenant) as session:
            realtime.connect(session, connection_id="connection-1=", user_id=who.user_id)
        context = {
            "routeKey": action,
            "eventType": "MESSAGE",
            "connectionId": "connection-1=",
            "authorizer": context_of(who),
        }
        event = {"requestContext": context, "body": json.dumps({"action": action, **body})}
        return handler(event, None)

    return send


def test_an_answer_arrives_frame_by_frame(ask: Ask, gateway: Callbacks, shelf: Shelf) -> None:
    assert ask(id="q1", question="Wie lang ist die Kündigungsfrist?") == {"statusCode": 200}
    kinds = [frame["type"] for frame in gateway.frames]
    assert kinds[0] == "start"
    assert kinds[-1] == "done"
    assert {frame["id"] for frame in gateway.frames} == {"q1"}
    assert gateway.paths == {"/@connections/connection-1%3D"}
    text = "".join(frame["text"] for frame in gateway.of("token"))
    assert "drei Monate" in text
    assert "[1]" in text
    assert len(gateway.of("token")) < len(text.split())
    citation = gateway.of("citation")[0]
    assert citation["number"] == 1
    assert "drei Monate" in citation["quote"]
    assert citation["citation_id"] != "q1"
    assert gateway.frames[-1]["state"] == "answer"


def test_errors_come_back_as_frames(ask: Ask, gateway: Callbacks, tenant: TenantId) -> None:
    ask(id="a", question="")
    ask(id="b")
    ask(id="c", question="x", filters={"languages": ["fr"]})
    ask(id="d", question="x", conversation_id=str(new_id()))
    ask(caller(tenant, role="guest"), id="e", question="x")
    assert [(f["type"], f["id"], f["problem"]["status"]) for f in gateway.frames] == [
        ("error", "a", 422), ("error", "b", 422), ("error", "c", 422), ("error", "d", 404),
        ("error", "e", 403),
    ]  # fmt: skip
    assert "question" in gateway.frames[1]["problem"]["fields"]


def test_frame_of_an_ended_session_is_refused_and_closes_the_connection(
    ask: Ask, gateway: Callbacks, tenant: TenantId
) -> None:
    over = replace(caller(tenant), session_id=new_id())
    assert ask(over, id="q", question="Wie lang ist die Kündigungsfrist?") == {"statusCode": 200}
    (frame,) = gateway.frames
    assert (frame["type"], frame["problem"]["status"]) == ("error", 401)
    assert gateway.closed == ["/@connections/connection-1%3D"]


def test_a_client_that_left_stops_the_answer(
    ask: Ask, gateway: Callbacks, served: App, tenant: TenantId
) -> None:
    ada = caller(tenant)
    gateway.patience = 2
    assert ask(ada, id="q", question="Wie lang ist die Kündigungsfrist?") == {"statusCode": 200}
    conversation = ConversationId(gateway.frames[0]["conversation_id"])
    with served.database.transaction(tenant) as session:
        thread = conversations.show_conversation(session, ada, conversation)
    assert thread.messages[1].state == "stopped"


def test_words_that_come_slowly_are_not_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.chat_socket import frames

    clock = 0.0
    monkeypatch.setattr(frames.time, "monotonic", lambda: clock)
    sent: list[dict[str, object]] = []
    writer = frames.FrameWriter(lambda frame: not sent.append(dict(frame)), question_id=7)
    conversation, message = ConversationId(new_id()), MessageId(new_id())
    writer.emit(Started(conversation, message))
    for word in ("quick ", "words "):
        writer.emit(Token(word))
    assert len(sent) == 1
    clock = 0.2
    writer.emit(Token("slow "))
    assert sent[1] == {"type": "token", "id": 7, "text": "quick words slow "}
    writer.emit(Token("end"))
    writer.emit(Done(conversation, message, "answer", "extractive"))
    assert [frame["type"] for frame in sent[2:]] == ["token", "done"]


def test_an_answer_is_stopped_over_the_socket(
    ask: Ask, gateway: Callbacks, served: App, tenant: TenantId
) -> None:
    ada = caller(tenant)
    running = MessageId(new_id())
    with served.database.transaction(tenant) as session:
        store.record_running(session, running, user_id=ada.user_id)
    ask(caller(tenant), action="stop", id="a", message_id=str(running))
    ask(ada, action="stop", id="b", message_id="nonsense")
    ask(ada, action="stop", id="c", message_id=str(running))
    assert [f.get("problem", {}).get("status") for f in gateway.frames] == [404, 422, None]
    assert gateway.frames[-1] == {"type": "stopping", "id": "c", "message_id": str(running)}
    with served.database.transaction(tenant) as session:
        assert store.is_stopped(session, running)
