"""One typed function per query of reading: settings, readings, reprocessings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.kernel.ids import UserId, VersionId

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
