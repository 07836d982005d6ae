"""What is seen in a sentence: counterparts of the question's words, units, headings, provisions."""

from __future__ import annotations

import numpy as np
import pytest

from shared.inference.embedding import Embedder
from shared.inference.extraction.alignment import NOTHING, Asking
from shared.inference.extraction.belief import fitted_for, weights
from shared.inference.extraction.features import FEATURES, Reading, read
from shared.inference.extraction.finding import find_quotes, quotation_start
from shared.inference.extraction.matching import likeness
from shared.inference.extraction.measures import is_number, names_unit
from shared.inference.extraction.model import Passage

LAW = "\n\n".join(
    (
        "§ 3 Dauer des Urlaubs",
        "(1) Der Urlaub beträgt jährlich mindestens 24 Werktage.",
        "(2) Als Werktage gelten alle Kalendertage, die nicht Sonn- oder Feiertage sind.",
    )
)


def reading_of(embedder: Embedder, question: str, language: str, *passages: Passage) -> Reading:
    found = read(question, passages, language=language, embedder=embedder)
    assert found is not None
    return found


def seen(reading: Reading, name: str) -> list[float]:
    return [float(value) for value in reading.features[:, FEATURES.index(name)]]


def test_words_find_counterparts_of_the_same_meaning(embedder: Embedder) -> None:
    question = "Which company built the engine?"
    texts = ["The motor was made by the firm Deutz.", "The weather in Deutz was fine on Friday."]
    asked, *sentences = embedder.read_tokens([question, *texts])
    asking = Asking(question, asked, {"company": 1.0, "built": 1.0, "engine": 3.0})
    near, far = (asking.align(each.tokens) for each in sentences)
    assert near.average > far.average + 0.1
    assert near.rarest > far.rarest
    assert near.least > far.least
    assert near.least <= near.average <= 1
    assert asking.align(np.zeros((0, 384), np.float32)) == NOTHING


def test_a_question_word_alone_weighs_nothing_but_itself(embedder: Embedder) -> None:
    asked, sentence = embedder.read_tokens(["Who?", "Ada Lovelace wrote the program."])
    alignment = Asking("Who?", asked, {}).align(sentence.tokens)
    assert alignment.average == alignment.least == alignment.rarest == 0
    assert alignment.asking > 0


@pytest.mark.parametrize(
    ("question", "holds", "lacks"),
    [
        ("Wie oft wird die Anlage geprüft?", "Sie wird zweimal geprüft.", "Sie hat 2 Räder."),
        ("How old was he?", "He was 39 years at the time.", "He wore number 39."),
        ("Wie lange ist die Frist?", "Sie endet nach vierwöchiger Dauer.", "Sie nennt 4 Namen."),
        ("Welcher Anteil ist bar?", "Davon sind 50 vom Hundert bar.", "Es sind 50 Euro bar."),
        ("Wie hoch ist die Geldbuße?", "Bis zu fünftausend Euro.", "Bis zu 40 Stunden."),
        ("How far is the station?", "It is 3 miles away.", "It has 3 tracks."),
    ],
)
def test_a_number_is_expected_in_its_unit(question: str, holds: str, lacks: str) -> None:
    assert names_unit(question, holds) == 1
    assert names_unit(question, lacks) == 0


def test_numbers_inside_words_are_numbers() -> None:
    numbers = "fünfundzwanzigtausend sechsmonatigem achteinhalb zwölftel dreizehn 24 zweite"
    assert all(map(is_number, numbers.split()))
    words = "werktage gezeitigt mäßig einer weit acker"
    assert not any(map(is_number, words.split()))


def test_what_is_written_alike_counts_in_part() -> None:
    assert likeness("urlaub", "urlaub", "de") == 1
    assert 0.5 < likeness("urlaubstage", "jahresurlaub", "de") < 1
    assert likeness("tag", "tau", "de") == 0
    assert likeness("wohnung", "versammlung", "de") == 0


def test_a_heading_that_is_asked_for_speaks_for_what_stands_under_it(embedder: Embedder) -> None:
    rule = "Er beträgt mindestens 24 Werktage."
    passages = [
        Passage("named", rule, 1.0, "de", ("BUrlG", "§ 3 Dauer des Urlaubs")),
        Passage("other", "Er beträgt drei Tage.", 1.0, "de", ("BUrlG", "§ 9 Erkrankung")),
    ]
    reading = reading_of(embedder, "Wie lang ist die Dauer des Urlaubs?", "de", *passages)
    heading = dict(
        zip((c.passage.id for c in reading.candidates), seen(reading, "heading"), strict=True)
    )
    assert heading["named"] == 1
    assert heading["other"] < 0.4


def test_only_a_sentences_own_words_find_counterparts(embedder: Embedder) -> None:
    text = "The bridge was built by Ove Arup. It was painted green by the town."
    reading = reading_of(embedder, "Who built the bridge?", "en", Passage("b", text, 1.0, "en"))
    aligned = dict(
        zip((c.place for c in reading.candidates), seen(reading, "aligned"), strict=True)
    )
    assert aligned[0] > aligned[1] + 0.1


@pytest.mark.parametrize(
    ("heading", "is_provision"),
    [
        ("§ 3 Dauer des Urlaubs", True),
        ("Art. 6 Rechtmäßigkeit", True),
        ("Artikel 5", True),
        ("Artikel über Pumpen", False),
        ("3 Ergebnisse", False),
        ("§ 68 des Gesetzes findet Anwendung.", False),
    ],
)
def test_provisions_are_known_by_their_headings(heading: str, is_provision: bool) -> None:
    assert Passage("p", "Text.", 1.0, "de", ("Titel", heading)).is_provision is is_provision


def test_headings_between_sections_are_read_and_not_quoted(embedder: Embedder) -> None:
    text = "§ 3 Dauer\n\nSie beträgt acht Tage.\n\n§ 4 Urlaub und Ruhe\n\nEr beträgt drei Tage."
    passage = Passage("both", text, 1.0, "de", ("Gesetz",))
    reading = reading_of(embedder, "Wie lange ist der Urlaub?", "de", passage)
    assert passage.is_provision
    assert {c.text: c.heading for c in reading.candidates} == {
        "Sie beträgt acht Tage.": "§ 3 Dauer",
        "Er beträgt drei Tage.": "§ 4 Urlaub und Ruhe",
    }
    first = reading.candidates[0].text.startswith("Er")
    assert seen(reading, "grams_before")[0 if first else 1] > 0


def test_german_provisions_are_weighed_by_themselves(embedder: Embedder) -> None:
    question = "Wie viele Werktage Urlaub gibt es?"
    law = Passage("law", LAW, 1.0, "de", ("BUrlG", "§ 3 Dauer des Urlaubs"))
    prose = Passage("prose", LAW.replace("§ 3 ", ""), 1.0, "de")
    assert fitted_for("de", reading_of(embedder, question, "de", law)) is weights("provisions")
    assert fitted_for("de", reading_of(embedder, question, "de", prose)) is weights("de")
    assert fitted_for("en", reading_of(embedder, question, "en", law)) is weights("across")


def test_a_sentence_is_quoted_with_the_one_that_says_what_it_is_about(embedder: Embedder) -> None:
    text = (
        "The record for the oldest quarterback in a Super Bowl was set in 1999. "
        "John Elway of Denver held that record at the age of 38. The weather was fine."
    )
    question = "Who held the record for the oldest quarterback in a Super Bowl?"
    reading = reading_of(embedder, question, "en", Passage("r", text, 1.0, "en"))
    held = {c.place: bool(x) for c, x in zip(reading.candidates, reading.leaning, strict=True)}
    assert (held[0], held[1]) == (False, True)
    place = next(i for i, c in enumerate(reading.candidates) if c.place == 1)
    assert quotation_start(reading, place) == 0


def test_a_question_in_everyday_words_finds_the_rule(embedder: Embedder) -> None:
    law = Passage("law", LAW, 1.0, "de", ("Mindesturlaubsgesetz (BUrlG)", "§ 3 Dauer des Urlaubs"))
    waiting = Passage(
        "waiting",
        "Der volle Urlaubsanspruch wird erstmalig nach sechsmonatigem Bestehen des "
        "Arbeitsverhältnisses erworben.",
        0.9,
        "de",
        ("Mindesturlaubsgesetz (BUrlG)", "§ 4 Wartezeit"),
    )

    def first(question: str) -> str:
        finding = find_quotes(
            question,
            [law, waiting],
            language="de",
            embedder=embedder,
            answer_threshold=0.3,
            related_threshold=0.1,
        )
        assert finding.state == "answer"
        return finding.quotes[0].text

    assert "24 Werktage" in first("Wie viele Tage Urlaub habe ich mindestens im Jahr?")
    assert "sechsmonatigem" in first("Nach wie vielen Monaten habe ich vollen Urlaubsanspruch?")
