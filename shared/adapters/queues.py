"""Queues: put a message on an SQS queue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shared.adapters import aws


class Queue:
    """One queue, known by its URL."""

    def __init__(self, url: str, *, region: str, endpoint: str = "") -> None:
        self.url = url
        self._client: Any = aws.client("sqs", region=region, endpoint=endpoint)

    def depth(self) -> int:
        """Return about how many messages wait; raises RefusedError or UnavailableError."""
        with aws.translated("The queue"):
            answer = self._client.get_queue_attributes(
                QueueUrl=self.url, AttributeNames=["ApproximateNumberOfMessages"]
            )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def send(self, body: Mapping[str, object]) -> None:
        """Send one JSON message."""
        with aws.translated("The queue"):
            self._client.send_message(QueueUrl=self.url, MessageBody=json.dumps(body))
