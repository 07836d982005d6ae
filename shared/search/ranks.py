"""The ranking without the texts: what long lists, counts and comparisons are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.adapters.database import Session
from shared.inference.embedding import Embedder
from shared.search import discovery_store, external
from shared.search.discovery_store import RankRow
from shared.search.model import Ranking
from shared.search.planning import Plan

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DEPTH = 1000
"""So far down a ranking can be read or counted."""
_DENSE_SHARE = 0.8
_LEAST_DENSE = 0.3
_LEXICAL_SHARE = 0.3
_TITLE_SHARE = 0.5
_NOTHING = 1e-9


def rank(
    session: Session,
    embedder: Embedder,
    planned: Plan,
    *,
    ranking: Ranking,
    most: int,
    vector: NDArray[np.float32] | None = None,
) -> list[RankRow]:
    """Rank what ``service.plan`` has planned, ``most`` deep (up to ``DEPTH``).

    ``vector`` stands in for the question's own, (dimension,), length 1.
    """
    asked = embedder.embed_question(planned.query) if vector is None else vector
    most = min(most, DEPTH)
    if ranking.external is not None:
        index = ranking.external(embedder.model)
        return external.list_ranks(session, index, planned, asked, most=most)
    params = {**planned.params, "most": most}
    return discovery_store.list_ranks(session, params, asked)


def relevant(ranks: list[RankRow]) -> list[RankRow]:
    """Keep what has to do with the question at all; every chunk has some similarity to anything.

    That is: what was asked for letter by letter, half of the question in the title, a cosine of
    at least four fifths of the best one's (and .3), or words that weigh at least three tenths of
    the best passage's. Shares of the best adapt to the question: common words alone do not make
    a passage relevant when others say the seldom ones.
    """
    most_dense = max((row.dense_score for row in ranks), default=0.0)
    most_lexical = max((row.lexical_score for row in ranks), default=0.0)
    least_dense = max(_LEAST_DENSE, _DENSE_SHARE * most_dense)
    least_lexical = max(_NOTHING, _LEXICAL_SHARE * most_lexical)
    return [
        row
        for row in ranks
        if row.dense_score >= least_dense
        or row.lexical_score >= least_lexical
        or row.exact_share > 0
        or row.title_share >= _TITLE_SHARE
    ]
