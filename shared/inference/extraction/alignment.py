"""How well the words of a question find their counterparts in a sentence, by what they mean there.

Late interaction as in ColBERT (Khattab and Zaharia 2020): every token of the question looks for the
token of the sentence that is nearest to it. The model was not trained for that, so how much the
figures are worth is fitted like everything else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.inference.extraction.questions import FUNCTION_WORDS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared.inference.embedding import ReadText

_ASKING = re.compile(
    r"who|whom|whose|what|when|where|why|how|which|many|much|wer|wen|wem|wessen|was|wann|wo|wohin"
    r"|woher|warum|wieso|weshalb|wie|viele?n?|welche[rnsm]?|wofür|wozu"
)
_UNWEIGHED = 0.5


@dataclass(frozen=True, slots=True)
class Alignment:
    """Cosines of a question's words and their nearest counterparts, each from -1 to 1.

    ``average`` weighs by rarity; ``least`` and ``rarest`` are those of the word served worst and
    of the rarest one; ``asking`` is the question word's; ``all`` weighs every token alike.
    """

    average: float
    least: float
    rarest: float
    asking: float
    all: float


NOTHING = Alignment(0.0, 0.0, 0.0, 0.0, 0.0)


class Asking:
    """The tokens of a question, gathered into words with their weights."""

    def __init__(self, text: str, read: ReadText, rarity: Mapping[str, float]) -> None:
        self._tokens = read.tokens
        self._asking: list[int] = []
        self._words: list[tuple[float, list[int]]] = []
        for word, tokens in _words(text, read.spans):
            if _ASKING.fullmatch(word):
                self._asking += tokens
            elif word not in FUNCTION_WORDS and word[0].isalnum():
                self._words.append((rarity.get(word, _UNWEIGHED), tokens))

    def align(self, sentence: NDArray[np.float32]) -> Alignment:
        """Compare with the tokens of a sentence: float32, (n, width), rows of length 1."""
        if not len(sentence) or not len(self._tokens):
            return NOTHING
        nearest = (self._tokens @ sentence.T).max(axis=1)
        served = [(weight, float(nearest[tokens].mean())) for weight, tokens in self._words]
        total = sum(weight for weight, _ in served)
        return Alignment(
            average=sum(weight * cosine for weight, cosine in served) / total if total else 0.0,
            least=min((cosine for _, cosine in served), default=0.0),
            rarest=max(served, default=(0.0, 0.0), key=lambda each: each[0])[1],
            asking=float(nearest[self._asking].max()) if self._asking else 0.0,
            all=float(nearest.mean()),
        )


def _words(text: str, spans: NDArray[np.int32]) -> list[tuple[str, list[int]]]:
    """Gather tokens that touch into words: lower-case, with the places of their tokens."""
    found: list[tuple[int, int, list[int]]] = []
    for place, (start, end) in enumerate(spans.tolist()):
        if found and found[-1][1] == start and text[start - 1].isalnum() and text[start].isalnum():
            found[-1] = (found[-1][0], end, [*found[-1][2], place])
        else:
            found.append((start, end, [place]))
    return [(text[start:end].lower(), places) for start, end, places in found if end > start]
