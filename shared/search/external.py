"""Search by an index beside Postgres: it finds, Postgres decides what may be seen and shows it.

Off by default. The versions that may be found are Postgres's word; what comes back is looked up
there again, under row-level security, so a foreign or outdated id never shows a text.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from shared.adapters.database import Session
from shared.adapters.opensearch import IndexQuestion, OpenSearch
from shared.inference.model import VectorSpace
from shared.kernel.settings import Settings
from shared.search import discovery_store, mirror_store
from shared.search.discovery_store import RankRow
from shared.search.model import ExternalIndex, ExternalIndexes
from shared.search.planning import Plan
from shared.search.store import HitRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def indexes_of(config: Settings) -> ExternalIndexes | None:
    """Return what opens the configured external index; ``None`` when Postgres finds."""
    if config.search_backend != "opensearch":
        return None
    return _opener(config.opensearch_url.get_secret_value())


@cache
def _opener(url: str) -> ExternalIndexes:
    """Keep one client per address and model for the process's life."""

    @cache
    def open_index(model: VectorSpace) -> ExternalIndex:
        name = f"{model.name}-{model.revision}"
        return OpenSearch(url, model=name, dimension=model.dimension)

    return open_index


def list_ranks(
    session: Session,
    index: ExternalIndex,
    planned: Plan,
    vector: NDArray[np.float32],
    *,
    most: int,
) -> list[RankRow]:
    """Rank by the external index; what may not be seen is left out whatever it answered.

    ``dense_score`` is the exact cosine, ``lexical_score`` the index's own mixed score.
    """
    allowed = mirror_store.find_searchable_versions(session, str(planned.params["filters"]))
    question = IndexQuestion(
        tenant_id=str(session.tenant_id),
        query=planned.query,
        vector=[float(each) for each in vector],
        version_ids=None if allowed is None else [str(each) for each in allowed],
        dense_weight=planned.weights.dense,
        most=most,
    )
    least = float(str(planned.params["threshold"]))
    found = [each for each in index.search(question) if each.score >= least]
    places = mirror_store.list_places(session, [each.id for each in found])
    seen = None if allowed is None else set(allowed)
    kept = [
        (places[each.id], each.score)
        for each in found
        if each.id in places and (seen is None or places[each.id].version_id in seen)
    ]
    model_id = int(str(planned.params["model_id"]))
    cosines = mirror_store.list_cosines(
        session, [place.chunk_id for place, _ in kept], vector, model_id=model_id
    )
    ranks = [
        RankRow(place.chunk_id, score, cosines.get(place.chunk_id, 0.0), score)
        for place, score in kept
    ]
    return sorted(ranks, key=lambda row: (-row.score, str(row.chunk_id)))


def list_hits(
    session: Session,
    index: ExternalIndex,
    planned: Plan,
    vector: NDArray[np.float32],
    *,
    most: int,
) -> list[HitRow]:
    """Find by the external index; the passages come from Postgres."""
    ranks = list_ranks(session, index, planned, vector, most=most)
    return discovery_store.list_chosen_hits(session, ranks)
