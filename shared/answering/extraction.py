"""The answerer without a language model: it quotes the sentences that answer, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from shared.answering.model import Instruments, State
from shared.answering.transcript import Transcript
from shared.answering.wording import Spoken, wording
from shared.documents.grids import rows_said
from shared.inference.extractive import Passage, find_quotes
from shared.search.model import Hit

NAME = "extractive"


def answer_with_quotes(
    question: str,
    hits: Sequence[Hit],
    *,
    language: str,
    spoken: Spoken,
    instruments: Instruments,
    transcript: Transcript,
) -> State:
    """Say up to three cited sentences, or admit that nothing certain was found."""
    finding = find_quotes(
        question,
        [_passage(hit) for hit in hits],
        language=language,
        embedder=instruments.embedder,
        answer_threshold=instruments.answer_threshold,
        related_threshold=instruments.related_threshold,
    )
    words = wording(spoken)
    if finding.state == "unknown":
        transcript.say(words.unknown)
        return "unknown"
    if finding.state == "related":
        transcript.say(f"{words.related} ")
    by_id = {str(hit.chunk_id): hit for hit in hits}
    for quote in finding.quotes:
        transcript.say(" ".join(quote.text.split()) + " ")
        transcript.cite(by_id[quote.passage_id], quote.start, quote.end)
    return finding.state


def _passage(hit: Hit) -> Passage:
    """Return a hit as the extractive answerer reads it: rows in words, their headers unquoted."""
    said: dict[str, str] = {}
    headers: list[str] = []
    for row in rows_said(hit.passage):
        if row.is_header:
            headers.append(row.text)
        else:
            said[row.text] = row.said
    return Passage(
        str(hit.chunk_id),
        hit.text,
        hit.score,
        hit.language,
        (*hit.heading_path, *headers),
        said,
    )
