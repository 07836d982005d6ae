"""Embeds with sentence-transformers: the optional backend for models that have no ONNX graph here.

Needs the extra ``kontor[sentence-transformers]``, which brings torch; nothing in the default
install imports this module's vendors.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shared.inference.embedding import TOKENIZER_FILE, ReadText, Tokenizer
from shared.inference.model import EmbeddingModel
from shared.kernel.errors import InvalidError, UnavailableError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BATCH = 8


class SentenceTransformerEmbedder:
    """Reads a local sentence-transformers folder; never asks the network for files."""

    def __init__(self, folder: Path, model: EmbeddingModel, *, threads: int = 0) -> None:
        try:
            import torch  # type: ignore[import-not-found, unused-ignore]
            from sentence_transformers import SentenceTransformer
        except ModuleNotFoundError as error:
            raise UnavailableError(
                f"The model {model.name} needs sentence-transformers, which is not installed.",
                hint="Install kontor[sentence-transformers], or use all-MiniLM-L6-v2.",
            ) from error
        if threads:
            torch.set_num_threads(threads)
        try:
            self._vendor = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise InvalidError(
                f"{folder} cannot be loaded as a sentence-transformers model.",
                hint="Copy the model's folder there again, whole.",
            ) from error
        self._vendor.max_seq_length = model.max_tokens
        self._tokenizer = Tokenizer(folder / TOKENIZER_FILE)
        self._model = model

    @property
    def model(self) -> EmbeddingModel:
        """Which model this is; stored beside every vector it makes."""
        return self._model

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed passages: float32, (n, dimension), rows of length 1, in the order given."""
        import numpy as np

        if not texts:
            return np.zeros((0, self._model.dimension), dtype=np.float32)
        vectors: NDArray[np.float32] = self._vendor.encode(
            [text.encode("utf-8", "replace").decode("utf-8") for text in texts],
            batch_size=_BATCH,
            convert_to_numpy=True,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        return vectors.astype(np.float32, copy=False)

    def embed_question(self, text: str) -> NDArray[np.float32]:
        """Embed a question: float32, (dimension,), length 1."""
        vector: NDArray[np.float32] = self.embed([text])[0]
        return vector

    def read_tokens(self, texts: Sequence[str]) -> list[ReadText]:
        """Embed passages and each of their tokens, at the cost of ``embed``."""
        import numpy as np

        most = self._model.max_tokens
        found = []
        made = self._vendor.encode(
            [text.encode("utf-8", "replace").decode("utf-8") for text in texts],
            batch_size=_BATCH,
            output_value=None,
            show_progress_bar=False,
        )
        for one, spans in zip(made, self._tokenizer.spans(texts, max_tokens=most), strict=True):
            whole = one["sentence_embedding"].cpu().numpy().astype(np.float32)
            own = slice(1, int(one["attention_mask"].sum()) - 1)  # the rest is padding
            tokens = one["token_embeddings"].cpu().numpy().astype(np.float32)[own]
            where = np.array(spans[: len(tokens)], dtype=np.int32).reshape(-1, 2)
            lengths = np.linalg.norm(tokens, axis=1, keepdims=True) + 1e-9
            found.append(ReadText(whole / np.linalg.norm(whole), where, tokens / lengths))
        return found

    def count_tokens(self, text: str) -> int:
        """Count the text's tokens, uncut and without the special tokens added around it."""
        return self._tokenizer.count_tokens(text)
