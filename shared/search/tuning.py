"""A tenant's own weights: read by whoever searches, changed by evaluation, taken back by a verb."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from shared.adapters.database import Session
from shared.kernel.errors import InvalidError, NotFoundError
from shared.kernel.ids import UserId
from shared.kernel.settings import Settings
from shared.search import tuning_store as store
from shared.search.model import OwnRanking, Ranking
from shared.search.service import ranking


def ranking_of(session: Session, config: Settings) -> Ranking:
    """Return how this tenant's results are ranked: by its own weights, or as the settings say."""
    row = store.find_tenant_ranking(session)
    deployed = ranking(config)
    if row is None:
        return deployed
    return replace(
        deployed, dense_weight_en=row.dense_weight_en, dense_weight_de=row.dense_weight_de
    )


def find_own_ranking(session: Session) -> OwnRanking | None:
    """Return the tenant's own weights and why it has them, or ``None``."""
    return store.find_tenant_ranking(session)


def change_ranking(
    session: Session, wanted: Ranking, *, evidence: Mapping[str, object], changed_by: UserId
) -> None:
    """Rank this tenant's results with the weights of ``wanted`` from now on.

    Raises InvalidError naming every weight outside 0 to 1.
    """
    weights = {name: getattr(wanted, name) for name in ("dense_weight_en", "dense_weight_de")}
    wrong = {
        name: "must lie between 0 and 1" for name, value in weights.items() if not 0 <= value <= 1
    }
    if wrong:
        raise InvalidError(
            f"The weights are not valid: {', '.join(wrong)} must lie between 0 and 1.", fields=wrong
        )
    store.record_tenant_ranking(session, **weights, evidence=evidence, created_by=changed_by)


def undo_ranking(session: Session) -> None:
    """Go back to the weights before; raises NotFoundError when the tenant has none of its own."""
    row = store.find_tenant_ranking(session)
    if row is None:
        raise NotFoundError(
            "This tenant has no weights of its own.", hint="It is ranked as the settings say."
        )
    store.remove_tenant_ranking(session, row.id)
