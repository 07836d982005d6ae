"""What stands around hits in their own sections, as hits of their own that can be cited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from shared.adapters.database import Session
from shared.documents.grids import grids_from_json
from shared.search import store
from shared.search.model import Hit

_FIELDS = tuple(field.name for field in fields(store.NeighbourRow))


def find_neighbours(session: Session, hits: Sequence[Hit]) -> list[Hit]:
    """Return the chunks directly before and after hits that share their sections.

    Whoever may see a hit may see these: they belong to the same version, in the transaction that
    found the hits. They were not searched for, so their scores are 0.
    """
    if not hits:
        return []
    rows = store.list_neighbours(session, [hit.chunk_id for hit in hits])
    return [
        Hit(
            **{
                **{name: getattr(row, name) for name in _FIELDS},
                "grids": grids_from_json(row.grids),
            },
            score=0.0,
            dense_score=0.0,
            lexical_score=0.0,
        )
        for row in rows
    ]
