"""Finds the sentences that answer, and admits it when nothing does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from shared.inference.extraction.belief import fitted_for, shares
from shared.inference.extraction.candidates import LONGEST_CHARS, Candidate, items_after
from shared.inference.extraction.features import FEATURES, Reading, read
from shared.inference.extraction.fields import Match, find_fields, fits, unheard
from shared.inference.extraction.measures import asks_for_money, names_money
from shared.inference.extraction.model import Finding, Passage, Quote, State

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared.inference.embedding import Embedder

MOST_SENTENCES = 3
"""How many sentences an answer cites at most, the items of a list aside."""

_DIVERSITY = 0.8
# A further sentence is quoted while it is at least so likely, measured against the best one.
_FURTHER = 0.02
# Log-odds, chosen and not fitted, because the questions the weights come from have neither lists
# nor definitions: a part of a sentence cannot be understood alone, and "X is …" defines X.
# A field that fits so well is not compared with sentences.
_CERTAIN = 0.75
# A table's row or a line of an address tells nothing about words its document does not have.
_UNHEARD = 0.25
_FRAGMENT = -2.0
_DEFINITION = 1.5
_FIT = FEATURES.index("fit")


def find_quotes(
    question: str,
    passages: Sequence[Passage],
    *,
    language: str,
    embedder: Embedder,
    answer_threshold: float,
    related_threshold: float,
    further: Sequence[Passage] = (),
) -> Finding:
    """Find the sentences that answer a question, at most three, in one embedding call.

    The probability that they do decides the state by the two thresholds (0 to 1). A sentence that
    cannot hold the kind of answer asked for (a question for a number, a sentence without any) is
    at most ``related``. One that speaks of "it" is quoted with the sentence before; one that
    introduces a list is followed by its items. A field that fits is said instead;
    ``further`` passages are looked through for such fields alone.
    """
    fields = find_fields(question, [*passages, *further], language=language)
    if fields and fields[0].score >= _CERTAIN:
        return _answer_of(fields)
    found = _find_sentences(
        question,
        passages,
        language=language,
        embedder=embedder,
        answer_threshold=answer_threshold,
        related_threshold=related_threshold,
    )
    if not fields:
        return found
    # Of what stands in tables and lines, fields know more than what is read as a sentence.
    is_better = found.is_sentence and found.confidence > fields[0].score
    return found if is_better and found.state == "answer" else _answer_of(fields)


def _find_sentences(
    question: str,
    passages: Sequence[Passage],
    *,
    language: str,
    embedder: Embedder,
    answer_threshold: float,
    related_threshold: float,
) -> Finding:
    """Find the sentences that answer; a line that is none must not leave out what is asked."""
    reading = read(question, passages, language=language, embedder=embedder)
    if reading is None:
        return Finding("unknown", 0.0, ())
    fitted = fitted_for(language, reading)
    scores = fitted.scores(reading) + _priors(reading)
    confidence = fitted.probability(reading, scores)
    able = _able(reading)
    if able is not None:
        able_scores = fitted.scores(able) + _priors(able)
        able_confidence = fitted.probability(able, able_scores)
        if able_confidence >= answer_threshold:
            reading, scores, confidence = able, able_scores, able_confidence
    if confidence < related_threshold:
        return Finding("unknown", confidence, ())
    chosen = _diverse(scores, reading.vectors)
    belief = shares(scores)
    kept = [i for i in chosen if belief[i] >= _FURTHER * belief[chosen[0]]]
    quotes = _distinct([_quote(reading, i, score=float(belief[i])) for i in kept])
    best = reading.candidates[kept[0]]
    is_paid = not asks_for_money(question) or names_money(best.said)
    is_told = (best.is_sentence and is_paid) or (
        fits(question, quotes[0].text, language=language)
        and unheard(question, best.passage, passages, language=language) < _UNHEARD
    )
    is_answer = confidence >= answer_threshold and quotes[0].fit > 0 and is_told
    state: State = "answer" if is_answer else "related"
    said = tuple(_with_items(best, quotes))
    return Finding(state, confidence, said, is_sentence=best.is_sentence)


def _answer_of(fields: Sequence[Match]) -> Finding:
    """Say fields that answer; of a list its items, too, and nothing beside it."""
    first = fields[0]
    if first.field.items:
        intro = _said_field(first)
        items = [
            replace(intro, start=start, end=end, text=first.passage.text[start:end], is_item=True)
            for start, end in first.field.items
        ]
        return Finding("answer", first.score, (intro, *items))
    return Finding(
        "answer", first.score, tuple(_said_field(e) for e in fields if not e.field.items)
    )


def _said_field(match: Match) -> Quote:
    field = match.field
    return Quote(
        passage_id=match.passage.id,
        start=field.start,
        end=field.end,
        text=match.passage.text[field.start : field.end],
        score=match.score,
        fit=1.0,
        said=field.said,
    )


def _able(reading: Reading) -> Reading | None:
    """Leave out what cannot hold the answer; ``None`` when that is nothing or everything."""
    able = reading.features[:, _FIT] > 0
    if able.all() or not able.any():
        return None
    return reading.only(able)


def _priors(reading: Reading) -> NDArray[np.float64]:
    """Return what is added to the sentences' scores for their form: float64, (n,)."""
    import numpy as np

    fragments = np.array([candidate.is_fragment for candidate in reading.candidates])
    defining = (reading.features[:, _FIT] == 1) & (reading.kind == "definition")
    added: NDArray[np.float64] = _FRAGMENT * fragments + _DEFINITION * defining
    return added


def _diverse(scores: NDArray[np.float64], vectors: NDArray[np.float32]) -> list[int]:
    """Choose by maximal marginal relevance (Carbonell and Goldstein 1998), lambda 0.8."""
    span = float(scores.max() - scores.min()) or 1.0
    worth = [float(score - scores.min()) / span for score in scores]
    left = sorted(range(len(worth)), key=lambda i: (-worth[i], i))
    chosen = [left.pop(0)]
    while left and len(chosen) < MOST_SENTENCES:

        def gain(index: int) -> float:
            repeated = max(float(vectors[index] @ vectors[other]) for other in chosen)
            return _DIVERSITY * worth[index] - (1 - _DIVERSITY) * repeated

        picked = max(left, key=gain)
        left.remove(picked)
        chosen.append(picked)
    return chosen


def _distinct(quotes: list[Quote]) -> list[Quote]:
    """Leave out what a better quotation holds already, and the mere beginnings of lists."""
    kept: list[Quote] = []
    for quote in quotes:
        if kept and quote.text.endswith(":"):
            continue
        if not any(
            quote.passage_id == other.passage_id
            and quote.start < other.end
            and other.start < quote.end
            for other in kept
        ):
            kept.append(quote)
    return kept


def _quote(reading: Reading, index: int, *, score: float) -> Quote:
    candidate = reading.candidates[index]
    start = quotation_start(reading, index)
    return Quote(
        passage_id=candidate.passage.id,
        start=start,
        end=candidate.end,
        text=candidate.passage.text[start : candidate.end],
        score=score,
        fit=float(reading.features[index, _FIT]),
    )


def quotation_start(reading: Reading, index: int) -> int:
    """Return where a quotation begins that names what its sentence leaves unsaid, or calls "it"."""
    candidate = reading.candidates[index]
    before = candidate.before
    if before is None or not (candidate.is_anaphoric or reading.leaning[index]):
        return candidate.start
    is_short = candidate.end - before <= LONGEST_CHARS
    same_line = "\n" not in candidate.passage.text[before : candidate.start]
    return before if is_short and same_line else candidate.start


def _with_items(first: Candidate, quotes: list[Quote]) -> list[Quote]:
    """Put the items of a list right behind the sentence that introduces it."""
    if not first.text.endswith(":"):
        return quotes
    passage = first.passage
    items = [
        replace(quotes[0], start=start, end=end, text=passage.text[start:end], is_item=True)
        for start, end in items_after(passage, first.end)
    ]
    spans = {(item.start, item.end) for item in items}
    further = [
        quote
        for quote in quotes[1:]
        if quote.passage_id != passage.id or (quote.start, quote.end) not in spans
    ]
    return [quotes[0], *items, *further] if items else quotes
