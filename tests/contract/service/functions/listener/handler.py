"""Hears events of the bus; fails as often as an event asks for."""

from __future__ import annotations

from typing import Any

from functions.evidence import leave

ATTEMPTS: dict[str, int] = {}


def handler(event: dict[str, Any], context: object) -> None:
    leave("heard", event)
    attempts = ATTEMPTS[event["id"]] = ATTEMPTS.get(event["id"], 0) + 1
    if attempts <= event["detail"].get("failures", 0):
        raise RuntimeError("not yet")
