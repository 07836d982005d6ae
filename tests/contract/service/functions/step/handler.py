"""One state of the chain: prepares, or handles one item."""

from __future__ import annotations

from typing import Any


class TransientError(Exception):
    """Goes away by itself."""


class PermanentError(Exception):
    """Does not."""


def handler(event: dict[str, Any], context: object) -> Any:
    if event["step"] == "item":
        return event["value"] * 10
    wanted = event["input"]["detail"] if "detail" in event["input"] else event["input"]
    if event["retries"] < wanted.get("transient", 0):
        raise TransientError("try again")
    if wanted.get("permanent"):
        raise PermanentError("never")
    return {"items": wanted.get("items", []), "retries": event["retries"]}
