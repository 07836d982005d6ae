"""Arithmetic: figures, percentages, money and dates, as people write them, and nothing else."""

from __future__ import annotations

import pytest

from shared.agents.calculation import Spoken, calculate, find_expression
from shared.kernel.errors import InvalidError


@pytest.mark.parametrize(
    ("expression", "language", "result"),
    [
        ("2 + 3 * 4", "en", "14"),
        ("(2 + 3) * 4 - 2^3", "en", "12"),
        ("-2^2", "en", "-4"),
        ("10 / 4", "de", "2,5"),
        ("10 000 * 2", "de", "20.000"),
        ("1 / 3", "en", "0.3333333333"),
        ("1.234,56 + 1", "de", "1.235,56"),
        ("1,234.56 + 1", "en", "1,235.56"),
        ("1.234 + 1", "de", "1.235"),
        ("1.234 + 1", "en", "2.234"),
        ("1,5 × 2", "de", "3"),
        ("0.1 + 0.2", "en", "0.3"),
        ("19 % von 1.250 €", "de", "237,50 EUR"),
        ("15% of 200", "en", "30"),
        ("100 € + 19 %", "de", "119,00 EUR"),
        ("119 EUR / 119 %", "de", "100,00 EUR"),
        ("$ 12.50 * 3", "en", "37.50 USD"),
        ("3 * 12,5 € - 10 €", "de", "27,50 EUR"),
        ("90 € / 30 €", "de", "3"),
        ("2024-01-31 + 1 month", "en", "2024-02-29"),
        ("31.01.2023 + 3 Monate", "de", "30.04.2023"),
        ("15.03.2024 - 2 Wochen", "de", "01.03.2024"),
        ("2024-03-01 - 2024-02-01", "en", "29 days"),
        ("1.1.2024 + 2 Jahre", "de", "01.01.2026"),
        ("12 Monate / 4", "de", "3 Monate"),
    ],
)
def test_what_adds_up_is_reckoned(expression: str, language: Spoken, result: str) -> None:
    assert calculate(expression, language=language).result == result


@pytest.mark.parametrize(
    "expression",
    [
        "1 / 0", "1 +", "(1", "1 2", "3 € + 4 $", "3 € * 4 €", "3 € + 4", "2024-01-01 + 2024-01-02",
        "2024-13-01 + 1 day", "9^9^9", "2^65", "9999-12-31 + 1 day", "2024-01-01 * 2",
        "__import__('os')", "a + b", "1; 2", "(" * 40 + "1" + ")" * 40, "1+" * 200 + "1", "",
        "5 + 1.1.2024", "1.1.2024 + 1,5 Tage", "1 / (2 - 2)",
    ],
)  # fmt: skip
def test_what_does_not_is_refused_in_words(expression: str) -> None:
    with pytest.raises(InvalidError) as caught:
        calculate(expression, language="de")
    assert caught.value.detail


@pytest.mark.parametrize(
    ("question", "expression"),
    [
        ("Was ist 12 * 12?", "12 * 12"),
        ("Wie viel sind 19 % von 250 €?", "19 % von 250 €"),
        ("What is 15% of 80?", "15% of 80"),
        ("Calculate: (3 + 4) / 2", "(3 + 4) / 2"),
        ("Rechne 3 + 4 aus", "3 + 4"),
        ("7 + 8 =", "7 + 8"),
        ("Wie viele Tage sind es vom 1.3.2024 bis zum 15.4.2024?", "15.4.2024 - 1.3.2024"),
        ("How many days between 2024-01-01 and 2024-02-01?", "2024-02-01 - 2024-01-01"),
        ("Welches Datum ist 30 Tage nach dem 01.03.2024?", "01.03.2024 + 30 Tage"),
        ("What date is 2 weeks before 2024-03-15?", "2024-03-15 - 2 weeks"),
        ("Wie lang ist die Kündigungsfrist?", None),
        ("What is § 433?", None),
        ("Was ist RE-2024-0815?", None),
        ("What is 2024?", None),
        ("Wie hoch war der Umsatz 2024 - 2025?", None),
    ],
)
def test_arithmetic_is_told_from_other_questions(question: str, expression: str | None) -> None:
    assert find_expression(question) == expression
    if expression is not None:
        assert calculate(expression, language="de").result
