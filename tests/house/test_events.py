"""Events: every fact a room announces has a listener, and every listener hears a fact."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass
from typing import ClassVar

import pytest

from infra.local.routing import EventRule
from infra.local.serverless import load_service
from shared.adapters import bus
from shared.kernel.events import Event
from shared.kernel.ids import TenantId, new_id
from tests.house.tree import ROOT


def announced() -> list[type[Event]]:
    """List the event classes of every room's ``events.py``."""
    found: list[type[Event]] = []
    for path in sorted(ROOT.glob("shared/*/events.py")):
        if path.parent.name == "kernel":
            continue
        module = importlib.import_module(f"shared.{path.parent.name}.events")
        found += [
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, Event) and value is not Event
        ]
    return found


def heard(rules: Iterable[EventRule]) -> set[str]:
    """Collect the detail-types that listeners of our own source ask for."""
    names: set[str] = set()
    for rule in rules:
        pattern = rule.pattern if isinstance(rule.pattern, dict) else {}
        if pattern.get("source") == [bus.SOURCE] and rule.is_enabled:
            names |= {str(name) for name in pattern.get("detail-type") or []}
    return names


def unheard(events: Iterable[type[Event]], names: set[str]) -> list[str]:
    """Complain of facts nobody listens to and of listeners waiting for what nobody says."""
    events = list(events)
    complaints = [
        f"{event.__module__}.{event.name()}: add a listener's pattern to a function.yml, "
        "or mark it is_external"
        for event in events
        if not event.is_external and event.name() not in names
    ]
    known = {event.name() for event in events}
    complaints += [f"a listener waits for {name}, which nobody announces" for name in names - known]
    return complaints


def test_every_fact_is_heard() -> None:
    assert not unheard(announced(), heard(load_service(ROOT).rules))


def test_there_are_facts_to_guard() -> None:
    assert [event.name() for event in announced()]


@pytest.mark.parametrize("event", announced(), ids=lambda event: event.name())
def test_fact_is_frozen_and_says_json(event: type[Event]) -> None:
    assert is_dataclass(event)
    assert event.__dataclass_params__.frozen  # type: ignore[attr-defined]
    plain = {field.name: None for field in fields(event)}
    json.dumps(event(**{**plain, "tenant_id": TenantId(new_id())}).payload())


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTurned(Event):
    """A fact of this test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePrinted(Event):
    """A fact for outsiders."""

    is_external: ClassVar[bool] = True


def test_unheard_fact_and_idle_listener_are_refused() -> None:
    assert not unheard([PageTurned, PagePrinted], {"PageTurned"})
    assert len(unheard([PageTurned, PagePrinted], set())) == 1
    assert len(unheard([PageTurned], {"PageTurned", "PageBurned"})) == 1


def test_listener_of_another_source_does_not_count() -> None:
    rule = EventRule(None, {"source": ["aws.s3"], "detail-type": ["PageTurned"]}, "X")
    assert heard([rule]) == set()
    rule = EventRule(None, {"source": [bus.SOURCE], "detail-type": ["PageTurned"]}, "X")
    assert heard([rule]) == {"PageTurned"}
