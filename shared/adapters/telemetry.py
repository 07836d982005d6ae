"""Telemetry: JSON log lines that carry the correlation and tenant id of the work in hand."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime

from shared.kernel import context

# Links carry their token in their path, and paths stand in log lines.
_TOKEN = re.compile(r"(kontor_[a-z]+_)[A-Za-z0-9_-]{20,}")
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
# JSON leaves them as they are, and some readers of logs begin a new line at each.
_LINE_ENDS = {ord(sign): f"\\u{ord(sign):04x}" for sign in "\x7f\x85\u2028\u2029"}


class JsonFormatter(logging.Formatter):
    """One line per record: time, level, logger, message, both ids, then the record's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Render a record as one JSON object; values that are not JSON become text."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if correlation := context.correlation_id():
            line["correlation_id"] = correlation
        if tenant := context.tenant_id():
            line["tenant_id"] = tenant
        line.update((k, v) for k, v in record.__dict__.items() if k not in _STANDARD)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _TOKEN.sub(r"\1…", _written(line))


def _written(line: dict[str, object]) -> str:
    """Write JSON on one line, whatever a text in it holds."""
    return json.dumps(line, default=str, ensure_ascii=False).translate(_LINE_ENDS)


def configure_logging(level: str) -> None:
    """Send every logger of this process to standard output as JSON; safe to call again."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in ("botocore", "boto3", "urllib3", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
