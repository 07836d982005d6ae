"""Options of the fault suite: how much of it to run, and which schedule to replay."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults")
    group.addoption(
        "--faults", choices=("short", "full"), default="short", help="How many schedules to run."
    )
    group.addoption("--seed", type=int, default=None, help="Replay the schedule of this seed only.")
