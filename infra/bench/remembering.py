"""An embedder that remembers: a text it has seen before, in whatever run, is not run again.

A vector depends on nothing but its text and the model (that is the port's promise), so measures
come out the same; only time does not, which is therefore measured without it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infra.bench.measurement import Progress
from shared.inference.embedding import Embedder, ReadText
from shared.inference.model import EmbeddingModel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_AT_ONCE = 256


class RememberingEmbedder:
    """Wraps an embedder; what it learns is written to ``path`` when ``save`` is called."""

    def __init__(self, inner: Embedder, path: Path, progress: Progress) -> None:
        self._inner = inner
        self._path = path
        self._progress = progress
        self._known = _read(path)
        self._stored = len(self._known)
        self._read: dict[str, ReadText] = {}

    @property
    def model(self) -> EmbeddingModel:
        """Which model this is."""
        return self._inner.model

    def read_tokens(self, texts: Sequence[str]) -> list[ReadText]:
        """Embed passages and each of their tokens; remembered in this run only."""
        new = [text for text in dict.fromkeys(texts) if text not in self._read]
        self._read.update(zip(new, self._inner.read_tokens(new), strict=True))
        return [self._read[text] for text in texts]

    def count_tokens(self, text: str) -> int:
        """Count the text's tokens."""
        return self._inner.count_tokens(text)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed passages: float32, (n, dimension), rows of length 1, in the order given."""
        import numpy as np

        keys = [_key("passage", text) for text in texts]
        wanted = {
            key: text for key, text in zip(keys, texts, strict=True) if key not in self._known
        }
        missing = list(wanted)
        for begin in range(0, len(missing), _AT_ONCE):
            if len(missing) > _AT_ONCE:
                self._progress(f"Embedding text {begin:,} of {len(missing):,}.")
            part = missing[begin : begin + _AT_ONCE]
            rows = self._inner.embed([wanted[key] for key in part])
            self._known.update(zip(part, rows, strict=True))
        if not keys:
            return np.zeros((0, self.model.dimension), np.float32)
        return np.stack([self._known[key] for key in keys])

    def embed_question(self, text: str) -> NDArray[np.float32]:
        """Embed a question: float32, (dimension,), length 1."""
        key = _key("question", text)
        if key not in self._known:
            self._known[key] = self._inner.embed_question(text)
        return self._known[key]

    def save(self) -> None:
        """Write what was learned since the last time."""
        import numpy as np

        if len(self._known) == self._stored:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new.npz")
        np.savez(
            fresh,
            keys=np.frombuffer(b"".join(self._known), np.uint8).reshape(len(self._known), 32),
            vectors=np.stack(list(self._known.values())),
        )
        fresh.replace(self._path)
        self._stored = len(self._known)


def _read(path: Path) -> dict[bytes, NDArray[np.float32]]:
    import numpy as np

    if not path.is_file():
        return {}
    with np.load(path) as stored:
        keys, vectors = stored["keys"], stored["vectors"]
    return {key.tobytes(): row for key, row in zip(keys, vectors, strict=True)}


def _key(kind: str, text: str) -> bytes:
    return hashlib.sha256(f"{kind}\0{text}".encode("utf-8", "replace")).digest()
