"""Turns texts into vectors with a local model; counts tokens the way that model does.

``Tokenizer`` needs only the tokenizer's file, so parsing can measure chunks without loading the
model. ``OnnxEmbedder`` runs the graph that ``encoder_graph`` draws.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from shared.inference.model import (
    SPECIAL_TOKENS,
    TEXT_OUTPUT,
    TOKENS_OUTPUT,
    Arithmetic,
    EmbeddingModel,
    Prefixes,
)
from shared.kernel.errors import InvalidError, UnavailableError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

MODEL_FILE = "model.onnx"
QUESTION_FILE = "question.onnx"
"""The same model in int8, for questions and, where wished, for passages; folders built before there
was one lack it."""
TOKENIZER_FILE = "tokenizer.json"
RUN_TOKENS = 192
"""Tokens per run: short texts share one (5.2 ms each instead of 7.1), a chunk has its own (12 %
faster than eight together, which do not fit into the processor's cache)."""

MENDING_HINT = "Run `make install`, then `kontor up`: it builds the model folder again."

_READ_CHARS = 32_768
"""A text is cut here before it is tokenised: far beyond what 256 tokens of prose can hold."""


@dataclass(frozen=True, slots=True)
class ReadText:
    """What a model made of one text and of each of its tokens, special ones left out.

    ``whole``: float32, (dimension,), near what ``embed`` gives. ``spans``: int32, (n, 2), where
    each token stands in the text. ``tokens``: float32, (n, width), rows of length 1.
    """

    whole: NDArray[np.float32]
    spans: NDArray[np.int32]
    tokens: NDArray[np.float32]


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

    def read_tokens(self, texts: Sequence[str]) -> list[ReadText]:
        """Embed passages and each of their tokens, at the cost of ``embed``.

        Raises InvalidError for a model that was built without that.
        """
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

    def spans(self, texts: Sequence[str], *, max_tokens: int) -> list[list[tuple[int, int]]]:
        """Return where each token that ``encode`` keeps stands in its text, special ones aside."""
        cleaned = [_clean(text[:_READ_CHARS]) for text in texts]
        most = max_tokens - SPECIAL_TOKENS
        return [
            encoding.offsets[:most]
            for encoding in self._vendor.encode_batch(cleaned, add_special_tokens=False)
        ]


class OnnxEmbedder:
    """Embeds with ONNX Runtime on the CPU; one instance may be used from several threads.

    ``arithmetic`` is what passages are computed in; int8 where the model was built for it, half
    the time, cosine .996 with float32 and no measurable loss in finding them.
    """

    def __init__(
        self,
        folder: Path,
        model: EmbeddingModel,
        *,
        threads: int = 0,
        prefixes: Prefixes | None = None,
        arithmetic: Arithmetic = "float32",
    ) -> None:
        self._folder = folder
        self._model = model
        self._prefixes = prefixes or Prefixes()
        self._tokenizer = Tokenizer(folder / TOKENIZER_FILE)
        is_whole = arithmetic == "int8" and (folder / QUESTION_FILE).is_file()
        path = folder / (QUESTION_FILE if is_whole else MODEL_FILE)
        if not path.is_file():
            raise UnavailableError(f"The model {model.name} is not in {folder}.", hint=MENDING_HINT)
        self._threads = threads or _available_cores()
        self._session = self._load(path)
        self._questions: InferenceSession | None = self._session if is_whole else None
        self._loading = threading.Lock()

    @property
    def model(self) -> EmbeddingModel:
        """Which model this is; stored beside every vector it makes."""
        return self._model

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed passages: float32, (n, dimension), rows of length 1, in the order given."""
        before = self._prefixes.passage
        return self._embed([before + text for text in texts] if before else texts)

    def embed_question(self, text: str) -> NDArray[np.float32]:
        """Embed a question: float32, (dimension,), length 1."""
        asked = self._prefixes.query + text
        encoded = self._tokenizer.encode([asked], max_tokens=self._model.max_tokens)
        (vectors,) = self._run(self._question_session(), encoded, TEXT_OUTPUT)
        vector: NDArray[np.float32] = vectors[0]
        return vector

    def read_tokens(self, texts: Sequence[str]) -> list[ReadText]:
        """Embed passages and each of their tokens, in int8 where the model was built for it.

        It is done for every question, and int8 takes half the time (124 ms of 246 for the
        sentences that a German question is read against) at the same quality of answers.
        """
        import numpy as np

        session = self._question_session()
        if TOKENS_OUTPUT not in {each.name for each in session.get_outputs()}:
            raise InvalidError(
                f"The model {self._model.name} was built without its tokens.",
                hint="Build it again: kontor up does that for all-MiniLM-L6-v2, kontor model add "
                "FOLDER for others.",
            )
        before = self._prefixes.passage
        encoded = self._encode([before + text for text in texts])
        spans = self._tokenizer.spans(texts, max_tokens=self._model.max_tokens)
        first = 1 + self._model.prefix_tokens
        found: dict[int, ReadText] = {}
        runs = self._run_all(session, encoded, TEXT_OUTPUT, TOKENS_OUTPUT)
        for rows, (wholes, tokens) in runs:
            for place, row in enumerate(rows):
                own = tokens[place, first : len(encoded[row]) - 1]
                where = np.array(spans[row][: len(own)], dtype=np.int32).reshape(-1, 2)
                found[row] = ReadText(wholes[place], where, own)
        return [found[row] for row in range(len(texts))]

    def count_tokens(self, text: str) -> int:
        """Count the text's tokens, uncut and without the special tokens added around it."""
        return self._tokenizer.count_tokens(text)

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import numpy as np

        vectors = np.zeros((len(texts), self._model.dimension), dtype=np.float32)
        encoded = self._encode(texts)
        for rows, (wholes,) in self._run_all(self._session, encoded, TEXT_OUTPUT):
            vectors[rows] = wholes
        return vectors

    def _run_all(
        self, session: InferenceSession, encoded: list[list[int]], *outputs: str
    ) -> Iterator[tuple[list[int], list[NDArray[np.float32]]]]:
        """Run texts in groups; yields the rows of each group with what came out for them.

        A run has one thread, and as many go side by side as there are threads: two threads in
        one run of 160 tokens took 1.5 times the processor time and no less of the clock's.
        """
        runs = list(_runs([len(tokens) for tokens in encoded], RUN_TOKENS))
        runs.reverse()  # the longest first: the threads end together

        def run(rows: list[int]) -> list[NDArray[np.float32]]:
            return self._run(session, [encoded[row] for row in rows], *outputs)

        threads = min(self._threads, len(runs))
        if threads <= 1:
            yield from zip(runs, map(run, runs), strict=True)
            return
        with ThreadPoolExecutor(threads, thread_name_prefix="embed") as pool:
            yield from zip(runs, pool.map(run, runs), strict=True)

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        return self._tokenizer.encode(texts, max_tokens=self._model.max_tokens)

    def _question_session(self) -> InferenceSession:
        """Load the questions' graph when the first is asked: who only takes texts in never pays."""
        if self._questions is None:
            with self._loading:
                if self._questions is None:
                    path = self._folder / QUESTION_FILE
                    self._questions = self._load(path) if path.is_file() else self._session
        return self._questions

    def _load(self, path: Path) -> InferenceSession:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            return onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # vendor errors share no base but Exception
            raise InvalidError(f"{path} cannot be loaded as a model.", hint=MENDING_HINT) from error

    @staticmethod
    def _run(
        session: InferenceSession, encoded: list[list[int]], *outputs: str
    ) -> list[NDArray[np.float32]]:
        import numpy as np

        longest = max(SPECIAL_TOKENS, *map(len, encoded))
        ids = np.zeros((len(encoded), longest), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(encoded):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        found: list[NDArray[np.float32]] = session.run(
            list(outputs), {"input_ids": ids, "attention_mask": mask}
        )
        return found


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
