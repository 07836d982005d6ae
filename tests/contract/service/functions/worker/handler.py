"""Works through a batch and names the messages it could not do."""

from __future__ import annotations

import json
from typing import Any

from functions.evidence import leave


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    failed = []
    for record in event["Records"]:
        body = json.loads(record["body"])
        count = int(record["attributes"]["ApproximateReceiveCount"])
        seen = {**body, "count": count, "batch": len(event["Records"]), "record": record}
        leave("work", seen)
        if body.get("poison") or (body.get("fails_once") and count == 1):
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
