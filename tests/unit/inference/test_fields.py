"""Answers in fields: labels with values, forms, portraits, lists, and what is not there."""

from __future__ import annotations

import pytest

from shared.inference.extraction.fields import Match, find_fields, unheard
from shared.inference.extraction.lines import fields_in, lists_in, names_in
from shared.inference.extraction.model import Field, Passage

INVOICE = Passage(
    "invoice",
    "Rechnung der Gärtnerei Blum\n\nRechnungsnummer: 4711\nRechnungsdatum: 03.05.2024\n"
    "Fällig am: 02.06.2024\nZahlbetrag: 147,65 EUR\nNettobetrag ohne Umsatzsteuer: 124,08 EUR\n"
    "Umsatzsteuer: 23,57 EUR",
    1.0,
    "de",
    title="Rechnung_Blum",
)
OVERVIEW = Passage(
    "overview",
    "Annual report of Nordwind Ltd\n\nIngrid Solberg\n\nFounding Chairwoman\n\nNET PROFIT\n\n"
    "67 million\n\n1,204\n\nNew apprentices\n\nWind turbines stand on every coast of the country.",
    1.0,
    "en",
)
FORM = Passage("form", "Harbour Tools\n(Name of the firm)\n555 0147\n(Telephone number)", 1.0, "en")
TERMS = Passage(
    "terms",
    "Tools of the yard\n\n- Adze\n- An axe for trimming timber\n- Auger\n- A drill for deep holes",
    1.0,
    "en",
)
STEPS = Passage(
    "steps",
    "Changing the filter\n\nThe filter keeps lime away.\n\nSteps\n\n1. Close the valve.\n"
    "2. Unscrew the lid.\n3. Put in the new filter.\n\nAlso, do not forget:\n\n"
    "- gloves\n- a bucket",
    1.0,
    "en",
)


def table(*rows: tuple[str, dict[str, str]]) -> tuple[Field, ...]:
    return tuple(
        Field(label, value, " ".join([name, *row.values()]), 0, 0, f"{name}, {label}: {value}")
        for name, row in rows
        for label, value in row.items()
    )


DUCKS = Passage(
    "ducks",
    "Sightings at the pond",
    1.0,
    "en",
    fields=table(
        ("2021", {"Grey Ducks": "120", "Ducks": "200"}),
        ("2022", {"Grey Ducks": "135", "Ducks": "230"}),
    ),
)


def said(matches: list[Match]) -> list[str]:
    return [match.field.value for match in matches]


@pytest.mark.parametrize(
    ("question", "passage", "language", "value"),
    [
        ("Wie hoch ist der Zahlbetrag?", INVOICE, "de", "147,65 EUR"),
        ("Wann ist die Rechnung der Gärtnerei fällig?", INVOICE, "de", "02.06.2024"),
        ("Wie hoch ist die Umsatzsteuer?", INVOICE, "de", "23,57 EUR"),
        ("Welche Rechnungsnummer hat die Gärtnerei Blum?", INVOICE, "de", "4711"),
        ("How much was the net profit of Nordwind?", OVERVIEW, "en", "67 million"),
        ("Who is the founding chairwoman?", OVERVIEW, "en", "Ingrid Solberg"),
        ("How many new apprentices are there?", OVERVIEW, "en", "1,204"),
        ("What is the phone number of Harbour Tools?", FORM, "en", "555 0147"),
        ("What is an adze?", TERMS, "en", "An axe for trimming timber"),
        ("How many ducks were seen in 2022?", DUCKS, "en", "230"),
        ("How many grey ducks were seen in 2021?", DUCKS, "en", "120"),
    ],
)
def test_a_field_answers_by_its_label_its_row_and_the_kind_of_its_value(
    question: str, passage: Passage, language: str, value: str
) -> None:
    matches = find_fields(question, [passage], language=language)
    assert said(matches)[:1] == [value]
    field = matches[0].field
    if field.end:
        assert value in passage.text[field.start : field.end]


@pytest.mark.parametrize(
    ("question", "passage", "language"),
    [
        ("How many swans were seen in 2022?", DUCKS, "en"),
        ("How many grey ducks were seen in 1987?", DUCKS, "en"),
        ("Wann wurde die Gärtnerei Blum gegründet?", INVOICE, "de"),
        ("What is the e-mail address of Harbour Tools?", FORM, "en"),
        ("Who is the treasurer of Nordwind?", OVERVIEW, "en"),
        ("Why?", OVERVIEW, "en"),
    ],
)
def test_what_no_field_says_is_not_answered_by_one_nearby(
    question: str, passage: Passage, language: str
) -> None:
    assert find_fields(question, [passage], language=language) == []


def test_equal_fields_of_several_documents_are_told_apart_by_what_stands_around() -> None:
    other = Passage("other", "Mietrechnung der Werft Holm\n\nZahlbetrag: 88,00 EUR", 1.0, "de")
    asked = "Wie hoch ist der Zahlbetrag der Werft?"
    assert said(find_fields(asked, [INVOICE, other], language="de")) == ["88,00 EUR"]


def test_a_list_is_said_whole_under_the_line_above_it() -> None:
    steps, things = lists_in(STEPS.text)
    assert steps.is_ordered
    assert not things.is_ordered
    texts = [STEPS.text[start:end] for start, end in steps.items]
    assert texts == ["1. Close the valve.", "2. Unscrew the lid.", "3. Put in the new filter."]
    found = find_fields("How do you change the filter?", [STEPS], language="en")
    assert found[0].field == steps
    found = find_fields("What should I not forget?", [STEPS], language="en")
    assert found[0].field == things


def test_prose_and_code_have_no_fields() -> None:
    assert fields_in("The pump moves 120 litres. It was built in 1998.") == ()
    assert fields_in("port 1/x1/1\n  no shutdown\nexit") == ()
    assert names_in("The pump moves water.\nIt is old.") == ()


def test_words_that_a_document_does_not_speak_of_are_unheard() -> None:
    asked = "Wann wurde die Gärtnerei Blum gegründet?"
    assert unheard(asked, INVOICE, [INVOICE], language="de") == pytest.approx(1 / 3)
    assert unheard("Wie hoch ist der Zahlbetrag?", INVOICE, [INVOICE], language="de") == 0.0
