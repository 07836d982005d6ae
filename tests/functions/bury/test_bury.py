"""The dead-letter queue's reader: uploads are buried, everything else stays in the queue."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.edge.queue import queue_handler
from shared.ingestion.intake import announcement
from shared.kernel.ids import TenantId
from shared.realtime import service as realtime
from shared.wiring import App
from tests.functions.conftest import Uploader


def _record(body: object, number: int) -> dict[str, Any]:
    return {
        "messageId": f"m{number}",
        "receiptHandle": "r",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }


def test_uploads_are_buried_and_riddles_stay(
    wired: App, tenant: TenantId, uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    from functions.bury import handler as entry

    monkeypatch.setattr("functions.edge.queue.wired", lambda: wired)
    handler = queue_handler(entry._bury, queue=lambda app: app.intake_queue)
    sent = uploader.send("keller.txt", b"Ein Keller.\n")
    with wired.database.transaction(tenant) as session:
        from shared.documents import service as documents

        upload = documents.find_upload(session, sent.upload_id)
    event = announcement(wired.objects.bucket, upload, "")
    records = [_record(event, 1), _record({"what": "is this"}, 2), _record(event, 3)]
    answer = handler({"Records": records}, None)
    assert answer["batchItemFailures"] == [{"itemIdentifier": "m2"}]
    with wired.database.transaction(tenant) as session:
        assert realtime.find_job(session, sent.upload_id).stage == "failed"
    assert wired.intake_queue.depth() == 0
