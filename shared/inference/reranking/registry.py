"""The rerankers this product knows: adding one is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.inference.reranking import cross_encoder, features, language_model, unchanged
from shared.inference.reranking.port import Reranker, Supplies
from shared.kernel.errors import InvalidError, UnavailableError


@dataclass(frozen=True, slots=True)
class KnownReranker:
    """One entry: how to open it, and what is missing for it (empty when nothing is)."""

    open: Callable[[Supplies], Reranker]
    missing: Callable[[Supplies], str]


RERANKERS = {
    "none": KnownReranker(unchanged.open_reranker, unchanged.missing),
    "features": KnownReranker(features.open_reranker, features.missing),
    "cross-encoder": KnownReranker(cross_encoder.open_reranker, cross_encoder.missing),
    "llm": KnownReranker(language_model.open_reranker, language_model.missing),
}


def known_reranker(name: str) -> KnownReranker:
    """Return a reranker's entry; raises InvalidError listing the known names."""
    try:
        return RERANKERS[name]
    except KeyError as error:
        raise InvalidError(
            f"There is no reranker {name!r}.",
            hint=f"Use one of: {', '.join(RERANKERS)}.",
            fields={"rerank": f"only {', '.join(RERANKERS)} are known"},
        ) from error


def open_reranker(name: str, supplies: Supplies) -> Reranker:
    """Open a reranker ready to judge.

    Raises InvalidError for an unknown name, UnavailableError saying what is missing.
    """
    known = known_reranker(name)
    reason = known.missing(supplies)
    if reason:
        raise UnavailableError(
            f"The reranker {name} cannot be used: {reason}", hint="Use none or features."
        )
    return known.open(supplies)
