"""Elyza: courtesies are recognised alone, talk follows its script, and repeats itself exactly."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from shared.inference.elyza.engine import recognise, reflect, talk
from shared.inference.elyza.model import LANGUAGES, read_script, script
from shared.inference.language import detect_language
from shared.kernel.errors import InvalidError


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Hallo!", "greeting"),
        ("Guten Morgen, Kontor", "greeting"),
        ("hi there", "greeting"),
        ("Hallo, wie geht's?", "wellbeing"),
        ("Vielen Dank für die Hilfe!", "thanks"),
        ("thanks a lot", "thanks"),
        ("ok, danke", "thanks"),
        ("Wer bist du?", "identity"),
        ("hi, who are you?", "identity"),
        ("Are you a human?", "identity"),
        ("Was kannst du alles?", "help"),
        ("What can you do?", "help"),
        ("Tschüss, bis morgen", "farewell"),
        ("bye", "farewell"),
        ("Super!", "praise"),
        ("Entschuldigung", "apology"),
    ],
)
def test_courtesies_are_recognised(said: str, kind: str) -> None:
    reply = recognise(said, detect_language(said))
    assert reply is not None
    assert reply.kind == kind


@pytest.mark.parametrize(
    "said",
    [
        "Hallo, wie lang ist die Kündigungsfrist?",
        "Hi, what is the notice period?",
        "Danke. Und wann endet der Vertrag?",
        "thanks, how much is the rent?",
        "Wer ist der Vermieter?",
        "Who are you required to inform?",
        "Was sind Sie verpflichtet zu melden?",
        "Hilfe zum Lebensunterhalt",
        "What can you do about noise?",
        "Guten Tag Verlag",
        "Morgenstern",
        "Danksagung",
        "help desk hours",
        "und",
        "",
        "?!",
    ],
)
def test_a_question_is_never_taken_for_small_talk(said: str) -> None:
    assert recognise(said, detect_language(said)) is None


def test_courtesies_are_answered_in_the_language_they_are_said_in() -> None:
    german, english = recognise("Vielen Dank", "simple"), recognise("thank you", "simple")
    assert german is not None
    assert english is not None
    assert german.text in {a for c in script("de").courtesies for a in c.answers}
    assert english.text in {a for c in script("en").courtesies for a in c.answers}


def test_what_is_heard_is_turned_round() -> None:
    assert reflect("my boss and I", script("en")) == "your boss and you"
    assert reflect("meine Arbeit", script("de")) == "Ihre Arbeit"
    assert talk("I feel lost in my work.", "en").text in {
        "Do you often feel lost in your work?",
        "What makes you feel lost in your work?",
    }


def test_the_keyword_of_the_highest_rank_is_answered() -> None:
    assert "program" in talk("I think my computer hates you", "en").text
    assert "Programm" in talk("Ich bin müde, du Maschine", "de").text


def test_memory_comes_back_to_what_was_said_before() -> None:
    earlier = ["My garden needs water.", "Yes."]
    assert "garden" in talk("Hm.", "en", earlier=earlier).text
    assert "garden" not in talk("Hm.", "en").text


def test_the_same_conversation_goes_the_same_way_and_does_not_repeat_itself() -> None:
    assert talk("Hm.", "de", earlier=["So."]) == talk("Hm.", "de", earlier=["So."])
    first = talk("Hm.", "de", earlier=["So."]).text
    second = talk("Hm.", "de", earlier=["So.", "Hm."]).text
    assert first != second


@pytest.mark.parametrize("language", LANGUAGES)
def test_scripts_only_use_groups_that_their_patterns_have(language: str) -> None:
    for keyword in script(language).keywords:
        for rule in keyword.rules:
            for answer in rule.answers:
                used = {int(number) for number in "12345" if f"{{{number}}}" in answer}
                assert max(used, default=0) <= rule.pattern.groups


def test_a_damaged_script_is_refused() -> None:
    text = resources.files("shared.inference.elyza").joinpath("scripts/en.json").read_text()
    stored = json.loads(text)
    del stored["padding"]
    for damaged in ("{", json.dumps(stored), text.replace("(.+)", "(.+")):
        with pytest.raises(InvalidError):
            read_script(damaged)
