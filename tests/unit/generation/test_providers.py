"""LiteLLM's adapter against a server of our own, in every protocol and all its moods."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shared.generation.model import NANO, Ending, Piece, Request, Route, TextPiece, ToolPiece
from shared.generation.providers import COOL_S, DEFAULT_WINDOW, Providers, RouteFailedError
from shared.kernel.errors import InvalidError, KontorError, RefusedError, UnavailableError
from tests.unit.generation.model_server import (
    TOKENS_IN,
    TOKENS_OUT,
    TOOL_CALL,
    WORDS,
    model_server,
)

# LiteLLM's own models warn about their own annotations, in threads of their own.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
QUESTION = [
    {"role": "system", "content": "Antworte kurz."},
    {"role": "user", "content": "Welche Frist gilt?"},
]
ROOT = Path(__file__).parents[3]


def ask(
    address: str,
    *,
    model: str = "openai/small",
    timeout_s: int = 10,
    first_word_s: float = 10,
    **options: object,
) -> list[Piece]:
    route = Route(name="small", model=model, api_base=address, timeout_s=timeout_s)
    request = Request(purpose="chat", messages=QUESTION, max_tokens=50, options=options)
    return list(
        Providers().stream(
            route,
            request,
            key="sk-key",
            first_word_s=first_word_s,
            private_hosts=frozenset({"127.0.0.1"}),
        )
    )


def words(pieces: list[Piece]) -> list[str]:
    return [piece.text for piece in pieces if isinstance(piece, TextPiece)]


def failure(address: str, **how: float) -> RouteFailedError:
    with pytest.raises(RouteFailedError) as caught:
        ask(address, **how)  # type: ignore[arg-type]
    return caught.value


def test_answer_comes_in_pieces_and_the_request_says_what_was_asked() -> None:
    with model_server() as server:
        pieces = ask(server.address, temperature=0.2)
    assert words(pieces) == WORDS
    (request,) = server.requests
    assert (request["model"], request["stream"], request["max_tokens"]) == ("small", True, 50)
    assert request["temperature"] == 0.2
    assert request["messages"] == QUESTION
    assert server.keys == ["Bearer sk-key"]
    ending = pieces[-1]
    assert isinstance(ending, Ending)
    assert (ending.tokens_in, ending.tokens_out) == (TOKENS_IN, TOKENS_OUT)
    assert (ending.finish, ending.is_estimated, ending.route) == ("stop", False, "small")


@pytest.mark.parametrize(
    ("model", "header"),
    [
        ("anthropic/claude-3-5-haiku-20241022", "x-api-key"),
        ("ollama_chat/llama3", "authorization"),
        ("hosted_vllm/qwen", "authorization"),
    ],
)
def test_every_protocol_streams_words_and_counts(model: str, header: str) -> None:
    with model_server() as server:
        is_openai = model.startswith("hosted_vllm/")
        pieces = ask(server.address if is_openai else server.root, model=model)
    assert words(pieces) == WORDS
    ending = pieces[-1]
    assert isinstance(ending, Ending)
    assert (ending.tokens_in, ending.tokens_out) == (TOKENS_IN, TOKENS_OUT)
    assert "sk-key" in server.headers[0][header]


def test_bedrock_streams_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    monkeypatch.setenv("AWS_REGION_NAME", "eu-central-1")
    with model_server() as server:
        pieces = ask(server.root, model="bedrock/anthropic.claude-3-5-sonnet-20240620-v1:0")
    assert words(pieces) == WORDS
    ending = pieces[-1]
    assert isinstance(ending, Ending)
    assert (ending.tokens_in, ending.tokens_out) == (TOKENS_IN, TOKENS_OUT)
    assert ending.cost_nanousd > 0
    assert server.keys[0].startswith("AWS4-HMAC-SHA256")


def test_a_server_that_does_not_count_is_estimated() -> None:
    with model_server("no-usage") as server:
        ending = ask(server.address)[-1]
    assert isinstance(ending, Ending)
    assert ending.is_estimated
    assert 5 <= ending.tokens_in <= 60
    assert 5 <= ending.tokens_out <= 30


def test_calls_of_the_askers_tools_are_passed_on() -> None:
    with model_server("tools") as server:
        pieces = ask(server.address, tools=[{"type": "function", "function": {"name": "x"}}])
    assert server.requests[0]["tools"][0]["function"]["name"] == "x"
    (call,) = [call for piece in pieces if isinstance(piece, ToolPiece) for call in piece.calls]
    assert call["function"] == TOOL_CALL
    ending = pieces[-1]
    assert isinstance(ending, Ending)
    assert ending.finish == "tool_calls"


@pytest.mark.parametrize(
    ("mood", "error", "cools", "is_hiccup"),
    [
        ("500", UnavailableError, COOL_S, True),
        ("503", UnavailableError, COOL_S, True),
        ("429", UnavailableError, COOL_S, False),
        ("429 7", UnavailableError, 7.0, False),
        ("429 99999", UnavailableError, 600.0, False),
        ("401", RefusedError, COOL_S, False),
        ("403", RefusedError, COOL_S, False),
        ("400", InvalidError, 0.0, False),
        ("404", InvalidError, COOL_S, False),
        ("silent", UnavailableError, COOL_S, False),
        ("garbage", UnavailableError, COOL_S, False),
    ],
)
def test_failures_become_our_errors_without_repeating_what_the_vendor_said(
    mood: str, error: type[KontorError], cools: float, is_hiccup: bool
) -> None:
    with model_server(mood) as server:
        failed = failure(server.address)
        assert len(server.requests) == 1
    assert type(failed.error) is error
    assert failed.cool_s == cools
    assert failed.is_hiccup is is_hiccup
    assert not failed.is_final
    assert failed.error.hint
    assert "secret" not in failed.error.detail
    assert "sk-key" not in failed.error.detail + failed.error.hint


def test_what_was_declined_would_be_declined_elsewhere() -> None:
    with model_server("filtered") as server:
        failed = failure(server.address)
    assert failed.is_final
    assert isinstance(failed.error, RefusedError)


@pytest.mark.parametrize("model", ["openai/x", "anthropic/claude-haiku-4-5", "ollama_chat/x"])
def test_nobody_is_led_from_the_address_to_another(model: str) -> None:
    with model_server() as inside:
        with model_server(f"307 {inside.root}") as outside:
            address = outside.address if model == "openai/x" else outside.root
            with pytest.raises(RouteFailedError):
                ask(address, model=model)
        assert len(outside.requests) == 1
        assert not inside.requests


def test_broken_json_is_an_error_and_not_an_answer() -> None:
    with model_server("broken-json") as server:
        assert isinstance(failure(server.address).error, UnavailableError)


def test_silence_ends_at_the_time_for_the_first_word() -> None:
    with model_server("stall") as server:
        failed = failure(server.address, first_word_s=0.2)
    assert isinstance(failed.error, UnavailableError)
    assert "did not answer" in failed.error.detail
    assert not failed.is_hiccup


def test_endless_talk_ends_at_the_routes_timeout() -> None:
    with model_server("endless") as server:
        failed = failure(server.address, timeout_s=1)
    assert "longer than 1 s" in failed.error.detail


def test_a_server_that_writes_on_past_the_limit_is_cut_off() -> None:
    with model_server() as server:
        server.words = ["Wort " * 1000] * 100
        failed = failure(server.address)
    assert "past the 50 tokens" in failed.error.detail


def test_line_cut_in_mid_answer_is_not_taken_for_the_end() -> None:
    route_words = []
    with model_server("dies") as server:
        route = Route(
            name="small", model="openai/small", api_base=server.address, is_deployments=True
        )
        request = Request(purpose="chat", messages=QUESTION, max_tokens=50)
        pieces = Providers().stream(route, request, key="k", first_word_s=10)
        with pytest.raises(RouteFailedError) as caught:
            route_words.extend(piece.text for piece in pieces if isinstance(piece, TextPiece))
    assert isinstance(caught.value.error, UnavailableError)


def test_reader_who_leaves_ends_the_request() -> None:
    with model_server("endless") as server:
        route = Route(
            name="small", model="openai/small", api_base=server.address, is_deployments=True
        )
        request = Request(purpose="chat", messages=QUESTION, max_tokens=50)
        pieces = Providers().stream(route, request, key="k", first_word_s=10)
        assert next(pieces) == TextPiece(WORDS[0])
        pieces.close()  # type: ignore[attr-defined]
        assert server.hung_up.wait(10)


def test_nobody_at_the_address_is_unavailable() -> None:
    with model_server() as server:
        address = server.address
    failed = failure(address)
    assert "away or broken" in failed.error.detail
    assert failed.is_hiccup


def test_unknown_provider_is_invalid() -> None:
    with pytest.raises(RouteFailedError) as caught:
        ask("", model="no-such-provider/x")
    assert isinstance(caught.value.error, InvalidError)


def test_prices_are_the_routes_own_or_those_on_the_list() -> None:
    providers = Providers()
    listed = Route(name="a", model="openai/gpt-4o-mini")
    assert providers.cost_nanousd(listed, 1_000_000, 0) == round(0.15 * NANO)
    assert providers.cost_nanousd(listed, 0, 1_000_000) == round(0.60 * NANO)
    own = Route(name="b", model="openai/gpt-4o-mini", price_in_usd=2.0, price_out_usd=8.0)
    assert providers.cost_nanousd(own, 500_000, 250_000) == 3 * NANO
    assert providers.cost_nanousd(Route(name="c", model="openai/unheard-of"), 1000, 1000) == 0


def test_windows_are_the_routes_own_or_those_on_the_list() -> None:
    providers = Providers()
    assert providers.window(Route(name="a", model="openai/gpt-4o-mini")) == 128_000
    assert providers.window(Route(name="a", model="openai/x", context_tokens=99)) == 99
    assert providers.window(Route(name="a", model="ollama_chat/unheard-of")) == DEFAULT_WINDOW


def test_what_is_too_long_for_the_window_is_cut_to_it() -> None:
    passages = "".join(
        f'<passage number="{n}" from="x">\n{"lange Rede " * 120}\n</passage>\n' for n in (1, 2, 3)
    )
    history = [{"role": "user", "content": "alt " * 300}, {"role": "assistant", "content": "ja"}]
    messages = [QUESTION[0], *history, {"role": "user", "content": f"{passages}Frage?"}]
    with model_server() as server:
        route = Route(
            name="s",
            model="openai/small",
            is_deployments=True,
            api_base=server.address,
            context_tokens=600,
        )
        request = Request(purpose="chat", messages=messages, max_tokens=100)
        list(Providers().stream(route, request, key="k", first_word_s=10))
    sent = server.requests[0]["messages"]
    assert [message["role"] for message in sent] == ["system", "user"]
    assert 'number="1"' in sent[1]["content"]
    assert 'number="3"' not in sent[1]["content"]
    assert sent[1]["content"].endswith("Frage?")


def test_nothing_is_fetched_and_nothing_is_imported_before_it_is_needed() -> None:
    """The whole life of the adapter but the request itself, without any network."""
    script = """
import socket, sys
def refuse(*args, **kwargs):
    raise SystemExit(f"network: {args}")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
import shared.generation.providers as providers, shared.generation.bridge
import shared.generation.switchboard, shared.generation.service
assert "litellm" not in sys.modules and "botocore" not in sys.modules
litellm = providers.load_litellm()
from shared.generation.model import Route
route = Route(name="a", model="openai/gpt-4o-mini")
made = providers.Providers()
assert made.window(route) and made.cost_nanousd(route, 1000, 1000)
for model in ("openai/gpt-4o-mini", "ollama_chat/llama3", "anthropic/claude-3-haiku-20240307"):
    assert litellm.token_counter(model=model, messages=[{"role": "user", "content": "eins"}])
assert litellm.telemetry is False
print("quiet")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip().endswith("quiet"), done.stdout + done.stderr


def test_a_missing_litellm_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.generation import providers

    monkeypatch.setitem(sys.modules, "litellm", None)
    with pytest.raises(UnavailableError) as missing:
        providers.load_litellm.__wrapped__()
    assert "litellm" in missing.value.hint
