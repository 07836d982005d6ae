"""A language model as a person sets it up: a route, a test call, answers, usage, OpenAI's API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest

from tests.journeys.conftest import Server
from tests.unit.generation.model_server import ModelServer, model_server

CLAUSE = """# Werkvertrag Dach

## Gewährleistung

Die Gewährleistung für das Dach der Halle Nord beträgt sieben Jahre ab Abnahme.
"""
ANSWER = ["Die Gewährleistung ", "für das Dach der Halle Nord ", "beträgt sieben Jahre ", "[1]."]
QUESTION = "Wie lange ist die Gewährleistung für das Dach der Halle Nord?"


@pytest.fixture(scope="module")
def model(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    """A model's server with a route to it, and a document to ask about."""
    folder = tmp_path_factory.mktemp("works")
    (folder / "Werkvertrag.md").write_text(CLAUSE, "utf-8")
    server.kontor("put", str(folder))
    with model_server() as made:
        made.words = ANSWER
        server.kontor(
            "llm", "routes", "set", "house", "--model", "openai/house", "--api-base",
            made.address, "--direct", "--price-in", "1", "--price-out", "2",
        )  # fmt: skip
        # A cold function loads LiteLLM first, on a busy machine longer than a request may wait.
        server.wait(lambda: not server.kontor("llm", "test", "house", ok=False).returncode, 150)
        yield made
        server.kontor("llm", "routes", "remove", "house")


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[openai.OpenAI]:
    """OpenAI's own client, pointed at the function's URL as GET /api/v1/endpoints tells it."""
    login = server.profile()
    signed_in = httpx.post(
        f"{server.api}/auth/login",
        json={"email": login["email"], "password": login["password"]},
        timeout=60,
    )
    told = httpx.get(f"{server.api}/api/v1/endpoints", timeout=60).json()
    with openai.OpenAI(
        api_key=signed_in.json()["access_token"],
        base_url=told["openai_url"],
        max_retries=0,
        timeout=120,
    ) as made:
        yield made


def test_a_route_is_tried_and_its_usage_shown(server: Server, model: ModelServer) -> None:
    tried = json.loads(server.kontor("llm", "test", "house", "--json").stdout)
    assert tried["text"] == "".join(ANSWER)
    assert tried["tokens_in"] > 0
    listed = server.kontor("llm", "routes", "list").stdout
    assert "house" in listed
    assert "ready" in listed
    used = server.kontor("llm", "usage", "--days", "1").stdout
    assert "openai/house" in used
    assert server.profile()["email"] in used


def test_the_model_answers_from_the_library_through_its_own_function(
    server: Server, model: ModelServer
) -> None:
    given = json.loads(server.kontor("ask", "--json", QUESTION).stdout)
    assert given["answerer"] == "openai/house"
    assert "sieben Jahre" in given["answer"]
    assert given["citations"][0]["quote"].startswith("Die Gewährleistung")


def test_openais_client_streams_from_the_library(model: ModelServer, client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="kontor", messages=[{"role": "user", "content": QUESTION}], stream=True
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "sieben Jahre" in text
    assert "[1]" in text
    extra = chunks[-1].model_extra
    assert extra is not None
    # Where the library was asked the same before, it says so in brackets.
    assert extra["kontor"]["answerer"].partition(" ")[0] == "openai/house"
    assert extra["citations"][0]["title"] == "Werkvertrag"


def test_openais_client_speaks_to_the_model_itself_and_is_refused_like_any_other(
    server: Server, model: ModelServer, client: openai.OpenAI
) -> None:
    answer = client.chat.completions.create(
        model="house", messages=[{"role": "user", "content": "Hallo"}]
    )
    assert answer.choices[0].message.content == "".join(ANSWER)
    assert model.requests[-1]["messages"] == [{"role": "user", "content": "Hallo"}]
    assert "house" in [each.id for each in client.models.list()]
    assert len(client.embeddings.create(model="kontor", input="Dach").data[0].embedding) == 384
    with (
        openai.OpenAI(api_key="x", base_url=str(client.base_url), max_retries=0) as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.models.list()
    whole = httpx.post(
        f"{server.api}/v1/chat/completions",
        headers={"authorization": f"Bearer {client.api_key}"},
        json={"model": "kontor", "messages": [{"role": "user", "content": QUESTION}]},
        timeout=60,
    )
    assert "sieben Jahre" in whole.json()["choices"][0]["message"]["content"]


def test_when_the_model_fails_or_the_budget_is_used_up_answers_are_quoted(
    server: Server, model: ModelServer
) -> None:
    # In other words: what the model said before would be said again.
    question = "Wie viele Jahre gilt die Gewährleistung des Dachs der Halle Nord?"
    server.kontor("llm", "budget", "set", "tenant", "day", "--tokens", "1")
    given = json.loads(server.kontor("ask", "--json", question).stdout)
    assert given["answerer"].startswith("extractive")
    assert "sieben Jahre" in given["answer"]
    assert "extract" in server.kontor("llm", "budget", "list").stdout
    server.kontor("llm", "budget", "remove", "tenant", "day")
    model.moods = ["500"]
    given = json.loads(server.kontor("ask", "--json", question).stdout)
    assert given["answerer"].startswith("extractive")
    model.moods = ["ok"]


def test_nobody_calls_the_models_function_without_a_signature(server: Server) -> None:
    assert httpx.post(f"{server.api}/_url/llm", json={}, timeout=60).status_code == 403


def test_wrong_routes_are_refused_in_a_sentence(server: Server, tmp_path: Path) -> None:
    refused = server.kontor(
        "llm", "routes", "set", "x", "--model", "openai/x", "--api-base", "http://10.0.0.1",
        ok=False,
    )  # fmt: skip
    assert refused.returncode != 0
    assert "LLM_PRIVATE_HOSTS" in refused.stderr
