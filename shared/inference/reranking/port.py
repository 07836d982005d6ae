"""What every reranker promises, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.inference.language import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A passage as the search ranked it; ``score`` lies between 0 and 1, ``cosine`` too."""

    text: str
    heading_path: tuple[str, ...] = ()
    title: str = ""
    language: Language = "simple"
    score: float = 0.0
    cosine: float = 0.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """A score for each candidate, in their order; between 0 and 1, more is better.

    ``warning`` says in a sentence why the scores are the search's own, if they are.
    """

    scores: tuple[float, ...]
    warning: str = ""


class Reranker(Protocol):
    """Port: one way to judge passages."""

    @property
    def name(self) -> str:
        """What it is called in settings and requests."""
        ...

    def judge(self, query: str, candidates: Sequence[Candidate]) -> Judgement:
        """Score each candidate for ``query``. Deterministic unless a language model judges.

        Raises UnavailableError when what it needs is away and the search must not go on without.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplies:
    """What rerankers may work with: a folder with a cross-encoder, a language model to ask.

    ``complete`` sends one text and returns the answer's text; it raises KontorError.
    """

    model_path: str = ""
    threads: int = 0
    complete: Callable[[str], str] | None = None


def as_it_was(candidates: Sequence[Candidate], warning: str = "") -> Judgement:
    """Return the search's own scores."""
    return Judgement(tuple(candidate.score for candidate in candidates), warning)
