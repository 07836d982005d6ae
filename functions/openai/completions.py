"""Answers as chat completions: whole, or as the chunks of a stream; from the library or a model."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from functions.edge.streaming import ReaderGoneError, Write
from shared.answering.model import Answer, AnswerEvent, Emit, ListenerGoneError, Token
from shared.generation.model import Ending, Piece, TextPiece, ToolPiece

Json = dict[str, object]
END = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens an answer took."""

    tokens_in: int
    tokens_out: int

    def to_json(self) -> Json:
        """Return them as OpenAI counts."""
        return {
            "prompt_tokens": self.tokens_in,
            "completion_tokens": self.tokens_out,
            "total_tokens": self.tokens_in + self.tokens_out,
        }


@dataclass(frozen=True, slots=True)
class Completion:
    """One completion's frame: everything its chunks have in common."""

    model: str
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(
        self, message: Mapping[str, object], *, finish: str, usage: Usage, **extra: object
    ) -> Json:
        """Return the completion as one object."""
        choice = {
            "index": 0,
            "message": {"role": "assistant", "refusal": None, **message},
            "logprobs": None,
            "finish_reason": finish,
        }
        return {**self._head("chat.completion"), "choices": [choice], "usage": usage.to_json(),
                **extra}  # fmt: skip

    def chunk(
        self, delta: Mapping[str, object], *, finish: str | None = None, **extra: object
    ) -> bytes:
        """Return a chunk of the stream."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return event({**self._head("chat.completion.chunk"), "choices": [choice], **extra})

    def last(self, usage: Usage) -> bytes:
        """Return the chunk that tells what a stream took."""
        head = self._head("chat.completion.chunk")
        return event({**head, "choices": [], "usage": usage.to_json()})

    def _head(self, kind: str) -> Json:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model,
                "system_fingerprint": None}  # fmt: skip


def event(body: Mapping[str, object]) -> bytes:
    """Write a server-sent event."""
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


def founded(answer: Answer) -> Json:
    """Return what an answer from the library rests on: our extension of OpenAI's message."""
    return {
        "citations": [
            {
                "number": each.number,
                "document_id": str(each.document_id),
                "version_id": str(each.version_id),
                "title": each.title,
                "heading_path": list(each.heading_path),
                "page": each.page,
                "boxes": each.boxes,
                "start": each.start,
                "end": each.end,
                "quote": each.quote,
            }
            for each in answer.citations
        ],
        "kontor": {
            "state": answer.state,
            "answerer": answer.answerer,
            "confidence": answer.confidence,
        },
    }


def stream_answer(
    write: Write,
    completion: Completion,
    ask: Callable[[Emit], Answer],
    *,
    count: Callable[[str], int],
    tokens_in: int,
    tells_usage: bool,
) -> None:
    """Write an answer from the library as chunks; its citations come with the last."""
    has_begun = False

    def emit(told: AnswerEvent) -> None:
        nonlocal has_begun
        if not isinstance(told, Token):
            return
        try:
            if not has_begun:
                write(completion.chunk({"role": "assistant", "content": ""}))
                has_begun = True
            write(completion.chunk({"content": told.text}))
        except ReaderGoneError as error:
            raise ListenerGoneError from error

    answer = ask(emit)
    write(completion.chunk({}, finish="stop", **founded(answer)))
    if tells_usage:
        write(completion.last(Usage(tokens_in, count(answer.text))))
    write(END)


def stream_pieces(
    write: Write, completion: Completion, pieces: Iterator[Piece], *, tells_usage: bool
) -> None:
    """Write a model's own answer as chunks."""
    has_begun = False
    for piece in pieces:
        if not has_begun:
            write(completion.chunk({"role": "assistant", "content": ""}))
            has_begun = True
        match piece:
            case TextPiece(text):
                write(completion.chunk({"content": text}))
            case ToolPiece(calls):
                write(completion.chunk({"tool_calls": list(calls)}))
            case Ending():
                write(completion.chunk({}, finish=piece.finish))
                if tells_usage:
                    write(completion.last(Usage(piece.tokens_in, piece.tokens_out)))
    write(END)


def collect_pieces(completion: Completion, pieces: Iterator[Piece]) -> Json:
    """Return a model's own answer as one completion."""
    text = ""
    calls: dict[object, dict[str, object]] = {}
    ending: Ending | None = None
    for piece in pieces:
        match piece:
            case TextPiece(said):
                text += said
            case ToolPiece(parts):
                for part in parts:
                    _join_call(calls, part)
            case Ending():
                ending = piece
    assert ending is not None, "an answer ends with an Ending"
    message: Json = {"content": text or None}
    if calls:
        message["tool_calls"] = list(calls.values())
    usage = Usage(ending.tokens_in, ending.tokens_out)
    return completion.whole(message, finish=ending.finish, usage=usage)


def _join_call(calls: dict[object, dict[str, object]], part: Mapping[str, object]) -> None:
    """Add a piece of a tool call to the call it belongs to: arguments come bit by bit."""
    given = part.get("function")
    function = given if isinstance(given, Mapping) else {}
    call = calls.setdefault(
        part.get("index", len(calls)),
        {"id": "", "type": "function", "function": {"name": "", "arguments": ""}},
    )
    call["id"] = call["id"] or part.get("id") or ""
    joined = call["function"]
    assert isinstance(joined, dict)
    joined["name"] += str(function.get("name") or "")
    joined["arguments"] += str(function.get("arguments") or "")
