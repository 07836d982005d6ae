"""Vectors on their way to the index: stored in batches, each model's in a folder of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.adapters.objects import Objects
from shared.inference.embedding import Embedder
from shared.inference.model import VectorSpace
from shared.ingestion.model import Chunk, embedding_text
from shared.kernel.errors import InvalidError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FORMER_DIMENSION = 384
"""The width of vectors that were stored when there was only one."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A run of chunks that one embed step handles."""

    first: int
    count: int


def embed_batch(
    objects: Objects, prefix: str, chunks: Sequence[Chunk], batch: Batch, *, embedder: Embedder
) -> int:
    """Embed one run of chunks and store its vectors as float16 rows; returns how many."""
    texts = [embedding_text(one) for one in chunks[batch.first : batch.first + batch.count]]
    vectors = embedder.embed(texts).astype("float16")
    key = f"{_folder(prefix, embedder.model)}{batch.first:08d}.f16"
    objects.put(key, vectors.tobytes())
    return len(texts)


def load_vectors(
    objects: Objects, prefix: str, count: int, *, preferred: str
) -> tuple[VectorSpace, NDArray[np.float16]]:
    """Read the vectors of all batches, float16, (count, dimension), and whose they are.

    The ``preferred`` model's are taken if they are all there; otherwise another model's, which
    had embedded the chunks before the tenant changed to the preferred one. Raises InvalidError
    when no model has embedded every chunk.
    """
    import numpy as np

    by_folder: dict[str, list[str]] = {}
    for info in objects.list(f"{prefix}vectors/"):
        folder, _, _ = info.key.removeprefix(f"{prefix}vectors/").rpartition("/")
        by_folder.setdefault(folder, []).append(info.key)
    for folder in sorted(by_folder, key=lambda each: (space_of(each).name != preferred, each)):
        space = space_of(folder)
        parts = [np.frombuffer(objects.get(key), np.float16) for key in sorted(by_folder[folder])]
        rows = np.concatenate(parts).reshape(-1, space.dimension)
        if len(rows) == count:
            return space, rows
    raise InvalidError(
        f"The version's {count} chunks have not all been embedded.",
        hint="Read the document again.",
    )


def _folder(prefix: str, model: VectorSpace) -> str:
    """Name the folder of a model's vectors so that whoever reads them needs no model."""
    return f"{prefix}vectors/{model.name}@{model.revision}@{model.dimension}/"


def space_of(folder: str) -> VectorSpace:
    """Read whose vectors a folder below ``vectors/`` holds."""
    name, revision, *width = folder.split("@")
    return VectorSpace(name, int(width[0]) if width else _FORMER_DIMENSION, revision)
