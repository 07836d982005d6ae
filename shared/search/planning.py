"""What a request becomes before an index is asked."""

from __future__ import annotations

from dataclasses import dataclass

from shared.inference.language import Language
from shared.search.scoring import Weights
from shared.search.wording import Wording


@dataclass(frozen=True, slots=True)
class Plan:
    """A question with its words weighed and the mix of its scores chosen.

    ``params`` are the ranking queries' parameters, without the vector and the depth.
    """

    query: str
    language: Language
    asked: Wording
    weights: Weights
    least_similarity: float
    params: dict[str, object]
