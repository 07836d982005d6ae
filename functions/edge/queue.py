"""Queue handlers: SQS batches in which one bad message never holds up the rest.

What becomes of a message depends on why it failed (``shared/kernel/failures.py``). Permanent: it is
acknowledged, its reason is recorded. Infrastructure: it is sent again with a delay and then
acknowledged, so it waits as long as it must without coming closer to the dead-letter queue; after
a few such failures in a row a breaker opens, and messages are put back without being tried.
Unknown: it comes back by itself and becomes a dead letter after its last receive.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Iterable
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSMessageAttribute, SQSRecord

from shared.adapters.queues import Queue, Trial
from shared.kernel.breaker import Breaker
from shared.kernel.errors import LimitedError
from shared.kernel.failures import Failure, classify
from shared.kernel.killpoints import reach
from shared.wiring import App
from shared.wiring import app as wired

logger = logging.getLogger(__name__)
Handle = Callable[[App, dict[str, Any]], None]
FIRST_DELAY_S = 2
LONGEST_DELAY_S = 30  # so that a backlog moves soon after the trouble is over


class Consumer:
    """Handles the messages of one queue, one at a time."""

    def __init__(self, app: App, handle: Handle, queue: Queue, breaker: Breaker) -> None:
        self._app = app
        self._handle = handle
        self._queue = queue
        self._breaker = breaker

    def take(self, record: SQSRecord) -> None:
        """Handle one message; returning acknowledges it, raising lets it come back."""
        if not self._breaker.allows():
            self._put_back(record, self._breaker.wait_s())
            return
        try:
            self._handle(self._app, json.loads(record.body))
        except Exception as error:  # noqa: BLE001 - the edge: every class has its answer
            self._answer(record, error)
        else:
            self._breaker.succeed()

    def _answer(self, record: SQSRecord, error: Exception) -> None:
        fields = {"message_id": record.message_id, "reason": str(error)}
        failure = classify(error)
        if failure is Failure.INFRASTRUCTURE:
            self._breaker.fail()
            logger.warning("message waits", extra=fields)
            at_least_s = error.retry_after_s if isinstance(error, LimitedError) else 0
            self._put_back(record, max(at_least_s, self._breaker.wait_s()))
            return
        self._breaker.succeed()
        if failure is Failure.UNKNOWN:
            logger.error("message failed", exc_info=error, extra={"message_id": record.message_id})
            raise error
        logger.warning("message refused", extra=fields)

    def _put_back(self, record: SQSRecord, at_least_s: float) -> None:
        """Send the message again, then let it be acknowledged; when even that fails, it stays."""
        trial = trial_of(record)
        self._queue.send_again(record.body, trial, delay_s=delay_s(trial.attempt, at_least_s))
        reach("queue.put_back")


def trial_of(record: SQSRecord) -> Trial:
    """Read how often the message was put back before, and count this time."""
    said = {name: given.string_value or "" for name, given in _attributes(record)}
    return Trial(int(said.get("attempt") or 0) + 1, float(said.get("first_seen") or time.time()))


def _attributes(record: SQSRecord) -> Iterable[tuple[str, SQSMessageAttribute]]:
    sent = record.message_attributes
    return [(name, given) for name in sent if (given := sent[name]) is not None]


def delay_s(attempt: int, at_least_s: float) -> int:
    """Choose a delay that doubles with every attempt, with jitter so that a backlog spreads."""
    longest = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(attempt, 10))
    jittered = random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, hides nothing
    return max(1, round(max(jittered, at_least_s)))


def queue_handler(
    handle: Handle, *, queue: Callable[[App], Queue]
) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Wrap a function of one JSON message as a batch handler of ``queue``."""
    app = wired()
    breaker = Breaker()

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        consumer = Consumer(app, handle, queue(app), breaker)
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        answer = process_partial_response(
            event=event, record_handler=consumer.take, processor=processor, context=context
        )
        return dict(answer)

    return handler
