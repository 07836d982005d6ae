"""Fitting a tenant's weights to what its people judged, behind the gate; and going back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TypeVar

from shared.adapters.database import Session
from shared.audit import service as audit
from shared.evaluation.feedback import JudgedQuestion
from shared.evaluation.fitting import Fit, Origin, fit, weights_to_try
from shared.evaluation.measures import ndcg
from shared.evaluation.probing import ProbedEmbedder
from shared.evaluation.service import list_judged, search_judged
from shared.inference.embedding import Embedder
from shared.inference.language import detect_language
from shared.kernel.ids import UserId
from shared.search.model import Ranking
from shared.search.tuning import change_ranking, undo_ranking

Asked = TypeVar("Asked")
Tried = dict[str, dict[float, dict[str, float]]]
"""By language and weight, the nDCG of each question."""

_DEPTH = 10


def fit_feedback(
    session: Session, embedder: Embedder, *, ranking: Ranking, until: float
) -> tuple[Fit, ...]:
    """Fit each language's weight to the judged questions, the newest first, as time allows."""
    judged = list_judged(session)
    probed = ProbedEmbedder(embedder)

    def gain(question: JudgedQuestion, tried: Ranking) -> float:
        ranked, grades = search_judged(session, probed, question, ranking=tried, k=_DEPTH)
        return ndcg(ranked, grades, _DEPTH)

    by_text = [(str(each.message_id), each.question, each) for each in judged]
    return fit_languages(by_text, gain, ranking=ranking, until=until)


def fit_languages(
    questions: Sequence[tuple[str, str, Asked]],
    gain: Callable[[Asked, Ranking], float],
    *,
    ranking: Ranking,
    until: float = float("inf"),
) -> tuple[Fit, ...]:
    """Fit the weights of English and of all other questions, given as (id, text, question).

    ``gain`` returns nDCG of one question searched with a ranking.
    """
    return fit_values(try_weights(questions, gain, ranking=ranking, until=until), ranking=ranking)


def try_weights(
    questions: Sequence[tuple[str, str, Asked]],
    gain: Callable[[Asked, Ranking], float],
    *,
    ranking: Ranking,
    until: float = float("inf"),
) -> Tried:
    """Search every question, given as (id, text, question), with every weight of its language."""
    values: Tried = {
        name: {weight: {} for weight in weights_to_try(_weight(ranking, name))}
        for name in ("en", "de")
    }
    for name, text, question in questions:
        if time.monotonic() > until:
            break
        language = "en" if detect_language(text) == "en" else "de"
        for weight, found in values[language].items():
            found[name] = gain(question, _with_weight(ranking, language, weight))
    return values


def fit_values(
    values: Tried, *, ranking: Ranking, origins: Mapping[str, Origin] | None = None
) -> tuple[Fit, ...]:
    """Fit each language's weight to what was tried."""
    return tuple(
        fit(name, tried, present=round(_weight(ranking, name), 4), origins=origins)
        for name, tried in values.items()
    )


def adopt(
    session: Session, fits: Iterable[Fit], *, ranking: Ranking, source: str, adopted_by: UserId
) -> Ranking:
    """Give the tenant the weights that passed the gate; returns what holds then.

    Nothing changes when none did.
    """
    accepted = [each for each in fits if each.is_accepted]
    wanted = ranking
    for each in accepted:
        wanted = _with_weight(wanted, each.language, each.proposed)
    if accepted:
        evidence: dict[str, object] = {
            "source": source,
            "fits": [asdict(each) for each in accepted],
        }
        set_ranking(session, wanted, evidence=evidence, set_by=adopted_by)
    return wanted


def set_ranking(
    session: Session, wanted: Ranking, *, evidence: dict[str, object], set_by: UserId
) -> None:
    """Give the tenant weights of its own, and write down why."""
    change_ranking(session, wanted, evidence=evidence, changed_by=set_by)
    audit.record(
        session,
        actor_id=set_by,
        action="ranking.changed",
        subject="settings:ranking",
        details={
            "dense_weight_en": wanted.dense_weight_en,
            "dense_weight_de": wanted.dense_weight_de,
            "source": evidence.get("source", ""),
        },
    )


def undo(session: Session, *, undone_by: UserId) -> None:
    """Take the tenant's newest weights back; raises NotFoundError when it has none."""
    undo_ranking(session)
    audit.record(session, actor_id=undone_by, action="ranking.undone", subject="settings:ranking")


def _weight(ranking: Ranking, language: str) -> float:
    return ranking.dense_weight_en if language == "en" else ranking.dense_weight_de


def _with_weight(ranking: Ranking, language: str, weight: float) -> Ranking:
    if language == "en":
        return replace(ranking, dense_weight_en=weight)
    return replace(ranking, dense_weight_de=weight)
