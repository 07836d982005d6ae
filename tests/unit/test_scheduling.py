"""Tests that share something costly stay on one worker, and long units start first."""

from __future__ import annotations

import pytest

from tests.scheduling import LONGEST, longest_first, unit_of


@pytest.mark.parametrize(
    ("nodeid", "unit"),
    [
        ("tests/journeys/test_a.py::test_x", "tests/journeys/"),
        ("tests/journeys/test_b.py::test_y[a::b]", "tests/journeys/"),
        ("tests/unit/search/test_a.py::test_x[1]", "tests/unit/search/test_a.py"),
    ],
)
def test_a_unit_is_a_file_or_a_folder_that_shares(nodeid: str, unit: str) -> None:
    assert unit_of(nodeid) == unit


def test_long_units_come_first_and_the_rest_keeps_its_order() -> None:
    given = ["tests/unit/b.py::test_2", f"{LONGEST[-1]}::test_1", "tests/unit/a.py::test_1"]
    assert longest_first([*given, "tests/journeys/c.py::t"]) == [
        "tests/journeys/c.py::t", given[1], given[0], given[2],
    ]  # fmt: skip


def test_this_run_keeps_units_together(request: pytest.FixtureRequest) -> None:
    """Collected in an order in which no unit is left and come back to."""
    units = [unit_of(item.nodeid) for item in request.session.items]
    changes = [unit for unit, before in zip(units, ["", *units], strict=False) if unit != before]
    assert len(changes) == len(set(changes))
