"""The bus: facts go out as EventBridge events, ten at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.adapters import aws
from shared.kernel.errors import UnavailableError

SOURCE = "kontor"
_BATCH = 10  # PutEvents takes at most ten entries


@dataclass(frozen=True, slots=True)
class Fact:
    """One event on the wire: its ``detail-type`` and its JSON ``detail``."""

    name: str
    detail: Mapping[str, object]


class Bus:
    """One event bus."""

    def __init__(self, name: str, *, region: str, endpoint: str = "") -> None:
        self.name = name
        self._client: Any = aws.client("events", region=region, endpoint=endpoint)

    def publish(self, facts: Sequence[Fact]) -> None:
        """Send facts; raises UnavailableError if any was not taken (sending again is safe)."""
        for first in range(0, len(facts), _BATCH):
            entries = [
                {
                    "EventBusName": self.name,
                    "Source": SOURCE,
                    "DetailType": fact.name,
                    "Detail": json.dumps(fact.detail),
                }
                for fact in facts[first : first + _BATCH]
            ]
            with aws.translated("The event bus"):
                answer = self._client.put_events(Entries=entries)
            if answer.get("FailedEntryCount"):
                raise UnavailableError("The event bus did not take every event.")
