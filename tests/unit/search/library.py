"""Scenes for search: a tenant's shelf of indexed documents, and vectors of the test's choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from psycopg.types.json import Jsonb

from shared.adapters.database import Database
from shared.inference.embedding import Embedder
from shared.inference.language import Language
from shared.inference.model import EmbeddingModel
from shared.inference.registry import MODELS
from shared.kernel.ids import DocumentId, TenantId, VersionId, new_id
from shared.search import service
from shared.search.model import NewChunk

MINILM = MODELS["all-MiniLM-L6-v2"].model


@dataclass
class Prepared:
    """An embedder for a question whose vector the test has chosen."""

    vector: NDArray[np.float32]
    model: EmbeddingModel = MINILM

    def embed_question(self, text: str) -> NDArray[np.float32]:
        return self.vector

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.tile(self.vector, (len(texts), 1))

    def count_tokens(self, text: str) -> int:
        return len(text.split())


def some_vectors(count: int, *, seed: int = 0) -> NDArray[np.float16]:
    rows = np.random.default_rng(seed).normal(size=(count, 384))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def chunk(
    text: str, *, ordinal: int = 0, language: Language = "en", headings: tuple[str, ...] = ()
) -> NewChunk:
    return NewChunk(
        ordinal=ordinal,
        language=language,
        heading_path=headings,
        content=text,
        span_start=ordinal * 1000,
        span_end=ordinal * 1000 + len(text),
        page_from=1,
        page_to=1,
        boxes=({"page": 1, "x0": 1.5},),
        token_count=len(text.split()),
    )


@dataclass
class Library:
    """Puts documents on one tenant's shelf, the way settle leaves them."""

    database: Database
    tenant: TenantId
    embedder: Embedder | None = None

    def add(
        self,
        chunks: Sequence[NewChunk],
        *,
        vectors: NDArray[np.float16] | None = None,
        model: EmbeddingModel = MINILM,
        is_current: bool = True,
        **columns: object,
    ) -> tuple[DocumentId, VersionId]:
        document, version = DocumentId(new_id()), VersionId(new_id())
        if vectors is None:
            assert self.embedder is not None
            vectors = self.embedder.embed([c.content for c in chunks]).astype(np.float16)
        fields = {
            "tenant_id": self.tenant,
            "id": document,
            "title": "A document",
            "media_type": "text/plain",
            "language": "en",
            "created_by": self.tenant,
            "current_version_id": version if is_current else None,
            **columns,
        }
        names, marks = ", ".join(fields), ", ".join(f"%({name})s" for name in fields)
        with self.database.transaction(self.tenant) as session:
            session.connection.execute(
                f"INSERT INTO kontor.documents ({names}) VALUES ({marks})",  # type: ignore[arg-type]
                {k: Jsonb(v) if isinstance(v, dict) else v for k, v in fields.items()},
            )
            service.index_version(
                session,
                document_id=document,
                version_id=version,
                model=model,
                chunks=chunks,
                vectors=vectors,
            )
        return document, version

    def add_text(self, *texts: str, language: Language = "en", **columns: object) -> DocumentId:
        chunks = [chunk(text, ordinal=i, language=language) for i, text in enumerate(texts)]
        return self.add(chunks, language=language, **columns)[0]
