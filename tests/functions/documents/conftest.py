"""Fixtures of the documents function: its handler, called as the editor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.identity.model import Principal
from shared.wiring import App
from tests.functions.http_events import Answer, Handler, call

Ask = Callable[..., Answer]


@pytest.fixture
def handler(desk: App) -> Handler:
    from functions.documents.handler import handler

    return handler


@pytest.fixture
def ask(handler: Handler, editor: Principal) -> Ask:
    """Call a route below /api/v1 as the editor, or as ``principal``."""

    def send(method: str, path: str, **request: Any) -> Answer:
        return call(handler, method, f"/api/v1{path}", **{"principal": editor, **request})

    return send
