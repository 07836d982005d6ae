"""Why each hit ranks where it does, in numbers that add up to its score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shared.adapters.database import Session
from shared.kernel.ids import ChunkId
from shared.search import store
from shared.search.model import Explanation, Hit, TermShare
from shared.search.scoring import Weights
from shared.search.wording import Term, Wording

_K1, _B, _AVERAGE = 1.2, 0.75, 100
"""BM25 as the migration's ``stem_vector`` has it."""


def explain(
    session: Session,
    hits: Sequence[Hit],
    rows: Sequence[store.HitRow],
    *,
    asked: Wording,
    weights: Weights,
) -> list[Hit]:
    """Return ``hits`` with their explanations; ``rows`` are what the search answered."""
    terms = {(term.language, term.lexeme): term for term in asked.terms}
    said: dict[ChunkId, list[store.FrequencyRow]] = {}
    ids = [hit.chunk_id for hit in hits]
    for frequency in store.list_frequencies(session, ids, terms=list(terms)):
        said.setdefault(frequency.chunk_id, []).append(frequency)
    by_id = {row.chunk_id: row for row in rows}
    explained = []
    for hit in hits:
        shares = [_share(terms[hit.language, f.lexeme], f) for f in said.get(hit.chunk_id, ())]
        shares.sort(key=lambda share: (-share.score, share.lexeme))
        explanation = _explanation(by_id[hit.chunk_id], tuple(shares), asked, weights)
        explained.append(replace(hit, explanation=explanation))
    return explained


def _share(term: Term, said: store.FrequencyRow) -> TermShare:
    length = (1 - _B) + _B * said.lexeme_count / _AVERAGE
    score = term.weight * said.frequency * (_K1 + 1) / (said.frequency + _K1 * length)
    return TermShare(term.word, term.lexeme, term.kind, term.weight, said.frequency, score)


def _explanation(
    row: store.HitRow, terms: tuple[TermShare, ...], asked: Wording, weights: Weights
) -> Explanation:
    return Explanation(
        dense_weight=weights.dense,
        dense_share=_relative(row.dense_score, row.most_dense),
        dense_rank=row.dense_rank,
        lexical_share=_relative(
            row.lexical_score + weights.title * row.title_share * sum(asked.weights.values()),
            row.most_lexical,
        ),
        lexical_rank=row.lexical_rank,
        terms=terms,
        gram_weight=weights.grams,
        gram_score=row.gram_score,
        gram_share=_relative(row.gram_score, row.most_grams),
        gram_rank=row.gram_rank,
        title_weight=weights.title,
        title_share=row.title_share,
        exact=tuple(exact.text for exact in asked.exact),
        exact_share=row.exact_share,
    )


def _relative(score: float, most: float) -> float:
    return score / most if most > 0 else 0.0
