"""Fitting a weight: the gate lets real gains through and nothing else."""

from __future__ import annotations

import random
from uuid import uuid5

import pytest

from shared.evaluation.feedback import Gold, Place, judge
from shared.evaluation.fitting import FEWEST_QUESTIONS, FOLDS, Origin, fit, folds, weights_to_try
from shared.evaluation.measures import ndcg
from shared.evaluation.weights import fit_languages
from shared.kernel.ids import DocumentId, TenantId, VersionId, new_id
from shared.search.model import Ranking

NAMES = [f"question {n:03}" for n in range(80)]


def values_peaking_at(best: float, *, noise: float = 0.0) -> dict[float, dict[str, float]]:
    chance = random.Random(7)
    return {
        weight: {
            name: 0.9 - abs(weight - best) / 2 + chance.uniform(-noise, noise) for name in NAMES
        }
        for weight in weights_to_try(0.6)
    }


def test_a_weight_that_is_better_everywhere_passes_the_gate() -> None:
    found = fit("en", values_peaking_at(0.2, noise=0.05), present=0.6)
    assert found.is_accepted
    assert found.proposed == pytest.approx(0.2)
    assert found.held_out > found.before
    assert found.change is not None
    assert found.change.low > 0


def test_noise_does_not_pass_the_gate() -> None:
    chance = random.Random(7)
    noise = {
        weight: {name: float(chance.random() < 0.7) for name in NAMES}
        for weight in weights_to_try(0.6)
    }
    found = fit("en", noise, present=0.6)
    assert not found.is_accepted
    assert found.proposed == 0.6
    assert "held-out" in found.reason


def test_the_present_weight_stays_when_it_is_best_or_equal() -> None:
    assert fit("de", values_peaking_at(0.6), present=0.6).proposed == 0.6
    flat = {weight: dict.fromkeys(NAMES, 0.5) for weight in weights_to_try(0.6)}
    assert fit("de", flat, present=0.6).proposed == 0.6


def two_sets(few_want: float, many_want: float) -> dict[float, dict[str, float]]:
    """Twenty questions of one set and sixty of another, each set with a weight it wants."""
    return {
        weight: {
            name: 0.9 - abs(weight - (few_want if number < 20 else many_want)) / 2
            for number, name in enumerate(NAMES)
        }
        for weight in weights_to_try(0.6)
    }


ORIGINS = {
    name: Origin("few" if number < 20 else "many", f"topic {number // 4}")
    for number, name in enumerate(NAMES)
}


def test_every_set_weighs_the_same_however_many_questions_it_has() -> None:
    found = fit("en", two_sets(0.1, 0.3), present=0.6, origins=ORIGINS)
    assert found.is_accepted
    assert found.before == pytest.approx((0.65 + 0.75) / 2)
    assert [(each.measure, round(each.before, 4)) for each in found.by_set] == [
        ("few", 0.65),
        ("many", 0.75),
    ]


def test_a_weight_at_which_one_set_loses_is_not_taken() -> None:
    values = two_sets(0.6, 0.0)
    for weight, found in values.items():
        for name in NAMES[20:]:
            found[name] -= abs(weight) / 2  # the larger set gains twice what the other loses
    found = fit("en", values, present=0.6, origins=ORIGINS)
    assert found.change is not None
    assert found.change.low > 0
    assert not found.is_accepted
    assert found.reason == "loses on few"
    assert found.proposed == 0.6


def test_what_is_asked_about_one_thing_stays_in_one_fold() -> None:
    fold_of = folds(NAMES, ORIGINS)
    by_topic = {
        origin: {fold_of[n] for n in NAMES if ORIGINS[n] == origin} for origin in ORIGINS.values()
    }
    assert all(len(found) == 1 for found in by_topic.values())
    assert {fold for found in by_topic.values() for fold in found} == set(range(FOLDS))


def test_too_few_questions_change_nothing() -> None:
    few = {
        weight: dict(list(values.items())[: FEWEST_QUESTIONS - 1])
        for weight, values in values_peaking_at(0.0).items()
    }
    found = fit("en", few, present=0.6)
    assert not found.is_accepted
    assert found.reason.startswith("19 judged questions")
    assert fit("en", {0.6: {}}, present=0.6).questions == 0


def test_each_language_gets_the_weight_its_own_questions_want() -> None:
    english = [(f"e{n}", f"What is the notice period of contract {n}?", "en") for n in range(30)]
    german = [(f"d{n}", f"Wie lange ist die Frist der Kündigung {n}?", "de") for n in range(30)]

    def gain(language: str, tried: Ranking) -> float:
        if language == "en":
            return 1 - abs(tried.dense_weight_en - 0.9) / 2
        return 1 - abs(tried.dense_weight_de - 0.0) / 2

    found = {
        each.language: each for each in fit_languages(english + german, gain, ranking=Ranking())
    }
    assert (found["en"].proposed, found["de"].proposed) == (0.9, 0.0)
    assert (found["en"].questions, found["de"].questions) == (30, 30)


def test_fitting_stops_when_its_time_is_over() -> None:
    asked = [("e", "What is the notice period?", None)]
    found = fit_languages(asked, lambda _question, _tried: 1.0, ranking=Ranking(), until=0)
    assert [each.questions for each in found] == [0, 0]


DOCUMENT, VERSION = DocumentId(new_id()), VersionId(new_id())
ELSEWHERE = uuid5(TenantId(new_id()), "elsewhere")


def place(start: int, end: int, *, document: DocumentId = DOCUMENT) -> Place:
    return Place(new_id(), document, VERSION, start, end)


def test_a_passage_is_right_where_it_overlaps_the_corrected_span() -> None:
    gold = Gold(DOCUMENT, VERSION, 100, 150)
    ranked, grades = judge([place(0, 100), place(140, 240), place(150, 200)], [gold])
    assert [grades.get(name, 0) for name in ranked] == [0, 1, 0]


def test_in_another_version_or_without_a_span_the_document_counts() -> None:
    former = Gold(DOCUMENT, VersionId(new_id()), 100, 150)
    ranked, grades = judge([place(0, 10)], [former])
    assert grades[ranked[0]] == 1
    ranked, grades = judge([place(0, 10), place(10, 20)], [Gold(DOCUMENT)])
    assert [grades.get(name, 0) for name in ranked] == [1, 0]
    ranked, grades = judge([place(0, 10, document=DocumentId(ELSEWHERE))], [Gold(DOCUMENT)])
    assert ndcg(ranked, grades, 10) == 0


def test_what_was_not_found_still_counts_against_the_ranking() -> None:
    golds = [Gold(DOCUMENT, VERSION, 0, 10), Gold(DOCUMENT, VERSION, 50, 60)]
    ranked, grades = judge([place(0, 10)], golds)
    assert ndcg(ranked, grades, 10) < 1
    ranked, grades = judge([place(0, 60)], golds)
    assert ndcg(ranked, grades, 10) == 1
