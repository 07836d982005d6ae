"""The recall gate: may questions be embedded by another model from now on?

Chunks of the tenant's own are asked for by their headings and first sentence. The new model must
find them among its first ten at least as often as the old one, give or take two per cent, and the
graph must find what a full scan finds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.adapters.database import Session
from shared.inference.embedding import Embedder
from shared.inference.sentences import sentences
from shared.kernel.ids import ChunkId
from shared.search import store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_QUESTIONS = 200
_DEPTH = 10
_ALLOWED_LOSS = 0.02
_LEAST_GRAPH_RECALL = 0.95
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate measured. ``found_before`` and ``found_after`` are shares of the questions.

    ``graph_recall`` is the share of the exact ten nearest that the graph finds with the new
    model's vectors. ``reason`` says in a sentence why the gate is shut; empty when it is open.
    """

    questions: int
    found_before: float
    found_after: float
    graph_recall: float
    reason: str

    @property
    def is_open(self) -> bool:
        """Whether nothing speaks against the switch."""
        return not self.reason


def compare_models(
    session: Session, before: Embedder, after: Embedder, *, most: int = MOST_QUESTIONS
) -> Verdict:
    """Ask about a sample of the tenant's chunks with both models; vectors of both must be there."""
    sample = store.list_sample(session, most=most)
    questions = [_question(row) for row in sample]
    if not sample:
        return Verdict(0, 1.0, 1.0, 1.0, "")
    known = [row.id for row in sample]
    found_before, _ = _ask(session, before, questions, known)
    found_after, graph_recall = _ask(session, after, questions, known)
    reason = ""
    if found_after < found_before - _ALLOWED_LOSS:
        reason = (
            f"The new model finds {found_after:.1%} of {len(sample)} passages again, "
            f"the old one {found_before:.1%}."
        )
    elif graph_recall < _LEAST_GRAPH_RECALL:
        reason = f"The graph finds only {graph_recall:.1%} of what a full scan finds."
    return Verdict(len(sample), found_before, found_after, graph_recall, reason)


def walk_graph(
    session: Session, embedder: Embedder, vector: NDArray[np.float32], *, most: int
) -> list[ChunkId]:
    """List what the graph finds nearest to a vector, (dimension,), whatever the tenant's size."""
    model_id = store.find_model_id(session, embedder.model)
    return store.list_nearest(session, vector, model_id=model_id, most=most, is_exact=False)


def _question(row: store.SampleRow) -> str:
    spans = sentences(row.content, row.language)
    first = row.content[slice(*spans[0])] if spans else row.content
    return "\n".join([*row.heading_path[-1:], first])[:_LONGEST]


def _ask(
    session: Session, embedder: Embedder, questions: list[str], known: list[ChunkId]
) -> tuple[float, float]:
    """Return how many questions find their chunk, and how much of the exact answer the graph."""
    model_id = store.find_model_id(session, embedder.model)
    found = shared = total = 0
    for question, chunk_id in zip(questions, known, strict=True):
        vector = embedder.embed_question(question)
        exact = store.list_nearest(session, vector, model_id=model_id, most=_DEPTH, is_exact=True)
        graph = store.list_nearest(session, vector, model_id=model_id, most=_DEPTH, is_exact=False)
        found += chunk_id in exact
        shared += len(set(exact) & set(graph))
        total += len(exact)
    return found / len(questions), shared / total if total else 1.0
