"""Sweep positions: how far a search has come, so that the next run goes on from there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from shared.adapters.database import Session
from shared.adapters.outbox import QUERIES


@dataclass(frozen=True, slots=True)
class SweepPosition:
    """Where a search stands; empty at the beginning. ``found`` is what the last run found."""

    name: str
    position: str
    found: dict[str, int]
    swept_at: datetime


def find_position(session: Session, name: str) -> str:
    """Return where a search goes on; empty for its beginning."""
    row = session.find(QUERIES["find_sweep_position"], SweepPosition, {"name": name})
    return row.position if row else ""


def record_position(session: Session, name: str, position: str, **found: int) -> None:
    """Write where a search stopped and what it found."""
    params = {"name": name, "position": position, "found": json.dumps(found)}
    session.execute(QUERIES["record_sweep_position"], params)


def list_positions(session: Session) -> list[SweepPosition]:
    """List what every search of the tenant found last."""
    return session.all(QUERIES["list_sweep_positions"], SweepPosition)
