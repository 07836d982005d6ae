"""How the scores of one search are mixed, and what a hit's scores mean over all searches."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.inference.language import Language
from shared.search.model import Ranking
from shared.search.store import HitRow
from shared.search.wording import Wording


@dataclass(frozen=True, slots=True)
class Weights:
    """The mix for one question."""

    dense: float
    grams: float
    title: float

    @classmethod
    def of(cls, ranking: Ranking, language: Language, corpora: Mapping[Language, int]) -> Weights:
        """Choose the mix for a question's language.

        A question too short to tell ("Müller 2024") is taken for what most of the tenant's
        chunks are written in, in proportion.
        """
        dense = ranking.dense_weight(language)
        total = sum(corpora.values())
        if language == "simple" and total:
            dense = sum(
                ranking.dense_weight(each) * count / total for each, count in corpora.items()
            )
        return cls(dense, ranking.gram_weight, ranking.title_weight)

    def to_json(self) -> str:
        """Write them as the search function reads them."""
        return json.dumps({"dense": self.dense, "grams": self.grams, "title": self.title})


_CALIBRATION: dict[str, tuple[float, float, float, float]] = {
    "en": (-6.0, 6.0, 4.0, 4.0),
    "de": (-6.0, 2.0, 6.0, 6.0),
}


def similarities(rows: Sequence[HitRow], asked: Wording, language: Language) -> list[float]:
    """Return how likely each hit helps, from 0 to 1, whatever else was found."""
    constant, dense, stems, grams = _CALIBRATION["en" if language == "en" else "de"]
    most_stems, most_grams = asked.most_stems or 1.0, asked.most_grams or 1.0
    found = []
    for row in rows:
        said = min(row.lexical_score / most_stems, 1.0)
        spelt = min(row.gram_score / most_grams, 1.0)
        odds = constant + dense * row.dense_score + stems * said + grams * spelt
        # What was asked for letter by letter and is there letter by letter is what was wanted.
        found.append(max(1 / (1 + math.exp(-odds)), min(row.exact_share, 1.0)))
    return found
