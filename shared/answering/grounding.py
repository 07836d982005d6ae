"""Whether a passage supports a claim, and which of its words do: no support, no citation."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared.inference.embedding import Embedder
from shared.inference.language import detect_language
from shared.inference.sentences import sentences
from shared.inference.stemming import stems

# A claim counts as supported from this cosine with one of the passage's sentences, or from this
# share of its stems. Across languages the model places translations further apart (XQuAD).
_SAME_LANGUAGE_COSINE = 0.55
_OTHER_LANGUAGE_COSINE = 0.3
_STEM_SHARE = 0.6
_SHORTEST_STEM = 3

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_QUOTED = re.compile(r"[\"„“»«]([^\"„“”»«]{12,}?)[\"“”«»]")
Span = tuple[int, int]


def find_support(claim: str, passage: str, *, language: str, embedder: Embedder) -> Span | None:
    """Return the sentence of ``passage`` that supports ``claim`` best, ``None`` if none does.

    Every figure of the claim must stand in the passage, and every stretch in quotation marks
    word for word; then the closest sentence must be close enough in meaning or in words.
    """
    if not claim.strip() or not _numbers(claim) <= _numbers(passage):
        return None
    quoted = [_find_verbatim(match, passage) for match in _QUOTED.findall(claim)]
    if None in quoted:
        return None
    spans = sentences(passage, language)
    if not spans:
        return None
    said = [span for span in quoted if span is not None]
    if said:
        return _around(said[0], spans)
    return _closest(claim, passage, spans, language=language, embedder=embedder)


def _closest(
    claim: str, passage: str, spans: Sequence[Span], *, language: str, embedder: Embedder
) -> Span | None:
    vectors = embedder.embed([claim, *(passage[start:end] for start, end in spans)])
    cosines = vectors[1:] @ vectors[0]
    asked = _telling(claim, language)
    shares = [
        len(asked & _telling(passage[start:end], language)) / max(1, len(asked))
        for start, end in spans
    ]
    best = max(range(len(spans)), key=lambda i: float(cosines[i]) + shares[i])
    is_translated = detect_language(claim) not in (language, "simple")
    least = _OTHER_LANGUAGE_COSINE if is_translated else _SAME_LANGUAGE_COSINE
    if float(cosines[best]) >= least or shares[best] >= _STEM_SHARE:
        return spans[best]
    return None


def _telling(text: str, language: str) -> frozenset[str]:
    return frozenset(s for s in stems(text, language) if len(s) >= _SHORTEST_STEM)


def _numbers(text: str) -> set[str]:
    """Read the figures of a text; thousands separators are dropped, so 1.000 equals 1,000."""
    return {re.sub(r"[.,](?=\d{3}\b)", "", number) for number in _NUMBER.findall(text)}


def _find_verbatim(quote: str, passage: str) -> Span | None:
    """Find a quotation in the passage, white space and the final stop aside."""
    words = quote.strip(" .,;…").split()
    match = re.search(r"\s+".join(map(re.escape, words)), passage, re.IGNORECASE)
    return match.span() if match else None


def _around(span: Span, spans: Sequence[Span]) -> Span:
    """Widen a span to the sentences it lies in."""
    touched = [each for each in spans if each[0] < span[1] and span[0] < each[1]]
    return (touched[0][0], touched[-1][1]) if touched else span
