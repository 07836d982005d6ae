"""One typed function per query of reading: settings, readings, reprocessings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.kernel.ids import UserId

QUERIES = load_queries("shared.ingestion")


@dataclass(frozen=True, slots=True)
class SettingsRow:
    """A tenant's settings for reading."""

    strategy: Literal["structured", "fixed"]
    chunk_tokens: int
    overlap_tokens: int
    ocr_languages: list[str]


def find_settings(session: Session) -> SettingsRow | None:
    """Return the tenant's settings, or ``None``."""
    return session.find(QUERIES["find_settings"], SettingsRow)


def record_settings(
    session: Session, settings: Mapping[str, object], *, changed_by: UserId
) -> None:
    """Write the tenant's settings."""
    session.execute(QUERIES["record_settings"], {**settings, "changed_by": changed_by})
