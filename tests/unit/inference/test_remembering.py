"""Questions are embedded once per process while they are among the last."""

from __future__ import annotations

import numpy as np
import pytest

from shared.inference.embedding import Embedder
from shared.inference.remembering import RememberingEmbedder


class Counting:
    """The real model, noting which questions it was asked."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._embedder, name)

    def embed_question(self, text: str) -> np.ndarray:
        self.asked.append(text)
        return self._embedder.embed_question(text)


def test_a_question_asked_again_costs_nothing_until_others_push_it_out(embedder: Embedder) -> None:
    counting = Counting(embedder)
    remembering = RememberingEmbedder(counting, most=2)  # type: ignore[arg-type]
    first = remembering.embed_question("a")
    for text in ("a", "b", "a", "c"):
        remembering.embed_question(text)
    assert counting.asked == ["a", "b", "c"]
    np.testing.assert_array_equal(remembering.embed_question("a"), first)
    assert counting.asked == ["a", "b", "c"], "used again, so it stayed"
    remembering.embed_question("b")
    assert counting.asked[-1] == "b"
    assert remembering.model == embedder.model
    assert remembering.count_tokens("hello world") == embedder.count_tokens("hello world")
    np.testing.assert_array_equal(remembering.embed(["a b"]), embedder.embed(["a b"]))


def test_a_remembered_vector_cannot_be_changed(embedder: Embedder) -> None:
    vector = RememberingEmbedder(embedder).embed_question("a")
    with pytest.raises(ValueError, match="read-only"):
        vector[0] = 1
