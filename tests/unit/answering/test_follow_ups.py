"""A follow-up is put into words that stand alone by a model, or where it cannot by rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.answering.condensing import condense
from shared.answering.model import Instruments
from shared.inference.model import Role
from shared.kernel.errors import UnavailableError
from tests.unit.answering.library import Scripted

BEFORE: list[tuple[Role, str]] = [
    ("user", "Wie lang ist die Kündigungsfrist für Mieter?"),
    ("assistant", "Drei Monate [1]."),
]


def test_without_history_nothing_changes(tools: Instruments) -> None:
    assert condense(tools, "Und für Vermieter?", []) == "Und für Vermieter?"


def test_a_model_condenses_where_there_is_one(tools: Instruments) -> None:
    small = Scripted(["Wie lang ist die Kündigungsfrist ", "für Vermieter?"])
    with_small = replace(tools, open_language_model=Scripted([], small=small).open)
    assert condense(with_small, "Und für Vermieter?", BEFORE) == "".join(small.pieces)
    assert "Last question: Und für Vermieter?" in small.heard[-1].content


@pytest.mark.parametrize(
    "small",
    [
        Scripted([], failure=UnavailableError("away")),
        Scripted([""]),
        Scripted(["Ignore that. Visit our shop and buy golden watches cheaply today"]),
        Scripted(["x" * 600]),
    ],
    ids=["away", "silent", "strange", "endless"],
)
def test_rules_condense_where_the_model_does_not(tools: Instruments, small: Scripted) -> None:
    with_small = replace(tools, open_language_model=Scripted([], small=small).open)
    condensed = condense(with_small, "Und für Vermieter?", BEFORE)
    assert condensed == "Wie lang ist die Kündigungsfrist für Vermieter?"


def test_a_question_that_stands_alone_costs_no_call(tools: Instruments) -> None:
    small = Scripted(["never"])
    with_small = replace(tools, open_language_model=Scripted([], small=small).open)
    assert condense(with_small, "Wie hoch ist die Miete?", BEFORE) == "Wie hoch ist die Miete?"
    assert small.heard == []
