"""Quoting answers: exact spans, honest states, the right sentence first."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.inference.embedding import Embedder
from shared.inference.extraction.finding import MOST_SENTENCES, find_quotes
from shared.inference.extraction.model import Finding, Passage
from shared.kernel.settings import Settings

DEFAULTS = Settings()
LEASE = Passage(
    "lease",
    "Der Mietvertrag beginnt am 1. März 2024 und läuft auf unbestimmte Zeit. Die Kündigungsfrist "
    "beträgt drei Monate zum Ende eines Kalendermonats. Die Kaution in Höhe von 2.400 Euro ist bei "
    "Einzug fällig. Haustiere sind mit Zustimmung der Vermieterin Frau Dr. Sabine Keller erlaubt.",
    1.0,
    "de",
)
PUMP = Passage(
    "pump",
    "The P-40 pump was designed by Ingrid Solberg in Trondheim. It moves 120 litres of water per "
    "minute at a pressure of 3.5 bar. The filter must be replaced every six months because lime "
    "settles in it. Warranty claims expire on 31 December 2027.",
    1.0,
    "en",
)
PRICES = Passage(
    "prices", "Tarif | Preis\nBasis | 12,50 € im Monat\nPremium | 29,00 € im Monat", 0.9, "de"
)
COOKING = Passage(
    "cooking",
    "Knead the dough for ten minutes. Let it rest under a cloth. Bake it until it is golden.",
    0.4,
    "en",
)


def ask(
    embedder: Embedder, question: str, language: str, *passages: Passage, **thresholds: float
) -> Finding:
    return find_quotes(
        question,
        passages,
        language=language,
        embedder=embedder,
        answer_threshold=thresholds.get("answer", DEFAULTS.answer_threshold),
        related_threshold=thresholds.get("related", DEFAULTS.related_threshold),
    )


@pytest.mark.parametrize(
    ("question", "language", "answer"),
    [
        ("Wie lang ist die Kündigungsfrist?", "de", "drei Monate"),
        ("Wann beginnt der Mietvertrag?", "de", "1. März 2024"),
        ("Wie hoch ist die Kaution?", "de", "2.400 Euro"),
        ("Wer muss Haustieren zustimmen?", "de", "Sabine Keller"),
        ("Was kostet der Tarif Premium im Monat?", "de", "29,00 €"),
        ("Who designed the P-40 pump?", "en", "Ingrid Solberg"),
        ("How many litres of water does the pump move per minute?", "en", "120 litres"),
        ("Why must the filter be replaced every six months?", "en", "because lime"),
        ("When do warranty claims expire?", "en", "31 December 2027"),
    ],
)
def test_answer_is_the_sentence_that_holds_it(
    embedder: Embedder, question: str, language: str, answer: str
) -> None:
    finding = ask(embedder, question, language, COOKING, PRICES, LEASE, PUMP)
    assert finding.state == "answer"
    assert answer in finding.quotes[0].text


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Wie viele Einwohner hat Reykjavík?", "de"),
        ("Who won the chess world championship in 1972?", "en"),
        ("Was ist das?", "de"),
        ("?!", "simple"),
        ("", "simple"),
    ],
)
def test_what_the_passages_do_not_say_is_unknown(
    embedder: Embedder, question: str, language: str
) -> None:
    finding = ask(embedder, question, language, LEASE, PUMP, PRICES, COOKING)
    assert finding.state == "unknown"
    assert finding.quotes == ()


def test_thresholds_decide_between_answer_related_and_unknown(embedder: Embedder) -> None:
    question = "How many litres of water does the pump move per minute?"
    confidence = ask(embedder, question, "en", PUMP).confidence
    assert ask(embedder, question, "en", PUMP, answer=confidence).state == "answer"
    above = confidence + 0.0001
    related = ask(embedder, question, "en", PUMP, answer=above, related=confidence)
    assert related.state == "related"
    assert related.quotes
    assert ask(embedder, question, "en", PUMP, answer=above, related=above).state == "unknown"


def test_confidence_is_high_for_what_stands_there_and_low_for_what_does_not(
    embedder: Embedder,
) -> None:
    known = ask(embedder, "Who designed the P-40 pump?", "en", PUMP, COOKING)
    near = ask(embedder, "Who sells the P-40 pump in Denmark?", "en", PUMP, COOKING)
    far = ask(embedder, "Who painted the ceiling of the chapel?", "en", PUMP, COOKING)
    assert known.confidence > 0.8
    assert 0 < far.confidence < near.confidence < known.confidence < 1


def test_sentence_that_cannot_hold_the_answer_is_only_related(embedder: Embedder) -> None:
    text = "Fees for the passport office are governed by section 12 of the passport act."
    passage = Passage("fees", text, 1.0, "en")
    question = "How high are the fees for the passport office?"
    finding = ask(embedder, question, "en", passage, answer=0.0, related=0.0)
    assert finding.state == "related"
    governs = ask(embedder, "What governs the fees?", "en", passage, answer=0.0, related=0.0)
    assert governs.state == "answer"


def test_no_passages_and_empty_passages_are_unknown(embedder: Embedder) -> None:
    assert ask(embedder, "Who designed the pump?", "en").state == "unknown"
    empty = Passage("empty", " \n ", 1.0, "en")
    assert ask(embedder, "Who designed the pump?", "en", empty).state == "unknown"


def test_at_most_three_quotes_and_no_sentence_twice(embedder: Embedder) -> None:
    rules = " ".join(f"Room {n} may be booked by the team of floor {n}." for n in range(1, 9))
    passage = Passage("rules", rules, 1.0, "en")
    finding = ask(embedder, "Who may book a room?", "en", passage, COOKING, related=0, answer=0)
    spans = [(quote.passage_id, quote.start) for quote in finding.quotes]
    assert len(spans) == len(set(spans)) == MOST_SENTENCES


def test_one_clear_answer_stands_alone(embedder: Embedder) -> None:
    finding = ask(embedder, "Who designed the P-40 pump?", "en", PUMP, COOKING)
    assert [quote.text for quote in finding.quotes] == [
        "The P-40 pump was designed by Ingrid Solberg in Trondheim."
    ]


def test_copies_of_a_document_are_quoted_once(embedder: Embedder) -> None:
    shouted = PUMP.text.replace(" ", "  ").replace("Solberg", "SOLBERG")
    copies = [
        Passage("copy0", PUMP.text, 1.0, "en"),
        Passage("copy1", PUMP.text, 0.9, "en"),
        Passage("copy2", shouted, 0.8, "en"),
    ]
    finding = ask(embedder, "Who designed the P-40 pump?", "en", *copies, related=0, answer=0)
    assert "Solberg" in finding.quotes[0].text
    assert {quote.passage_id for quote in finding.quotes} == {"copy0"}


@pytest.mark.parametrize(
    ("text", "language", "question", "quoted"),
    [
        (
            "The bridge was drawn by Otto Linde. He also built the town hall in 1911.",
            "en",
            "When was the town hall built?",
            "The bridge was drawn by Otto Linde. He also built the town hall in 1911.",
        ),
        (
            "Die Werkstatt leitet Frau Brandt. Sie bildet drei Lehrlinge aus.",
            "de",
            "Wie viele Lehrlinge werden ausgebildet?",
            "Die Werkstatt leitet Frau Brandt. Sie bildet drei Lehrlinge aus.",
        ),
        (
            "The bridge was drawn by Otto Linde. The town hall was built in 1911.",
            "en",
            "When was the town hall built?",
            "The town hall was built in 1911.",
        ),
    ],
)
def test_a_sentence_that_says_it_is_quoted_with_the_one_that_names_it(
    embedder: Embedder, text: str, language: str, question: str, quoted: str
) -> None:
    finding = ask(embedder, question, language, Passage("p", text, 1.0, language))
    assert finding.quotes[0].text == quoted


def test_the_items_of_a_list_follow_the_sentence_that_introduces_them(embedder: Embedder) -> None:
    text = (
        "Die Zulassung wird auf Antrag erteilt. Voraussetzungen der Zulassung sind:\n"
        "1. ein Führungszeugnis,\n2. ein Nachweis der Versicherung,\n3. drei Jahre Praxis.\n\n"
        "Der Antrag kostet 40 Euro."
    )
    passage = Passage("rules", text, 1.0, "de")
    question = "Welche Voraussetzungen hat die Zulassung?"
    finding = ask(embedder, question, "de", passage, COOKING)
    assert finding.quotes[0].text == "Voraussetzungen der Zulassung sind:"
    items = [quote for quote in finding.quotes if quote.is_item]
    assert [item.text for item in items] == [
        "1. ein Führungszeugnis,",
        "2. ein Nachweis der Versicherung,",
        "3. drei Jahre Praxis.",
    ]
    assert all(text[item.start : item.end] == item.text for item in items)


def test_a_question_in_one_language_is_answered_from_the_other(embedder: Embedder) -> None:
    finding = ask(embedder, "Wer hat die Pumpe P-40 entworfen?", "de", PUMP, COOKING)
    assert "Ingrid Solberg" in finding.quotes[0].text
    finding = ask(embedder, "When does the Mietvertrag begin?", "en", LEASE)
    assert "1. März 2024" in finding.quotes[0].text


def test_questions_and_headings_in_the_text_are_not_given_as_answers(embedder: Embedder) -> None:
    passage = Passage(
        "faq", "Kündigungsfrist\n\nWie lang ist die Frist?\nSie beträgt sechs Wochen.", 1.0, "de"
    )
    finding = ask(embedder, "Wie lang ist die Kündigungsfrist?", "de", passage, related=0)
    assert finding.quotes[0].text == "Sie beträgt sechs Wochen."


def test_long_stretches_are_cut_before_they_are_quoted(embedder: Embedder) -> None:
    text = "; ".join(f"item {n} costs {n} euros and is kept in room {n}" for n in range(60))
    finding = ask(embedder, "What does item 17 cost?", "en", Passage("l", text, 1.0, "en"))
    assert all(len(quote.text) <= 500 for quote in finding.quotes)
    assert "item 17 " in finding.quotes[0].text


def test_same_question_gets_the_same_finding(embedder: Embedder) -> None:
    first, second = (ask(embedder, "Who designed it?", "en", PUMP, LEASE) for _ in range(2))
    assert first == second


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(max_size=400), question=st.text(max_size=60))
def test_quoted_text_always_stands_in_the_passage(
    embedder: Embedder, text: str, question: str
) -> None:
    passages = [Passage("a", text, 1.0, "simple"), LEASE]
    by_id = {passage.id: passage for passage in passages}
    finding = ask(embedder, question, "de", *passages, related=0, answer=0)
    for quote in finding.quotes:
        assert by_id[quote.passage_id].text[quote.start : quote.end] == quote.text
        assert quote.text == quote.text.strip() != ""
