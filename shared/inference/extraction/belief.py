"""Two small fitted models: which sentence answers, and how likely the answer is one.

The first is a conditional logit over the sentences of one question, the second a logistic
regression over what the first found. Weights are fitted by ``infra.bench.answering``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared.inference.extraction.features import FEATURES, Reading

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FILE = Path(__file__).with_name("weights.json")
_NUMBER_KINDS: Final = ("number", "date")
_NAME_KINDS: Final = ("person", "place", "name")
_MOST = ("words", "grams", "passage_words", "passage_grams", "cosine")

SIGNS = (
    "score",
    "lead",  # over the next sentence
    "lead_over_passages",  # over the best sentence of another passage
    "share",  # of the belief among all sentences
    *(f"best_{name}" for name in FEATURES),
    *(f"most_{name}" for name in _MOST),  # of any sentence
    "asks_number",
    "asks_name",
)
"""What the probability is judged by."""


@dataclass(frozen=True, slots=True)
class Weights:
    """One fitted pair of models: by feature, by sign, and the second model's constant."""

    rank: Mapping[str, float]
    confidence: Mapping[str, float]
    constant: float

    def scores(self, reading: Reading) -> NDArray[np.float64]:
        """Score the sentences (any scale; differences are log-odds): float64, (n,)."""

        scores: NDArray[np.float64] = reading.features @ self.rank_row()
        return scores

    def rank_row(self) -> NDArray[np.float64]:
        """Return the first model's weights in the order of ``FEATURES``."""
        import numpy as np

        return np.array([self.rank[name] for name in FEATURES])

    def confidence_row(self) -> NDArray[np.float64]:
        """Return the second model's weights in the order of ``SIGNS``."""
        import numpy as np

        return np.array([self.confidence[name] for name in SIGNS])

    def probability(self, reading: Reading, scores: NDArray[np.float64]) -> float:
        """Return the probability that the best three sentences hold the answer."""
        import numpy as np

        row = signs(reading, scores) @ self.confidence_row()
        return float(1 / (1 + np.exp(-(row + self.constant))))


def signs(reading: Reading, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Describe what was found, in the order of ``SIGNS``: float64, (len(SIGNS),)."""
    import numpy as np

    order = np.argsort(-scores, kind="stable")
    best = int(order[0])
    home = reading.candidates[best].rank
    elsewhere = [i for i in order if reading.candidates[i].rank != home]
    following = scores[order[1]] if len(order) > 1 else scores[best]
    rival = scores[elsewhere[0]] if elsewhere else scores[order[-1]]
    most = [reading.features[:, FEATURES.index(name)].max() for name in _MOST]
    return np.array(
        [
            scores[best],
            scores[best] - following,
            scores[best] - rival,
            shares(scores)[best],
            *reading.features[best],
            *most,
            reading.kind in _NUMBER_KINDS,
            reading.kind in _NAME_KINDS,
        ],
        dtype=np.float64,
    )


def shares(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn scores into shares of the belief that sum to 1."""
    import numpy as np

    raised: NDArray[np.float64] = np.exp(scores - scores.max())
    return raised / float(raised.sum())


def tongue(question_language: str, passage_language: str) -> str:
    """Name the weights for a question in one language over passages in another.

    The embedding model reads English; other languages lean on words as German does.
    """
    if {question_language, passage_language} == {"de", "en"}:
        return "across"
    return "en" if "en" in {question_language, passage_language} else "de"


def fitted_for(language: str, reading: Reading) -> Weights:
    """Return the weights for a question in that language over what was read.

    Provisions of laws and contracts are written unlike prose: rule and exception in neighbouring
    sentences, the topic in the heading. They have weights of their own in German.
    """
    passages = [candidate.passage for candidate in reading.candidates]
    name = tongue(language, passages[0].language)
    in_provisions = sum(passage.is_provision for passage in passages)
    return weights("provisions" if name == "de" and 2 * in_provisions > len(passages) else name)


@cache
def weights(name: str) -> Weights:
    """Read the fitted weights of that name: ``en``, ``de``, ``across`` or ``provisions``."""
    stored = json.loads(_FILE.read_text(encoding="utf-8"))[name]
    return Weights(stored["rank"], stored["confidence"], stored["constant"])
