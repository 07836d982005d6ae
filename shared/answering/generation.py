"""The answerer with a language model: streams its words, and checks every sentence it says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from shared.answering.claims import Claims
from shared.answering.markers import split_markers
from shared.answering.model import Instruments, State
from shared.answering.packing import Passage
from shared.answering.prompting import NO_ANSWER, build_prompt
from shared.answering.transcript import Transcript
from shared.answering.wording import Spoken, wording
from shared.generation.language_models import LanguageModel
from shared.inference.model import Role
from shared.kernel.errors import KontorError
from shared.understanding.service import Grounds

_MOST_TOKENS = 800


def answer_with_model(
    question: str,
    passages: Sequence[Passage],
    *,
    model: LanguageModel,
    spoken: Spoken,
    history: Sequence[tuple[Role, str]],
    meaning: str,
    instruments: Instruments,
    transcript: Transcript,
) -> State:
    """Let the model answer from the passages; only citations that hold are passed on.

    Numbers of passages that were never given are dropped, and so are those whose passage does
    not support the sentence. A claim without a citation gets one if a passage supports it, else
    it is marked or dropped. An answer left without any citation is only ``related``. Raises the
    model's errors, also after words were said.
    """
    prompt = build_prompt(question, passages, spoken=spoken, history=history, meaning=meaning)
    pieces = model.stream(prompt, max_tokens=_MOST_TOKENS, temperature=0.0)
    said = _without_refusal(pieces)
    if said is None:
        transcript.say(wording(spoken).unknown)
        transcript.close()
        return "unknown"
    claims = Claims(
        passages,
        Grounds(instruments.embedder),
        transcript,
        spoken=spoken,
        tuning=instruments.tuning,
    )
    try:
        for part in split_markers(said):
            if isinstance(part, str):
                claims.take(part)
            else:
                claims.cite(part)
    except KontorError:
        if transcript.text:
            transcript.close()
        raise
    claims.close()
    if not transcript.text:
        # Every sentence was dropped: nothing the model said is in the library.
        transcript.say(wording(spoken).unknown)
        transcript.close()
        return "unknown"
    return "answer" if transcript.citations else "related"


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
