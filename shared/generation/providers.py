"""Speaks with the providers' servers through LiteLLM: one request, one stream, our own errors.

LiteLLM takes seconds to import and would fetch its price list from the network, so it is loaded
when the first request is made, and told to use the list it carries.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partialmethod
from types import ModuleType
from typing import Any

from shared.adapters.allowing import EVERYBODY, AllowList
from shared.generation.model import NANO, Ending, Piece, Request, Route, TextPiece, ToolPiece
from shared.generation.window import count_roughly, estimate_tokens, fit, may_exceed
from shared.kernel.errors import InvalidError, KontorError, RefusedError, UnavailableError

_TIMEOUT, _TOO_MANY = 408, 429
_NOT_FOUND = 404
_SERVER_ERROR = 500
COOL_S = 30.0
"""How long a route that failed is left alone, unless its server names a time of its own."""
LONGEST_COOL_S = 600.0
_MOST_CHARS_PER_TOKEN = 16
_SHORTEST_OVERRUN_CHARS = 4096
"""Past both, a server does not keep to the limit, whatever its tokens are."""
DEFAULT_WINDOW = 8192
"""Tokens a model is taken to read when neither the route nor LiteLLM's list says."""


class RouteFailedError(Exception):
    """A route did not answer: why, how long to leave it alone, and whether to ask once more.

    ``is_final``: no other route would do better, because the request itself was declined.
    """

    def __init__(
        self, error: KontorError, *, cool_s: float = 0.0, is_hiccup: bool = False, is_final: bool
    ) -> None:
        super().__init__(error.detail)
        self.error = error
        self.cool_s = cool_s
        self.is_hiccup = is_hiccup
        self.is_final = is_final


class Providers:
    """Makes single requests; which route to take and what to do on failure is decided above."""

    def prepare(self) -> None:
        """Load LiteLLM; later calls find it there. Raises UnavailableError."""
        load_litellm()

    def stream(
        self,
        route: Route,
        request: Request,
        *,
        key: str,
        first_word_s: float,
        private_hosts: frozenset[str] = frozenset(),
        allow: AllowList = EVERYBODY,
    ) -> Iterator[Piece]:
        """Send a request once and yield what comes, an ``Ending`` last.

        A tenant's own route reaches those public servers that ``allow`` permits and
        ``private_hosts``, a deployment's anything.
        Closing the iterator ends the HTTP request. Raises RouteFailedError, whatever went wrong.
        """
        try:
            inside = None if route.is_deployments else private_hosts
            yield from self._pieces(
                route, request, key=key, first_word_s=first_word_s, inside=inside, allow=allow
            )
        except (RouteFailedError, GeneratorExit):
            raise
        except KontorError as error:
            raise RouteFailedError(error, is_final=False) from error
        except Exception as error:  # LiteLLM's errors share no base of their own
            raise _translated(route, error, first_word_s) from error

    def window(self, route: Route) -> int:
        """Return how many tokens a route's model reads and writes together."""
        if route.context_tokens:
            return route.context_tokens
        litellm = load_litellm()
        try:
            info = litellm.get_model_info(route.model)
        except Exception:  # noqa: BLE001 - LiteLLM raises bare exceptions for models not on its list
            return DEFAULT_WINDOW
        return int(info.get("max_input_tokens") or info.get("max_tokens") or DEFAULT_WINDOW)

    def cost_nanousd(self, route: Route, tokens_in: int, tokens_out: int) -> int:
        """Return what tokens cost: by the route's prices, else LiteLLM's list, else nothing."""
        if route.price_in_usd is not None or route.price_out_usd is not None:
            return cost_by_route(route, tokens_in, tokens_out)
        litellm = load_litellm()
        costs: tuple[float, float]
        try:
            costs = litellm.cost_per_token(
                model=route.model, prompt_tokens=tokens_in, completion_tokens=tokens_out
            )
        except Exception:  # noqa: BLE001 - as above: a model that is not on the list is free
            return 0
        return round((costs[0] + costs[1]) * NANO)

    def _pieces(
        self,
        route: Route,
        request: Request,
        *,
        key: str,
        first_word_s: float,
        inside: frozenset[str] | None,
        allow: AllowList,
    ) -> Iterator[Piece]:
        litellm = load_litellm()
        from shared.generation.pinning import reaching

        messages = self._fitting(litellm, route, request)
        deadline = time.monotonic() + route.timeout_s
        heard = _Heard(route)
        response: Any = None
        try:
            with reaching(inside, allow=allow):
                response = litellm.completion(
                    model=route.model,
                    messages=messages,
                    max_tokens=request.max_tokens,
                    stream=True,
                    stream_options={"include_usage": True},
                    timeout=min(first_word_s, float(route.timeout_s)),
                    num_retries=0,
                    max_retries=0,
                    # Tools are the asker's own; LiteLLM's gateway needs a package it lacks.
                    _skip_mcp_handler=True,
                    **_address(route, key),
                    **request.options,
                )
            for chunk in response:
                yield from heard.take(chunk)
                heard.check(deadline, most_tokens=request.max_tokens)
        finally:
            _close(response)
        yield heard.ending(self, messages, is_counted=_is_counted(response))

    def _fitting(
        self, litellm: ModuleType, route: Route, request: Request
    ) -> list[Mapping[str, object]]:
        messages = list(request.messages)
        room = self.window(route) - min(request.max_tokens, self.window(route) // 2)
        if not may_exceed(messages, room):
            return messages

        def count(some: Sequence[Mapping[str, object]]) -> int:
            return int(litellm.token_counter(model=route.model, messages=list(some)))

        return fit(messages, room, count=count)


class _Heard:
    """Reads a stream's chunks and remembers what the end needs."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._chars = 0
        self._finish = ""
        self._usage: Any = None

    def take(self, chunk: Any) -> Iterator[Piece]:
        if getattr(chunk, "usage", None) is not None:
            self._usage = chunk.usage
        for choice in chunk.choices:
            delta = choice.delta
            if getattr(delta, "content", None):
                self._chars += len(delta.content)
                yield TextPiece(str(delta.content))
            if getattr(delta, "tool_calls", None):
                calls = [_plain(call) for call in delta.tool_calls]
                self._chars += sum(len(str(call)) for call in calls)
                yield ToolPiece(calls)
            if choice.finish_reason:
                self._finish = str(choice.finish_reason)
            if choice.finish_reason == "content_filter":
                raise RouteFailedError(_declined(self._route), is_final=True)

    def check(self, deadline: float, *, most_tokens: int) -> None:
        """Raise UnavailableError when an answer has no end, in time or in length."""
        name, limit_s = f"The language model {self._route.name}", self._route.timeout_s
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"{name} took longer than {limit_s} s.",
                hint="Ask for less, or raise the route's timeout.",
            )
        if self._chars > _SHORTEST_OVERRUN_CHARS + most_tokens * _MOST_CHARS_PER_TOKEN:
            raise UnavailableError(
                f"{name} wrote on past the {most_tokens} tokens it was asked for.",
                hint="Check that its server keeps to max_tokens.",
            )

    def ending(
        self,
        providers: Providers,
        messages: Sequence[Mapping[str, object]],
        *,
        is_counted: bool,
    ) -> Ending:
        """Say how it ended; raises RouteFailedError when nothing was said."""
        if not self._chars:
            raise RouteFailedError(
                UnavailableError(
                    f"The language model {self._route.name} answered nothing.",
                    hint="Ask again; if it stays silent, read the model server's own log.",
                ),
                cool_s=COOL_S,
                is_final=False,
            )
        tokens_in = int(getattr(self._usage, "prompt_tokens", 0) or 0)
        tokens_out = int(getattr(self._usage, "completion_tokens", 0) or 0)
        if not is_counted:
            tokens_in = tokens_in or count_roughly(messages)
            tokens_out = tokens_out or estimate_tokens("x" * self._chars)
        return Ending(
            route=self._route.name,
            model=self._route.model,
            finish=self._finish or "stop",
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            cost_nanousd=providers.cost_nanousd(self._route, tokens_in, tokens_out),
            is_estimated=not is_counted,
        )


def cost_by_route(route: Route, tokens_in: int, tokens_out: int) -> int:
    """Return what tokens cost by the route's own prices, in billionths of a US dollar."""
    per_million = tokens_in * (route.price_in_usd or 0) + tokens_out * (route.price_out_usd or 0)
    return round(per_million * NANO / 1_000_000)


@cache
def load_litellm() -> ModuleType:
    """Import LiteLLM with everything off that it would do by itself.

    Raises UnavailableError when it is not installed.
    """
    # The import itself reads this variable; without it LiteLLM asks the network for prices.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # noqa: TID251 - vendor's switch
    make_record = logging.getLogRecordFactory()
    try:
        import litellm
    except ModuleNotFoundError as error:
        raise UnavailableError(
            "A language model is configured, but LiteLLM is not installed.",
            hint="Install litellm, or remove the routes to get extractive answers.",
        ) from error
    finally:
        # The import makes every log line of the process, ours too, carry a field of its own.
        logging.setLogRecordFactory(make_record)
    litellm.telemetry = False
    litellm.drop_params = True
    litellm.suppress_debug_info = True
    litellm.disable_hf_tokenizer_download = True
    _stay_at_the_address(litellm)
    # What it logs of failures repeats prompts.
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
    module: ModuleType = litellm
    return module


def _stay_at_the_address(litellm: Any) -> None:
    """Follow no redirects, and connect to what was checked: where a name points to may change."""
    import httpx
    from litellm.llms.custom_httpx.http_handler import HTTPHandler

    from shared.generation.pinning import pinned_transport

    # What OpenAI's client uses; all others are made by the handler, with a transport each.
    litellm.client_session = httpx.Client(follow_redirects=False, transport=pinned_transport())
    HTTPHandler._create_sync_transport = lambda _self: pinned_transport()  # type: ignore[method-assign, assignment]  # noqa: SLF001
    HTTPHandler.__init__ = partialmethod(  # type: ignore[method-assign, assignment]
        HTTPHandler.__init__, follow_redirects=False
    )


def _address(route: Route, key: str) -> dict[str, str]:
    """Say where and with which key; never leave LiteLLM to look for a key in the environment."""
    address = {"api_base": route.api_base} if route.api_base else {}
    if route.provider == "bedrock":
        # It signs with the function's role; only a deployment's own routes may name it.
        return {"aws_bedrock_runtime_endpoint": route.api_base} if route.api_base else {}
    return {**address, "api_key": key or "none"}


def _is_counted(response: Any) -> bool:
    """Tell whether the server itself said how many tokens it took; else LiteLLM has estimated."""
    chunks = getattr(response, "chunks", None) or []
    return any(getattr(chunk, "usage", None) is not None for chunk in chunks)


def _plain(call: Any) -> Mapping[str, object]:
    made: dict[str, object] = call if isinstance(call, dict) else call.model_dump(exclude_none=True)
    return made


def _translated(route: Route, error: Exception, waited_s: float) -> RouteFailedError:
    """Map a vendor error by its status; its text may repeat prompt or key, so it stays out."""
    status = _status(error)
    kind = type(error).__name__
    name = f"The language model {route.name}"
    refusal = _refusal(error)
    if refusal is not None:
        return RouteFailedError(refusal, cool_s=COOL_S, is_final=False)
    if kind == "ContentPolicyViolationError":
        return RouteFailedError(_declined(route), is_final=True)
    if kind == "ContextWindowExceededError":
        known = InvalidError(
            f"{name} cannot read that much text.", hint="Ask with fewer or shorter passages."
        )
        return RouteFailedError(known, is_final=False)
    if status in {401, 403}:
        refused = RefusedError(
            f"{name} did not accept the key.", hint="Check the route's key and address."
        )
        return RouteFailedError(refused, cool_s=COOL_S, is_final=False)
    if status >= _SERVER_ERROR or status in {_TIMEOUT, _TOO_MANY}:
        return _away(name, error, status, waited_s)
    wrong = InvalidError(
        f"{name} did not accept the request (status {status}).",
        hint="Check that the route names a model that exists at its address.",
    )
    return RouteFailedError(wrong, cool_s=COOL_S * (status == _NOT_FOUND), is_final=False)


def _refusal(error: BaseException | None) -> RefusedError | None:
    """Find our own refusal to connect in what a vendor's error was raised from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, RefusedError):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def _away(name: str, error: Exception, status: int, waited_s: float) -> RouteFailedError:
    if status == _TOO_MANY:
        busy = UnavailableError(f"{name} is too busy.", hint="Wait a moment, then ask again.")
        return RouteFailedError(busy, cool_s=_retry_after(error), is_final=False)
    if status == _TIMEOUT:
        slow = UnavailableError(
            f"{name} did not answer within {waited_s:.0f} s.",
            hint="Ask again, or raise LLM_FIRST_WORD_S.",
        )
        return RouteFailedError(slow, cool_s=COOL_S, is_final=False)
    broken = UnavailableError(
        f"{name} is away or broken ({type(error).__name__}).",
        hint="Check that it runs at its address, then ask again.",
    )
    return RouteFailedError(broken, cool_s=COOL_S, is_hiccup=True, is_final=False)


def _retry_after(error: Exception) -> float:
    """Read how long a server asks to be left alone, within limits."""
    headers = getattr(error, "litellm_response_headers", None) or {}
    text = str(headers.get("retry-after", ""))
    return min(max(float(text), 1.0), LONGEST_COOL_S) if text.isdigit() else COOL_S


def _declined(route: Route) -> RefusedError:
    return RefusedError(
        f"The language model {route.name} declined to answer this.", hint="Ask in other words."
    )


def _status(error: Exception) -> int:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else _SERVER_ERROR


def _close(response: Any) -> None:
    """End the HTTP request behind a stream; LiteLLM's wrapper can only do so asynchronously."""
    close = getattr(getattr(response, "completion_stream", None), "close", None)
    if callable(close):
        close()
