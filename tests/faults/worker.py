"""Workers that can be killed: a process that has loaded everything forks one per connection.

``python -m tests.faults.worker SOCKET MODEL_DIR ENDPOINT REGION FUNCTION…``. A worker is configured
by its first message and then handles deliveries one after another, like a warm Lambda, until its
connection closes or the armed boundary is reached, where it kills itself with SIGKILL. It tells
every boundary it passes.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PRELOADED = (
    "aws_lambda_powertools.utilities.batch",
    "boto3",
    "psycopg",
    "pgvector.psycopg",
    "numpy",
    "infra.local.serverless",
    "shared.wiring",
    "shared.ingestion.intake",
    "shared.recovery.reconciliation",
    "shared.ingestion.service",
    "shared.search.service",
)
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_EC2_METADATA_DISABLED": "true",
}
SERVICES = ("s3", "sqs", "events", "stepfunctions")


def main(address: str, model_dir: str, endpoint: str, region: str, *functions: str) -> None:
    """Load what every worker needs, then fork one for each connection."""
    for name in PRELOADED:
        importlib.import_module(name)
    _warm(endpoint, region, functions)
    from shared.inference.registry import open_embedder, open_tokenizer

    model = "all-MiniLM-L6-v2"
    loaded = {
        "embedder": open_embedder(Path(model_dir), model, threads=1),
        "tokenizer": open_tokenizer(model_dir, model),
    }
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(16)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for workers
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _serve(connection, loaded)
            os._exit(0)
        connection.close()


def _warm(endpoint: str, region: str, functions: tuple[str, ...]) -> None:
    """Load what handlers import and make the clients they use, none of them connected.

    Handlers themselves are forgotten again: they take their App from a worker's own settings.
    """
    from shared.adapters import aws

    os.environ.update(CREDENTIALS)  # noqa: TID251 - as Lambda configures functions
    for service in SERVICES:
        aws.client(service, region=region, endpoint=endpoint)
    for function in functions:
        importlib.import_module(f"functions.{function}.handler")
        del sys.modules[f"functions.{function}.handler"]


def _serve(connection: socket.socket, loaded: Mapping[str, object]) -> None:
    stream = connection.makefile("rwb")
    configured = json.loads(stream.readline())
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _configure(configured, loaded)
    while line := stream.readline():
        request = json.loads(line)
        _arm(stream, request["kill_at"])
        try:
            module = importlib.import_module(f"functions.{request['function']}.handler")
            answer: dict[str, Any] = {"result": module.handler(request["event"], _Context())}
        except Exception as error:  # noqa: BLE001 - as Lambda's runtime does
            answer = {"error": type(error).__name__, "message": str(error)}
        _say(stream, answer)


def _configure(configured: Mapping[str, Any], loaded: Mapping[str, object]) -> None:
    """Become a worker of one test: its settings, its App with what was loaded, its mutation."""
    from shared.adapters import aws
    from shared.kernel.settings import settings
    from shared.wiring import app

    os.environ.update(configured["environment"])  # noqa: TID251 - as Lambda configures functions
    settings.cache_clear()
    app.cache_clear()
    for service in SERVICES:
        aws.client(service, region=settings().storage_region, endpoint=settings().aws_endpoint_url)
    app().__dict__.update(loaded)
    if configured["without_inbox"]:
        _disable_inbox()


def _disable_inbox() -> None:
    """Break the product on purpose: receipts are neither found nor left."""
    from shared.ingestion import intake, service

    service.find_receipt = lambda *_: None  # type: ignore[assignment]
    service.leave_receipt = lambda *_: True  # type: ignore[assignment]
    intake.leave_receipt = lambda *_: True  # type: ignore[assignment]


def _arm(stream: Any, kill_at: int) -> None:
    from shared.kernel import killpoints

    passed = 0

    def pass_by(point: str) -> None:
        nonlocal passed
        passed += 1
        _say(stream, {"point": point})
        if passed == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    killpoints.arm(pass_by)


def _say(stream: Any, message: dict[str, Any]) -> None:
    stream.write(json.dumps(message, default=str).encode() + b"\n")
    stream.flush()


class _Context:
    """What Powertools' batch utility asks of a Lambda context."""

    function_name = memory_limit_in_mb = aws_request_id = invoked_function_arn = "faults"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


if __name__ == "__main__":
    main(*sys.argv[1:])
