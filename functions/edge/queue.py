"""Queue handlers: SQS batches with partial failures, so one bad message never holds the rest."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.kernel.errors import KontorError
from shared.wiring import App
from shared.wiring import app as wired

logger = logging.getLogger(__name__)


def queue_handler(
    handle: Callable[[App, dict[str, Any]], None],
) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Wrap a function of one JSON message as a batch handler.

    A permanent error is logged and acknowledged: the function has already recorded it. Everything
    else is reported as a failed item and comes back after the visibility timeout.
    """
    app = wired()

    def one(record: SQSRecord) -> None:
        try:
            handle(app, json.loads(record.body))
        except KontorError as error:
            fields = {"message_id": record.message_id, "reason": error.detail}
            if error.is_retryable or error.code == "internal":
                logger.warning("message comes back", extra=fields)
                raise
            logger.warning("message refused", extra=fields)
        except Exception:
            logger.exception("message failed", extra={"message_id": record.message_id})
            raise

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        answer = process_partial_response(
            event=event, record_handler=one, processor=processor, context=context
        )
        return dict(answer)

    return handler
