"""German and English are told apart in long texts, short questions and bare keywords."""

from __future__ import annotations

import pytest

from shared.inference.language import detect_language


@pytest.mark.parametrize(
    "text",
    [
        "Wie lange ist die Probezeit?",
        "Kündigungsfrist Mietvertrag",
        "Umsatzsteuer 2023",
        "Was behandelt Paragraph 5?",
        "Wer haftet?",
        "Der Verkäufer ist verpflichtet, dem Käufer die Sache zu übergeben.",
        "Rechnungsbetrag, Steuersatz, Zahlungsfrist",
        "Das Meeting mit dem Team findet im Office statt, bitte alle Slides mitbringen.",
    ],
)
def test_german_is_recognised(text: str) -> None:
    assert detect_language(text) == "de"


@pytest.mark.parametrize(
    "text",
    [
        "What is the notice period?",
        "Who was it?",
        "employment contract termination",
        "How much does shipping cost",
        "The seller is obliged to hand the thing over to the buyer.",
        "He moved to Düsseldorf and worked for Schäfer & Söhne in the eighties.",
    ],
)
def test_english_is_recognised(text: str) -> None:
    assert detect_language(text) == "en"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12345 67.8 %",
        "今日は元気ですか",
        "Это не английский текст",
        "Quelle est la durée du contrat de travail ?",
        "¿Dónde está la biblioteca de la universidad?",
        "Wat is de opzegtermijn van het contract?",
        "Hur lång är uppsägningstiden för anställda?",
        "Il contratto è valido per una durata di due anni.",
    ],
)
def test_anything_else_is_simple(text: str) -> None:
    assert detect_language(text) == "simple"


def test_decomposed_umlauts_count_like_composed_ones() -> None:
    assert detect_language("Ku\u0308ndigungsfrist Ma\u0308ngel") == "de"
