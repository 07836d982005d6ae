"""The table of OWASP ASVS 5.0: complete, and nothing in it that is not there."""

from __future__ import annotations

import ast
import csv
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.house.tree import ROOT

TABLE = Path(__file__).with_name("asvs.csv")
OF_LEVEL = {"1": 70, "2": 183}
STATES = {"met", "not applicable", "open"}


@dataclass(frozen=True, slots=True)
class Row:
    requirement: str
    level: str
    summary: str
    status: str
    evidence: str
    reason: str


def rows() -> list[Row]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return [Row(**one) for one in csv.DictReader(file)]


def complaints(row: Row) -> list[str]:
    """Say what is wrong with a row."""
    found = []
    if row.status not in STATES:
        found.append(f"{row.requirement}: {row.status} is no state")
    if row.status == "met" and not row.evidence:
        found.append(f"{row.requirement}: nothing proves it")
    if row.status != "met" and len(row.reason) < 10:
        found.append(f"{row.requirement}: say why")
    is_file = row.evidence.startswith("tests/") and "::" not in row.evidence
    if row.status == "met" and is_file:
        found.append(f"{row.requirement}: name the test in {row.evidence}")
    if row.evidence and not _exists(row.evidence):
        found.append(f"{row.requirement}: there is no {row.evidence}")
    return found


def _exists(evidence: str) -> bool:
    path, _, test = evidence.partition("::")
    file = ROOT / path
    if not file.exists():
        return False
    if not test:
        return True
    tree = ast.parse(file.read_text("utf-8"))
    return any(isinstance(node, ast.FunctionDef) and node.name == test for node in ast.walk(tree))


def test_every_requirement_of_both_levels_is_there_once() -> None:
    found = rows()
    assert Counter(row.level for row in found) == OF_LEVEL
    assert len({row.requirement for row in found}) == len(found)
    assert all(re.fullmatch(r"\d{1,2}\.\d\.\d{1,2}", row.requirement) for row in found)


def test_what_is_said_to_be_met_is_proven_and_the_rest_explained() -> None:
    assert not [complaint for row in rows() for complaint in complaints(row)]


def test_no_more_is_open_than_was() -> None:
    open_ones = Counter(row.level for row in rows() if row.status == "open")
    assert open_ones["1"] <= 1
    assert open_ones["2"] == 0


@pytest.mark.parametrize(
    "row",
    [
        Row("1.1.1", "2", "x", "met", "", ""),
        Row("1.1.1", "2", "x", "met", "tests/none.py", ""),
        Row("1.1.1", "2", "x", "met", "tests/security/test_asvs.py::test_none", ""),
        Row("1.1.1", "2", "x", "met", "tests/security/test_asvs.py", ""),
        Row("1.1.1", "2", "x", "not applicable", "", ""),
        Row("1.1.1", "2", "x", "perhaps", "README.md", ""),
    ],
    ids=["unproven", "no file", "no test", "whole file", "unexplained", "no state"],
)
def test_wrong_row_is_refused(row: Row) -> None:
    assert complaints(row)
