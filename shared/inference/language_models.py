"""Speaks with language models: one port, and an adapter that reaches any of them through LiteLLM.

LiteLLM is an optional extra and takes seconds to import, so it is loaded only when a model is
configured, and told not to fetch its price list from the network.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, Protocol

from shared.inference.model import Message
from shared.kernel.errors import InvalidError, KontorError, RefusedError, UnavailableError

_ATTEMPTS = 2
_TIMEOUT, _TOO_MANY = 408, 429
_SERVER_ERROR = 500


class LanguageModel(Protocol):
    """Port: a language model that writes an answer piece by piece."""

    @property
    def name(self) -> str:
        """What the model is called; shown beside its answers and kept in the audit trail."""
        ...

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float
    ) -> Iterator[str]:
        """Yield the answer's text in pieces, none of them empty, as the model writes them.

        Closing the iterator ends the request. Raises UnavailableError (away, slow, too busy:
        later it may work), RefusedError (key or content not accepted) or InvalidError (the
        request cannot work as it is), also in the middle of an answer.
        """
        ...


class LiteLLMLanguageModel:
    """Any model LiteLLM names, such as ``ollama_chat/llama3`` or ``openai/gpt-4o-mini``."""

    def __init__(self, name: str, *, api_base: str = "", api_key: str = "", timeout_s: int) -> None:
        if not name:
            raise InvalidError("No language model is named.", hint="Set LLM_MODEL.")
        self._litellm = _load_litellm()
        self._name = name
        self._timeout_s = timeout_s
        self._address = {
            key: value for key, value in (("api_base", api_base), ("api_key", api_key)) if value
        }

    @property
    def name(self) -> str:
        """What the model is called; shown beside its answers and kept in the audit trail."""
        return self._name

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float
    ) -> Iterator[str]:
        """Yield the answer's text in pieces; a request that fails at once is tried a second time.

        Nothing is retried once a piece has been yielded: the reader has already seen it.
        """
        if not messages:
            raise InvalidError("There is nothing to ask the language model.")
        request = {
            "model": self._name,
            "messages": [{"role": m.role, "content": m.content} for m in messages],
            "max_tokens": max_tokens,
            "temperature": temperature,
            "timeout": self._timeout_s,
        }
        return self._pieces(request)

    def __repr__(self) -> str:
        return f"LiteLLMLanguageModel({self._name!r})"

    def _pieces(self, request: Mapping[str, object]) -> Iterator[str]:
        for attempt in range(1, _ATTEMPTS + 1):
            said_something = False
            try:
                for piece in self._once(request):
                    said_something = True
                    yield piece
            except KontorError:
                raise
            except Exception as error:  # LiteLLM's errors share no base of their own
                if said_something or attempt == _ATTEMPTS or not _is_worth_a_retry(error):
                    raise self._translated(error) from error
            else:
                return

    def _once(self, request: Mapping[str, object]) -> Iterator[str]:
        """Send the request once and yield what comes; closes the connection however it ends."""
        deadline = time.monotonic() + self._timeout_s
        response: Any = None
        said_something = False
        try:
            response = self._litellm.completion(
                **request, **self._address, stream=True, num_retries=0, max_retries=0
            )
            for piece in _texts(response, self._name):
                said_something = True
                yield piece
                if time.monotonic() > deadline:
                    raise UnavailableError(
                        f"The language model {self._name} took longer than {self._timeout_s} s.",
                        hint="Ask for less, or raise LLM_TIMEOUT_S.",
                    )
        finally:
            _close(response)
        if not said_something:
            raise UnavailableError(
                f"The language model {self._name} answered nothing.",
                hint="Ask again; if it stays silent, read the model server's own log.",
            )

    def _translated(self, error: Exception) -> KontorError:
        """Map a vendor error by its status; its text may repeat prompt or key, so it stays out."""
        status = _status(error)
        name = f"The language model {self._name}"
        kind = type(error).__name__
        if kind == "ContentPolicyViolationError":
            return _blocked(self._name)
        if kind == "ContextWindowExceededError":
            return InvalidError(
                f"{name} cannot read that much text.", hint="Ask with fewer or shorter passages."
            )
        if status in {401, 403}:
            return RefusedError(
                f"{name} did not accept the key.", hint="Check LLM_API_KEY and LLM_API_BASE."
            )
        if status >= _SERVER_ERROR or status in {_TIMEOUT, _TOO_MANY}:
            return self._away(status, kind)
        return InvalidError(
            f"{name} did not accept the request (status {status}).",
            hint="Check that LLM_MODEL names a model that exists at LLM_API_BASE.",
        )

    def _away(self, status: int, kind: str) -> UnavailableError:
        name = f"The language model {self._name}"
        if status == _TOO_MANY:
            return UnavailableError(f"{name} is too busy.", hint="Wait a moment, then ask again.")
        if status == _TIMEOUT:
            return UnavailableError(
                f"{name} did not answer within {self._timeout_s} s.",
                hint="Ask again, or raise LLM_TIMEOUT_S.",
            )
        return UnavailableError(
            f"{name} is away or broken ({kind}).",
            hint="Check that it runs at LLM_API_BASE, then ask again.",
        )


def _load_litellm() -> ModuleType:
    # The import itself reads this variable; without it LiteLLM asks the network for prices.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # noqa: TID251 - vendor's switch
    try:
        import litellm
    except ModuleNotFoundError as error:
        raise UnavailableError(
            "A language model is configured, but LiteLLM is not installed.",
            hint="Install kontor[llm], or unset LLM_MODEL to get extractive answers.",
        ) from error
    litellm.telemetry = False
    litellm.drop_params = True
    litellm.suppress_debug_info = True
    module: ModuleType = litellm
    return module


def _texts(response: Any, name: str) -> Iterator[str]:
    for chunk in response:
        for choice in chunk.choices:
            if choice.delta.content:
                yield str(choice.delta.content)
            if choice.finish_reason == "content_filter":
                raise _blocked(name)


def _blocked(name: str) -> RefusedError:
    return RefusedError(
        f"The language model {name} declined to answer this.", hint="Ask in other words."
    )


def _status(error: Exception) -> int:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else _SERVER_ERROR


def _is_worth_a_retry(error: Exception) -> bool:
    """Whether asking again at once may help: a hiccup, but neither a queue nor a full wait."""
    return _status(error) >= _SERVER_ERROR


def _close(response: Any) -> None:
    """End the HTTP request behind a stream; LiteLLM's wrapper can only do so asynchronously."""
    close = getattr(getattr(response, "completion_stream", None), "close", None)
    if callable(close):
        close()
