"""Fixtures of the conversations function: its handler, and a voice that asks the library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from functions.edge.asking import instruments_of
from shared.answering import service as answering
from shared.answering.model import Answer as Answered
from shared.answering.model import Question
from shared.identity.model import Principal
from shared.wiring import App
from tests.functions.http_events import Answer, Handler, call

Ask = Callable[..., Answer]
Say = Callable[..., Answered]


@pytest.fixture
def handler(desk: App) -> Handler:
    from functions.conversations.handler import handler

    return handler


@pytest.fixture
def ask(handler: Handler, editor: Principal) -> Ask:
    """Call a route below /api/v1 as the editor, or as ``principal``."""

    def send(method: str, path: str, **request: Any) -> Answer:
        return call(handler, method, f"/api/v1{path}", **{"principal": editor, **request})

    return send


@pytest.fixture
def say(desk: App, editor: Principal) -> Say:
    """Ask the library a question as the editor."""

    def answer(text: str, **fields: Any) -> Answered:
        tools = instruments_of(desk, editor.tenant_id)
        question = Question(text=text, **fields)
        return answering.ask(tools, editor, question, emit=lambda _event: None)

    return answer
