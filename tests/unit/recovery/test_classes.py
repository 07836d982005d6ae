"""A workflow's caught errors have a class each, by their names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.kernel.failures import Failure
from shared.recovery.settling import INFRASTRUCTURE_NAMES, PERMANENT_NAMES, class_of, is_timeout

MACHINE = Path(__file__).parents[3] / "infra" / "workflows" / "ingest.asl.json"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("InvalidError", Failure.PERMANENT),
        ("UnavailableError", Failure.INFRASTRUCTURE),
        ("Lambda.TooManyRequestsException", Failure.INFRASTRUCTURE),
        ("States.Timeout", Failure.UNKNOWN),
        ("NotPermittedError", Failure.UNKNOWN),
        ("KeyError", Failure.UNKNOWN),
        ("", Failure.UNKNOWN),
    ],
)
def test_every_name_has_one_class(name: str, expected: Failure) -> None:
    assert class_of({"Error": name}) is expected


def test_timeouts_are_known_by_either_spelling() -> None:
    assert is_timeout({"Error": "States.Timeout"})
    assert is_timeout({"Error": "Sandbox.Timedout"})
    assert not is_timeout({"Error": "KeyError"})


def test_workflow_retries_and_settling_speak_of_the_same_errors() -> None:
    states = json.loads(MACHINE.read_text("utf-8"))["States"]
    states = {**states, **states["Embed"]["ItemProcessor"]["States"]}
    for name, state in states.items():
        for rule in state.get("Retry", []):
            errors = set(rule["ErrorEquals"])
            if rule["MaxAttempts"] == 0:
                allowed = {*PERMANENT_NAMES, "Sandbox.Timedout", "States.Timeout"}
                assert PERMANENT_NAMES <= errors <= allowed, name
            elif errors != {"States.ALL"}:
                assert errors <= INFRASTRUCTURE_NAMES, name
