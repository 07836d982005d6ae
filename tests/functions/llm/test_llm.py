"""The function that carries LiteLLM, called over HTTP as the others call it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from shared.adapters.function_urls import FunctionUrl
from shared.generation import store
from shared.generation.bridge import Bridge, remote_line
from shared.generation.model import Caller, CallId, Ending, Request, Route, TextPiece
from shared.generation.wire import pack_request
from shared.kernel.errors import InvalidError, RefusedError, UnavailableError
from shared.kernel.ids import TenantId, UserId, new_id
from shared.wiring import App
from tests.functions.doors import serving
from tests.unit.generation.model_server import WORDS, ModelServer, model_server

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
REQUEST = Request(
    purpose="chat",
    messages=[{"role": "user", "content": "Welche Frist gilt für Ärzte?"}],
    max_tokens=50,
    options={"temperature": 0.0},
)


@pytest.fixture
def url(served: App) -> Iterator[str]:
    from functions.llm.handler import app, handler

    assert handler is app
    with serving(app) as address:
        yield address


@pytest.fixture
def bridge(served: App, url: str) -> Bridge:
    """Somebody else's bridge: it has the database, and reaches the model by the URL alone."""
    line = remote_line(
        FunctionUrl(f"{url}/", region="eu-central-1", first_line_s=120, next_line_s=20)
    )
    return replace(served.bridge, open_line=lambda: line)


@pytest.fixture
def caller(tenant: TenantId) -> Caller:
    return Caller(tenant_id=tenant, user_id=UserId(new_id()))


def add_route(served: App, caller: Caller, server: ModelServer) -> None:
    route = Route(name="small", model="openai/small", api_base=server.address)
    with served.database.transaction(caller.tenant_id) as session:
        store.record_route(session, route)


def calls(served: App, caller: Caller) -> list[tuple[object, ...]]:
    with served.database.transaction(caller.tenant_id) as session:
        found = session.connection.execute("SELECT state, route, tokens_out FROM kontor.llm_calls")
        return found.fetchall()


def test_an_answer_comes_piece_by_piece(served: App, bridge: Bridge, caller: Caller) -> None:
    with model_server() as server:
        add_route(served, caller, server)
        pieces = list(bridge.answer(caller, REQUEST))
    assert [piece.text for piece in pieces if isinstance(piece, TextPiece)] == WORDS
    assert isinstance(pieces[-1], Ending)
    assert server.requests[0]["messages"] == REQUEST.messages
    assert [row[:2] for row in calls(served, caller)] == [("done", "small")]


def test_the_first_word_does_not_wait_for_the_last(
    served: App, bridge: Bridge, caller: Caller
) -> None:
    with model_server("endless") as server:
        add_route(served, caller, server)
        pieces = bridge.answer(caller, REQUEST)
        assert next(pieces) == TextPiece(WORDS[0])
        pieces.close()  # type: ignore[attr-defined]
        assert server.hung_up.wait(20)


def test_a_failure_comes_back_as_what_it_was(served: App, bridge: Bridge, caller: Caller) -> None:
    with model_server("filtered") as server:
        add_route(served, caller, server)
        with pytest.raises(RefusedError, match="declined") as refused:
            list(bridge.answer(caller, REQUEST))
    assert refused.value.hint
    assert calls(served, caller) == [("failed", "small", 0)]


def test_nobody_makes_a_call_that_was_not_reserved(served: App, url: str, caller: Caller) -> None:
    forged = pack_request(caller.tenant_id, CallId(new_id()), REQUEST)
    with model_server() as server:
        add_route(served, caller, server)
        answer = httpx.post(url, content=forged)
        assert answer.json()["error"]["status"] == 403
        assert httpx.post(url, content=b'{"tenant_id": 1}').status_code == 422
        assert not server.requests


def test_a_function_that_is_away_is_unavailable_and_frees_what_was_reserved(
    served: App, bridge: Bridge, caller: Caller
) -> None:
    gone = FunctionUrl("http://127.0.0.1:9/", region="eu-central-1", first_line_s=5, next_line_s=5)
    with model_server() as server:
        add_route(served, caller, server)
        with pytest.raises(UnavailableError, match="does not answer"):
            list(replace(bridge, open_line=lambda: remote_line(gone)).answer(caller, REQUEST))
    assert calls(served, caller) == [("failed", "", 0)]


def test_a_function_that_is_too_slow_is_unavailable_in_time(served: App, caller: Caller) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = FunctionUrl(
            f"http://127.0.0.1:{port}/", region="eu-central-1", first_line_s=0.1, next_line_s=60
        )
        with pytest.raises(UnavailableError, match="TimeoutError"):
            list(remote_line(url)(caller.tenant_id, CallId(new_id()), REQUEST))


def test_a_url_that_refuses_is_unavailable(served: App, url: str, caller: Caller) -> None:
    line = remote_line(
        FunctionUrl(f"{url}/elsewhere", region="eu-central-1", first_line_s=5, next_line_s=5)
    )
    with pytest.raises(UnavailableError, match="answered 404"):
        list(line(caller.tenant_id, CallId(new_id()), REQUEST))


def test_nothing_to_ask_is_invalid(bridge: Bridge, caller: Caller) -> None:
    with pytest.raises(InvalidError, match="nothing to ask"):
        list(bridge.answer(caller, replace(REQUEST, messages=[])))


def test_the_url_wants_a_signature_and_the_functions_that_call_it_may() -> None:
    root = Path(__file__).parents[3] / "functions"
    assert "authorizer: aws_iam" in (root / "llm" / "function.yml").read_text("utf-8")
    for path in root.glob("*/function.yml"):
        text = path.read_text("utf-8")
        if "LLM_URL:" in text:
            assert "lambda:InvokeFunctionUrl" in text, path
