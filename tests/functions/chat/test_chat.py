"""Asking through the whole handler."""

from __future__ import annotations

from uuid import uuid4

import pytest

from shared.inference.embedding import Embedder
from shared.kernel.ids import TenantId
from shared.wiring import App
from tests.functions.http_events import Handler, call
from tests.functions.library import caller, fill
from tests.unit.answering.library import LEASE, Shelf

QUESTION = {"question": "Wie lang ist die Kündigungsfrist der Wohnung?"}


@pytest.fixture
def shelf(served: App, tenant: TenantId, embedder: Embedder) -> Shelf:
    return fill(served, tenant, embedder)


@pytest.fixture
def handler(served: App) -> Handler:
    from functions.chat.handler import handler

    return handler


def test_an_answer_is_given_continued_and_given_anew(
    handler: Handler, shelf: Shelf, tenant: TenantId
) -> None:
    ada = caller(tenant)
    answer = call(handler, "POST", "/api/v1/chat", body=QUESTION, principal=ada)
    assert answer.status == 200
    assert answer.body["state"] == "answer"
    assert answer.body["answerer"] == "extractive"
    citation = answer.body["citations"][0]
    assert citation["quote"] == LEASE[citation["start"] : citation["end"]]
    assert "drei Monate" in citation["quote"]
    assert "[1]" in answer.body["answer"]

    conversation_id = answer.body["conversation_id"]
    follow_up = {"question": "Wie hoch ist die Miete?", "conversation_id": conversation_id}
    second = call(handler, "POST", "/api/v1/chat", body=follow_up, principal=ada)
    assert second.body["conversation_id"] == conversation_id

    again = {"regenerates": second.body["message_id"]}
    third = call(handler, "POST", "/api/v1/chat", body=again, principal=ada)
    assert third.body["conversation_id"] == conversation_id
    assert third.body["message_id"] != second.body["message_id"]
    assert third.body["answer"] == second.body["answer"]


def test_an_unknown_answer_has_no_citations(
    handler: Handler, shelf: Shelf, tenant: TenantId
) -> None:
    body = {"question": "What is the boiling point of tungsten hexafluoride?"}
    answer = call(handler, "POST", "/api/v1/chat", body=body, principal=caller(tenant))
    assert (answer.body["state"], answer.body["citations"]) == ("unknown", [])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"question": ""},
        {"question": "x" * 2001},
        {"question": "a", "conversation_id": "x"},
        {"question": "a", "filters": {"languages": []}},
    ],
)
def test_wrong_questions_are_invalid(
    handler: Handler, shelf: Shelf, tenant: TenantId, body: dict[str, object]
) -> None:
    answer = call(handler, "POST", "/api/v1/chat", body=body, principal=caller(tenant))
    assert answer.status == 422
    assert answer.body["fields"]


def test_a_conversation_that_is_not_there_is_not_found(
    handler: Handler, shelf: Shelf, tenant: TenantId
) -> None:
    body = {**QUESTION, "conversation_id": str(uuid4())}
    assert call(handler, "POST", "/api/v1/chat", body=body, principal=caller(tenant)).status == 404


def test_strangers_and_guests_are_turned_away(
    handler: Handler, served: App, tenant: TenantId
) -> None:
    assert call(handler, "POST", "/api/v1/chat", body=QUESTION).status == 401
    guest = caller(tenant, role="guest")
    assert call(handler, "POST", "/api/v1/chat", body=QUESTION, principal=guest).status == 403
