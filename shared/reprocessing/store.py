"""One typed function per query of reprocessings and their items."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.kernel.ids import DocumentId, UserId, VersionId
from shared.reprocessing.model import Failure, Item, ItemState, Order, Reprocessing, State

QUERIES = load_queries("shared.reprocessing")


@dataclass(frozen=True, slots=True)
class CountRow:
    """How many items are in a state."""

    state: str
    count: int


@dataclass(frozen=True, slots=True)
class CurrentRow:
    """The document whose current version it is."""

    id: DocumentId


@dataclass(frozen=True, slots=True)
class LostRow:
    """A document whose new reading has much less text."""

    document_id: DocumentId
    title: str
    characters: int
    former_characters: int


def record_reprocessing(
    session: Session,
    reprocessing_id: UUID,
    order: Order,
    *,
    model_id: int | None,
    started_by: UserId,
) -> None:
    """Write a reprocessing that runs."""
    session.execute(
        QUERIES["record_reprocessing"],
        {
            "id": reprocessing_id,
            "reason": order.reason,
            "document_id": order.document_id,
            "folder": order.folder,
            "model": order.model,
            "model_id": model_id,
            "started_by": started_by,
        },
    )


def find_reprocessing(session: Session, reprocessing_id: UUID) -> Reprocessing | None:
    """Return one reprocessing."""
    return session.find(QUERIES["find_reprocessing"], Reprocessing, {"id": reprocessing_id})


def lock_reprocessing(session: Session, reprocessing_id: UUID) -> Reprocessing | None:
    """Return one reprocessing and hold it until the transaction ends."""
    return session.find(QUERIES["lock_reprocessing"], Reprocessing, {"id": reprocessing_id})


def list_reprocessings(session: Session, *, limit: int) -> list[Reprocessing]:
    """List reprocessings, newest first."""
    return session.all(QUERIES["list_reprocessings"], Reprocessing, {"limit": limit})


def list_unfinished(session: Session) -> list[Reprocessing]:
    """List what the sweep goes on with."""
    return session.all(QUERIES["list_unfinished"], Reprocessing)


def change_state(
    session: Session, reprocessing_id: UUID, state: State, *, allowed: Sequence[State]
) -> bool:
    """Change a state; False when it is none of those allowed."""
    params = {"id": reprocessing_id, "state": state, "allowed": list(allowed)}
    return session.execute(QUERIES["change_state"], params) == 1


def change_gate(session: Session, reprocessing_id: UUID, gate: Mapping[str, object]) -> None:
    """Write what the gate measured."""
    session.execute(QUERIES["change_gate"], {"id": reprocessing_id, "gate": json.dumps(gate)})


def plan_readings(session: Session, reprocessing_id: UUID, order: Order) -> int:
    """Plan a new reading for every version in scope; returns how many."""
    params = {"id": reprocessing_id, "document_id": order.document_id, "folder": order.folder}
    return session.execute(QUERIES["plan_readings"], params)


def plan_vectors(session: Session, reprocessing_id: UUID, *, model_id: int) -> int:
    """Plan vectors for every version that lacks the model's; returns how many."""
    return session.execute(QUERIES["plan_vectors"], {"id": reprocessing_id, "model_id": model_id})


def list_planned(session: Session, reprocessing_id: UUID, *, limit: int) -> list[Item]:
    """List and lock the next planned items."""
    return session.all(QUERIES["list_planned"], Item, {"id": reprocessing_id, "limit": limit})


def list_items(
    session: Session, reprocessing_id: UUID, *, states: Sequence[ItemState], limit: int
) -> list[Item]:
    """List items in the given states."""
    params = {"id": reprocessing_id, "states": list(states), "limit": limit}
    return session.all(QUERIES["list_items"], Item, params)


def list_silent(session: Session, reprocessing_id: UUID, *, older_than_s: float) -> list[Item]:
    """List running items that went silent."""
    params = {"id": reprocessing_id, "older_than_s": older_than_s}
    return session.all(QUERIES["list_silent"], Item, params)


def find_item(session: Session, reprocessing_id: UUID, version_id: VersionId) -> Item | None:
    """Return one item whose version is not removed."""
    return session.find(
        QUERIES["find_item"], Item, {"id": reprocessing_id, "version_id": version_id}
    )


def change_item(
    session: Session,
    reprocessing_id: UUID,
    version_id: VersionId,
    state: ItemState,
    *,
    allowed: Sequence[ItemState],
    detail: str = "",
) -> bool:
    """Change an item's state; False when it is in none of those allowed."""
    params = {"id": reprocessing_id, "version_id": version_id, "state": state, "detail": detail}
    return session.execute(QUERIES["change_item"], {**params, "allowed": list(allowed)}) == 1


def change_attempt(session: Session, reprocessing_id: UUID, version_id: VersionId) -> None:
    """Count a new attempt at an item."""
    session.execute(QUERIES["change_attempt"], {"id": reprocessing_id, "version_id": version_id})


def count_items(session: Session, reprocessing_id: UUID) -> dict[str, int]:
    """Count items by state."""
    rows = session.all(QUERIES["count_items"], CountRow, {"id": reprocessing_id})
    return {row.state: row.count for row in rows}


def list_failures(session: Session, reprocessing_id: UUID, *, limit: int) -> list[Failure]:
    """List documents that could not be done anew."""
    return session.all(QUERIES["list_failures"], Failure, {"id": reprocessing_id, "limit": limit})


def list_lost(session: Session, reprocessing_id: UUID, *, share: float) -> list[LostRow]:
    """List documents whose new reading has less than this share of the letters."""
    return session.all(QUERIES["list_lost"], LostRow, {"id": reprocessing_id, "share": share})


def is_current(session: Session, version_id: VersionId) -> bool:
    """Whether a version is its document's current one; its row is held until the end."""
    params = {"version_id": version_id}
    return session.find(QUERIES["find_current"], CurrentRow, params) is not None
