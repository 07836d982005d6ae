"""Answers HTTP: echoes its event, or misbehaves when asked to."""

from __future__ import annotations

import base64
import json
import time
from typing import Any


def handler(event: dict[str, Any], context: Any) -> Any:
    path = event["rawPath"]
    if path == "/broken":
        raise LookupError("broken on purpose")
    if path == "/sleepy":
        time.sleep(30)
    if path == "/files/bytes":
        body = base64.b64encode(bytes(range(256))).decode()
        headers = {"content-type": "application/octet-stream"}
        return {"statusCode": 200, "headers": headers, "body": body, "isBase64Encoded": True}
    if path == "/files/plain":
        return {"any": "json"}
    if path == "/files/cookies":
        return {"statusCode": 201, "cookies": ["a=1; Path=/", "b=2"], "body": "made"}
    seen = {key: event.get(key) for key in event if key != "requestContext"}
    seen["authorizer"] = event["requestContext"].get("authorizer")
    seen["function"] = context.function_name
    seen["left_ms"] = context.get_remaining_time_in_millis()
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json", "access-control-allow-origin": "evil"},
        "body": json.dumps(seen),
    }
