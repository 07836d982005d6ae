"""The rows of grants and what follows from them, one typed function per query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from shared.access.model import (
    Effect,
    Grant,
    ListRow,
    Place,
    RankRow,
    Reach,
    Reader,
    Resource,
    SubjectRow,
    WiderRow,
)
from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.kernel.ids import UserId

QUERIES = load_queries("shared.access")


def _named(resource: Resource) -> dict[str, object]:
    return {"kind": resource.kind, "id": resource.id}


def find_rank(session: Session, viewer: str, resource: Resource) -> int:
    """Return how far a viewer reaches a thing."""
    params = {**_named(resource), "viewer": viewer}
    return session.get(QUERIES["find_rank"], RankRow, params).rank


def find_own_rank(session: Session, resource: Resource) -> int:
    """Return how far the transaction's own viewer reaches a thing."""
    return session.get(QUERIES["find_own_rank"], RankRow, _named(resource)).rank


def find_list(session: Session, resource: Resource) -> int | None:
    """Return the list that a thing is closed by; ``None`` where it is open or not seen."""
    row = session.find(QUERIES["find_list"], ListRow, _named(resource))
    return row.list_id if row is not None else None


def is_wider(session: Session, after: int | None, *, than: int) -> bool:
    """Tell whether a list lets anybody do more than another does; ``None`` is no list."""
    params = {"after": after, "before": than}
    return session.get(QUERIES["find_whether_wider"], WiderRow, params).is_wider


def find_place(session: Session, resource: Resource) -> Place | None:
    """Return a thing's name and owner."""
    return session.find(QUERIES["find_place"], Place, _named(resource))


def list_grants(session: Session, resource: Resource) -> list[Grant]:
    """List what was said of a thing itself."""
    return session.all(QUERIES["list_grants"], Grant, _named(resource))


def list_effects(session: Session, resource: Resource) -> list[Effect]:
    """List what holds for a thing in the end."""
    return session.all(QUERIES["list_effects"], Effect, _named(resource))


def record_grants(
    session: Session, resource: Resource, given: Mapping[str, str], *, granted_by: UserId
) -> None:
    """Give grants by their subjects; those there are take the new level."""
    params = {"subjects": list(given), "levels": list(given.values()), "granted_by": granted_by}
    session.execute(QUERIES["record_grants"], {**_named(resource), **params})


def remove_grants_but(session: Session, resource: Resource, subjects: Sequence[str]) -> None:
    """Take back every grant on a thing but those of some subjects."""
    session.execute(QUERIES["remove_grants_but"], {**_named(resource), "subjects": list(subjects)})


def find_subject(session: Session, *, kind: str, named_id: UUID | None, name: str) -> str | None:
    """Return a person or group as grants name it."""
    params = {"kind": kind, "id": named_id, "name": name}
    row = session.find(QUERIES["find_subject"], SubjectRow, params)
    return row.subject if row else None


def list_readers(session: Session, resource: Resource) -> list[Reader]:
    """List the people who reach a thing."""
    return session.all(QUERIES["list_readers"], Reader, _named(resource))


def list_reach(session: Session, user_id: UserId) -> list[Reach]:
    """List restricted things with how far a person reaches each."""
    return session.all(QUERIES["list_reach"], Reach, {"viewer": f"user:{user_id}"})
