"""The answerer with a language model: streams its words, and checks every citation it claims."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from shared.answering.grounding import find_support
from shared.answering.model import Instruments, State
from shared.answering.prompting import NO_ANSWER, build_prompt
from shared.answering.transcript import Transcript
from shared.answering.wording import Spoken, wording
from shared.generation.language_models import LanguageModel
from shared.inference.model import Role
from shared.inference.sentences import sentences
from shared.search.model import Hit

_MOST_TOKENS = 800
_LONGEST_MARKER = 24
_MARKER = re.compile(r"\s*\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]")
_MARKER_START = re.compile(r"\s*(?:\[[\d\s,;]*)?$")


def answer_with_model(
    question: str,
    hits: Sequence[Hit],
    *,
    model: LanguageModel,
    spoken: Spoken,
    history: Sequence[tuple[Role, str]],
    instruments: Instruments,
    transcript: Transcript,
) -> State:
    """Let the model answer from the passages; only citations that hold are passed on.

    Numbers of passages that were never given are dropped, and so are those whose passage does
    not support the sentence. An answer left without any is only ``related``. Raises the model's
    errors, also after words were said.
    """
    prompt = build_prompt(question, hits, spoken=spoken, history=history)
    pieces = model.stream(prompt, max_tokens=_MOST_TOKENS, temperature=0.0)
    said = _without_refusal(pieces)
    if said is None:
        transcript.say(wording(spoken).unknown)
        return "unknown"
    claim = ""
    for part in split_markers(said):
        if isinstance(part, str):
            claim += part
            transcript.say(part)
            continue
        for number in part:
            _cite(number, claim, hits, instruments=instruments, transcript=transcript)
    return "answer" if transcript.citations else "related"


def _cite(
    number: int,
    text: str,
    hits: Sequence[Hit],
    *,
    instruments: Instruments,
    transcript: Transcript,
) -> None:
    if not 1 <= number <= len(hits):
        return
    hit = hits[number - 1]
    span = find_support(
        _last_sentence(text), hit.text, language=hit.language, embedder=instruments.embedder
    )
    if span is not None:
        transcript.cite(hit, *span)


def _last_sentence(text: str) -> str:
    spans = sentences(text, "en")
    return text[slice(*spans[-1])] if spans else ""


def _without_refusal(pieces: Iterator[str]) -> Iterator[str] | None:
    """Return the stream, or ``None`` when it says that the passages do not answer."""
    heard = ""
    for piece in pieces:
        heard += piece
        start = heard.strip(" \n\t*`\"'.")
        if start.startswith(NO_ANSWER):
            return None
        if start and not NO_ANSWER.startswith(start):
            return _joined(heard, pieces)
    return iter([heard]) if heard.strip() else None


def _joined(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from rest


def split_markers(pieces: Iterable[str]) -> Iterator[str | list[int]]:
    """Part a stream into words and the passage numbers in brackets, however it was cut.

    Only what could still become a marker is held back. A space before a marker goes with it.
    """
    held = ""
    for piece in pieces:
        held += piece
        while (match := _MARKER.search(held)) is not None:
            yield from _words(held[: match.start()])
            yield [int(number) for number in re.findall(r"\d+", match.group(1))]
            held = held[match.end() :]
        tail = _MARKER_START.search(held)
        cut = tail.start() if tail and len(held) - tail.start() <= _LONGEST_MARKER else len(held)
        yield from _words(held[:cut])
        held = held[cut:]
    yield from _words(held)


def _words(text: str) -> Iterator[str]:
    if text:
        yield text
