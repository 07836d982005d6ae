"""A conversation as a file: Markdown to read, JSON for programs; both with the sources."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from shared.answering.model import Citation, Said, Thread, json_fields

_WORDS = {"user": "Question", "assistant": "Answer"}


@dataclass(frozen=True, slots=True)
class Exported:
    """A file."""

    filename: str
    media_type: str
    content: str


def thread_as_json(thread: Thread) -> Exported:
    """Write a conversation's shown branch as JSON, citations in full."""
    conversation = thread.conversation
    body = {
        "id": str(conversation.id),
        "title": conversation.title,
        "created_at": _moment(conversation.created_at),
        "updated_at": _moment(conversation.updated_at),
        "messages": [_message(said) for said in thread.messages],
    }
    content = json.dumps(body, ensure_ascii=False, indent=2) + "\n"
    return Exported(_filename(conversation.title, "json"), "application/json", content)


def _message(said: Said) -> dict[str, object]:
    return {
        "id": str(said.id),
        "role": said.role,
        "content": said.content,
        "state": said.state,
        "answerer": said.answerer,
        "confidence": said.confidence,
        "condensed": said.condensed,
        "created_at": _moment(said.created_at),
        "citations": [json_fields(asdict(citation)) for citation in said.citations],
    }


def thread_as_markdown(thread: Thread) -> Exported:
    """Write a conversation's shown branch as Markdown.

    Every citation [n] of an answer has a line below it; the documents are listed at the end.
    """
    conversation = thread.conversation
    lines = [f"# {_inline(conversation.title)}", "", f"{_moment(conversation.created_at)}", ""]
    for said in thread.messages:
        lines += [f"## {_WORDS[said.role]}", "", said.content.strip(), ""]
        lines += [_source(citation) for citation in said.citations]
        if said.citations:
            lines.append("")
    lines += _documents(thread)
    content = "\n".join(lines).rstrip() + "\n"
    return Exported(_filename(conversation.title, "md"), "text/markdown", content)


def _source(citation: Citation) -> str:
    place = " › ".join(map(_inline, [citation.title, *citation.heading_path]))
    page = "" if citation.page is None else f", p. {citation.page}"
    quote = " ".join(citation.quote.split())
    said = f": “{_inline(quote)}”" if quote else ""
    return f"- [{citation.number}] {place}{page}{said}"


def _documents(thread: Thread) -> list[str]:
    titles = {
        citation.document_id: citation.title
        for said in thread.messages
        for citation in said.citations
    }
    if not titles:
        return []
    listed = [f"- {_inline(title)} ({document_id})" for document_id, title in titles.items()]
    return ["## Sources", "", *listed]


def _inline(text: str) -> str:
    """Keep words from being read as markup."""
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", " ".join(text.split()))


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _filename(title: str, extension: str) -> str:
    name = re.sub(r"[^\w -]+", "", title).strip()[:60].strip() or "conversation"
    return f"{name}.{extension}"
