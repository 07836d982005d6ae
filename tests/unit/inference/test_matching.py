"""Words that are the same word, weights of what is asked, and questions with several parts."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from shared.inference.extraction.belief import SIGNS, tongue, weights
from shared.inference.extraction.features import FEATURES
from shared.inference.extraction.matching import Shares, root
from shared.inference.extraction.parts import parts_of
from shared.inference.extraction.questions import focus_of


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("schrieb", "geschrieben", "de"),
        ("beschrieb", "beschrieben", "de"),
        ("gab", "gegeben", "de"),
        ("unterschied", "unterscheiden", "de"),
        ("abzugeben", "abgegeben", "de"),
        ("gilt", "gelten", "de"),
        ("won", "wins", "en"),
        ("zwei", "2", "de"),
        ("third", "drei", "en"),
    ],
)
def test_forms_of_one_word_have_one_root(one: str, other: str, language: str) -> None:
    assert root(one, language) == root(other, language)


@pytest.mark.parametrize(
    ("one", "other"), [("gab", "gabel"), ("lag", "lage"), ("war", "ware"), ("riet", "riese")]
)
def test_words_that_only_look_alike_have_different_roots(one: str, other: str) -> None:
    assert root(one, "de") != root(other, "de")


def test_rare_words_weigh_more_than_common_ones() -> None:
    held = [frozenset({"rent"}), frozenset({"rent"}), frozenset({"rent", "deposit"})]
    shares = Shares(frozenset({"rent", "deposit"}), held)
    assert shares.of(frozenset({"deposit"})) > 0.5 > shares.of(frozenset({"rent"}))
    assert shares.of(frozenset({"rent", "deposit"})) == pytest.approx(1.0)
    assert Shares(frozenset(), held).of(frozenset()) == 0.0


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("Wie lang ist die Frist?", ["Wie lang ist die Frist?"]),
        (
            "Wann wurde die Acme gegründet und wie viele Leute arbeiten bei ihr?",
            ["Wann wurde die Acme gegründet", "wie viele Leute arbeiten bei ihr (Acme)?"],
        ),
        (
            "Who leads Acme? Where is its office?",
            ["Who leads Acme?", "Where is its office (Acme)?"],
        ),
        (
            "What do terms and conditions say and when do they apply?",
            ["What do terms and conditions say", "when do they apply?"],
        ),
        ("Miete und Kaution?", ["Miete und Kaution?"]),
        ("Ich weiß, wer kam und wer ging.", ["Ich weiß, wer kam und wer ging."]),
        ("Who? And why?", ["Who? And why?"]),
    ],
)
def test_several_questions_are_taken_apart(question: str, parts: list[str]) -> None:
    assert parts_of(question) == parts


def test_focus_is_the_thing_a_which_question_asks_to_fill_in() -> None:
    assert focus_of("Which French king issued it?") == ["french", "king"]
    assert focus_of("Welche Schule liegt dort?") == ["schule", "liegt"]
    assert focus_of("Wer kam?") == []


def test_fitted_weights_name_every_feature_and_sign() -> None:
    text = resources.files("shared.inference.extraction").joinpath("weights.json").read_text()
    assert set(json.loads(text)) == {"en", "de", "across", "provisions"}
    for name in ("en", "de", "across"):
        fitted = weights(name)
        assert tuple(fitted.rank) == FEATURES
        assert tuple(fitted.confidence) == SIGNS


def test_weights_are_chosen_by_both_languages() -> None:
    assert tongue("en", "en") == tongue("simple", "en") == "en"
    assert tongue("de", "de") == tongue("simple", "de") == tongue("simple", "simple") == "de"
    assert tongue("de", "en") == tongue("en", "de") == "across"
