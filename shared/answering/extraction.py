"""The answerer without a language model: it quotes what answers, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from shared.answering.model import Instruments, State
from shared.answering.tables import fields_of, said_cell
from shared.answering.transcript import Transcript
from shared.answering.wording import Spoken, wording
from shared.documents.grids import rows_said
from shared.inference.extraction.finding import find_quotes
from shared.inference.extraction.model import Finding, Passage, Quote
from shared.inference.extraction.parts import parts_of
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
    further: Sequence[Hit] = (),
    part: str = "",
) -> State:
    """Say what the passages answer, cited, or admit that nothing certain was found.

    A question that asks several things is answered part by part: its state is that of the part
    answered best, its confidence that of the part answered worst. ``part`` names it where it is
    one of several itself. In ``further`` hits only fields are looked for.
    """
    passages = [passage_of(hit) for hit in hits]
    more = [passage_of(hit) for hit in further]
    parts = parts_of(question)
    findings = [
        find_quotes(
            part,
            passages,
            language=language,
            embedder=instruments.embedder,
            answer_threshold=instruments.answer_threshold,
            related_threshold=instruments.related_threshold,
            further=more,
        )
        for part in parts
    ]
    transcript.confidence = min(finding.confidence for finding in findings)
    by_id = {str(hit.chunk_id): hit for hit in (*hits, *further)}
    words = wording(spoken)
    if all(finding.state == "unknown" for finding in findings):
        transcript.say(words.unknown_part.format(part=part) if part else words.unknown)
        return "unknown"
    if part:
        transcript.say(f"{words.part.format(part=part.rstrip('?'))} ")
    for each, finding in zip(parts, findings, strict=True):
        if finding.state == "unknown":
            transcript.say(words.unknown_part.format(part=each))
        else:
            _say(each, finding, by_id, spoken=spoken, transcript=transcript)
    is_answered = any(finding.state == "answer" for finding in findings)
    return "answer" if is_answered else "related"


def _say(
    question: str,
    finding: Finding,
    hits: dict[str, Hit],
    *,
    spoken: Spoken,
    transcript: Transcript,
) -> None:
    if finding.state == "related":
        transcript.say(f"{wording(spoken).related} ")
    was_item = False
    for quote in finding.quotes:
        if quote.is_item:
            transcript.say("\n- ")
        elif was_item:
            transcript.say("\n\n")
        was_item = quote.is_item
        _say_quote(question, quote, hits[quote.passage_id], transcript)


def _say_quote(question: str, quote: Quote, hit: Hit, transcript: Transcript) -> None:
    """Say a quotation as it stands, or a field or a table's cell with its headers."""
    if quote.said:
        transcript.say(f"{quote.said} ")
        transcript.cite(hit, quote.start, quote.end)
        return
    cell = said_cell(question, hit, quote.start, quote.end)
    if cell is not None:
        transcript.say(f"{cell.said} ")
        transcript.cite(hit, cell.start, cell.end)
        return
    text = quote.text.removeprefix("- ") if quote.is_item else quote.text
    transcript.say(" ".join(text.split()) + " ")
    transcript.cite(hit, quote.start, quote.end)


def passage_of(hit: Hit) -> Passage:
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
        closeness=hit.dense_score,
        title=hit.title,
        document=str(hit.document_id),
        fields=tuple(fields_of(hit)),
    )
