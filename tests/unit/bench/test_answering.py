"""Fitting the answerer: what is known comes out again, and questions are asked as they should."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infra.bench.answering import Hall, fit_weights, gather, measure_answering, read_squad
from infra.bench.fitting import cross_validate, fit_probability, fit_rank, separation
from shared.inference.embedding import Embedder
from shared.kernel.errors import InvalidError, NotFoundError

TEXTS = [
    ("Pumps", "The P-40 pump was designed by Ingrid Solberg. It moves 120 litres per minute."),
    ("Pumps", "The P-50 pump was designed by Nils Dahl. Its housing is made of bronze."),
    ("Bread", "The baker kneads the dough for ten minutes. The oven is heated with beech wood."),
    ("Law", "The notice period is three months. The deposit amounts to 900 euros."),
]
QUESTIONS = [
    (0, "Who designed the P-40 pump?", "Ingrid Solberg"),
    (0, "How many litres does the P-40 pump move?", "120 litres"),
    (1, "Who designed the P-50 pump?", "Nils Dahl"),
    (2, "What is the oven heated with?", "beech wood"),
    (3, "How long is the notice period?", "three months"),
    (3, "What does the deposit amount to?", "900 euros"),
]


def squad(folder: Path) -> Path:
    articles: dict[str, list[dict[str, object]]] = {}
    for number, (title, text) in enumerate(TEXTS):
        asked = [
            {
                "id": f"q{at}",
                "question": question,
                "answers": [{"text": answer, "answer_start": text.index(answer)}],
            }
            for at, (paragraph, question, answer) in enumerate(QUESTIONS)
            if paragraph == number
        ]
        articles.setdefault(title, []).append({"context": text, "qas": asked})
    data = [{"title": title, "paragraphs": each} for title, each in articles.items()]
    path = folder / "pumps.json"
    path.write_text(json.dumps({"data": data}), encoding="utf-8")
    return path


def test_questions_are_asked_with_their_answer_there_and_taken_away(
    tmp_path: Path, embedder: Embedder
) -> None:
    corpus = read_squad(squad(tmp_path))
    assert (corpus.language, len(corpus.paragraphs), len(corpus.questions)) == ("en", 4, 6)
    with Hall(embedder, lambda _: None) as hall:
        examples = gather(hall, [corpus])["en"]
    assert [bool(each.holds.any()) for each in examples] == [True] * 6
    for example, (paragraph, _, answer) in zip(examples, QUESTIONS, strict=True):
        texts = [candidate.text for candidate in example.found.candidates]
        assert [answer in text for text in texts] == list(example.holds)
        for reading in (example.near, example.far):
            assert reading is not None
            assert all(c.passage.text != TEXTS[paragraph][1] for c in reading.candidates)
    first_far = examples[0].far
    assert first_far is not None
    assert all("pump" not in candidate.text for candidate in first_far.candidates)
    verdicts = cross_validate(examples, folds=3)
    assert len(verdicts) == 6
    weights = fit_weights({"en": examples})["en"]
    assert isinstance(weights, dict)
    assert weights["rank"]["words"] > 0  # type: ignore[index]
    with_answer = [replace(each, near=None, far=None) for each in examples]
    assert {m.name for m in measure_answering("en", with_answer)} >= {"en: hit@1", "en: hit@3"}


def test_a_conditional_logit_finds_the_weights_that_made_the_choices() -> None:
    rng = np.random.default_rng(4)
    true = np.array([2.0, -1.0, 0.0])
    groups = []
    for _ in range(1500):
        rows = rng.normal(size=(6, 3))
        odds = np.exp(rows @ true)
        holds = np.zeros(6, dtype=bool)
        holds[rng.choice(6, p=odds / odds.sum())] = True
        groups.append((rows, holds))
    assert np.allclose(fit_rank(groups), true, atol=0.2)


def test_a_fitted_probability_is_one() -> None:
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(4000, 2))
    chance = 1 / (1 + np.exp(-(1.5 * rows[:, 0] - 0.5)))
    weights, constant = fit_probability(rows, rng.random(4000) < chance)
    assert np.allclose([*weights, constant], [1.5, 0.0, -0.5], atol=0.2)


def test_separation_is_the_chance_that_one_exceeds_the_other() -> None:
    assert separation(np.array([0.9, 0.8]), np.array([0.1, 0.8])) == pytest.approx(0.875)


def test_what_is_not_squad_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"data": [{"title": "x"}]}', encoding="utf-8")
    with pytest.raises(InvalidError):
        read_squad(tmp_path / "other.json")
    with pytest.raises(NotFoundError):
        read_squad(tmp_path / "none.json")
