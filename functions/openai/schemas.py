"""Requests as OpenAI's clients write them; what is unknown to us is left aside, as theirs is."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from functions.edge.asking import FiltersBody
from functions.edge.bodies import Body, Name, Whole, Words
from functions.openai.errors import TooLongError
from shared.answering.model import LONGEST_QUESTION, Question
from shared.inference.model import Role
from shared.kernel.errors import InvalidError

_MOST_TOKENS = 4096
_PASSED_ON = (
    "temperature", "top_p", "stop", "tools", "tool_choice", "parallel_tool_calls",
    "response_format", "seed", "presence_penalty", "frequency_penalty", "reasoning_effort",
)  # fmt: skip
_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant"}


class StreamOptions(Body):
    """What a stream tells beside the answer."""

    model_config = ConfigDict(extra="ignore")

    include_usage: bool = False


class ChatBody(Body):
    """A chat completion's request. ``filters`` is ours: where in the library to look."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field(min_length=1, max_length=200, examples=["kontor"])
    messages: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=1000)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    max_tokens: int | None = Field(default=None, ge=1, le=1_000_000)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=1_000_000)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    stop: Words | Annotated[list[Words], Field(max_length=64)] | None = None
    tools: Annotated[list[dict[str, Any]], Field(max_length=128)] | None = None
    tool_choice: Name | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    seed: Whole | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    reasoning_effort: Name | None = None
    filters: FiltersBody = Field(default_factory=FiltersBody)

    @property
    def most_tokens(self) -> int:
        """How long the answer may become."""
        return self.max_completion_tokens or self.max_tokens or _MOST_TOKENS

    @property
    def tells_usage(self) -> bool:
        """Whether a stream ends with the tokens it took."""
        return self.stream_options is not None and self.stream_options.include_usage

    def options(self) -> dict[str, object]:
        """Return what is passed on to a model that is spoken to directly."""
        given = {name: getattr(self, name) for name in _PASSED_ON}
        return {name: value for name, value in given.items() if value is not None}

    def question(self) -> Question:
        """Read the conversation as a question to the library and what was said before it.

        The last message asks. The client's system messages are left aside: how the library
        answers is its own rule. Raises InvalidError, TooLongError.
        """
        said = [(_ROLES.get(str(m.get("role"))), _text_of(m)) for m in self.messages]
        turns = [(role, text) for role, text in said if role is not None and text.strip()]
        if not turns or turns[-1][0] != "user":
            raise InvalidError(
                "The last message is not a question of the user's.",
                fields={"messages": "end with the role user"},
            )
        text = turns[-1][1]
        if len(text) > LONGEST_QUESTION:
            raise TooLongError(
                f"The question is longer than {LONGEST_QUESTION} characters.",
                hint="Ask one thing at a time; texts belong into the library.",
                fields={"messages": f"at most {LONGEST_QUESTION} characters"},
            )
        return Question(
            text=text,
            filters=self.filters.filters(),
            history=tuple(turns[:-1]),
            is_kept=False,
        )


class EmbeddingsBody(Body):
    """An embedding request. ``input_type`` is ours: a question is embedded as one."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field(min_length=1, max_length=200, examples=["kontor"])
    input: str | Annotated[list[str], Field(min_length=1, max_length=512)]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(default=None, ge=1, le=100_000)
    input_type: Literal["passage", "query"] = "passage"

    @property
    def texts(self) -> list[str]:
        """The texts, one or many."""
        return [self.input] if isinstance(self.input, str) else self.input


def _text_of(message: dict[str, Any]) -> str:
    """Return a message's words. Raises InvalidError for anything but words."""
    content = message.get("content")
    if content is None or isinstance(content, str):
        return content or ""
    parts = content if isinstance(content, list) else [content]
    if not all(isinstance(part, dict) and part.get("type") == "text" for part in parts):
        raise InvalidError(
            "Only text can be asked of the library.",
            hint="Put pictures and files into the library, then ask about them.",
            fields={"messages": "text"},
        )
    return "\n".join(str(part.get("text") or "") for part in parts)
