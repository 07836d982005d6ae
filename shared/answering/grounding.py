"""Whether a passage supports a claim, and which of its words do: no support, no citation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.answering.contradiction import contradicts
from shared.inference.embedding import Embedder
from shared.inference.language import detect_language
from shared.inference.sentences import sentences
from shared.inference.stemming import stems

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A claim counts as supported from this cosine with a stretch of the passage, or from this share
# of its stems. Across languages the model places translations further apart (XQuAD).
_SAME_LANGUAGE_COSINE = 0.55
_OTHER_LANGUAGE_COSINE = 0.3
_STEM_SHARE = 0.6
_SHORTEST_STEM = 3
# A sentence says at most what so many neighbouring sentences of its source say.
_WIDEST = 2
# Close in meaning is not enough when hardly a word is shared: near topics are close, too.
_LEAST_SHARE = 0.2

_QUOTED = re.compile(r"[\"„“»«]([^\"„“”»«]{12,}?)[\"“”«»]")
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Read:
    """A passage as claims are laid beside it."""

    spans: Sequence[Span]
    stems: Sequence[frozenset[str]]
    vectors: NDArray[np.float32]


@dataclass(slots=True)
class Grounds:
    """Finds support in passages; each is read and embedded once, however many claims come."""

    embedder: Embedder
    _read: dict[str, _Read] = field(default_factory=dict)

    def find_support(
        self, claim: str, passage: str, *, language: str, context: str = ""
    ) -> Span | None:
        """Return the words of ``passage`` that support ``claim`` best, ``None`` if none do.

        Every stretch in quotation marks must stand in the passage word for word. Otherwise a
        sentence, or two that follow each other, must be close enough in meaning or in words and
        must not say something else: figures, units, names and negations have to agree.
        ``context`` (title and headings) may hold names that the passage leaves out.
        """
        if not claim.strip():
            return None
        quoted = [_find_verbatim(match, passage) for match in _QUOTED.findall(claim)]
        if None in quoted:
            return None
        spans = sentences(passage, language)
        if not spans:
            return None
        said = [span for span in quoted if span is not None]
        verbatim = _find_verbatim(claim, passage) if len(claim.split()) > 3 else None  # noqa: PLR2004
        if said or verbatim is not None:
            span = _around(verbatim or said[0], spans)
            return None if self._differs(claim, passage, span, language, context) else span
        return self._closest(claim, passage, language=language, context=context)

    def _closest(self, claim: str, passage: str, *, language: str, context: str) -> Span | None:
        read = self._reading(passage, language)
        vector = self.embedder.embed([claim])[0]
        cosines = [float(cosine) for cosine in read.vectors @ vector]
        asked = _telling(claim, language)
        is_translated = detect_language(claim) not in (language, "simple")
        least = _OTHER_LANGUAGE_COSINE if is_translated else _SAME_LANGUAGE_COSINE
        found: list[tuple[float, Span]] = []
        for width in range(1, _WIDEST + 1):
            for at in range(len(read.spans) - width + 1):
                words = frozenset[str]().union(*read.stems[at : at + width])
                share = len(asked & words) / max(1, len(asked))
                cosine = max(cosines[at : at + width])
                is_close = cosine >= least and (is_translated or share >= _LEAST_SHARE)
                if is_close or share >= _STEM_SHARE:
                    span = (read.spans[at][0], read.spans[at + width - 1][1])
                    # A second sentence must add something: every one costs the reader time.
                    found.append((cosine + share - 0.15 * (width - 1), span))
        for _, span in sorted(found, key=lambda each: -each[0]):
            if not self._differs(claim, passage, span, language, context):
                return span
        return None

    def _differs(self, claim: str, passage: str, span: Span, language: str, context: str) -> bool:
        source = passage[slice(*span)]
        return contradicts(claim, source, f"{context}\n{passage}", language=language)

    def _reading(self, passage: str, language: str) -> _Read:
        known = self._read.get(passage)
        if known is None:
            spans = sentences(passage, language)
            texts = [passage[start:end] for start, end in spans]
            known = _Read(
                spans, [_telling(text, language) for text in texts], self.embedder.embed(texts)
            )
            self._read[passage] = known
        return known


def find_support(claim: str, passage: str, *, language: str, embedder: Embedder) -> Span | None:
    """Return the words of one passage that support one claim, ``None`` if none do."""
    return Grounds(embedder).find_support(claim, passage, language=language)


def share_of_words(claim: str, passage: str, language: str) -> float:
    """Return which share of a claim's telling stems a passage has: what is worth a closer look."""
    asked = _telling(claim, language)
    return len(asked & _telling(passage, language)) / max(1, len(asked))


def _telling(text: str, language: str) -> frozenset[str]:
    return frozenset(s for s in stems(text, language) if len(s) >= _SHORTEST_STEM)


def _find_verbatim(quote: str, passage: str) -> Span | None:
    """Find a quotation in the passage, white space and the final stop aside."""
    words = quote.strip(" .,;…\n\t").split()
    if not words:
        return None
    stretch = r"\s+".join(map(re.escape, words))
    match = re.search(rf"(?<!\w){stretch}(?!\w)", passage, re.IGNORECASE)
    return match.span() if match else None


def _around(span: Span, spans: Sequence[Span]) -> Span:
    """Widen a span to the sentences it lies in."""
    touched = [each for each in spans if each[0] < span[1] and span[0] < each[1]]
    return (touched[0][0], touched[-1][1]) if touched else span
