"""Indexing: what ingestion reads becomes what search finds; the one place that knows both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from shared.kernel.ids import VersionId

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared.adapters.database import Session
    from shared.documents.model import Version
    from shared.inference.model import VectorSpace
    from shared.ingestion.model import Chunk
    from shared.search.model import ExternalIndexes, NewChunk


class SearchIndex:
    """Brings two rooms of one floor together: what ingestion writes and search finds."""

    def __init__(self, default_model: str, external: ExternalIndexes | None = None) -> None:
        self._default_model = default_model
        self._external = external

    def active_model(self, session: Session) -> str:
        """Return the name of the model that embeds the tenant's questions."""
        from shared.search.shadow import find_active_model

        return find_active_model(session) or self._default_model

    def write(
        self,
        session: Session,
        version: Version,
        chunks: Sequence[Chunk],
        vectors: NDArray[np.float16],
        *,
        model: VectorSpace,
        reading: int = 1,
    ) -> None:
        """Make a version's chunks findable; vectors lie in the order of the chunks."""
        from shared.search.service import index_version

        index_version(
            session,
            document_id=version.document_id,
            version_id=version.id,
            model=model,
            chunks=(new_chunk(chunk, reading=reading) for chunk in chunks),
            vectors=vectors,
        )
        if self._external:
            from shared.search.mirroring import mirror_version

            mirror_version(session, self._external(model), version.id, model=model)

    @property
    def is_mirrored(self) -> bool:
        """Whether another search index follows this one."""
        return self._external is not None

    def catch_up(self, session: Session, model: VectorSpace, *, most: int) -> int:
        """Bring the external index in step with Postgres, a few versions at a time.

        Returns how many were touched; 0 where there is none, or nothing was to do.
        """
        if self._external is None:
            return 0
        from shared.search.mirroring import mirror_changes

        return mirror_changes(session, self._external(model), model=model, most=most)

    def write_shadow(
        self,
        session: Session,
        version: Version,
        chunks: Sequence[Chunk],
        vectors: NDArray[np.float16],
        *,
        model: VectorSpace,
        reading: int,
    ) -> None:
        """Write a reading where search does not look yet."""
        from shared.search.shadow import write_shadow

        write_shadow(
            session,
            document_id=version.document_id,
            version_id=version.id,
            model=model,
            chunks=(new_chunk(chunk, reading=reading) for chunk in chunks),
            vectors=vectors,
        )

    def remove(self, session: Session, version_id: VersionId) -> None:
        """Take a version's chunks out of the index."""
        from shared.search.service import remove_version

        remove_version(session, version_id)


def new_chunk(chunk: Chunk, *, reading: int = 1) -> NewChunk:
    """Return a chunk as search takes it."""
    from shared.documents.grids import grids_to_json
    from shared.search.model import NewChunk

    return NewChunk(
        ordinal=chunk.ordinal,
        language=chunk.language,
        heading_path=chunk.heading_path,
        content=chunk.text,
        span_start=chunk.start,
        span_end=chunk.end,
        page_from=chunk.page_from,
        page_to=chunk.page_to,
        boxes=tuple(asdict(box) for box in chunk.boxes),
        token_count=chunk.token_count,
        searched=chunk.said,
        reading=reading,
        section=chunk.section,
        section_start=chunk.section_start,
        section_end=chunk.section_end,
        grids=tuple(grids_to_json(chunk.grids)),
    )
