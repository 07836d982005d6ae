"""Looking at one search closely: what it found, and where its time went."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.adapters.database import Session
from shared.inference.embedding import Embedder, ReadText
from shared.inference.model import EmbeddingModel
from shared.search import service as search
from shared.search.model import Ranking, SearchRequest, SearchResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Probe:
    """A search's result, the weights and the model it used, and its time in milliseconds.

    ``search_ms`` is everything but embedding the question: SQL, and marking what was found.
    """

    result: SearchResult
    ranking: Ranking
    model: str
    embed_ms: float
    search_ms: float
    total_ms: float


class ProbedEmbedder:
    """Embeds a question once, however often it is searched, and says how long that took."""

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner
        self._questions: dict[str, NDArray[np.float32]] = {}
        self.question_ms = 0.0

    @property
    def model(self) -> EmbeddingModel:
        """Which model this is."""
        return self._inner.model

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed passages: float32, (n, dimension), rows of length 1, in the order given."""
        return self._inner.embed(texts)

    def embed_question(self, text: str) -> NDArray[np.float32]:
        """Embed a question: float32, (dimension,), length 1."""
        if text not in self._questions:
            began = time.perf_counter()
            self._questions[text] = self._inner.embed_question(text)
            self.question_ms += (time.perf_counter() - began) * 1000
        return self._questions[text]

    def read_tokens(self, texts: Sequence[str]) -> list[ReadText]:
        """Embed passages and each of their tokens; nothing of it is remembered."""
        return self._inner.read_tokens(texts)

    def count_tokens(self, text: str) -> int:
        """Count the text's tokens."""
        return self._inner.count_tokens(text)


def probe(
    session: Session, embedder: Embedder, request: SearchRequest, *, ranking: Ranking
) -> Probe:
    """Search once and say where the time went; raises InvalidError as search does."""
    probed = ProbedEmbedder(embedder)
    began = time.perf_counter()
    result = search.find(session, probed, request, ranking=ranking)
    total_ms = (time.perf_counter() - began) * 1000
    return Probe(
        result=result,
        ranking=ranking,
        model=f"{embedder.model.name}@{embedder.model.revision}",
        embed_ms=round(probed.question_ms, 2),
        search_ms=round(total_ms - probed.question_ms, 2),
        total_ms=round(total_ms, 2),
    )
