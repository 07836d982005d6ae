"""The policy of a presigned POST, checked as S3 checks it.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from infra.local.documents import Json, items, number, table, text
from shared.kernel.clock import now

ALLOWED = (0, "", "")


def refusal(policy: Json, fields: Mapping[str, str], *, size_bytes: int) -> tuple[int, str, str]:
    """Return status, code and message of S3's refusal, or zero and empty texts.

    ``fields`` are the form's, ``bucket`` added.
    """
    document = table(policy, "policy")
    expires = datetime.fromisoformat(text(document.get("expiration"), "expiration"))
    if expires < now():
        return 403, "AccessDenied", "Invalid according to Policy: Policy expired."
    given = {name.lower(): value for name, value in fields.items()}
    for condition in items(document.get("conditions"), "conditions"):
        refused = _check(condition, given, size_bytes)
        if refused != ALLOWED:
            return refused
    return ALLOWED


def _check(condition: Json, given: Mapping[str, str], size_bytes: int) -> tuple[int, str, str]:
    if isinstance(condition, dict):
        ((name, wanted),) = condition.items()
        operator, field, value = "eq", name, text(wanted, name)
    else:
        words = items(condition, "conditions")
        operator = text(words[0], "conditions")
        if operator == "content-length-range":
            return _check_size(number(words[1], operator), number(words[2], operator), size_bytes)
        field, value = text(words[1], operator).removeprefix("$"), text(words[2], operator)
    actual = given.get(field.lower(), "")
    is_met = actual.startswith(value) if operator == "starts-with" else actual == value
    if is_met:
        return ALLOWED
    message = f'Invalid according to Policy: Policy Condition failed: ["{operator}", "${field}"]'
    return 403, "AccessDenied", message


def _check_size(least: int, most: int, size_bytes: int) -> tuple[int, str, str]:
    if size_bytes < least:
        return 400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed"
    if size_bytes > most:
        return 400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"
    return ALLOWED
