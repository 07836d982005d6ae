"""Remembers the vectors of the last questions: one is asked, paged, filtered and asked again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.inference.embedding import Embedder, ReadText
from shared.inference.model import EmbeddingModel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_QUESTIONS = 1000
"""1.5 MB at 384 numbers each; the longest question allowed is 2,000 characters."""


class RememberingEmbedder:
    """An embedder that embeds a question once per process, as long as it is among the last.

    Passages pass through: what is embedded for the index is remembered where it is kept.
    """

    def __init__(self, embedder: Embedder, *, most: int = MOST_QUESTIONS) -> None:
        self._embedder = embedder
        self._most = most
        self._known: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def model(self) -> EmbeddingModel:
        """Which model this is; stored beside every vector it makes."""
        return self._embedder.model

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed passages: float32, (n, dimension), rows of length 1, in the order given."""
        return self._embedder.embed(texts)

    def embed_question(self, text: str) -> NDArray[np.float32]:
        """Embed a question: float32, (dimension,), length 1; read-only, for it is shared."""
        with self._lock:
            if text in self._known:
                self._known.move_to_end(text)
                return self._known[text]
        vector = self._embedder.embed_question(text)
        vector.flags.writeable = False
        with self._lock:
            self._known[text] = vector
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return vector

    def read_tokens(self, texts: Sequence[str]) -> list[ReadText]:
        """Embed passages and each of their tokens; nothing of it is remembered."""
        return self._embedder.read_tokens(texts)

    def count_tokens(self, text: str) -> int:
        """Count the text's tokens, uncut and without the special tokens added around it."""
        return self._embedder.count_tokens(text)
