"""One typed function per query of tenants' own weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from uuid import UUID

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.kernel.ids import UserId, new_id
from shared.search.model import OwnRanking

QUERIES = load_queries("shared.search")


def find_tenant_ranking(session: Session) -> OwnRanking | None:
    """Return the weights that hold, or ``None`` where the tenant has none of its own."""
    return session.find(QUERIES["find_tenant_ranking"], OwnRanking)


def record_tenant_ranking(
    session: Session,
    *,
    dense_weight_en: float,
    dense_weight_de: float,
    evidence: Mapping[str, object],
    created_by: UserId,
) -> None:
    """Write weights that hold from now on."""
    session.execute(
        QUERIES["record_tenant_ranking"],
        {
            "id": new_id(),
            "dense_weight_en": dense_weight_en,
            "dense_weight_de": dense_weight_de,
            "evidence": json.dumps(evidence),
            "created_by": created_by,
        },
    )


def remove_tenant_ranking(session: Session, ranking_id: UUID) -> None:
    """Delete weights; those before them hold again."""
    session.execute(QUERIES["remove_tenant_ranking"], {"id": ranking_id})
