"""Queues: put a message on an SQS queue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.adapters import aws

LONGEST_DELAY_S = 900  # SQS's own limit


@dataclass(frozen=True, slots=True)
class Trial:
    """How often a message has been put back, and when (seconds since 1970) it was first seen."""

    attempt: int
    first_seen: float


class Queue:
    """One queue, known by its URL."""

    def __init__(self, url: str, *, region: str, endpoint: str = "") -> None:
        self.url = url
        self._client: Any = aws.client("sqs", region=region, endpoint=endpoint)

    def depth(self) -> int:
        """Return about how many messages wait; raises NotPermittedError or UnavailableError."""
        with aws.translated("The queue"):
            answer = self._client.get_queue_attributes(
                QueueUrl=self.url, AttributeNames=["ApproximateNumberOfMessages"]
            )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def send(self, body: Mapping[str, object], *, delay_s: int = 0) -> None:
        """Send one JSON message, which becomes visible after ``delay_s`` (at most 900)."""
        with aws.translated("The queue"):
            self._client.send_message(
                QueueUrl=self.url,
                MessageBody=json.dumps(body),
                DelaySeconds=min(LONGEST_DELAY_S, delay_s),
            )

    def send_again(self, body: str, trial: Trial, *, delay_s: int) -> None:
        """Put a message back as a new one that becomes visible after ``delay_s`` (at most 900).

        A new message has been received zero times, so waiting for something that is away never
        carries it to the dead-letter queue. Acknowledge the old one only after this: a crash in
        between leaves two, and consumers are idempotent.
        """
        numbers = {"attempt": trial.attempt, "first_seen": round(trial.first_seen)}
        with aws.translated("The queue"):
            self._client.send_message(
                QueueUrl=self.url,
                MessageBody=body,
                DelaySeconds=min(LONGEST_DELAY_S, delay_s),
                MessageAttributes={
                    name: {"DataType": "Number", "StringValue": str(value)}
                    for name, value in numbers.items()
                },
            )
