"""Question types and stems in both languages."""

from __future__ import annotations

import pytest

from shared.inference.extraction.questions import fits, kind_of, subject_of
from shared.inference.stemming import grams, stem, stems, words


@pytest.mark.parametrize(
    ("question", "language", "kind"),
    [
        ("Wer hat den Vertrag unterschrieben?", "de", "person"),
        ("Wann endet die Frist?", "de", "date"),
        ("In welchem Jahr wurde das Gesetz geändert?", "de", "date"),
        ("Wie viele Tage Urlaub gibt es?", "de", "number"),
        ("Wie hoch ist die Miete?", "de", "number"),
        ("Wo liegt der Sitz der Gesellschaft?", "de", "place"),
        ("Warum wurde gekündigt?", "de", "reason"),
        ("Was regelt § 5?", "de", "other"),
        ("Who signed it?", "en", "person"),
        ("When did Doctor Who begin?", "en", "date"),
        ("In what year was it built?", "en", "date"),
        ("How much does it cost?", "en", "number"),
        ("What percentage of users left?", "en", "number"),
        ("Where is the office?", "en", "place"),
        ("What is a chunk?", "en", "definition"),
        ("Wo ist das Büro?", "simple", "place"),
    ],
)
def test_kind_of_question_is_recognised(question: str, language: str, kind: str) -> None:
    assert kind_of(question, language) == kind


def test_sentences_that_can_hold_the_answer_fit_better() -> None:
    def fit(kind: str, sentence: str, question: str, language: str) -> float:
        return fits(kind, sentence, question=question, language=language)  # type: ignore[arg-type]

    many = "How many nations are there?"
    assert fit("number", "It spans nine nations.", many, "en") == 1.0
    assert 0 < fit("number", "In 1990 the war ended and some nations left.", many, "en") < 1.0
    assert fit("number", "Several nations left.", many, "en") == 0.0
    assert fit("number", "(4) Nach § 20 Absatz 2 gilt das.", "Wie hoch ist es?", "de") == 0.0
    assert fit("date", "Siehe Richtlinie (EU) 2018/1972.", "Wann?", "de") == 0.0
    when = "Wann endet es?"
    assert fit("date", "Es endet am 3. Mai.", when, "de") == 1.0
    assert fit("date", "Spätestens einen Monat nach Beginn.", when, "de") > 0.0
    assert fit("date", "Es endet bald.", when, "de") == 0.0
    assert fit("number", "Ein Pass ist ein Ausweis.", "Was kostet ein Pass?", "de") == 0.0
    who = "Who met Ada Lovelace?"
    assert fit("person", "Charles Babbage met Ada Lovelace.", who, "en") == 1.0
    assert fit("person", "Ada Lovelace met him.", who, "en") == 0.0


def test_subject_leaves_grammar_out() -> None:
    assert subject_of("Wie lang ist die Kündigungsfrist?") == ["lang", "kündigungsfrist"]
    assert subject_of("What is it?") == []


@pytest.mark.parametrize(
    ("first", "second", "language"),
    [
        ("verträge", "vertrages", "de"),
        ("häuser", "hauses", "de"),
        ("kündigungen", "kündigung", "de"),
        ("gekündigt", "kündigt", "de"),
        ("straße", "strassen", "de"),
        ("contracts", "contract", "en"),
        ("companies", "company", "en"),
        ("planned", "planning", "en"),
        ("won", "win", "en"),
        ("led", "leading", "en"),
        ("requires", "required", "en"),
    ],
)
def test_forms_of_a_word_share_a_stem(first: str, second: str, language: str) -> None:
    assert stem(first, language) == stem(second, language)


def test_different_words_numbers_and_unknown_languages_keep_their_stems() -> None:
    assert stem("miete", "de") != stem("mord", "de")
    assert stem("573c", "de") == "573c"
    assert stems("Les Contrats", "simple") == ["les", "contrats"]


def test_words_are_folded_and_possessives_dropped() -> None:
    assert words("Luther's ﬁrst 95 Thesen!") == ["luther", "first", "95", "thesen"]


def test_grams_find_parts_of_compounds() -> None:
    compound, part = grams("Mietvertragskündigung"), grams("Kündigung")
    assert len(compound & part) >= len(part) - 1
    assert grams("") == set()
    assert grams("ab") == {" ab "}
