"""Keeps an external index in step with what Postgres searches.

Indexing writes a version there at once. Everything else (removed, erased, read anew, indexed
before the index was configured, written while it was away) is found by comparing, a few versions
at a time, whenever the sweep comes by.
"""

from __future__ import annotations

from shared.adapters.database import Session
from shared.adapters.opensearch import IndexedChunk
from shared.inference.model import VectorSpace
from shared.kernel.ids import VersionId
from shared.search import mirror_store as store
from shared.search.model import ExternalIndex
from shared.search.store import find_model_id


def mirror_version(
    session: Session, index: ExternalIndex, version_id: VersionId, *, model: VectorSpace
) -> int:
    """Write a version into an index, instead of what it held of it; returns how many chunks.

    Raises UnavailableError when the index is away: then nothing is remembered.
    """
    model_id = find_model_id(session, model)
    rows = store.list_mirror_chunks(session, version_id, model_id=model_id)
    if not rows:
        return 0
    tenant_id = str(session.tenant_id)
    index.remove_version(tenant_id, str(version_id))
    index.write(
        tenant_id,
        [
            IndexedChunk(
                id=str(row.id),
                version_id=str(version_id),
                language=row.language,
                title=row.title,
                headings="\n".join(row.heading_path),
                content=row.content,
                vector=row.vector,
            )
            for row in rows
        ],
    )
    store.record_mirrored(session, index.index, version_id, first_chunk_id=rows[0].id)
    return len(rows)


def mirror_changes(session: Session, index: ExternalIndex, *, model: VectorSpace, most: int) -> int:
    """Take out what is gone and write what is missing, ``most`` versions of each.

    Returns how many versions were touched; 0 means that the index is in step.
    """
    gone = store.list_overmirrored(session, index.index, most=most)
    for version_id in gone:
        index.remove_version(str(session.tenant_id), str(version_id))
        store.remove_mirrored(session, index.index, version_id)
    missing = store.list_unmirrored(session, index.index, most=most)
    written = [mirror_version(session, index, each, model=model) for each in missing]
    return len(gone) + sum(count > 0 for count in written)
