"""The streamed answer: real server-sent events over HTTP, and a token that it checks itself."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
import uvicorn

from infra.local.ports import take_port
from shared.adapters.database import Database
from shared.answering import conversations
from shared.answering import service as answering
from shared.answering.model import Emit, Token
from shared.identity import store
from shared.identity.keys import SigningKey
from shared.identity.model import Principal
from shared.identity.service import TokenRules, create_tenant, recognise
from shared.inference.embedding import Embedder
from shared.kernel.errors import UnavailableError
from shared.kernel.ids import ConversationId
from shared.wiring import App
from tests.entering import welcome
from tests.functions.library import fill
from tests.unit.answering.library import LEASE, Scripted, Shelf

PASSWORD = "correct horse battery"
QUESTION = {"question": "Wie lang ist die Kündigungsfrist der Wohnung?"}


@dataclass
class Asker:
    """A signed-in user in front of the running application."""

    url: str
    principal: Principal
    token: str
    shelf: Shelf

    def stream(self, body: object, **headers: str) -> httpx.Response:
        given = {"authorization": f"Bearer {self.token}", **headers}
        return httpx.post(self.url, json=body, headers=given, timeout=30)


@pytest.fixture
def signed_in(served: App, owner_url: str) -> tuple[Principal, str]:
    key = SigningKey.make()
    owner = Database(owner_url)
    with owner.system_transaction() as session:
        store.record_signing_key(session, kid=key.id, public_key=key.public_bytes)
        create_tenant(
            session, slug="mine", name="Mine", admin_email="ada@acme.example",
            admin_password=PASSWORD,
        )  # fmt: skip
    owner.close()
    account = recognise(served.database, email="ada@acme.example", password=PASSWORD)
    with served.database.transaction(account.tenant_id) as session:
        rules = TokenRules(key, "kontor", 900)
        given = welcome(session, account, password=PASSWORD, rules=rules)
    return served.verifier.verify(given.access_token), given.access_token


@pytest.fixture
def asker(served: App, signed_in: tuple[Principal, str], embedder: Embedder) -> Iterator[Asker]:
    from functions.chat_stream.handler import app, handler

    assert handler is app
    principal, token = signed_in
    shelf = fill(served, principal.tenant_id, embedder)
    listening = take_port(0, purpose="a test")
    config = uvicorn.Config(app, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    host, port = listening.getsockname()
    yield Asker(f"http://{host}:{port}/", principal, token, shelf)
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()
    listening.close()


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Parse server-sent events as a browser does."""
    found = []
    for block in text.split("\n\n"):
        if block:
            name, data = block.split("\n")
            found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def test_an_answer_is_streamed_as_events(asker: Asker) -> None:
    response = asker.stream(QUESTION, **{"x-correlation-id": "abc-1"})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-correlation-id"] == "abc-1"
    assert "content-length" not in response.headers
    told = events(response.text)
    assert [told[0][0], told[-1][0]] == ["start", "done"]
    text = "".join(data["text"] for name, data in told if name == "token")
    assert "drei Monate" in text
    citation = next(data for name, data in told if name == "citation")
    assert citation["quote"] == LEASE[citation["start"] : citation["end"]]
    done = dict(told[-1][1])
    assert 0.3 < done.pop("confidence") < 1
    assert done == {**told[0][1], "state": "answer", "answerer": "extractive"}


def test_words_arrive_while_the_answer_is_still_given(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()

    def slow(_tools: object, _caller: object, _question: object, *, emit: Emit) -> None:
        emit(Token("first "))
        assert may_end.wait(20)
        emit(Token("last"))

    monkeypatch.setattr(answering, "ask", slow)
    headers = {"authorization": f"Bearer {asker.token}"}
    with httpx.stream("POST", asker.url, json=QUESTION, headers=headers) as response:
        lines = response.iter_lines()
        assert next(lines) == "event: token"
        assert next(lines) == 'data: {"text": "first "}'
        may_end.set()
        assert list(lines)[-2] == 'data: {"text": "last"}'


def test_a_failure_midway_is_an_event(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_tools: object, _caller: object, _question: object, *, emit: Emit) -> None:
        emit(Token("first "))
        raise UnavailableError("The model is away.")

    monkeypatch.setattr(answering, "ask", failing)
    told = events(asker.stream(QUESTION).text)
    assert [name for name, _ in told] == ["token", "error"]
    assert told[1][1]["status"] == 503


def test_an_unexpected_failure_tells_nothing_of_itself(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(answering, "ask", broken)
    response = asker.stream(QUESTION)
    assert [name for name, _ in events(response.text)] == ["error"]
    assert "secret" not in response.text


def test_refusals_before_the_first_event_are_problems(asker: Asker, served: App) -> None:
    for headers in ({"authorization": ""}, {"authorization": "Basic x"},
                    {"authorization": f"Bearer {asker.token}x"}):  # fmt: skip
        response = asker.stream(QUESTION, **headers)
        assert response.status_code == 401, headers
        assert response.headers["content-type"] == "application/problem+json"
    assert asker.stream({"question": "x" * 2001}).status_code == 422
    told = events(asker.stream({"question": " "}).text)
    assert [(name, data["status"]) for name, data in told] == [("error", 422)]


def test_a_reader_who_leaves_stops_the_answer_and_it_is_kept(asker: Asker, served: App) -> None:
    served.__dict__["language_model"] = lambda *_: Scripted(Endless())
    headers = {"authorization": f"Bearer {asker.token}"}
    with httpx.stream("POST", asker.url, json=QUESTION, headers=headers) as response:
        lines = response.iter_lines()
        assert next(lines) == "event: start"
        start = json.loads(next(lines).removeprefix("data: "))
        while next(lines) != "event: token":
            pass
    looking = Database(served.settings.database_url.get_secret_value())
    conversation = ConversationId(UUID(start["conversation_id"]))
    deadline = time.monotonic() + 20
    while True:
        with looking.transaction(asker.principal.tenant_id) as session:
            found = conversations.list_conversations(session, asker.principal).items
        if found:
            break
        assert time.monotonic() < deadline, "the answer was never stopped"
    with looking.transaction(asker.principal.tenant_id) as session:
        thread = conversations.show_conversation(session, asker.principal, conversation)
    looking.close()
    assert thread.messages[1].state == "stopped"
    assert thread.messages[1].content.startswith("and")


class Endless(Sequence[str]):
    """What a model says that never comes to an end."""

    def __len__(self) -> int:
        return sys.maxsize

    def __getitem__(self, index: Any) -> Any:
        return "and so on "


def test_a_cancelled_server_still_brings_the_answer_to_its_end() -> None:
    """As the streaming runtime does it: nobody reads, and then the whole task is cancelled."""
    from functions.chat_stream.events import EventStream

    ended = threading.Event()

    def tell(emit: Emit) -> None:
        try:
            while True:
                emit(Token("more "))
        finally:
            ended.set()

    async def scene() -> None:
        full = asyncio.Event()
        never = asyncio.Event()

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                full.set()
                await never.wait()

        async def receive() -> Any:
            await never.wait()

        task = asyncio.create_task(EventStream(tell)({"type": "http"}, receive, send))
        await asyncio.wait_for(full.wait(), 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 20)
        assert ended.is_set()

    # In a thread of its own: this one's event loop belongs to Mangum.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, scene()).result(60)


def test_an_agent_run_streams_its_steps_and_words(asker: Asker) -> None:
    headers = {"authorization": f"Bearer {asker.token}"}
    address = f"{asker.url}agents/runs"
    reply = httpx.post(address, json={"task": "Was ist 12 * 12?"}, headers=headers, timeout=30)
    names = [line.removeprefix("event: ") for line in reply.text.splitlines() if "event: " in line]
    assert (names[0], names[-1]) == ("run", "run_state")
    assert names.count("step") == 2
    assert "12 * 12 = 144" in reply.text
    assert httpx.post(address, json={"task": "x"}, timeout=30).status_code == 401
    off = httpx.post(address, json={"task": "x", "web": True}, headers=headers, timeout=30)
    assert off.status_code == 422
