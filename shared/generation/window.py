"""The context window: how many tokens a text takes, and what is left out when it is too much."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence

from shared.kernel.errors import InvalidError

CHARS_PER_TOKEN = 3.5
"""Measured with cl100k on the lease and the handbook of the tests: German 3.3, English 4.7."""
CAREFUL_CHARS_PER_TOKEN = 2.0
"""Nothing but figures, codes and scripts without spaces takes more than this."""
MESSAGE_TOKENS = 4
"""What a message takes beside its text: https://cookbook.openai.com, How to count tokens."""
_PASSAGE = re.compile(r"\n?<passage [^>]*>.*?</passage>", re.DOTALL)

Message = Mapping[str, object]
Count = Callable[[Sequence[Message]], int]


def estimate_tokens(text: str, *, chars_per_token: float = CHARS_PER_TOKEN) -> int:
    """Estimate how many tokens a text takes, without any tokenizer."""
    return math.ceil(len(text) / chars_per_token)


def count_roughly(messages: Sequence[Message]) -> int:
    """Estimate how many tokens messages take, tool calls and parts included."""
    return sum(MESSAGE_TOKENS + estimate_tokens(_text(message)) for message in messages)


def may_exceed(messages: Sequence[Message], window_tokens: int) -> bool:
    """Tell whether messages could be too long, so that counting exactly is worth its time."""
    chars = sum(len(_text(message)) for message in messages)
    return chars / CAREFUL_CHARS_PER_TOKEN + MESSAGE_TOKENS * len(messages) > window_tokens


def fit(messages: Sequence[Message], window_tokens: int, *, count: Count) -> list[Message]:
    """Leave out what does not fit: the oldest turns first, then the last passages.

    The first messages of the role system, and the last message with its question, stay. A tool's
    answer goes together with the call it answers. Raises InvalidError when they alone are too
    long.
    """
    kept = list(messages)
    while count(kept) > window_tokens:
        turn = _oldest_turn(kept)
        if turn is not None:
            del kept[turn]
            continue
        shorter = _without_last_passage(kept[-1]) if kept else None
        if shorter is None:
            raise InvalidError(
                f"This is longer than the {window_tokens} tokens the language model can read.",
                hint="Ask with less text, or name a model with a larger window.",
            )
        kept[-1] = shorter
    return kept


def _oldest_turn(messages: Sequence[Message]) -> slice | None:
    """Find the oldest question that may go, with the answers and calls that follow from it."""
    start = next((n for n, m in enumerate(messages) if m.get("role") != "system"), len(messages))
    last = len(messages) - 1
    while last > start and messages[last].get("role") == "tool":
        last -= 1  # answers of tools belong to the call before them
    if start >= last:
        return None
    end = start + 1
    while end < last and messages[end].get("role") != "user":
        end += 1
    return slice(start, end)


def _without_last_passage(message: Message) -> Message | None:
    content = message.get("content")
    if not isinstance(content, str):
        return None
    passages = list(_PASSAGE.finditer(content))
    if not passages:
        return None
    last = passages[-1]
    return {**message, "content": content[: last.start()] + content[last.end() :]}


def _text(message: Message) -> str:
    content = message.get("content")
    spoken = content if isinstance(content, str) else json.dumps(content) if content else ""
    calls = message.get("tool_calls")
    return spoken + (json.dumps(calls) if calls else "")
