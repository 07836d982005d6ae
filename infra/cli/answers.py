"""An answer as it streams in: server-sent events read into events, tokens and sources."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra.cli.problems import from_problem
from infra.cli.terminal import text_of
from shared.kernel.errors import KontorError, UnavailableError

if TYPE_CHECKING:
    from infra.cli.client import Body, KontorClient


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One server-sent event: its kind and its JSON."""

    kind: str
    body: dict[str, object]


@dataclass(slots=True)
class Answer:
    """What was said so far. ``state`` is empty until the server calls the answer done."""

    conversation_id: str = ""
    message_id: str = ""
    text: str = ""
    citations: list[dict[str, object]] = field(default_factory=list)
    state: str = ""
    answerer: str = ""
    confidence: float | None = None
    condensed: str = ""

    def as_json(self) -> dict[str, object]:
        """Describe the answer for programs, in the shape of `POST /api/v1/chat`."""
        return {
            "conversation_id": self.conversation_id,
            "message_id": self.message_id,
            "state": self.state,
            "answer": self.text,
            "citations": self.citations,
            "answerer": self.answerer,
            "confidence": self.confidence,
        }


def read_events(lines: Iterable[str]) -> Iterator[ServerEvent]:
    """Read a text/event-stream line by line (WHATWG HTML, section 9.2.6); comments are skipped."""
    kind, data = "message", list[str]()
    for line in lines:
        if not line:
            if data:
                yield _event(kind, "\n".join(data))
            kind, data = "message", []
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "event":
                kind = value
            elif name == "data":
                data.append(value)


def _event(kind: str, data: str) -> ServerEvent:
    try:
        body = json.loads(data)
    except ValueError as error:
        raise KontorError(f"The server sent a {kind} event that is not JSON.") from error
    return ServerEvent(kind, body if isinstance(body, dict) else {"value": body})


def stream_answer(client: KontorClient, question: Body) -> Iterator[tuple[Answer, str]]:
    """Ask, and give the answer so far with each piece of text that was added to it.

    Without a streaming address the whole answer comes in one piece. Raises the server's error, or
    UnavailableError when the stream breaks off before it is done.
    """
    url = text_of(client.endpoints(), "stream_url")
    answer = Answer()
    if not url:
        _take_whole(answer, client.post("/api/v1/chat", question))
        yield answer, answer.text
        return
    with client.stream(url, question) as lines:
        for event in read_events(lines):
            piece = _take(answer, event)
            if piece:
                yield answer, piece
            if answer.state:
                break
    if not answer.state:
        raise UnavailableError("The answer broke off.", hint="Ask again.")
    yield answer, ""


def _take(answer: Answer, event: ServerEvent) -> str:
    """Take an event into the answer; returns the text it adds."""
    body = event.body
    if event.kind == "token":
        piece = str(body.get("text") or "")
        answer.text += piece
        return piece
    if event.kind == "start":
        answer.conversation_id = text_of(body, "conversation_id")
        answer.message_id = text_of(body, "message_id")
    elif event.kind == "condensed":
        answer.condensed = text_of(body, "query")
    elif event.kind == "citation":
        answer.citations.append(body)
    elif event.kind == "error":
        raise _stream_error(body)
    elif event.kind == "done":
        answer.conversation_id = text_of(body, "conversation_id") or answer.conversation_id
        answer.message_id = text_of(body, "message_id") or answer.message_id
        answer.answerer = text_of(body, "answerer")
        answer.confidence = _probability(body)
        answer.state = text_of(body, "state") or "answer"
        if not answer.text and isinstance(body.get("answer"), str):
            answer.text = str(body["answer"])
            return answer.text
    return ""


def _stream_error(body: Mapping[str, object]) -> KontorError:
    inner = body.get("problem")
    return from_problem(inner if isinstance(inner, dict) else body)


def _take_whole(answer: Answer, body: Mapping[str, object]) -> None:
    answer.conversation_id = text_of(body, "conversation_id")
    answer.message_id = text_of(body, "message_id")
    answer.text = str(body.get("answer") or "")
    citations = body.get("citations")
    answer.citations = (
        [c for c in citations if isinstance(c, dict)]
        if citations and isinstance(citations, list)
        else []
    )
    answer.state = text_of(body, "state") or "answer"
    answer.answerer = text_of(body, "answerer")
    answer.confidence = _probability(body)


def _probability(body: Mapping[str, object]) -> float | None:
    value = body.get("confidence")
    return float(value) if isinstance(value, int | float) else None
