"""The official openai client, unmodified, against the running application."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import openai
import pytest

from shared.generation import store
from shared.generation.model import Budget, Route
from shared.identity import api_keys
from shared.identity.model import Principal
from shared.inference.embedding import Embedder
from shared.wiring import App
from tests.functions.doors import serving, sign_in
from tests.functions.library import fill
from tests.unit.answering.library import LEASE
from tests.unit.generation.model_server import (
    TOKENS_IN,
    TOKENS_OUT,
    TOOL_CALL,
    WORDS,
    ModelServer,
    model_server,
)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
QUESTION = {"role": "user", "content": "Wie lang ist die Kündigungsfrist der Wohnung?"}
TOOL = {"type": "function", "function": {"name": "find_weather", "parameters": {}}}


@dataclass
class Desk:
    """A client of a tenant with two documents, and what stands behind it."""

    client: openai.OpenAI
    principal: Principal
    served: App
    url: str
    token: str

    def route(self, server: ModelServer, **fields: object) -> None:
        made = Route(
            name="small",
            model="openai/small",
            api_base=server.address,
            **{"is_direct": True, **fields},  # type: ignore[arg-type]
        )
        with self.served.database.transaction(self.principal.tenant_id) as session:
            store.record_route(session, made)


@pytest.fixture
def desk(served: App, owner_url: str, embedder: Embedder) -> Iterator[Desk]:
    from functions.openai.handler import app, handler

    assert handler is app
    principal, token = sign_in(served, owner_url)
    fill(served, principal.tenant_id, embedder)
    with serving(app) as url:
        client = openai.OpenAI(api_key=token, base_url=f"{url}/v1", max_retries=0, timeout=60)
        yield Desk(client, principal, served, url, token)
        client.close()


def rows(desk: Desk, table: str) -> int:
    with desk.served.database.transaction(desk.principal.tenant_id) as session:
        found = session.connection.execute(f"SELECT count(*) FROM kontor.{table}".encode())
        (count,) = found.fetchone() or (0,)
    return int(count)


def test_the_library_answers_with_citations_and_keeps_no_conversation(desk: Desk) -> None:
    answer = desk.client.chat.completions.create(model="kontor", messages=[QUESTION])  # type: ignore[list-item]
    message = answer.choices[0].message
    assert "drei Monate" in str(message.content)
    assert "[1]" in str(message.content)
    assert answer.choices[0].finish_reason == "stop"
    assert answer.object == "chat.completion"
    assert message.model_extra is not None
    citation = message.model_extra["citations"][0]
    assert citation["quote"] == LEASE[citation["start"] : citation["end"]]
    assert (citation["number"], citation["title"]) == (1, "Mietvertrag")
    assert message.model_extra["kontor"]["state"] == "answer"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.completion_tokens > 5
    assert rows(desk, "conversations") == rows(desk, "messages") == 0
    assert rows(desk, "audit_events") >= 1


def test_the_library_streams_and_cites_with_the_last_chunk(desk: Desk) -> None:
    stream = desk.client.chat.completions.create(
        model="kontor:extractive",
        messages=[QUESTION],  # type: ignore[list-item]
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "drei Monate" in text
    assert len(chunks) > 5
    assert chunks[0].choices[0].delta.role == "assistant"
    assert len({chunk.id for chunk in chunks}) == 1
    last = chunks[-2]
    assert last.choices[0].finish_reason == "stop"
    assert last.model_extra is not None
    citation = last.model_extra["citations"][0]
    assert citation["quote"] == LEASE[citation["start"] : citation["end"]]
    assert last.model_extra["kontor"]["answerer"] == "extractive"
    assert chunks[-1].usage is not None
    assert not chunks[-1].choices


def test_a_language_model_answers_from_the_library_and_its_absence_is_no_failure(
    desk: Desk,
) -> None:
    with model_server() as server:
        server.words = ["Die Kündigungsfrist ", "beträgt drei Monate ", "zum Monatsende [1]."]
        desk.route(server)
        answer = desk.client.chat.completions.create(model="kontor", messages=[QUESTION])  # type: ignore[list-item]
        message = answer.choices[0].message
        assert message.model_extra is not None
        assert message.model_extra["kontor"]["answerer"] == "openai/small"
        assert message.model_extra["citations"]
        assert "<passage" in server.requests[-1]["messages"][-1]["content"]
        asked = len(server.requests)
        desk.client.chat.completions.create(model="kontor:extractive", messages=[QUESTION])  # type: ignore[list-item]
        assert len(server.requests) == asked
        server.moods = ["500"]
        answer = desk.client.chat.completions.create(model="kontor", messages=[QUESTION])  # type: ignore[list-item]
    assert "drei Monate" in str(answer.choices[0].message.content)


def test_what_was_said_before_makes_a_short_question_clear(desk: Desk) -> None:
    answer = desk.client.chat.completions.create(
        model="kontor",
        messages=[
            {"role": "system", "content": "Du bist ein Pirat."},
            {"role": "user", "content": "Wie hoch ist die Miete im Monat?"},
            {"role": "assistant", "content": "Die Miete beträgt 850 Euro im Monat."},
            {"role": "user", "content": [{"type": "text", "text": "Und wann ist sie fällig?"}]},
        ],
    )
    assert "Werktag" in str(answer.choices[0].message.content)


def test_filters_say_where_to_look(desk: Desk) -> None:
    answer = desk.client.chat.completions.create(
        model="kontor",
        messages=[QUESTION],  # type: ignore[list-item]
        extra_body={"filters": {"languages": ["en"]}},
    )
    assert "drei Monate" not in str(answer.choices[0].message.content)


def test_a_model_is_passed_through_with_its_tools_and_without_the_library(desk: Desk) -> None:
    with model_server("ok", "tools", "tools", "ok") as server:
        desk.route(server)
        whole = desk.client.chat.completions.create(
            model="small",
            messages=[QUESTION],  # type: ignore[list-item]
            temperature=0.3,
            max_tokens=99,
        )
        assert whole.choices[0].message.content == "".join(WORDS)
        assert whole.usage is not None
        assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (TOKENS_IN, TOKENS_OUT)
        sent = server.requests[0]
        assert sent["messages"] == [QUESTION]
        assert (sent["temperature"], sent["max_tokens"]) == (0.3, 99)

        called = desk.client.chat.completions.create(
            model="small",
            messages=[QUESTION],
            tools=[TOOL],  # type: ignore[list-item]
        )
        (call,) = called.choices[0].message.tool_calls or []
        assert call.function.model_dump() == TOOL_CALL  # type: ignore[union-attr]
        assert called.choices[0].finish_reason == "tool_calls"

        chunks = list(
            desk.client.chat.completions.create(
                model="small",
                messages=[QUESTION],
                tools=[TOOL],  # type: ignore[list-item]
                stream=True,
            )
        )
        deltas = [c.choices[0].delta.tool_calls for c in chunks if c.choices]
        assert next(d for d in deltas if d)[0].function.name == "find_weather"  # type: ignore[union-attr]

        answered = [
            QUESTION,
            {"role": "assistant", "content": None, "tool_calls": [call.model_dump()]},
            {"role": "tool", "tool_call_id": call.id, "content": "18 Grad"},
        ]
        desk.client.chat.completions.create(
            model="small",
            messages=answered,
            tools=[TOOL],  # type: ignore[arg-type, list-item]
        )
        assert [m["role"] for m in server.requests[-1]["messages"]] == ["user", "assistant", "tool"]


def test_embeddings_are_the_librarys_own_in_both_encodings(desk: Desk, embedder: Embedder) -> None:
    texts = ["Die Miete beträgt 850 Euro.", "Every employee has 28 days."]
    packed = desk.client.embeddings.create(model="kontor", input=texts)
    floats = desk.client.embeddings.create(model="kontor", input=texts, encoding_format="float")
    expected = embedder.embed(texts)
    for made in (packed, floats):
        assert [each.index for each in made.data] == [0, 1]
        for each, vector in zip(made.data, expected, strict=True):
            assert each.embedding == pytest.approx(vector.tolist(), abs=1e-5)
    assert packed.usage.prompt_tokens == sum(embedder.count_tokens(text) for text in texts)
    asked = desk.client.embeddings.create(
        model=packed.model, input="Miete?", extra_body={"input_type": "query"}
    )
    assert asked.data[0].embedding == pytest.approx(
        embedder.embed_question("Miete?").tolist(), abs=1e-5
    )


def test_models_are_listed_and_shown(desk: Desk) -> None:
    assert [each.id for each in desk.client.models.list()] == [
        "kontor", "kontor:extractive", "all-MiniLM-L6-v2",
    ]  # fmt: skip
    with model_server() as server:
        desk.route(server)
        assert "small" in [each.id for each in desk.client.models.list()]
        assert desk.client.models.retrieve("small").owned_by == "openai"
        desk.route(server, is_direct=False)
        with pytest.raises(openai.NotFoundError):
            desk.client.models.retrieve("small")
        with pytest.raises(openai.NotFoundError) as unknown:
            desk.client.chat.completions.create(model="small", messages=[QUESTION])  # type: ignore[list-item]
    assert unknown.value.code == "model_not_found"
    assert not server.requests


@pytest.mark.parametrize("stream", [False, True])
def test_errors_become_the_clients_own_exceptions(desk: Desk, stream: bool) -> None:
    def ask(model: str = "kontor", content: object = "x", role: str = "user") -> None:
        message = {"role": role, "content": content}
        desk.client.chat.completions.create(model=model, messages=[message], stream=stream)  # type: ignore[list-item, call-overload]

    with pytest.raises(openai.NotFoundError):
        ask(model="gpt-9")
    with pytest.raises(openai.BadRequestError) as long:
        ask(content="x" * 2001)
    assert long.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError):
        ask(content=" ")
    with pytest.raises(openai.BadRequestError):
        ask(role="assistant")
    with pytest.raises(openai.BadRequestError):
        ask(content=[{"type": "image_url", "image_url": {"url": "http://x"}}])
    with pytest.raises(openai.BadRequestError):
        desk.client.chat.completions.create(model="kontor", messages=[QUESTION], n=2, stream=stream)  # type: ignore[list-item, call-overload]
    with pytest.raises(openai.BadRequestError):
        desk.client.embeddings.create(model="kontor", input="x", dimensions=7)
    with pytest.raises(openai.NotFoundError):
        desk.client.embeddings.create(model="text-embedding-3-small", input="x")


def test_nobody_gets_in_without_a_key(desk: Desk) -> None:
    for key in ("wrong", desk.token + "x"):
        stranger = openai.OpenAI(api_key=key, base_url=f"{desk.url}/v1", max_retries=0)
        with pytest.raises(openai.AuthenticationError) as refused:
            stranger.models.list()
        assert refused.value.code == "invalid_api_key"
        stranger.close()
    for path in ("models", "models/kontor", "chat/completions", "embeddings"):
        method = "GET" if path.startswith("models") else "POST"
        body = {"model": "kontor", "messages": [QUESTION], "input": "x"}
        answer = httpx.request(method, f"{desk.url}/v1/{path}", json=body)
        assert answer.status_code == 401, path
    assert httpx.get(f"{desk.url}/v1/nothing").json()["error"]["code"] == "unknown_url"


@pytest.mark.parametrize("stream", [False, True])
def test_a_used_up_budget_and_a_model_that_is_away_say_so(desk: Desk, stream: bool) -> None:
    with model_server("500") as server:
        desk.route(server)
        with pytest.raises(openai.InternalServerError) as away:
            desk.client.chat.completions.create(model="small", messages=[QUESTION], stream=stream)  # type: ignore[list-item, call-overload]
        assert away.value.status_code == 503
        with desk.served.database.transaction(desk.principal.tenant_id) as session:
            store.record_budget(session, Budget("user", "day", 10, None, "refuse"))
        for model in ("small", "kontor"):
            with pytest.raises(openai.RateLimitError) as spent:
                desk.client.chat.completions.create(model=model, messages=[QUESTION], stream=stream)  # type: ignore[list-item, call-overload]
            assert spent.value.code == "insufficient_quota"
            assert spent.value.response.headers["x-should-retry"] == "false"
        with desk.served.database.transaction(desk.principal.tenant_id) as session:
            store.record_budget(session, Budget("user", "day", 10, None, "extract"))
        answer = desk.client.chat.completions.create(model="kontor", messages=[QUESTION])  # type: ignore[list-item]
    assert "drei Monate" in str(answer.choices[0].message.content)


def test_a_model_that_breaks_off_breaks_the_stream(desk: Desk) -> None:
    heard = ""
    with model_server("dies") as server:
        desk.route(server)
        stream = desk.client.chat.completions.create(
            model="small",
            messages=[QUESTION],  # type: ignore[list-item]
            stream=True,
        )
        with pytest.raises(openai.APIError, match="small"):
            for chunk in stream:
                heard += chunk.choices[0].delta.content or ""
    assert heard == "".join(WORDS[:2])


def test_an_http_api_gets_the_whole_answer(desk: Desk) -> None:
    """As API Gateway sends it, through the streaming runtime's own bridge."""
    import base64
    import sys
    from pathlib import Path

    layer = Path(__file__).parents[3] / "layers" / "stream" / "python"
    sys.path.insert(0, str(layer))
    try:
        from kontor_stream.asgi import asgi_handler
    finally:
        sys.path.remove(str(layer))
    from functions.openai.handler import app

    event = {
        "version": "2.0",
        "routeKey": "POST /v1/chat/completions",
        "rawPath": "/v1/chat/completions",
        "headers": {"authorization": f"Bearer {desk.token}", "content-type": "application/json"},
        "requestContext": {
            "routeKey": "POST /v1/chat/completions",
            "http": {"method": "POST", "path": "/v1/chat/completions"},
        },
        "body": json.dumps({"model": "kontor", "messages": [QUESTION], "stream": True}),
        "isBase64Encoded": False,
    }
    answer = asgi_handler(app)(event, None)
    assert isinstance(answer, dict)
    assert answer["statusCode"] == 200
    body = base64.b64decode(answer["body"]).decode()
    assert body.startswith("data: {")
    assert body.endswith("data: [DONE]\n\n")


def test_a_key_of_ours_opens_this_door_within_its_scopes(desk: Desk) -> None:
    scopes = {"chat": True, "documents:read": False}
    for scope, is_open in scopes.items():
        with desk.served.database.transaction(desk.principal.tenant_id) as session:
            made = api_keys.make_personal(
                session, desk.principal, name=scope, scopes=[scope], days=1
            )
        client = openai.OpenAI(api_key=made.secret, base_url=f"{desk.url}/v1", max_retries=0)
        if is_open:
            assert "kontor" in [model.id for model in client.models.list().data]
        else:
            with pytest.raises(openai.PermissionDeniedError):
                client.models.list()
        client.close()
    wrong = openai.OpenAI(api_key="kontor_pat_x", base_url=f"{desk.url}/v1", max_retries=0)
    with wrong, pytest.raises(openai.AuthenticationError):
        wrong.models.list()
