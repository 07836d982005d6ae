"""The rows that an external index is filled from and checked against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from shared.adapters.database import Session
from shared.inference.language import Language
from shared.kernel.ids import ChunkId, VersionId
from shared.search.discovery_store import (
    DocumentOfRow,
    VersionIdRow,
    as_text,
    list_documents_of,
)
from shared.search.store import QUERIES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class VersionsRow:
    """The versions that may be seen; ``None`` means all that are current."""

    ids: list[VersionId] | None


@dataclass(frozen=True, slots=True)
class CosineRow:
    """How near a chunk is to a question."""

    chunk_id: ChunkId
    cosine: float


@dataclass(frozen=True, slots=True)
class MirrorChunkRow:
    """A chunk as an external index takes it."""

    id: ChunkId
    language: Language
    title: str
    heading_path: list[str]
    content: str
    vector: list[float]


def find_searchable_versions(session: Session, filters: str) -> list[VersionId] | None:
    """Return the versions that may be seen under ``filters``; ``None`` means all current ones."""
    row = session.get(QUERIES["find_searchable_versions"], VersionsRow, {"filters": filters})
    return row.ids


def list_places(session: Session, chunk_ids: Sequence[str]) -> dict[str, DocumentOfRow]:
    """Return those chunks that are the tenant's own, by the text of their id."""
    known = [ChunkId(UUID(each)) for each in chunk_ids if _is_id(each)]
    return {str(row.chunk_id): row for row in list_documents_of(session, known)}


def list_cosines(
    session: Session,
    chunk_ids: Sequence[ChunkId],
    vector: NDArray[np.float32],
    *,
    model_id: int,
) -> dict[ChunkId, float]:
    """Compare chunks with a vector, (dimension,), length 1."""
    params = {"chunk_ids": list(chunk_ids), "vector": as_text(vector), "model_id": model_id}
    rows = session.all(QUERIES["list_cosines"], CosineRow, params)
    return {row.chunk_id: row.cosine for row in rows}


def list_mirror_chunks(
    session: Session, version_id: VersionId, *, model_id: int
) -> list[MirrorChunkRow]:
    """List all of a version, in the order of its text."""
    params = {"version_id": version_id, "model_id": model_id}
    return session.all(QUERIES["list_mirror_chunks"], MirrorChunkRow, params)


def list_unmirrored(session: Session, index_name: str, *, most: int) -> list[VersionId]:
    """List current versions that an index has not as they are now."""
    params = {"index_name": index_name, "most": most}
    return [row.id for row in session.all(QUERIES["list_unmirrored"], VersionIdRow, params)]


def list_overmirrored(session: Session, index_name: str, *, most: int) -> list[VersionId]:
    """List versions that an index has and search has no more."""
    params = {"index_name": index_name, "most": most}
    return [row.id for row in session.all(QUERIES["list_overmirrored"], VersionIdRow, params)]


def record_mirrored(
    session: Session, index_name: str, version_id: VersionId, *, first_chunk_id: ChunkId
) -> None:
    """Remember what an index holds of a version."""
    params = {"index_name": index_name, "version_id": version_id, "first_chunk_id": first_chunk_id}
    session.execute(QUERIES["record_mirrored"], params)


def remove_mirrored(session: Session, index_name: str, version_id: VersionId) -> None:
    """Forget that an index held a version."""
    params = {"index_name": index_name, "version_id": version_id}
    session.execute(QUERIES["remove_mirrored"], params)


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
