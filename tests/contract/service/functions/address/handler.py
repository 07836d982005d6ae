"""Answers its own URL and leaves evidence of being called on schedule."""

from __future__ import annotations

import json
from typing import Any

from functions.evidence import leave


def handler(event: dict[str, Any], context: object) -> Any:
    if "requestContext" not in event:
        leave("ticks", event)
        return None
    return {"statusCode": 200, "body": json.dumps({"path": event["rawPath"]})}
