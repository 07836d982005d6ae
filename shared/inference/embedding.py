"""Turns texts into vectors with a local model; counts tokens the way that model does.

``Tokenizer`` needs only the tokenizer's file, so parsing can measure chunks without loading the
model. ``OnnxEmbedder`` runs the graph that ``encoder_graph`` draws.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from shared.inference.model import SPECIAL_TOKENS, Arithmetic, EmbeddingModel, Prefixes
from shared.kernel.errors import InvalidError, UnavailableError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

MODEL_FILE = "model.onnx"
WHOLE_FILE = "model.int8.onnx"
"""The same model computed in int8, beside it where it was built."""
TOKENIZER_FILE = "tokenizer.json"
RUN_TOKENS = 192
"""Tokens per run: short texts share one (5.2 ms each instead of 7.1), a chunk has its own (12 %
faster than eight together, which do not fit into the processor's cache)."""

MENDING_HINT = "Run `make install`, then `kontor up`: it builds the model folder again."

_READ_CHARS = 32_768
"""A text is cut here before it is tokenised: far beyond what 256 tokens of prose can hold."""


class Embedder(Protocol):
    """Port: one embedding model, ready to use."""

    @property
    def model(self) -> EmbeddingModel:
        """Which model this is; stored beside every vector it makes."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed passages: float32, (n, dimension), rows of length 1, in the order given.

        A text's vector does not depend on its neighbours (beyond rounding, cosine > 0.9999).
        Tokens beyond ``model.max_tokens`` are cut off; an empty text has a vector too.
        """
        ...

    def embed_question(self, text: str) -> NDArray[np.float32]:
        """Embed a question: float32, (dimension,), length 1."""
        ...

    def count_tokens(self, text: str) -> int:
        """Count the text's tokens, uncut and without the special tokens added around it."""
        ...


class Tokenizer:
    """The tokens of one model, read from its ``tokenizer.json``.

    The file's own settings for truncation and padding (128 each in all-MiniLM-L6-v2, against the
    model's 256) are switched off: callers see every token and pad for themselves.
    """

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer as Vendor

        if not path.is_file():
            raise UnavailableError(
                f"The tokenizer {path.name} is not in {path.parent}.", hint=MENDING_HINT
            )
        try:
            self._vendor = Vendor.from_file(str(path))
        except Exception as error:  # the binding raises bare Exception for a broken file
            raise InvalidError(f"{path} is not a tokenizer file.", hint=MENDING_HINT) from error
        self._vendor.no_truncation()
        self._vendor.no_padding()

    def count_tokens(self, text: str) -> int:
        """Count the text's tokens, uncut and without the special tokens added around it."""
        return len(self._vendor.encode(_clean(text), add_special_tokens=False).ids)

    def encode(self, texts: Sequence[str], *, max_tokens: int) -> list[list[int]]:
        """Return each text's token ids, special tokens included, at most ``max_tokens``."""
        cleaned = [_clean(text[:_READ_CHARS]) for text in texts]
        return [
            ids if len(ids) <= max_tokens else [*ids[: max_tokens - 1], ids[-1]]
            for ids in (encoding.ids for encoding in self._vendor.encode_batch_fast(cleaned))
        ]


class OnnxEmbedder:
    """Embeds with ONNX Runtime on the CPU; one instance may be used from several threads.

    ``arithmetic`` is what passages are computed in and ``questions`` what questions are, where
    the model was built for it. A question in int8 costs half (nDCG@10 of Cranfield .4348 against
    .4349), and the same words give the same vector every time, as each is computed alone.
    """

    def __init__(
        self,
        folder: Path,
        model: EmbeddingModel,
        *,
        threads: int = 0,
        prefixes: Prefixes | None = None,
        arithmetic: Arithmetic = "float32",
        questions: Arithmetic = "int8",
    ) -> None:
        self._model = model
        self._prefixes = prefixes or Prefixes()
        self._tokenizer = Tokenizer(folder / TOKENIZER_FILE)
        whole = WHOLE_FILE if (folder / WHOLE_FILE).is_file() else MODEL_FILE
        self._files = [whole if each == "int8" else MODEL_FILE for each in (arithmetic, questions)]
        self._open = partial(_open_session, folder, model.name, threads=threads)
        self._passages = self._open(self._files[0])

    @property
    def model(self) -> EmbeddingModel:
        """Which model this is; stored beside every vector it makes."""
        return self._model

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed passages: float32, (n, dimension), rows of length 1, in the order given."""
        import numpy as np

        before = self._prefixes.passage
        vectors = np.zeros((len(texts), self._model.dimension), dtype=np.float32)
        if not texts:
            return vectors
        encoded = self._tokenizer.encode(
            [before + text for text in texts], max_tokens=self._model.max_tokens
        )
        for rows in _runs([len(tokens) for tokens in encoded], RUN_TOKENS):
            vectors[rows] = _run(self._passages, [encoded[row] for row in rows])
        return vectors

    def embed_question(self, text: str) -> NDArray[np.float32]:
        """Embed a question: float32, (dimension,), length 1."""
        encoded = self._tokenizer.encode(
            [self._prefixes.query + text], max_tokens=self._model.max_tokens
        )
        vector: NDArray[np.float32] = _run(self._questions, encoded)[0]
        return vector

    @cached_property
    def _questions(self) -> InferenceSession:
        """Opened when the first is asked: who only takes texts in never pays."""
        passages, questions = self._files
        return self._passages if passages == questions else self._open(questions)

    def count_tokens(self, text: str) -> int:
        """Count the text's tokens, uncut and without the special tokens added around it."""
        return self._tokenizer.count_tokens(text)


def _open_session(folder: Path, name: str, file: str, *, threads: int) -> InferenceSession:
    import onnxruntime

    path = folder / file
    if not path.is_file():
        raise UnavailableError(f"The model {name} is not in {folder}.", hint=MENDING_HINT)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or _available_cores()
    options.inter_op_num_threads = 1
    # Spinning threads steal the cores of everything else on a shared host.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # vendor errors share no base but Exception
        raise InvalidError(f"{path} cannot be loaded as a model.", hint=MENDING_HINT) from error


def _run(session: InferenceSession, encoded: list[list[int]]) -> NDArray[np.float32]:
    import numpy as np

    longest = max(SPECIAL_TOKENS, *map(len, encoded))
    ids = np.zeros((len(encoded), longest), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, tokens in enumerate(encoded):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    (vectors,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
    embedded: NDArray[np.float32] = vectors
    return embedded


def _runs(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Group texts for runs of at most so many tokens, padding included, or of one text.

    Neighbours of equal length leave next to nothing to pad.
    """
    run: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if run and lengths[row] * (len(run) + 1) > most:
            yield run
            run = []
        run.append(row)
    if run:
        yield run


def _clean(text: str) -> str:
    """Replace lone surrogates, which no tokenizer can encode."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _available_cores() -> int:
    """Count the cores this process may use, which in a container are fewer than the host's."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
