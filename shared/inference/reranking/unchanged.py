"""The reranker that changes nothing: the search's own ranking is the measured best by default."""

from __future__ import annotations

from collections.abc import Sequence

from shared.inference.reranking.port import Candidate, Judgement, Reranker, Supplies, as_it_was


class Unchanged:
    """Keeps every score."""

    @property
    def name(self) -> str:
        """What it is called in settings and requests."""
        return "none"

    def judge(self, query: str, candidates: Sequence[Candidate]) -> Judgement:
        """Return the search's own scores."""
        return as_it_was(candidates)


def missing(supplies: Supplies) -> str:
    """Say that nothing is missing."""
    return ""


def open_reranker(supplies: Supplies) -> Reranker:
    """Open it."""
    return Unchanged()
