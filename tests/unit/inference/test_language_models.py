"""LiteLLM's adapter against a server of our own, in all its moods."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from shared.inference.language_models import LiteLLMLanguageModel
from shared.inference.model import Message
from shared.kernel.errors import InvalidError, KontorError, RefusedError, UnavailableError
from tests.unit.inference.model_server import WORDS, ModelServer, model_server

NEEDS_LITELLM = pytest.mark.skipif(
    importlib.util.find_spec("litellm") is None, reason="the extra kontor[llm] is not installed"
)
# LiteLLM's own models warn about their own annotations, in threads of their own.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
QUESTION = [Message("system", "Antworte kurz."), Message("user", "Welche Frist gilt?")]


def ask(server: ModelServer, *, timeout_s: int = 10) -> list[str]:
    model = LiteLLMLanguageModel(
        "openai/small", api_base=server.address, api_key="sk-key", timeout_s=timeout_s
    )
    return list(model.stream(QUESTION, max_tokens=50, temperature=0.2))


@NEEDS_LITELLM
def test_answer_comes_in_pieces_and_the_request_says_what_was_asked() -> None:
    with model_server() as server:
        assert ask(server) == WORDS
    (request,) = server.requests
    assert request["model"] == "small"
    assert request["stream"] is True
    assert request["max_tokens"] == 50
    assert request["messages"][1] == {"role": "user", "content": "Welche Frist gilt?"}
    assert server.keys == ["Bearer sk-key"]


@NEEDS_LITELLM
@pytest.mark.parametrize(
    ("mood", "error", "requests"),
    [
        ("500", UnavailableError, 2),
        ("503", UnavailableError, 2),
        ("429", UnavailableError, 1),
        ("401", RefusedError, 1),
        ("403", RefusedError, 1),
        ("400", InvalidError, 1),
        ("404", InvalidError, 1),
        ("silent", UnavailableError, 1),
        ("filtered", RefusedError, 1),
    ],
)
def test_failures_become_our_errors_without_repeating_what_the_vendor_said(
    mood: str, error: type[KontorError], requests: int
) -> None:
    with model_server(mood) as server:
        with pytest.raises(error) as caught:
            ask(server)
        assert len(server.requests) == requests
    assert caught.value.hint
    assert "secret" not in caught.value.detail
    assert "sk-key" not in caught.value.detail + caught.value.hint


@NEEDS_LITELLM
def test_one_hiccup_is_survived() -> None:
    with model_server("500", "ok") as server:
        assert ask(server) == WORDS


@NEEDS_LITELLM
def test_rubbish_is_an_error_and_not_an_answer() -> None:
    with model_server("garbage") as server, pytest.raises(UnavailableError):
        ask(server)


@NEEDS_LITELLM
def test_silence_ends_at_the_timeout() -> None:
    with model_server("stall") as server, pytest.raises(UnavailableError, match="within 1 s"):
        ask(server, timeout_s=1)
    assert len(server.requests) == 1


@NEEDS_LITELLM
def test_endless_talk_ends_at_the_timeout() -> None:
    with model_server("endless") as server, pytest.raises(UnavailableError, match="longer than 1"):
        ask(server, timeout_s=1)


@NEEDS_LITELLM
def test_line_cut_in_mid_answer_is_not_retried_and_not_taken_for_the_end() -> None:
    with model_server("dies") as server:
        model = LiteLLMLanguageModel(
            "openai/small", api_base=server.address, api_key="k", timeout_s=10
        )
        pieces = model.stream(QUESTION, max_tokens=50, temperature=0)
        heard = [next(pieces), next(pieces)]
        with pytest.raises(UnavailableError):
            next(pieces)
        assert heard == WORDS[:2]
        assert len(server.requests) == 1


@NEEDS_LITELLM
def test_reader_who_leaves_ends_the_request() -> None:
    with model_server("endless") as server:
        model = LiteLLMLanguageModel(
            "openai/small", api_base=server.address, api_key="k", timeout_s=30
        )
        pieces = model.stream(QUESTION, max_tokens=50, temperature=0)
        assert next(pieces) == WORDS[0]
        pieces.close()  # type: ignore[attr-defined]
        assert server.hung_up.wait(10)


@NEEDS_LITELLM
def test_nobody_at_the_address_is_unavailable() -> None:
    with model_server() as server:
        address = server.address
    model = LiteLLMLanguageModel("openai/small", api_base=address, api_key="k", timeout_s=5)
    with pytest.raises(UnavailableError, match="away or broken"):
        list(model.stream(QUESTION, max_tokens=5, temperature=0))


@NEEDS_LITELLM
def test_unknown_provider_and_empty_conversation_are_invalid() -> None:
    model = LiteLLMLanguageModel("no-such-provider/x", timeout_s=5)
    with pytest.raises(InvalidError, match="did not accept the request"):
        list(model.stream(QUESTION, max_tokens=5, temperature=0))
    with pytest.raises(InvalidError, match="nothing to ask"):
        model.stream([], max_tokens=5, temperature=0)


def test_missing_name_and_missing_extra_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidError) as unnamed:
        LiteLLMLanguageModel("", timeout_s=5)
    assert "LLM_MODEL" in unnamed.value.hint
    monkeypatch.setitem(sys.modules, "litellm", None)
    with pytest.raises(UnavailableError) as missing:
        LiteLLMLanguageModel("openai/small", timeout_s=5)
    assert "kontor[llm]" in missing.value.hint


def test_importing_the_port_does_not_load_litellm() -> None:
    script = "import sys, shared.inference.language_models; print('litellm' in sys.modules)"
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
