"""Fits the answerer's two models, by Newton's method; what is reported was never fitted on.

Questions are split by article: a fold is judged by models that have seen none of its articles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shared.inference.extraction.belief import SIGNS, Weights, signs
from shared.inference.extraction.features import FEATURES, Reading

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

FOLDS = 6
_STEPS = 30
_STILL = 1e-8
_PENALTY_RANK = 10.0
_PENALTY_CONFIDENCE = 30.0
_MOST_QUOTED = 3


@dataclass(frozen=True, slots=True)
class Example:
    """A question of an article, read three times: as it is, and with what answers it taken away.

    ``holds`` tells which candidates of ``found`` hold the answer, ``quoted`` which do so with the
    sentence before, where one is quoted too. ``near`` lacks the paragraph with the answer, ``far``
    every paragraph of the article; ``None`` where nothing was left to read.
    """

    article: int
    found: Reading
    holds: NDArray[np.bool_]
    quoted: NDArray[np.bool_]
    near: Reading | None
    far: Reading | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What models that never saw the article made of one question: ranks count from 0."""

    is_first: bool
    is_first_quoted: bool
    is_among_three: bool
    found: float
    near: float
    far: float


def fit(examples: Sequence[Example], *, start: Weights | None = None) -> Weights:
    """Fit both models; with ``start`` they depart from it as far as the examples demand."""
    rank = fit_rank(
        [(each.found.features, each.holds) for each in examples if each.holds.any()],
        start=None if start is None else start.rank_row(),
    )
    weights = Weights(dict(zip(FEATURES, map(float, rank), strict=True)), {}, 0.0)
    rows, labels = [], []
    for each in examples:
        scores = weights.scores(each.found)
        rows.append(signs(each.found, scores))
        labels.append(_is_among(scores, each.holds, _MOST_QUOTED))
        for reading in (each.near, each.far):
            if reading is not None:
                rows.append(signs(reading, weights.scores(reading)))
                labels.append(False)
    confidence, constant = fit_probability(
        np.array(rows),
        np.array(labels),
        start=None if start is None else (start.confidence_row(), start.constant),
    )
    return Weights(
        weights.rank, dict(zip(SIGNS, map(float, confidence), strict=True)), float(constant)
    )


def cross_validate(
    examples: Sequence[Example], *, folds: int = FOLDS, start: Weights | None = None
) -> list[Verdict]:
    """Judge every question with models fitted on other articles, in the order given."""
    articles = sorted({each.article for each in examples})
    fold_of = {article: at % folds for at, article in enumerate(articles)}
    verdicts: dict[int, Verdict] = {}
    for fold in range(folds):
        others = [each for each in examples if fold_of[each.article] != fold]
        weights = fit(others, start=start)
        for index, each in enumerate(examples):
            if fold_of[each.article] == fold:
                verdicts[index] = judge(each, weights)
    return [verdicts[index] for index in range(len(examples))]


def judge(example: Example, weights: Weights) -> Verdict:
    """Say what the models make of a question."""
    scores = weights.scores(example.found)
    return Verdict(
        is_first=_is_among(scores, example.holds, 1),
        is_first_quoted=_is_among(scores, example.holds | example.quoted, 1),
        is_among_three=_is_among(scores, example.holds, _MOST_QUOTED),
        found=weights.probability(example.found, scores),
        near=_probability(example.near, weights),
        far=_probability(example.far, weights),
    )


def fit_rank(
    groups: Sequence[tuple[Matrix, NDArray[np.bool_]]], *, start: Matrix | None = None
) -> Matrix:
    """Fit a conditional logit: which row of each group is the one (McFadden 1974).

    The penalty draws towards ``start``, or towards 0.
    """
    rows = np.concatenate([features for features, _ in groups])
    start = np.zeros(rows.shape[1]) if start is None else start
    given = rows @ start
    spread = rows.std(axis=0) + 1e-9
    rows = (rows - rows.mean(axis=0)) / spread
    sizes = np.array([len(holds) for _, holds in groups])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    group = np.repeat(np.arange(len(groups)), sizes)
    wanted = np.concatenate([holds / holds.sum() for _, holds in groups])

    def loss(weights: Matrix) -> float:
        scores = rows @ weights + given
        tops = np.maximum.reduceat(scores, starts)
        spans = np.log(np.add.reduceat(np.exp(scores - tops[group]), starts)) + tops
        return float(spans.sum() - scores @ wanted + _PENALTY_RANK * weights @ weights / 2)

    def slope_and_curve(weights: Matrix) -> tuple[Matrix, Matrix]:
        scores = rows @ weights + given
        raised = np.exp(scores - np.maximum.reduceat(scores, starts)[group])
        shares = raised / np.add.reduceat(raised, starts)[group]
        means = np.add.reduceat(rows * shares[:, None], starts)
        slope = rows.T @ (shares - wanted) + _PENALTY_RANK * weights
        curve = rows.T @ (rows * shares[:, None]) - means.T @ means
        return slope, curve + _PENALTY_RANK * np.eye(len(weights))

    weights = _descend(loss, slope_and_curve, np.zeros(rows.shape[1]))
    fitted: Matrix = start + weights / spread
    return fitted


def fit_probability(
    rows: Matrix, labels: NDArray[np.bool_], *, start: tuple[Matrix, float] | None = None
) -> tuple[Matrix, float]:
    """Fit a logistic regression; returns its weights and its constant.

    The penalty draws the weights towards those of ``start``, or towards 0.
    """
    begun, constant = (np.zeros(rows.shape[1]), 0.0) if start is None else start
    given = rows @ begun + constant
    spread, centre = rows.std(axis=0) + 1e-9, rows.mean(axis=0)
    scaled = np.column_stack([(rows - centre) / spread, np.ones(len(rows))])
    penalty = np.full(scaled.shape[1], _PENALTY_CONFIDENCE)
    penalty[-1] = 0.0

    def loss(weights: Matrix) -> float:
        scores = scaled @ weights + given
        return float(
            np.logaddexp(0, scores).sum() - scores @ labels + penalty @ (weights * weights) / 2
        )

    def slope_and_curve(weights: Matrix) -> tuple[Matrix, Matrix]:
        belief = 1 / (1 + np.exp(-(scaled @ weights + given)))
        slope = scaled.T @ (belief - labels) + penalty * weights
        curve = scaled.T @ (scaled * (belief * (1 - belief))[:, None])
        return slope, curve + np.diag(penalty) + 1e-9 * np.eye(len(weights))

    weights = _descend(loss, slope_and_curve, np.zeros(scaled.shape[1]))
    fitted: Matrix = weights[:-1] / spread
    return begun + fitted, float(constant + weights[-1] - fitted @ centre)


def _descend(
    loss: Callable[[Matrix], float],
    slope_and_curve: Callable[[Matrix], tuple[Matrix, Matrix]],
    weights: Matrix,
) -> Matrix:
    """Walk down a convex loss by Newton's steps, halved while they would lead up."""
    height = loss(weights)
    for _ in range(_STEPS):
        slope, curve = slope_and_curve(weights)
        step = np.linalg.solve(curve, slope)
        while (lower := loss(weights - step)) > height and float(np.abs(step).max()) > _STILL:
            step = step / 2
        weights, height = weights - step, lower
        if float(np.abs(step).max()) <= _STILL:
            break
    return weights


def separation(above: Matrix, below: Matrix) -> float:
    """Return the area under the ROC curve: how often one of ``above`` exceeds one of ``below``."""
    wins = (above[:, None] > below[None, :]).mean() + (above[:, None] == below[None, :]).mean() / 2
    return float(wins)


def _is_among(scores: Matrix, holds: NDArray[np.bool_], most: int) -> bool:
    return bool(holds[np.argsort(-scores, kind="stable")[:most]].any())


def _probability(reading: Reading | None, weights: Weights) -> float:
    return 0.0 if reading is None else weights.probability(reading, weights.scores(reading))
