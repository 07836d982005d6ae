"""One typed function per query of reading: settings, readings, reprocessings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.kernel.ids import DocumentId, UserId, VersionId

QUERIES = load_queries("shared.ingestion")


@dataclass(frozen=True, slots=True)
class SettingsRow:
    """A tenant's settings for reading."""

    strategy: Literal["structured", "fixed"]
    chunk_tokens: int
    overlap_tokens: int
    ocr_languages: list[str]


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a version: with which parser and settings, and what came of it."""

    number: int
    is_active: bool
    parser: str
    options: dict[str, object]
    language: str
    page_count: int | None
    warnings: list[str]
    chunk_count: int
    character_count: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class KnownVector:
    """A vector by the hash of its text, as float16 bytes."""

    sha256: bytes
    vector: bytes


def find_settings(session: Session) -> SettingsRow | None:
    """Return the tenant's settings, or ``None``."""
    return session.find(QUERIES["find_settings"], SettingsRow)


def record_settings(
    session: Session, settings: Mapping[str, object], *, changed_by: UserId
) -> None:
    """Write the tenant's settings."""
    session.execute(QUERIES["record_settings"], {**settings, "changed_by": changed_by})


def record_reading(session: Session, params: Mapping[str, object]) -> None:
    """Write a reading."""
    session.execute(QUERIES["record_reading"], params)


def find_active_reading(session: Session, version_id: VersionId) -> Reading | None:
    """Return the version's reading that is searched."""
    return session.find(QUERIES["find_active_reading"], Reading, {"version_id": version_id})


def find_reading(session: Session, version_id: VersionId, number: int) -> Reading | None:
    """Return a version's reading by its number."""
    params = {"version_id": version_id, "number": number}
    return session.find(QUERIES["find_reading"], Reading, params)


def change_active_reading(session: Session, version_id: VersionId, number: int) -> None:
    """Make one reading the version's active one."""
    session.execute(QUERIES["change_to_passive"], {"version_id": version_id})
    session.execute(QUERIES["change_to_active"], {"version_id": version_id, "number": number})


def remove_reading(session: Session, version_id: VersionId, number: int) -> None:
    """Delete a reading that is not active."""
    session.execute(QUERIES["remove_reading"], {"version_id": version_id, "number": number})


def list_known_vectors(session: Session, model: str, keys: Sequence[bytes]) -> list[KnownVector]:
    """List what a model made of texts with these hashes before; they count as used."""
    params = {"model": model, "keys": list(keys)}
    found = session.all(QUERIES["list_known_vectors"], KnownVector, params)
    if found:
        session.execute(QUERIES["touch_known_vectors"], params)
    return found


def record_known_vectors(
    session: Session, model: str, document_id: DocumentId, *, vectors: Mapping[bytes, bytes]
) -> None:
    """Keep vectors for a document that is not being erased."""
    params = {
        "model": model,
        "document_id": document_id,
        "keys": list(vectors),
        "vectors": list(vectors.values()),
    }
    session.execute(QUERIES["record_known_vectors"], params)


def remove_known_vectors(session: Session, document_id: DocumentId) -> None:
    """Delete the vectors that a document brought."""
    session.execute(QUERIES["remove_known_vectors"], {"document_id": document_id})


def remove_old_vectors(session: Session, *, days: int, most: int) -> int:
    """Delete vectors unused for so many days, and all but the last used ``most``."""
    return session.execute(QUERIES["remove_old_vectors"], {"days": days, "most": most})
