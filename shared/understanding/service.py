"""Whether a passage supports a claim, and which of its words do: no support, no citation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.inference.embedding import Embedder
from shared.inference.language import detect_language
from shared.inference.sentences import sentences
from shared.inference.stemming import stem, words
from shared.understanding.contradiction import contradicts, figures
from shared.understanding.model import VERBS, Span, words_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# (cosine, share of the claim's words) from which a stretch is near enough: what is close in
# meaning needs fewer words in common, because near topics are close, too.
_NEAR = ((0.0, 0.6), (0.55, 0.4), (0.75, 0.2))
# Across languages the model places translations further apart (XQuAD), and an English one tells
# nothing at all of some; a figure with its unit anchors them.
_OTHER_LANGUAGE_COSINE = 0.3
_SHORTEST_STEM = 3
# A sentence says at most what so many neighbouring sentences of its source say.
_WIDEST = 2
_WIDTH_COST = 0.15
_ABOUT_AS_CLOSE = 0.85
_SHORTEST_PART = 5

_FUNCTION_WORDS = words_of(
    """der die das den dem des ein eine einen einem einer eines und oder aber auch nicht kein keine
    keinen für bei mit nach von vor zum zur über unter aus bis seit sich ist sind war waren wird
    werden wurde hat haben kann muss darf soll dass wenn als wie the and but not for with after
    before from under about into this that these those its their his her are was were been has have
    had can may must shall should will would also only"""
)
_QUOTED = re.compile(r"[\"„“»«]([^\"„“”»«]{12,}?)[\"“”«»]")


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
        """Lay the claim beside every stretch; the closest decides.

        When the closest one says something else, the claim is contradicted, and a vaguer one does
        not save it: only a stretch around it, or one about as close, may.
        """
        ranked = sorted(self._near(claim, passage, language), key=lambda each: -each[0])
        for score, span in ranked:
            best, nearest = ranked[0]
            is_around = span[0] <= nearest[0] and nearest[1] <= span[1]
            if not is_around and score < _ABOUT_AS_CLOSE * best:
                continue
            if not self._differs(claim, passage, span, language, context):
                return span
        return None

    def _near(self, claim: str, passage: str, language: str) -> list[tuple[float, Span]]:
        """List the stretches near enough to a claim, with how near they are."""
        read = self._reading(passage, language)
        vector = self.embedder.embed([claim])[0]
        cosines = [float(cosine) for cosine in read.vectors @ vector]
        asked = _telling(claim, language)
        is_translated = detect_language(claim) not in (language, "simple")
        found: list[tuple[float, Span]] = []
        for width in range(1, _WIDEST + 1):
            for at in range(len(read.spans) - width + 1):
                held = frozenset[str]().union(*read.stems[at : at + width])
                share = _share(asked, held)
                cosine = max(cosines[at : at + width])
                span = (read.spans[at][0], read.spans[at + width - 1][1])
                is_near = (
                    _is_translation(claim, passage[slice(*span)], cosine)
                    if is_translated
                    else _is_near(cosine, share)
                )
                if is_near:
                    # A second sentence must add something: every one costs the reader time.
                    found.append((cosine + share - _WIDTH_COST * (width - 1), span))
        return found

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
    return _share(_telling(claim, language), _telling(passage, language))


def _telling(text: str, language: str) -> frozenset[str]:
    return frozenset(
        stem(word, language)
        for word in words(text)
        if len(word) >= _SHORTEST_STEM and word not in _FUNCTION_WORDS | VERBS
    )


def _is_near(cosine: float, share: float) -> bool:
    return any(cosine >= least and share >= words for least, words in _NEAR)


def _is_translation(claim: str, source: str, cosine: float) -> bool:
    shared = {each for each in figures(claim) if each[1]} & set(figures(source))
    return bool(shared) or cosine >= _OTHER_LANGUAGE_COSINE


def _share(asked: frozenset[str], words: frozenset[str]) -> float:
    """Return which share of some stems others have; parts of compounds count half."""
    if not asked:
        return 0.0
    found = len(asked & words)
    rest = words - asked
    partly = sum(1 for stem in asked - words if any(_is_part(stem, other) for other in rest))
    return (found + 0.5 * partly) / len(asked)


def _is_part(one: str, two: str) -> bool:
    short, long = sorted((one, two), key=len)
    return len(short) >= _SHORTEST_PART and (long.startswith(short) or long.endswith(short))


def _find_verbatim(quote: str, passage: str) -> Span | None:
    """Find a quotation in the passage, white space and the final stop aside."""
    parts = quote.strip(" .,;…\n\t").split()
    if not parts:
        return None
    stretch = r"\s+".join(map(re.escape, parts))
    match = re.search(rf"(?<!\w){stretch}(?!\w)", passage, re.IGNORECASE)
    return match.span() if match else None


def _around(span: Span, spans: Sequence[Span]) -> Span:
    """Widen a span to the sentences it lies in."""
    touched = [each for each in spans if each[0] < span[1] and span[0] < each[1]]
    return (touched[0][0], touched[-1][1]) if touched else span
