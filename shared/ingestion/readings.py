"""The readings of a version: the same bytes read more than once, one of them searched."""

from __future__ import annotations

import json
from collections.abc import Sequence

from shared.adapters.database import Session
from shared.documents import service as documents
from shared.documents.model import ParsedFacts
from shared.ingestion import store
from shared.ingestion.derived import FIRST_READING
from shared.ingestion.model import Chunk, ParsedDocument
from shared.ingestion.preferences import ReadingSettings
from shared.ingestion.store import Reading
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import VersionId


def record_reading(
    session: Session,
    version_id: VersionId,
    document: ParsedDocument,
    chunks: Sequence[Chunk],
    *,
    settings: ReadingSettings,
    number: int = FIRST_READING,
) -> None:
    """Write down how a version was read; the first reading is the one that is searched."""
    store.record_reading(
        session,
        {
            "version_id": version_id,
            "number": number,
            "is_active": number == FIRST_READING,
            "parser": f"{document.parser} {document.parser_version}",
            "options": json.dumps(settings.to_json()),
            "language": document.language,
            "page_count": document.page_count,
            "warnings": list(document.warnings),
            "chunk_count": len(chunks),
            "character_count": sum(len("".join(one.text.split())) for one in chunks),
        },
    )


def active_reading(session: Session, version_id: VersionId) -> int:
    """Return the number of the reading that is searched; versions of older releases have one."""
    found = store.find_active_reading(session, version_id)
    return found.number if found else FIRST_READING


def activate(session: Session, version_id: VersionId, number: int) -> Reading:
    """Make a reading the one whose text and facts the version shows; raises NotFoundError."""
    found = store.find_reading(session, version_id, number)
    if found is None:
        raise NotFoundError(f"The version has no reading {number}.")
    store.change_active_reading(session, version_id, number)
    documents.record_parsed(
        session,
        version_id,
        ParsedFacts(
            parser=found.parser,
            language=found.language,
            page_count=found.page_count,
            chunk_count=found.chunk_count,
            warnings=tuple(found.warnings),
        ),
    )
    return found


def forget(session: Session, version_id: VersionId, number: int) -> None:
    """Drop the record of a reading that is not searched."""
    store.remove_reading(session, version_id, number)
