"""An embedder that asks the tenant's memory first: what was embedded once costs nothing again.

The memory is keyed by model and by the SHA-256 of the embedded text. Its rows belong to the
document that first brought the text, and go with it for good.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.adapters.database import Database, Session
from shared.inference.embedding import Embedder, ReadText
from shared.inference.model import EmbeddingModel
from shared.ingestion import store
from shared.kernel.errors import UnavailableError
from shared.kernel.hashing import sha256_of
from shared.kernel.ids import DocumentId, TenantId

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)


class KnownVectors:
    """Embeds passages of one document; ``hits`` counts those that were known.

    Vectors come back as float16 would keep them, known or not, so a repeat gives equal vectors.
    """

    def __init__(
        self, database: Database, tenant_id: TenantId, document_id: DocumentId, embedder: Embedder
    ) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._document_id = document_id
        self._embedder = embedder
        self.hits = 0

    @property
    def model(self) -> EmbeddingModel:
        """Which model this is; stored beside every vector it makes."""
        return self._embedder.model

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed passages: float32, (n, dimension), rows of length 1, in the order given."""
        import numpy as np

        keys = [sha256_of([text.encode("utf-8", "replace")]) for text in texts]
        rows = np.zeros((len(texts), self.model.dimension), dtype=np.float16)
        known = self._known(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        made = dict(
            zip(
                missing,
                self._embedder.embed(list(missing.values())).astype(np.float16),
                strict=True,
            )
        )
        for place, key in enumerate(keys):
            rows[place] = known[key] if key in known else made[key]
        self.hits += len(texts) - len(made)
        self._remember(made)
        return rows.astype(np.float32)

    def embed_question(self, text: str) -> NDArray[np.float32]:
        """Embed a question: float32, (dimension,), length 1."""
        return self._embedder.embed_question(text)

    def read_tokens(self, texts: Sequence[str]) -> list[ReadText]:
        """Embed passages and each of their tokens; nothing of it is remembered."""
        return self._embedder.read_tokens(texts)

    def count_tokens(self, text: str) -> int:
        """Count the text's tokens, uncut and without the special tokens added around it."""
        return self._embedder.count_tokens(text)

    @property
    def _model_key(self) -> str:
        return f"{self.model.name}@{self.model.revision}"

    def _known(self, keys: Sequence[bytes]) -> dict[bytes, NDArray[np.float16]]:
        import numpy as np

        with self._database.transaction(self._tenant_id) as session:
            found = store.list_known_vectors(session, self._model_key, keys)
        size = self.model.dimension * 2
        return {
            row.sha256: np.frombuffer(row.vector, np.float16)
            for row in found
            if len(row.vector) == size
        }

    def _remember(self, made: dict[bytes, NDArray[np.float16]]) -> None:
        """Keep what was made; that it cannot be kept costs time later and nothing now."""
        if not made:
            return
        vectors = {key: row.tobytes() for key, row in made.items()}
        try:
            with self._database.transaction(self._tenant_id) as session:
                store.record_known_vectors(
                    session, self._model_key, self._document_id, vectors=vectors
                )
        except UnavailableError as error:
            logger.warning("vectors were not remembered", extra={"reason": error.detail})


def forget_vectors(session: Session, document_id: DocumentId) -> None:
    """Forget what a document brought, which is being erased."""
    store.remove_known_vectors(session, document_id)


def forget_old_vectors(session: Session, *, days: int, most: int) -> int:
    """Forget vectors unused for ``days``, and all but the last used ``most``; returns how many."""
    return store.remove_old_vectors(session, days=days, most=most)
