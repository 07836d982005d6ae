"""SQS event source mappings: queues are read in batches and handed to functions.

As on AWS, a failed batch is left alone: its messages come back after the queue's visibility
timeout and go to the dead-letter queue after its maximum receive count.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.pool import Pool
from infra.local.routing import QueueMapping
from shared.kernel.errors import KontorError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

logger = logging.getLogger(__name__)

LONG_POLL_S = 1  # short enough that stopping does not wait
LONGEST_PAUSE_S = 10.0
MOST_PER_RECEIVE = 10  # the API's own limit
DEFAULT_CONCURRENCY = 5  # Lambda starts with five pollers a queue


@dataclass(frozen=True, slots=True)
class Source:
    """One mapping with its queue found: ``function`` is a key of the pool."""

    mapping: QueueMapping
    function: str
    arn: str
    url: str
    region: str


class QueuePoller:
    """Reads one queue for one function until it is stopped."""

    def __init__(self, source: Source, client: SQSClient, pool: Pool) -> None:
        self._source = source
        self._client = client
        self._pool = pool
        self._stopping = threading.Event()
        at_once = source.mapping.maximum_concurrency or DEFAULT_CONCURRENCY
        at_once = min(at_once, pool.spec(source.function).concurrency)
        self._free = threading.BoundedSemaphore(at_once)
        self._workers = ThreadPoolExecutor(at_once, thread_name_prefix=f"queue-{source.function}")
        self._accepts = _matcher(source.mapping.filters)
        self._thread = threading.Thread(
            target=self._poll, name=f"poll-{source.function}", daemon=True
        )

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more messages; batches under way end with their functions."""
        self._stopping.set()

    def join(self) -> None:
        """Wait for the reader and its batches."""
        self._thread.join()
        self._workers.shutdown(wait=True)

    def _poll(self) -> None:
        pause_s = 0.1
        while not self._stopping.is_set():
            # A message is only received when somebody can work on it: its visibility runs.
            if not self._free.acquire(timeout=0.2):
                continue
            batch: list[MessageTypeDef] = []
            try:
                batch = self._collect()
                pause_s = 0.1
            except (ClientError, BotoCoreError) as error:
                if not self._stopping.is_set():
                    logger.warning(
                        "queue unreachable",
                        extra={"queue": self._source.arn, "reason": str(error), "pause_s": pause_s},
                    )
                self._stopping.wait(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            if batch:
                self._workers.submit(self._work, batch)
            else:
                self._free.release()

    def _collect(self) -> list[MessageTypeDef]:
        """Receive up to a batch, waiting for more within the mapping's window."""
        batch: list[MessageTypeDef] = []
        closes = 0.0
        while not self._stopping.is_set() and len(batch) < self._source.mapping.batch_size:
            if batch and time.monotonic() >= closes:
                break
            received = self._receive(self._source.mapping.batch_size - len(batch))
            wanted = self._without_filtered(received)
            if wanted and not batch:
                closes = time.monotonic() + self._source.mapping.window_s
            batch += wanted
            if not received and not batch:
                break
        return batch

    def _receive(self, most: int) -> list[MessageTypeDef]:
        answer = self._client.receive_message(
            QueueUrl=self._source.url,
            MaxNumberOfMessages=min(MOST_PER_RECEIVE, most),
            WaitTimeSeconds=LONG_POLL_S,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return answer.get("Messages", [])

    def _without_filtered(self, received: list[MessageTypeDef]) -> list[MessageTypeDef]:
        """Drop what no filter wants; Lambda deletes such messages from the queue."""
        wanted = []
        for message in received:
            if self._accepts(message["Body"]):
                wanted.append(message)
            else:
                self._delete([message])
        return wanted

    def _work(self, batch: list[MessageTypeDef]) -> None:
        try:
            event = {"Records": [self._record(message) for message in batch]}
            outcome = self._pool.invoke(self._source.function, json.dumps(event).encode())
            if not outcome.is_error:
                self._delete(self._succeeded(batch, outcome.payload))
        except (ClientError, BotoCoreError, KontorError) as error:
            if not self._stopping.is_set():
                logger.warning(
                    "batch left in queue",
                    extra={"queue": self._source.arn, "reason": str(error)},
                )
        finally:
            self._free.release()

    def _succeeded(self, batch: list[MessageTypeDef], payload: bytes) -> list[MessageTypeDef]:
        if not self._source.mapping.reports_failures:
            return batch
        failed = _failed_ids(payload)
        known = {message["MessageId"] for message in batch}
        if failed is None or not failed <= known:
            # An answer nobody understands fails the whole batch, as on Lambda.
            logger.warning("batch answer not understood", extra={"queue": self._source.arn})
            return []
        return [message for message in batch if message["MessageId"] not in failed]

    def _delete(self, messages: list[MessageTypeDef]) -> None:
        for start in range(0, len(messages), MOST_PER_RECEIVE):
            entries = [
                {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
                for index, message in enumerate(messages[start : start + MOST_PER_RECEIVE])
            ]
            self._client.delete_message_batch(
                QueueUrl=self._source.url,
                Entries=entries,  # type: ignore[arg-type]
            )

    def _record(self, message: MessageTypeDef) -> dict[str, Any]:
        attributes: dict[str, dict[str, Any]] = {
            name: {
                "stringValue": value.get("StringValue"),
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value["DataType"],
            }
            for name, value in message.get("MessageAttributes", {}).items()
        }
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": dict(message.get("Attributes", {})),
            "messageAttributes": attributes,
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._source.arn,
            "awsRegion": self._source.region,
        }


def _failed_ids(payload: bytes) -> set[str] | None:
    """Read ``batchItemFailures``; nothing means no failures, ``None`` that it is malformed."""
    try:
        answer = json.loads(payload)
        failures = (answer or {}).get("batchItemFailures") or []
        failed = {failure["itemIdentifier"] for failure in failures}
    except (ValueError, AttributeError, TypeError, KeyError):
        return None
    return failed if all(isinstance(i, str) and i for i in failed) else None


def _matcher(filters: tuple[str, ...]) -> Callable[[str], bool]:
    """Return a test of message bodies against the mapping's filter patterns (any may match)."""
    if not filters:
        return lambda body: True
    # EventBridge and event source mappings share one pattern language; moto's matcher knows it.
    from moto.events.models import EventPattern

    patterns = [EventPattern.load(pattern) for pattern in filters]

    def accepts(body: str) -> bool:
        try:
            parsed = json.loads(body)
        except ValueError:
            parsed = body
        event: Any = {"body": parsed}
        return any(pattern.matches_event(event) for pattern in patterns)

    return accepts
