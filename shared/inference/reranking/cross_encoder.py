"""Judges with a cross-encoder of sentence-transformers: question and passage read together.

Optional: needs the extra ``kontor[sentence-transformers]`` and a model folder of the operator's
own (RERANKER_MODEL). It never asks the network for files.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from pathlib import Path

from shared.inference.reranking.port import Candidate, Judgement, Reranker, Supplies
from shared.kernel.errors import InvalidError

_CONFIG = "config.json"
_BATCH = 8


class CrossEncoder:
    """A local cross-encoder; its logits are squeezed into 0 to 1."""

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        import torch  # type: ignore[import-not-found, unused-ignore]
        from sentence_transformers import CrossEncoder as Vendor

        if threads:
            torch.set_num_threads(threads)
        try:
            self._vendor = Vendor(str(folder), device="cpu", local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise InvalidError(
                f"{folder} cannot be loaded as a cross-encoder.",
                hint="Put a whole sentence-transformers CrossEncoder folder there.",
            ) from error

    @property
    def name(self) -> str:
        """What it is called in settings and requests."""
        return "cross-encoder"

    def judge(self, query: str, candidates: Sequence[Candidate]) -> Judgement:
        """Score each candidate for ``query``."""
        if not candidates:
            return Judgement(())
        pairs = [(query, _read(candidate)) for candidate in candidates]
        logits = self._vendor.predict(
            pairs, batch_size=_BATCH, show_progress_bar=False, activation_fn=_identity()
        )
        return Judgement(tuple(_squeezed(float(each)) for each in logits))


def missing(supplies: Supplies) -> str:
    """Say what is missing: the folder, or the libraries."""
    if not supplies.model_path:
        return "RERANKER_MODEL names no folder."
    if not (Path(supplies.model_path) / _CONFIG).is_file():
        return f"there is no model in {supplies.model_path}."
    if importlib.util.find_spec("sentence_transformers") is None:
        return "sentence-transformers is not installed (kontor[sentence-transformers])."
    return ""


def open_reranker(supplies: Supplies) -> Reranker:
    """Open the model in ``supplies.model_path``."""
    return CrossEncoder(Path(supplies.model_path), threads=supplies.threads)


def _read(candidate: Candidate) -> str:
    return "\n".join((*candidate.heading_path[-1:], candidate.text))


def _identity() -> object:
    import torch

    return torch.nn.Identity()


def _squeezed(logit: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))
